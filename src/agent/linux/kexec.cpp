#include "agent/linux/kexec.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace agent {

using base::Code;
using base::Error;
using base::Json;
using base::Layer;
using base::Result;

namespace {

constexpr size_t config_bytes_max = 1u << 20;
constexpr size_t superblock_bytes = 4096;
constexpr size_t entries_max = 256;

Error refuse(std::string why) { return Error{Code::unsupported, std::move(why), Layer::agent}; }

struct FileSystem {
  const char* type;
  const char* options;  // that keep a read-only mount from writing: the journal stays as it is
};

// By the marks at their places (kernel documentation of ext4, XFS and FAT).
std::optional<FileSystem> file_system_of(sys::Machine& machine, const std::string& device) {
  const auto opened = machine.open_block(device, true);
  if (!opened) return std::nullopt;
  const auto head = (*opened)->read_at(0, superblock_bytes);
  if (!head || head->size() != superblock_bytes) return std::nullopt;
  const std::string_view bytes = *head;
  if (bytes.substr(0x438, 2) == "\x53\xef") return FileSystem{"ext4", "noload"};
  if (bytes.starts_with("XFSB")) return FileSystem{"xfs", "norecovery,nouuid"};
  if (bytes.substr(0x36, 3) == "FAT" || bytes.substr(0x52, 5) == "FAT32") return FileSystem{"vfat", ""};
  return std::nullopt;
}

// Unmounted at the latest when it goes.
class Mounts {
 public:
  Mounts(sys::Disk& files, sys::Machine& machine) : files_(files), machine_(machine) {}
  ~Mounts() { (void)release(); }
  Mounts(const Mounts&) = delete;
  Mounts& operator=(const Mounts&) = delete;

  Result<void> add_all(const std::string& disk) {
    // After the disk was written as a whole the kernel still has its old partitions.
    {
      const auto whole = TRY(machine_.open_block(disk, false));
      TRY(whole->read_partitions());
    }
    const std::string name = disk.substr(disk.rfind('/') + 1);
    const auto entries = TRY(files_.list("/sys/block/" + name));
    for (const auto& entry : entries) {
      if (entry.starts_with(name) && files_.exists("/sys/block/" + name + "/" + entry + "/partition")) add(entry);
    }
    if (all_.empty()) return refuse(disk + " has no file system that the ramdisk's kernel reads (ext4, XFS, FAT)");
    return {};
  }
  const std::vector<MountedPartition>& all() const { return all_; }
  Result<void> release() {
    while (!all_.empty()) {
      const std::string folder = all_.back().folder;
      all_.pop_back();
      TRY(machine_.unmount(folder));
    }
    return {};
  }

 private:
  void add(const std::string& entry) {
    const std::string device = "/dev/" + entry;
    const auto kind = file_system_of(machine_, device);
    if (!kind) return;
    const std::string folder = "/mnt/" + entry;
    auto mounted = files_.make_directories(folder);
    if (mounted) mounted = machine_.mount(device, folder, kind->type, true, kind->options);
    if (mounted) {
      all_.push_back({device, folder});
    } else {
      base::log::info("a file system was not mounted", {{"device", device}, {"error", mounted.error().message}});
    }
  }

  sys::Disk& files_;
  sys::Machine& machine_;
  std::vector<MountedPartition> all_;
};

class Finder {
 public:
  Finder(sys::Disk& files, const std::vector<MountedPartition>& partitions) : files_(files), partitions_(partitions) {}

  Result<SystemFiles> find() {
    const auto grub = TRY(grub_config());
    const auto entries = TRY(bls_folder());
    if (entries && (!grub || grub_reads_bls(grub->text))) return bls(*entries);
    if (grub) return by_grub(*grub);
    for (const auto& partition : partitions_) {
      if (files_.exists(partition.folder + "/EFI/Linux")) {
        return refuse("the system starts from a unified kernel image, which only firmware starts");
      }
    }
    return refuse("there is no boot configuration of GRUB or of the Boot Loader Specification on the disk");
  }

 private:
  struct Config {
    std::string folder, text;  // the folder that it lies in
  };
  struct Entries {
    std::string root, folder;
  };

  std::string text_of(const std::string& path) {
    auto text = files_.read(path, config_bytes_max);
    return text ? std::move(*text) : std::string();
  }

  // The one that there is; more than one may belong to more than one system.
  template <class T>
  static Result<std::optional<T>> only(std::vector<T> found, const char* what) {
    if (found.size() > 1) return refuse(std::string("there is more than one ") + what + " on the disk");
    if (found.empty()) return std::optional<T>();
    return std::optional<T>(std::move(found[0]));
  }

  Result<std::optional<Config>> grub_config() {
    std::vector<Config> found;
    for (const auto& partition : partitions_) {
      for (const char* place : {"/boot/grub", "/grub", "/boot/grub2", "/grub2"}) {
        const std::string folder = partition.folder + place;
        if (files_.exists(folder + "/grub.cfg")) found.push_back({folder, text_of(folder + "/grub.cfg")});
      }
    }
    if (found.empty()) add_of_esp(found);
    return only(std::move(found), "configuration of GRUB");
  }
  // Where the loader on the EFI system partition is the whole of it.
  void add_of_esp(std::vector<Config>& found) {
    for (const auto& partition : partitions_) {
      const auto vendors = files_.list(partition.folder + "/EFI");
      if (!vendors) continue;
      for (const auto& vendor : *vendors) {
        const std::string folder = partition.folder + "/EFI/" + vendor;
        if (!files_.exists(folder + "/grub.cfg")) continue;
        std::string text = text_of(folder + "/grub.cfg");
        if (!grub_leads_elsewhere(text)) found.push_back({folder, std::move(text)});
      }
    }
  }

  Result<std::optional<Entries>> bls_folder() {
    std::vector<Entries> found;
    for (const auto& partition : partitions_) {
      for (const char* place : {"/loader", "/boot/loader"}) {
        const auto names = files_.list(partition.folder + place + "/entries");
        const auto is_entry = [](const std::string& name) { return name.ends_with(".conf"); };
        if (!names || std::none_of(names->begin(), names->end(), is_entry)) continue;
        found.push_back({partition.folder, partition.folder + place});
      }
    }
    return only(std::move(found), "folder of boot entries");
  }

  Result<SystemFiles> bls(const Entries& place) {
    std::vector<BlsEntry> entries;
    const auto names = TRY(files_.list(place.folder + "/entries"));
    for (const auto& name : names) {
      if (!name.ends_with(".conf") || entries.size() == entries_max) continue;
      entries.push_back({name.substr(0, name.size() - 5), text_of(place.folder + "/entries/" + name)});
    }
    BootVariables variables;
    for (const auto& partition : partitions_) {
      for (const char* folder : {"/grub2", "/boot/grub2"}) {
        variables.merge(parse_grubenv(text_of(partition.folder + folder + "/grubenv")));
      }
    }
    SystemFiles out{TRY(choose_bls_entry(entries, variables, text_of(place.folder + "/loader.conf"))), "", ""};
    return at(std::move(out), place.root);
  }

  Result<SystemFiles> by_grub(const Config& config) {
    if (files_.exists(config.folder + "/custom.cfg")) return refuse("GRUB's configuration has a custom.cfg beside it");
    const BootVariables variables = parse_grubenv(text_of(config.folder + "/grubenv"));
    SystemFiles out{TRY(choose_grub_entry(config.text, variables)), "", ""};
    // GRUB searches for the file system; here it is the one that has the file.
    std::vector<std::string> roots;
    for (const auto& partition : partitions_) {
      if (files_.exists(partition.folder + out.choice.kernel)) roots.push_back(partition.folder);
    }
    const auto root = TRY(only(std::move(roots), ("file " + out.choice.kernel).c_str()));
    if (!root) return refuse("no file system of the disk has the kernel " + out.choice.kernel);
    return at(std::move(out), *root);
  }

  Result<SystemFiles> at(SystemFiles out, const std::string& root) {
    out.kernel = root + out.choice.kernel;
    if (!out.choice.initrd.empty()) out.initrd = root + out.choice.initrd;
    for (const auto& file : {out.kernel, out.initrd}) {
      if (!file.empty() && !files_.exists(file)) return refuse("the boot configuration names a file that is not there");
    }
    return out;
  }

  sys::Disk& files_;
  const std::vector<MountedPartition>& partitions_;
};

}  // namespace

Result<SystemFiles> find_system(sys::Disk& files, const std::vector<MountedPartition>& partitions) {
  return Finder(files, partitions).find();
}

Result<Json> load_system_of(sys::Disk& files, sys::Machine& machine, const std::string& disk) {
  Mounts mounts(files, machine);
  TRY(mounts.add_all(disk));
  const SystemFiles found = TRY(find_system(files, mounts.all()));
  TRY(machine.load_kernel(found.kernel, found.initrd, found.choice.arguments));
  TRY(mounts.release());  // the kernel that takes over must find the file systems as the image has them
  Json out = Json::object({{"kernel", found.choice.kernel}, {"initrd", found.choice.initrd}});
  return out.set("arguments", found.choice.arguments).set("title", found.choice.title);
}

}  // namespace agent

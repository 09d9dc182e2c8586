#include "agent/boot_entry.h"

#include <algorithm>
#include <cstdio>

#include "agent/partition_table.h"
#include "base/text.h"
#include "wire/fat_read.h"
#include "wire/little_endian.h"

namespace agent {

using base::Code;
using base::Error;
using base::Layer;
using wire::append_le;
using wire::load_le;

namespace {

constexpr uint64_t sector = 512;
constexpr const char* esp_type = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
constexpr uint32_t load_option_active = 1;
constexpr const char* order_name = "BootOrder";

std::string utf16(std::string_view ascii) {
  std::string out;
  for (const char c : ascii) append_le(out, static_cast<unsigned char>(c), 2);
  append_le(out, 0, 2);
  return out;
}

std::string entry_name(uint16_t number) {
  char text[9];
  std::snprintf(text, sizeof text, "Boot%04X", unsigned{number});
  return text;
}

std::optional<uint16_t> entry_number(const std::string& name) {
  if (name.size() != 8 || !name.starts_with("Boot")) return std::nullopt;
  const auto bytes = base::unhex(base::lower(name.substr(4)));
  if (!bytes || bytes->size() != 2) return std::nullopt;
  return static_cast<uint16_t>(static_cast<unsigned char>((*bytes)[0]) << 8 | static_cast<unsigned char>((*bytes)[1]));
}

struct Entries {
  std::vector<uint16_t> all, ours, order;
};

Result<Entries> read_entries(FirmwareVariables& variables) {
  Entries out;
  for (const auto& name : TRY(variables.names())) {
    if (const auto number = entry_number(name)) {
      out.all.push_back(*number);
      const auto value = variables.read(name);  // one that cannot be read is not ours to judge
      if (value && load_option_description(*value) == boot_entry_name) out.ours.push_back(*number);
    }
    if (name == order_name) {
      const std::string value = TRY(variables.read(name));
      for (size_t at = 0; at + 1 < value.size(); at += 2) out.order.push_back(uint16_t(load_le(value, at, 2)));
    }
  }
  return out;
}

bool has(const std::vector<uint16_t>& numbers, uint16_t wanted) {
  return std::find(numbers.begin(), numbers.end(), wanted) != numbers.end();
}

// `first`, then the others as they were, without those that go.
Result<void> write_order(FirmwareVariables& variables, const Entries& entries, std::optional<uint16_t> first) {
  std::vector<uint16_t> order;
  if (first) order.push_back(*first);
  for (const uint16_t number : entries.order) {
    if (number != first && !has(entries.ours, number)) order.push_back(number);
  }
  if (order == entries.order) return {};
  std::string value;
  for (const uint16_t number : order) append_le(value, number, 2);
  // Without a value the variable would be deleted, and some firmware then makes up entries of its own.
  if (value.empty()) return {};
  return variables.write(order_name, value);
}

Result<Json> remove_all(FirmwareVariables& variables, const std::vector<uint16_t>& numbers,
                        std::optional<uint16_t> but) {
  Json::Array removed;
  for (const uint16_t number : numbers) {
    if (number == but) continue;
    TRY(variables.remove(entry_name(number)));
    removed.push_back(entry_name(number));
  }
  return Json(std::move(removed));
}

}  // namespace

Result<std::optional<BootLoader>> find_boot_loader(sys::File& disk) {
  const auto table = TRY(read_gpt(disk));
  if (!table) return std::optional<BootLoader>();
  for (const auto& partition : table->partitions) {
    if (partition.type != esp_type) continue;
    const wire::FatSource source = [&](uint64_t offset, size_t bytes) -> Result<std::string> {
      if (offset >= partition.bytes) return std::string();
      return disk.read_at(partition.offset + offset, std::min<uint64_t>(bytes, partition.bytes - offset));
    };
    for (const char* name : {"BOOTX64.EFI", "BOOTAA64.EFI"}) {
      if (!TRY(wire::fat_has_file(source, std::string("EFI/BOOT/") + name).context("the EFI system partition"))) {
        continue;
      }
      return std::optional(BootLoader{partition.number, partition.id, partition.offset / sector,
                                      partition.bytes / sector, std::string("\\EFI\\BOOT\\") + name});
    }
  }
  return std::optional<BootLoader>();
}

std::string load_option(std::string_view description, const BootLoader& loader) {
  std::string path;
  // Media device path, hard drive (section 10.3.5.1): GUID partition table, GUID signature.
  append_le(path, 0x04, 1);
  append_le(path, 0x01, 1);
  append_le(path, 42, 2);
  append_le(path, loader.partition, 4);
  append_le(path, loader.first_sector, 8);
  append_le(path, loader.sectors, 8);
  path += loader.partition_id;
  append_le(path, 0x02, 1);
  append_le(path, 0x02, 1);
  // Media device path, file (10.3.5.4).
  const std::string file = utf16(loader.path);
  append_le(path, 0x04, 1);
  append_le(path, 0x04, 1);
  append_le(path, 4 + file.size(), 2);
  path += file;
  // The end of the path (10.3.1).
  append_le(path, 0x7f, 1);
  append_le(path, 0xff, 1);
  append_le(path, 4, 2);
  std::string out;
  append_le(out, load_option_active, 4);
  append_le(out, path.size(), 2);
  return out + utf16(description) + path;
}

std::string load_option_description(std::string_view option) {
  std::string out;
  for (size_t at = 6; at + 1 < option.size(); at += 2) {
    const uint64_t unit = load_le(option, at, 2);
    if (unit == 0) return out;
    out += unit < 0x80 ? static_cast<char>(unit) : '?';
  }
  return {};
}

Result<Json> make_boot_entry(FirmwareVariables& variables, const BootLoader& loader) {
  const Entries entries = TRY(read_entries(variables));
  const std::string wanted = load_option(boot_entry_name, loader);
  std::optional<uint16_t> number;
  for (const uint16_t ours : entries.ours) {
    const auto value = variables.read(entry_name(ours));
    if (value && *value == wanted) number = ours;
  }
  if (!number) {
    for (uint32_t free = 0; free < 0xffff && !number; ++free) {
      if (!has(entries.all, uint16_t(free))) number = uint16_t(free);
    }
    if (!number) return Error{Code::unavailable, "the firmware has no free boot entry", Layer::agent};
    TRY(variables.write(entry_name(*number), wanted).context("writing " + entry_name(*number)));
    if (TRY(variables.read(entry_name(*number))) != wanted) {
      return Error{Code::unavailable, "the firmware does not keep " + entry_name(*number), Layer::agent};
    }
  }
  TRY(write_order(variables, entries, number).context("writing BootOrder"));
  Json removed = TRY(remove_all(variables, entries.ours, number));
  return Json::object({{"entry", entry_name(*number)}, {"loader", loader.path}, {"removed", std::move(removed)}});
}

Result<Json> remove_boot_entries(FirmwareVariables& variables) {
  const Entries entries = TRY(read_entries(variables));
  TRY(write_order(variables, entries, std::nullopt));
  return remove_all(variables, entries.ours, std::nullopt);
}

}  // namespace agent

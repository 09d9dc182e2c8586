#include "agent/commands.h"

#include <algorithm>

#include "agent/config_drive.h"
#include "agent/disk_layout.h"
#include "agent/image_writer.h"
#include "agent/named_disk.h"
#include "agent/shared_storage.h"
#include "base/log.h"
#include "base/text.h"
#include "wire/gzip.h"
#include "wire/tar.h"

namespace agent {

using base::Code;
using base::Error;
using base::Layer;

namespace {

constexpr size_t commands_max = 64;
constexpr const char* collect_logs_name = "log.collect_system_logs";
constexpr size_t log_bytes_max = 1u << 20;               // of each
constexpr base::Duration load_limit = base::minutes(1);  // of a kernel; then the firmware starts it

std::string_view name_of(CommandStatus status) {
  switch (status) {
    case CommandStatus::running:
      return "RUNNING";
    case CommandStatus::succeeded:
      return "SUCCEEDED";
    case CommandStatus::failed:
      return "FAILED";
  }
  return "FAILED";
}

Error bad(std::string message) { return Error{Code::bad_request, std::move(message), Layer::agent}; }

// Parameters may lie in step.args (as Ironic sends them) or beside the step.
const Json& argument(const Json& params, std::string_view key) {
  const Json& inner = params["step"]["args"];
  if (inner.has(key)) return inner[key];
  if (params["args"].has(key)) return params["args"][key];
  return params[key];
}

ImageOrder order_from(const Json& info) {
  ImageOrder order;
  order.id = info["id"].string();
  order.url = info["url"].string();
  if (order.url.empty()) order.url = info["urls"].is_array() ? info["urls"].at(0).string() : info["urls"].string();
  const Json& checksum = info["checksum"];
  order.hash_algorithm = info["os_hash_algo"].string();
  order.hash_value = info["os_hash_value"].string();
  if (order.hash_value.empty() && checksum.is_object()) {
    order.hash_algorithm = checksum["algorithm"].string();
    order.hash_value = checksum["value"].string();
  }
  if (order.hash_value.empty()) {
    order.hash_algorithm = info["checksum_type"].string();
    order.hash_value = checksum.string();
  }
  if (order.hash_algorithm.empty()) order.hash_algorithm = "sha256";
  order.hash_value = base::lower(order.hash_value);
  order.format = info["disk_format"].string();
  if (order.format == "auto") order.format.clear();
  return order;
}

Json disk_document(const DiskIdentity& disk) {
  Json out = Json::object({{"name", disk.name}, {"model", disk.model}, {"size", disk.bytes}});
  out.set("rotational", disk.rotational).set("wwn", disk.wwn).set("serial", disk.serial).set("vendor", disk.vendor);
  out.set("wwn_with_extension", disk.wwn_with_extension).set("wwn_vendor_extension", Json());
  out.set("hctl", disk.hctl).set("by_path", disk.by_path);
  out.set("logical_sectors", disk.logical_sector).set("physical_sectors", disk.physical_sector);
  out.set("tran", disk.transport);
  return out;
}

// What became of the firmware's boot entry. The system starts without one too, by its fallback path on the disk that
// the BMC is told to boot, so nothing here fails the command.
Json enter_boot_loader(Hardware& hardware, sys::File& disk) {
  FirmwareVariables* variables = hardware.firmware_variables();
  if (variables == nullptr) return Json();
  auto made = [&]() -> Result<Json> {
    const auto loader = TRY(find_boot_loader(disk));
    if (!loader) return Json::object({{"skipped", "there is no boot loader on an EFI system partition of the disk"}});
    return make_boot_entry(*variables, *loader);
  }();
  if (made) base::log::info("boot entry", {{"result", made->dump()}});
  if (!made) base::log::warn("no boot entry was made", {{"error", made.error().text()}});
  return made ? std::move(*made) : Json::object({{"error", made.error().text()}});
}

// Whether it has the serial and the wwn that the hint names.
bool fits(const DiskIdentity& disk, const Json& hint) {
  const auto same = [&](const char* key, const std::string& found) {
    return hint[key].string().empty() || base::equals_ignore_case(hint[key].string(), found);
  };
  return same("serial", disk.serial) && same("wwn", disk.wwn);
}

}  // namespace

Json Command::document() const {
  Json out = Json::object({{"id", id}, {"command_name", name}, {"command_status", name_of(status)}});
  if (!operation.empty()) out.set("command_params", Json::object({{"ingot_operation", operation}}));
  out.set("command_result", result);
  if (error) {
    Json problem = Json::object({{"type", base::name_of(error->code)}, {"message", error->message}});
    problem.set("details", error->text()).set("fix", error->fix);
    out.set("command_error", std::move(problem));
  } else {
    out.set("command_error", Json());
  }
  return out;
}

Commands::Commands(sys::Sys& sys, Hardware& hardware, std::function<void(const Command&)> on_end)
    : sys_(sys), hardware_(hardware), on_end_(std::move(on_end)) {}

Result<std::shared_ptr<const Command>> Commands::start(const std::string& name, const Json& params, bool wait) {
  if (name == collect_logs_name) return collect_logs();
  const std::string& operation = params["ingot_operation"].string();
  for (const auto& known : commands_) {
    if (!operation.empty() && known->operation == operation && known->name == name) {
      return std::shared_ptr<const Command>(known);
    }
  }
  if (running_) return Error{Code::conflict, "the agent is busy with " + running_->name, Layer::agent};
  Work work = TRY(work_for(name, params));
  auto command = std::make_shared<Command>();
  command->id = sys_.random.uuid();
  command->name = name;
  command->operation = operation;
  if (commands_.size() == commands_max) commands_.erase(commands_.begin());
  commands_.push_back(command);
  running_ = command;
  auto fiber = sys::spawn(sys_.loop, "agent command", [this, command, work = std::move(work)] {
    auto result = work(*command);
    running_.reset();
    command->status = result ? CommandStatus::succeeded : CommandStatus::failed;
    if (result) {
      command->result = std::move(result).value();
    } else {
      command->error = std::move(result).error().at(Layer::agent);
      base::log::warn("agent command failed", {{"command", command->name}, {"error", command->error->text()}});
    }
    if (!command->error || command->error->code != Code::cancelled) on_end_(*command);
  });
  if (wait) TRY(fiber.join());
  return std::shared_ptr<const Command>(command);
}

std::shared_ptr<const Command> Commands::find(const std::string& id) const {
  for (const auto& command : commands_) {
    if (command->id == id) return command;
  }
  return nullptr;
}

std::string Commands::doing() const {
  if (!running_) return {};
  const Json& step = running_->result["step"];
  std::string text = step.is_string() ? step.string() : running_->name;
  if (running_->result.has("percent")) text += " " + std::to_string(running_->result["percent"].integer()) + " %";
  return text;
}

Result<Commands::Work> Commands::work_for(const std::string& name, const Json& params) {
  if (name == "inspection.collect") {
    return Work([this](Command&) -> Result<Json> { return Json::object({{"inventory", inventory()}}); });
  }
  if (name == "clean.execute_clean_step") return clean_step(params);
  if (name == "deploy.execute_deploy_step") return write_step(params);
  if (name == "image.look") return Work([this, params](Command&) { return look_at_image_for(params); });
  if (name == "standby.sync") return Work([](Command&) -> Result<Json> { return Json::object(); });
  if (name == "standby.run_image") {
    const bool kexec = argument(params, "kexec").boolean(false);
    return Work([this, kexec](Command&) -> Result<Json> { return run_image(kexec); });
  }
  if (name == "standby.power_off") {
    return Work([this](Command&) -> Result<Json> {
      hardware_.power_off();
      return Json::object({{"step", "powering off"}});
    });
  }
  return bad("unknown command " + base::quoted(name));
}

// Only for a disk that this run of the agent has written, and to its end.
Result<Json> Commands::load_installed() {
  if (installed_.empty()) {
    return Error{Code::unsupported, "no image was written since the agent was started", Layer::agent};
  }
  struct Shared {
    explicit Shared(sys::Loop& loop) : done(loop) {}
    sys::Signal done;
    std::optional<Result<Json>> result;
  };
  const auto shared = std::make_shared<Shared>(sys_.loop);
  sys::spawn(sys_.loop, "agent kernel", [shared, hardware = &hardware_, disk = installed_] {
    shared->result.emplace(hardware->load_system(disk));
    shared->done.set();
  });
  const auto waited = shared->done.wait_for(load_limit);
  if (shared->result) return std::move(*shared->result);
  if (waited.error().code == Code::cancelled) return base::cancelled();
  return Error{Code::timeout, "the disk's kernel could not be read within a minute", Layer::agent};
}

// Whatever keeps the disk's kernel from being started at once, the firmware does it.
Result<Json> Commands::run_image(bool kexec) {
  if (!kexec) {
    hardware_.reboot_into_disk();
    return Json::object({{"step", "rebooting into the disk"}});
  }
  auto loaded = load_installed();
  if (!loaded && loaded.error().code == Code::cancelled) return base::cancelled();
  if (!loaded) {
    base::log::warn("the disk's kernel is not started without the firmware", {{"reason", loaded.error().text()}});
    hardware_.reboot_into_disk();
    return Json::object({{"step", "rebooting into the disk"}, {"kexec_refused", loaded.error().text()}});
  }
  base::log::info("the disk's kernel takes over", {{"kernel", loaded->dump()}});
  hardware_.start_loaded_system();
  return Json::object({{"step", "starting the disk's kernel"}, {"kexec", std::move(*loaded)}});
}

// A line for each command that was given, which says more of a failure than any other log.
std::string Commands::history() const {
  std::string out;
  for (const auto& command : commands_) {
    out += command->name + " " + std::string(name_of(command->status));
    if (!command->operation.empty()) out += " operation=" + command->operation;
    if (command->error) out += " error=" + command->error->text();
    if (command->name != collect_logs_name && !command->result.is_null()) out += " " + command->result.dump();
    out += "\n";
  }
  return out;
}

// Not queued behind what runs: a command that hangs is when its log is wanted. Only the last one is kept.
Result<std::shared_ptr<const Command>> Commands::collect_logs() {
  std::vector<wire::TarFile> files = {{"commands", history()}};
  for (auto& [file, text] : hardware_.logs()) {
    if (text.size() > log_bytes_max) text.erase(0, text.size() - log_bytes_max);
    files.push_back({file, std::move(text)});
  }
  std::erase_if(commands_, [](const auto& command) { return command->name == collect_logs_name; });
  auto command = std::make_shared<Command>();
  command->id = sys_.random.uuid();
  command->name = collect_logs_name;
  command->status = CommandStatus::succeeded;
  command->result = Json::object({{"system_logs", base::base64(TRY(wire::gzip(wire::build_tar(files))))}});
  commands_.push_back(command);
  return std::shared_ptr<const Command>(command);
}

Json Commands::inventory() {
  Json out = hardware_.inventory();
  Json::Array disks;
  for (const auto& disk : hardware_.disks()) {
    if (!disk.removable) disks.push_back(disk_document(disk));
  }
  out.set("disks", std::move(disks));
  return out;
}

Result<Commands::Work> Commands::clean_step(const Json& params) {
  const std::string step = params["step"]["step"].string();
  if (step != "erase_devices_metadata" && step != "erase_devices") {
    return bad("unknown clean step " + base::quoted(step));
  }
  const bool whole = step == "erase_devices";
  Json::Array skipped;
  for (const auto& hint : params["node"]["properties"]["skip_block_devices"].items()) {
    if (!hint.is_object() || (hint["serial"].string().empty() && hint["wwn"].string().empty())) {
      return bad("skip_block_devices wants a serial or wwn for each device");
    }
    skipped.push_back(hint);
  }
  return Work([this, whole, skipped](Command& command) { return erase_all(command, whole, skipped); });
}

// What forbids the wipe is looked for on all disks before the first of them is touched.
Result<void> Commands::check_erasable(const std::vector<DiskIdentity>& disks) {
  for (const auto& disk : disks) {
    if (disk.removable) continue;
    if (disk.read_only) {
      return Error{Code::invalid, "disk " + disk.name + " is read-only and cannot be erased; nothing was erased",
                   Layer::agent};
    }
    const auto file = named_disk(TRY(hardware_.open_disk(disk.name)), disk);
    const std::string shared = TRY(shared_storage(*file).context("looking at " + disk.name));
    if (!shared.empty()) {
      return Error{Code::conflict,
                   "disk " + disk.name + " (serial " + disk.serial + ") has " + shared +
                       ", which other servers may use; nothing was erased",
                   Layer::agent,
                   "take the disk away from this server, or wipe it by hand when it is this server's own"};
    }
  }
  return {};
}

Result<Json> Commands::erase_all(Command& command, bool whole, const Json::Array& skipped) {
  const std::string step = whole ? "erase_devices" : "erase_devices_metadata";
  installed_.clear();
  auto disks = hardware_.disks();
  std::erase_if(disks, [&](const DiskIdentity& disk) {
    return std::any_of(skipped.begin(), skipped.end(), [&](const Json& hint) { return fits(disk, hint); });
  });
  TRY(check_erasable(disks));
  Json::Array erased, proofs;
  for (size_t i = 0; i < disks.size(); ++i) {
    const DiskIdentity& disk = disks[i];
    if (disk.removable) continue;
    const auto progress = [&](int percent) {
      const int overall = (static_cast<int>(i) * 100 + percent) / static_cast<int>(disks.size());
      command.result = Json::object({{"step", step}, {"disk", disk.name}, {"percent", overall}});
    };
    progress(0);
    if (whole) proofs.push_back(TRY(hardware_.erase_device(disk, progress).context("erasing " + disk.name)));
    const auto file = named_disk(TRY(hardware_.open_disk(disk.name)), disk);
    TRY(erase_metadata(*file).context("erasing metadata of " + disk.name));
    erased.push_back(disk.name);
  }
  Json out = Json::object({{"step", step}, {"percent", 100}, {"erased", std::move(erased)}});
  if (whole) out.set("proof", std::move(proofs));
  if (FirmwareVariables* variables = hardware_.firmware_variables(); variables != nullptr) {
    auto removed = remove_boot_entries(*variables);
    if (!removed) base::log::warn("boot entries were not removed", {{"error", removed.error().text()}});
    if (removed) out.set("boot_entries_removed", std::move(*removed));
  }
  return out;
}

Result<Commands::Work> Commands::write_step(const Json& params) {
  const std::string step = params["step"]["step"].string();
  if (step != "write_image") return bad("unknown deploy step " + base::quoted(step));
  Json args = Json::object({{"image_info", argument(params, "image_info")}});
  args.set("root_device", argument(params, "root_device")).set("configdrive", argument(params, "configdrive"));
  if (args["image_info"].empty()) return bad("write_image needs image_info");
  if (args["root_device"]["name"].string().empty()) return bad("write_image needs root_device.name");
  return Work([this, args](Command& command) { return write_image_to(command, args); });
}

Result<DiskIdentity> Commands::root_device(const Json& wanted) {
  const std::string& name = wanted["name"].string();
  for (const auto& disk : hardware_.disks()) {
    if (disk.name != name) continue;
    const auto differs = [&](const char* key, const std::string& found) {
      return !wanted[key].string().empty() && !base::equals_ignore_case(wanted[key].string(), found);
    };
    if (wanted["serial"].string().empty() && wanted["wwn"].string().empty()) {
      return Error{Code::invalid, "the order names " + name + " without serial or wwn, so it could be any disk",
                   Layer::agent};
    }
    if (differs("serial", disk.serial) || differs("wwn", disk.wwn)) {
      return Error{Code::invalid,
                   "disk " + name + " has serial " + disk.serial + " and wwn " + disk.wwn +
                       ", but the order is for serial " + wanted["serial"].string() + " and wwn " +
                       wanted["wwn"].string(),
                   Layer::agent, "inspect the host again: its disks have changed"};
    }
    if (disk.removable || disk.read_only) {
      return Error{Code::invalid, "disk " + name + " is removable or read-only", Layer::agent};
    }
    return disk;
  }
  return Error{Code::invalid, "there is no disk " + name, Layer::agent,
               "inspect the host again: its disks have changed"};
}

// `args` as of the step write_image.
Result<Json> Commands::look_at_image_for(const Json& args) {
  const DiskIdentity disk = TRY(root_device(args["root_device"]));
  const std::shared_ptr<sys::File> file = named_disk(TRY(hardware_.open_disk(disk.name)), disk);
  const ImageOrder order = order_from(args["image_info"]);
  TRY(look_at_image(sys_, order, hardware_.image_roots_pem(), file, hardware_.disk_access()));
  return Json::object({{"disk", disk.name}});
}

Result<Json> Commands::write_image_to(Command& command, const Json& args) {
  const DiskIdentity disk = TRY(root_device(args["root_device"]));
  std::string iso;
  if (!args["configdrive"].string().empty()) iso = TRY(decode_config_drive(args["configdrive"].string()));

  installed_.clear();
  const std::shared_ptr<sys::File> file = named_disk(TRY(hardware_.open_disk(disk.name)), disk);
  const ImageOrder order = order_from(args["image_info"]);
  const auto progress = [&](const ImageProgress& at) {
    const uint64_t percent = at.bytes_total == 0 ? 0 : at.bytes * 100 / at.bytes_total;
    command.result = Json::object({{"step", "write_image"}, {"percent", percent}, {"bytes", at.bytes}});
    command.result.set("bytes_total", at.bytes_total);
  };
  const auto complete = [&](sys::File& written) -> Result<void> {
    return iso.empty() ? Result<void>() : write_config_drive(written, iso, sys_.random);
  };
  TRY(write_image(sys_, order, hardware_.image_roots_pem(), file, hardware_.disk_access(), progress, complete));
  Json result = Json::object({{"step", "write_image"}, {"percent", 100}, {"disk", disk.name}});
  result.set("boot_entry", enter_boot_loader(hardware_, *file));
  result.set("checksum", order.hash_algorithm + ":" + order.hash_value);
  installed_ = disk.name;
  return result;
}

}  // namespace agent

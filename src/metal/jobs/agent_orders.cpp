#include "metal/jobs/agent_orders.h"

namespace metal {

using base::Code;
using base::Error;
using base::Json;
using base::Layer;
using base::Result;

namespace {

// The parts of Ironic's node that the stock agent reads without looking whether they are there.
Json node_of(const std::string& host_uid, Json root_device) {
  // What Ironic tells it by default: the device's own erasure first, then one pass of overwriting.
  Json driver = Json::object({{"agent_enable_ata_secure_erase", true}, {"agent_enable_nvme_secure_erase", true}});
  driver.set("agent_continue_if_secure_erase_failed", true).set("agent_erase_devices_iterations", 1);
  driver.set("agent_erase_devices_zeroize", true).set("disk_erasure_concurrency", 1);
  Json instance = Json::object();
  if (!root_device.empty()) instance.set("root_device", std::move(root_device));
  Json node = Json::object({{"uuid", host_uid}, {"properties", Json::object()}});
  return node.set("instance_info", std::move(instance)).set("driver_internal_info", std::move(driver));
}

// Hints that only this disk fits: text is compared as a whole.
Json hints_for(const InventoryDisk& disk) {
  Json hints = Json::object({{"name", "s== " + disk.name}});
  if (!disk.serial.empty()) hints.set("serial", "s== " + disk.serial);
  if (!disk.wwn.empty()) hints.set("wwn", "s== " + disk.wwn);
  return hints;
}

Json step_params(const std::string& host_uid, Json root_device, Json step) {
  Json params = Json::object({{"step", std::move(step)}, {"node", node_of(host_uid, std::move(root_device))}});
  return params.set("ports", Json::array({}));
}

}  // namespace

AgentOrder inventory_order(AgentKind kind) {
  return {kind == AgentKind::ours ? "inspection.collect" : "poll.get_hardware_info", Json::object()};
}

const Json& inventory_of(AgentKind kind, const Json& result) {
  return kind == AgentKind::ours ? result["inventory"] : result;
}

AgentOrder clean_order(const std::string& host_uid, bool whole_disks,
                       const std::vector<const InventoryDisk*>& left_alone) {
  const std::string step = whole_disks ? "erase_devices" : "erase_devices_metadata";
  Json params = step_params(host_uid, Json::object(), Json::object({{"interface", "deploy"}, {"step", step}}));
  Json::Array skipped;
  for (const InventoryDisk* disk : left_alone) {
    Json hint = Json::object();  // text without an operator is compared as a whole
    if (!disk->serial.empty()) hint.set("serial", disk->serial);
    if (!disk->wwn.empty()) hint.set("wwn", disk->wwn);
    skipped.push_back(std::move(hint));
  }
  if (!skipped.empty()) params.set_path("node.properties.skip_block_devices", std::move(skipped));
  return {"clean.execute_clean_step", std::move(params)};
}

Result<AgentOrder> write_order(AgentKind kind, const std::string& host_uid, Json image, const InventoryDisk& disk,
                               const std::string& config_drive) {
  if (disk.serial.empty() && disk.wwn.empty()) {
    return Error{Code::invalid, "disk " + disk.name + " has neither serial number nor WWN, so it could be any disk",
                 Layer::agent};
  }
  image.set("node_uuid", host_uid).set("image_type", "whole-disk");
  if (image["disk_format"].string() == "raw") image.set("stream_raw_images", true);
  Json args = Json::object({{"image_info", std::move(image)}, {"configdrive", config_drive}});
  if (kind == AgentKind::ours) {
    args.set("root_device", Json::object({{"name", disk.name}, {"serial", disk.serial}, {"wwn", disk.wwn}}));
  }
  Json step = Json::object({{"interface", "deploy"}, {"step", "write_image"}, {"args", std::move(args)}});
  Json hints = kind == AgentKind::stock ? hints_for(disk) : Json::object();
  return AgentOrder{"deploy.execute_deploy_step", step_params(host_uid, std::move(hints), std::move(step))};
}

AgentOrder look_order(const AgentOrder& write) {
  const Json& args = write.params.path("step.args");
  return {"image.look", Json::object({{"image_info", args["image_info"]}, {"root_device", args["root_device"]}})};
}

AgentOrder boot_entry_order() {
  Json params = Json::object({{"root_uuid", Json()}, {"target_boot_mode", "uefi"}});
  return {"image.install_bootloader", params.set("ignore_bootloader_failure", true)};
}

}  // namespace metal

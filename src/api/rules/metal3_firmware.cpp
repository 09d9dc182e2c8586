#include "api/rules/metal3_firmware.h"

#include <set>

namespace api::rules {
namespace {

constexpr std::string_view needs_url = "must be a URL with a host, such as https://host/path";

void check_updates(const Json& doc, Findings& found) {
  const Json& updates = doc["spec"]["updates"];
  std::set<std::string> seen;
  for (size_t i = 0; i < updates.size(); ++i) {
    const Json& one = updates.at(i);
    const std::string at = "spec.updates[" + std::to_string(i) + "]";
    const std::string& component = one["component"].string();
    if (component != "bmc" && component != "bios" && !component.starts_with("nic:")) {
      found.push_back(
          meta::field_invalid(at + ".component", component, "must be bmc, bios or nic: with the card's identifier"));
    } else if (!seen.insert(component).second) {
      found.push_back(meta::field_duplicate(at + ".component", component));
    }
    const std::string& url = one["url"].string();
    if (!is_url(url, {"http", "https", "ftp", "tftp", "nfs", "file"}))
      found.push_back(meta::field_invalid(at + ".url", url, std::string(needs_url)));
  }
}

void check_image_url(const Json& doc, Findings& found) {
  const std::string& url = doc["spec"]["url"].string();
  if (is_url(url, {"http", "https"})) return;
  found.push_back(meta::field_invalid("spec.url", url, std::string(needs_url)));
}

void check_subscription(const Json& doc, Findings& found) {
  const Json& spec = doc["spec"];
  if (spec["hostName"].string().empty()) {
    found.push_back(meta::field_required("spec.hostName", "names the BareMetalHost whose BMC sends the events"));
  }
  const std::string& destination = spec["destination"].string();
  if (!is_url(destination, {"http", "https"}))
    found.push_back(meta::field_invalid("spec.destination", destination, std::string(needs_url)));
  // A reference into another namespace would send somebody else's Secret to a server of one's choice (CVE-2025-29781).
  check_own_namespace(doc, {"spec.httpHeadersRef"}, found);
}

}  // namespace

Findings check_firmware_components(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  return new_findings(doc, old, check_updates);
}

Findings check_data_image(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  return new_findings(doc, old, check_image_url);
}

Findings check_event_subscription(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  auto found = new_findings(doc, old, check_subscription);
  check_immutable(doc, old, {"spec"}, found);
  return found;
}

}  // namespace api::rules

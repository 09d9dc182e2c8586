#include "api/rules/nodes.h"

#include <set>

#include "api/rules/admission_match.h"
#include "api/rules/checks.h"
#include "meta/formats.h"

namespace api::rules {
namespace {

std::string indexed(const std::string& list, size_t index) { return list + "[" + std::to_string(index) + "]"; }

void check_effect(const Json& effect, const std::string& field, Findings& found) {
  const std::string& text = effect.string();
  if (text.empty()) return found.push_back(meta::field_required(field));
  if (text == "NoSchedule" || text == "PreferNoSchedule" || text == "NoExecute") return;
  found.push_back(meta::field_not_supported(field, effect, {"NoSchedule", "PreferNoSchedule", "NoExecute"}));
}

// Where they are told to be is kube-apiserver's slip: they are below spec.
void check_taints(const Json& taints, Findings& found) {
  std::set<std::pair<std::string, std::string>> seen;
  for (size_t i = 0; i < taints.size(); ++i) {
    const std::string at = indexed("metadata.taints", i);
    const Json& taint = taints.at(i);
    check_qualified_name(taint["key"].string(), at + ".key", found);
    const auto why = label_value_problem(taint["value"].string());
    if (!why.empty()) found.push_back(meta::field_invalid(at + ".value", taint["value"], why));
    check_effect(taint["effect"], at + ".effect", found);
    if (seen.emplace(taint["key"].string(), taint["effect"].string()).second) continue;
    auto twice = meta::field_duplicate(at, taint);
    twice.message += ": taints must be unique by key and effect pair";
    found.push_back(std::move(twice));
  }
}

void check_resources(const Json& status, Findings& found) {
  for (const char* list : {"capacity", "allocatable"}) {
    for (const auto& [name, amount] : status[list].members()) {
      const auto value = meta::parse_quantity(amount.string());
      if (!value || *value >= 0) continue;
      found.push_back(meta::field_invalid("status." + std::string(list) + "." + name, amount,
                                          "must be greater than or equal to 0"));
    }
  }
}

void check_ranges(const Json& spec, Findings& found) {
  const Json& ranges = spec["podCIDRs"];
  size_t second_family = 0;
  for (size_t i = 0; i < ranges.size(); ++i) {
    const std::string& range = ranges.at(i).string();
    if (range.find(':') != std::string::npos) ++second_family;
    if (meta::has_format("cidr", range)) continue;
    found.push_back(meta::field_invalid(indexed("spec.podCIDRs", i), range,
                                        "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"));
  }
  if (ranges.size() > 2 || (ranges.size() == 2 && second_family != 1)) {
    found.push_back(
        meta::field_invalid("spec.podCIDRs", ranges, "may specify no more than one CIDR for each IP family"));
  }
}

void check_changes(const Json& doc, const Json& old, Findings& found) {
  std::set<std::string> addresses;
  const Json& all = doc["status"]["addresses"];
  for (size_t i = 0; i < all.size(); ++i) {
    if (addresses.insert(all.at(i).dump()).second) continue;
    found.push_back(meta::field_duplicate(indexed("status.addresses", i), all.at(i)));
  }
  const Json &spec = doc["spec"], &before = old["spec"];
  const auto frozen = [&](const char* field, const char* shown) {
    const bool set = !before[field].empty() || !before[field].string().empty();
    if (!set || before[field] == spec[field]) return;
    found.push_back(
        meta::field_forbidden("spec." + std::string(field),
                              "node updates may not change " + std::string(shown) + " except from \"\" to valid"));
  };
  frozen("podCIDRs", "podCIDR");
  frozen("providerID", "providerID");
  check_taints(spec["taints"], found);
  if (spec["externalID"].string() != before["externalID"].string()) {
    found.push_back(meta::field_forbidden("spec.externalID", "may not be updated"));
  }
}

}  // namespace

void fill_node(Json& doc, const Json*) {
  const Json spec = doc["spec"], status = doc["status"];
  if (const std::string first = spec["podCIDR"].string(); !first.empty()) {
    if (spec["podCIDRs"].at(0).string() != first) doc.child("spec").set("podCIDRs", Json::array({first}));
  } else if (!spec["podCIDRs"].empty()) {
    doc.child("spec").set("podCIDR", spec["podCIDRs"].at(0));
  }
  const bool known = status["capacity"].is_object() && !status.has("allocatable");
  if (known) doc.child("status").set("allocatable", status["capacity"]);
}

Findings check_node(const Json& doc, const Json* old, Operation operation) {
  Findings found;
  if (operation == Operation::remove) return found;
  if (operation != Operation::update_status) {
    check_taints(doc["spec"]["taints"], found);
    check_resources(doc["status"], found);
    check_ranges(doc["spec"], found);
  }
  if (!old) return found;
  check_resources(doc["status"], found);
  check_changes(doc, *old, found);
  return found;
}

}  // namespace api::rules

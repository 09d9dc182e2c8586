#include "api/rules/checks.h"

#include <algorithm>

#include "api/cluster.h"
#include "api/machine_name.h"
#include "base/text.h"

namespace api::rules {
namespace {

constexpr const char* autoscaler_min = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size";
constexpr const char* autoscaler_max = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size";

int64_t autoscaled(int64_t min, int64_t max, const Json& old_replicas) {
  if (old_replicas.is_null()) return min;
  return std::min(std::max(old_replicas.integer(), min), std::max(min, max));
}

bool holds(const Json& requirement, const Json& labels) {
  const Json* label = labels.find(requirement["key"].string());
  const std::string& op = requirement["operator"].string();
  if (op == "Exists") return label;
  if (op == "DoesNotExist") return !label;
  const auto& values = requirement["values"].items();
  const bool in = label && std::find(values.begin(), values.end(), *label) != values.end();
  return op == "NotIn" ? !in : in;
}

void check_requirement(const Json& requirement, const std::string& field, Findings& found) {
  const std::string& op = requirement["operator"].string();
  const bool valued = op == "In" || op == "NotIn", bare = op == "Exists" || op == "DoesNotExist";
  if (!valued && !bare) {
    found.push_back(meta::field_not_supported(field + ".operator", op, {"DoesNotExist", "Exists", "In", "NotIn"}));
  } else if (valued && requirement["values"].empty()) {
    found.push_back(meta::field_required(field + ".values", "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (bare && !requirement["values"].empty()) {
    found.push_back(
        meta::field_forbidden(field + ".values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  }
}

}  // namespace

bool selects(const Json& selector, const Json& labels) {
  for (const auto& [key, value] : selector["matchLabels"].members()) {
    const Json* label = labels.find(key);
    if (!label || label->string() != value.string()) return false;
  }
  const auto& more = selector["matchExpressions"].items();
  return std::all_of(more.begin(), more.end(), [&](const Json& one) { return holds(one, labels); });
}

bool is_write(Operation operation) { return operation == Operation::create || operation == Operation::update; }

Findings new_findings(const Json& doc, const Json* old, const std::function<void(const Json&, Findings&)>& rule) {
  Findings found;
  rule(doc, found);
  if (found.empty() || !old) return found;
  Findings before;
  rule(*old, before);
  std::erase_if(found,
                [&](const FieldError& one) { return std::find(before.begin(), before.end(), one) != before.end(); });
  return found;
}

void check_immutable(const Json& doc, const Json* old, std::initializer_list<const char*> paths, Findings& found) {
  if (!old) return;
  for (const char* path : paths) {
    if (doc.path(path) == old->path(path)) continue;
    found.push_back(meta::field_invalid(path, doc.path(path), "field is immutable"));
  }
}

Json* object_at(Json& doc, std::string_view path) {
  const Json* seen = &doc;
  for (const auto name : base::split(path, '.')) {
    seen = &(*seen)[name];
    if (!seen->is_null() && !seen->is_object()) return nullptr;
  }
  Json* at = &doc;
  for (const auto name : base::split(path, '.')) at = &at->child(name);
  return at;
}

void set_default(Json& doc, std::string_view path, Json value) {
  const size_t dot = path.rfind('.');
  const auto name = path.substr(dot + 1);
  if (!doc.path(path).is_null()) return;
  if (Json* holder = object_at(doc, path.substr(0, dot))) holder->set(name, std::move(value));
}

void fill_cluster_label(Json& doc) {
  const std::string name = doc["spec"]["clusterName"].string();
  Json* labels = name.empty() ? nullptr : object_at(doc, "metadata.labels");
  if (labels) labels->set(cluster_name_label, name);
}

void fill_replicas(Json& doc, const Json* old) {
  const Json& annotations = doc["metadata"]["annotations"];
  const auto min = base::parse_int(annotations[autoscaler_min].string());
  const auto max = base::parse_int(annotations[autoscaler_max].string());
  const Json none;
  const int64_t replicas = min && max ? autoscaled(*min, *max, old ? (*old)["spec"]["replicas"] : none) : 1;
  set_default(doc, "spec.replicas", replicas);
}

void check_replicas(const Json& spec, Findings& found) {
  if (spec["replicas"].integer() >= 0) return;
  found.push_back(meta::field_invalid("spec.replicas", spec["replicas"], "must be greater than or equal to 0"));
}

void check_selector(const Json& selector, const Json& labels, Findings& found) {
  if (selector["matchLabels"].empty() && selector["matchExpressions"].empty()) {
    found.push_back(meta::field_invalid("spec.selector", selector, "must not be empty: it would take every machine"));
    return;
  }
  const size_t before = found.size();
  for (size_t i = 0; i < selector["matchExpressions"].size(); ++i) {
    const std::string field = "spec.selector.matchExpressions[" + std::to_string(i) + "]";
    check_requirement(selector["matchExpressions"].at(i), field, found);
  }
  if (found.size() != before || selects(selector, labels)) return;
  found.push_back(meta::field_invalid("spec.template.metadata.labels", labels.is_null() ? Json::object() : labels,
                                      "`selector` does not match the labels of the template"));
}

void check_count_or_percent(const Json& value, const std::string& field, Findings& found) {
  if (value.is_null()) return;
  if (value.is_integer()) {
    if (value.integer() >= 0) return;
    found.push_back(meta::field_invalid(field, value, "must be greater than or equal to 0"));
    return;
  }
  const std::string& text = value.string();
  const auto number = text.ends_with('%') ? base::parse_uint(text.substr(0, text.size() - 1)) : std::nullopt;
  if (number) return;
  found.push_back(meta::field_invalid(field, value, "must be a whole number or a percentage such as \"30%\""));
}

void check_naming(const Json& doc, const char* owner_kind, Findings& found) {
  const Json& pattern = doc["spec"]["machineNaming"]["template"];
  if (pattern.is_null()) return;
  const auto name = machine_name(pattern.string(), {.cluster = doc["spec"]["clusterName"].string_or("cluster"),
                                                    .owner_kind = owner_kind,
                                                    .owner = doc["metadata"]["name"].string(),
                                                    .random = "x7k2p"});
  if (name.ok()) return;
  found.push_back(meta::field_invalid("spec.machineNaming.template", pattern, name.error().message));
}

void check_own_namespace(const Json& doc, std::initializer_list<const char*> references, Findings& found) {
  const std::string& own = doc["metadata"]["namespace"].string();
  for (const char* path : references) {
    const std::string& given = doc.path(path)["namespace"].string();
    if (given.empty() || given == own) continue;
    found.push_back(meta::field_invalid(std::string(path) + ".namespace", given,
                                        "must be the namespace of the object itself, " + base::quoted(own)));
  }
}

bool is_url(std::string_view text, std::initializer_list<std::string_view> schemes) {
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos || text.find_first_of(" \t\r\n") != std::string_view::npos) return false;
  const std::string scheme = base::lower(text.substr(0, colon));
  if (std::find(schemes.begin(), schemes.end(), scheme) == schemes.end()) return false;
  const auto rest = text.substr(colon + 3);
  return !rest.substr(0, rest.find_first_of("/?#")).empty();
}

}  // namespace api::rules

#include "control/contract.h"

#include <algorithm>
#include <cmath>

#include "api/machine_name.h"
#include "base/text.h"
#include "crypto/hash.h"

namespace control {

const Json& External::condition(std::string_view type) const {
  static const Json none;
  for (const auto& one : doc.path("status.conditions").items()) {
    if (one["type"].string() == type) return one;
  }
  return none;
}

External external(const Context& ctx, std::string_view ns, const Reference& reference) {
  External out;
  out.text = reference.kind + " " + reference.name;
  const meta::Kind* kind = ctx.scheme().by_kind(reference.api_group, reference.kind);
  if (!kind) return out;
  out.resource = kind->resource();
  out.doc = ctx.document(out.resource, ns, reference.name);
  return out;
}

namespace {

// The owner of the same kind that has the object already and still exists; null when there is none.
const api::OwnerReference* rival(const Context& ctx, const api::ObjectMeta& meta, const api::OwnerReference& owner) {
  for (const auto& other : meta.owners) {
    if (other.kind != owner.kind || other.uid == owner.uid) continue;
    const auto [group, version] = meta::split_api_version(other.api_version);
    const meta::Kind* kind = ctx.scheme().by_kind(group, other.kind);
    if (!kind) continue;
    if (ctx.document(kind->resource(), meta.ns, other.name).path("metadata.uid").string() == other.uid) return &other;
  }
  return nullptr;
}

}  // namespace

Result<void> own(Context& ctx, External& object, const api::OwnerReference& owner, std::string_view cluster_name) {
  auto meta = TRY(meta::decode<api::ObjectMeta>(object.doc["metadata"]));
  if (const auto* other = rival(ctx, meta, owner)) {
    object.refused = "API: " + object.text + " belongs to " + other->kind + " " + other->name +
                     "; next: name an object of its own in the reference of " + owner.kind + " " + owner.name;
    return {};
  }
  if (owner.controller.value_or(false)) {
    // The MachineSet or control plane that made the object hands it over to its Machine.
    std::erase_if(meta.owners, [&](const api::OwnerReference& other) {
      return other.uid != owner.uid && (other.controller.value_or(false) || other.kind != "Cluster");
    });
  }
  meta.set_owner(owner);
  meta.labels[std::string(api::cluster_name_label)] = cluster_name;
  const Json wanted = meta::encode(meta);
  Json change = Json::object();
  change.set("ownerReferences", wanted["ownerReferences"]).set("labels", wanted["labels"]);
  TRY(ctx.patch(object.resource, meta.ns, meta.name, Json::object({{"metadata", change}})));
  return {};
}

Result<void> share(Context& ctx, const External& object, const api::OwnerReference& owner) {
  auto meta = TRY(meta::decode<api::ObjectMeta>(object.doc["metadata"]));
  meta.set_owner(owner);
  const Json owners = meta::encode(meta)["ownerReferences"];
  TRY(ctx.patch(object.resource, meta.ns, meta.name,
                Json::object({{"metadata", Json::object({{"ownerReferences", owners}})}})));
  return {};
}

bool is_paused(const Cluster* cluster, const api::ObjectMeta& meta) {
  return (cluster && cluster->spec.paused.value_or(false)) || meta.has_annotation(api::paused_annotation);
}

Condition condition(std::string_view type, bool status, std::string_view reason, std::string_view message) {
  return {.type = std::string(type),
          .status = status ? "True" : "False",
          .reason = std::string(reason),
          .message = std::string(message)};
}

Condition unknown(std::string_view type, std::string_view reason, std::string_view message) {
  return {
      .type = std::string(type), .status = "Unknown", .reason = std::string(reason), .message = std::string(message)};
}

Condition paused_condition(bool paused, const Cluster* cluster) {
  if (!paused) return condition("Paused", false, "NotPaused");
  const bool by_cluster = cluster && cluster->spec.paused.value_or(false);
  return condition("Paused", true, "Paused",
                   by_cluster ? "Cluster spec.paused is set to true"
                              : "the annotation cluster.x-k8s.io/paused is set; remove it to go on");
}

Condition mirror(const External& object, std::string_view type, std::string_view as, const Condition& fallback) {
  const Json& found = object.condition(type);
  if (found.is_null()) {
    Condition out = fallback;
    out.type = as;
    return out;
  }
  return {.type = std::string(as),
          .status = found["status"].string_or("Unknown"),
          .reason = found["reason"].string().empty() ? "NoReasonReported" : found["reason"].string(),
          .message = found["message"].string()};
}

namespace {
bool contains(const std::vector<std::string>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}
void add_line(std::string& text, std::string_view line) {
  if (!text.empty()) text += '\n';
  text += line;
}
}  // namespace

Condition summarize(const std::vector<Condition>& all, const Summary& wanted) {
  std::string bad, unsure;
  for (const auto& type : wanted.types) {
    const Condition* one = api::find_condition(all, type);
    const bool negative = contains(wanted.negative, type);
    if (!one) {
      if (!negative && !contains(wanted.optional, type)) add_line(unsure, "* " + type + ": not yet reported");
      continue;
    }
    const std::string line = "* " + type + ": " + (one->message.empty() ? one->reason : one->message);
    if (one->status == (negative ? "True" : "False"))
      add_line(bad, line);
    else if (one->status == "Unknown")
      add_line(unsure, line);
  }
  if (!bad.empty())
    return condition(wanted.type, false, "Not" + wanted.type, unsure.empty() ? bad : bad + "\n" + unsure);
  if (!unsure.empty()) return unknown(wanted.type, wanted.type + "Unknown", unsure);
  return condition(wanted.type, true, wanted.type);
}

Condition aggregate(std::string_view type, std::string_view kind_plural, const std::vector<NamedCondition>& all,
                    std::string_view none_reason) {
  if (all.empty()) return condition(type, true, none_reason);
  // Objects with the same message share a line; at most three names each.
  const auto lines = [&](std::string_view status) {
    std::vector<std::pair<std::string, std::vector<std::string>>> groups;
    for (const auto& one : all) {
      if ((one.condition ? one.condition->status : "Unknown") != status) continue;
      const std::string why = !one.condition                   ? "not yet reported"
                              : one.condition->message.empty() ? one.condition->reason
                                                               : one.condition->message;
      auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.first == why; });
      if (group == groups.end()) group = groups.insert(groups.end(), {why, {}});
      group->second.push_back(one.name);
    }
    std::string text;
    for (const auto& [why, names] : groups) {
      constexpr size_t names_max = 3;
      std::vector<std::string> shown(names.begin(),
                                     names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), names_max)));
      std::string line = "* " + std::string(kind_plural) + " " + base::join(shown, ", ");
      if (names.size() > names_max) line += " and " + std::to_string(names.size() - names_max) + " more";
      add_line(text,
               line + ":" +
                   (why.find('\n') == std::string::npos ? " " + why : "\n  " + base::replace_all(why, "\n", "\n  ")));
    }
    return text;
  };
  const std::string bad = lines("False"), unsure = lines("Unknown");
  if (!bad.empty())
    return condition(type, false, "Not" + std::string(type), unsure.empty() ? bad : bad + "\n" + unsure);
  if (!unsure.empty()) return unknown(type, std::string(type) + "Unknown", unsure);
  return condition(type, true, type);
}

Result<Reference> clone_template(Context& ctx, const CloneOptions& options) {
  const External source = external(ctx, options.ns, options.from);
  if (!source.exists()) {
    return base::Error{base::Code::not_found, source.text + " does not exist in namespace " + options.ns,
                       base::Layer::api, "create it, or correct the reference to it"};
  }
  constexpr std::string_view suffix = "Template";
  if (!options.from.kind.ends_with(suffix)) return base::invalid(options.from.kind + " is not a template kind");
  const std::string made_kind = options.from.kind.substr(0, options.from.kind.size() - suffix.size());
  const meta::Kind* kind = ctx.scheme().by_kind(options.from.api_group, made_kind);
  if (!kind) return base::invalid("no kind " + made_kind + " is served for template " + source.text);
  const Json& content = source.doc.path("spec.template");
  api::ObjectMeta meta =
      TRY(meta::decode<api::ObjectMeta>(content["metadata"].is_object() ? content["metadata"] : Json::object()));
  meta.name = options.name;
  meta.ns = options.ns;
  for (const auto& [key, value] : options.labels) meta.labels[key] = value;
  for (const auto& [key, value] : options.annotations) meta.annotations[key] = value;
  meta.labels[std::string(api::cluster_name_label)] = options.cluster_name;
  meta.annotations[std::string(api::cloned_from_name_annotation)] = options.from.name;
  meta.annotations[std::string(api::cloned_from_kind_annotation)] = options.from.kind + "." + options.from.api_group;
  meta.owners = {options.owner};
  Json doc = Json::object({{"metadata", meta::encode(meta)}});
  if (content.has("spec")) doc.set("spec", content["spec"]);
  TRY(ctx.create_document(kind->resource(), std::move(doc)));
  return Reference{options.from.api_group, made_kind, options.name};
}

bool worth_an_event(Time now, const api::ObjectMeta& meta, bool news) {
  constexpr Duration settling = base::seconds(20), telling = base::seconds(60);
  const Duration age = now - meta.created;
  return age >= settling && (news || age < telling);
}

void watch_templates(
    runtime::Controller& controller,
    std::function<std::vector<Key>(Context&, const std::string&, const std::string&, const std::string&)> who) {
  for (const char* resource : {"metal3machinetemplates.infrastructure.cluster.x-k8s.io",
                               "kubeadmconfigtemplates.bootstrap.cluster.x-k8s.io"}) {
    controller.watches.push_back({resource, [who](Context& ctx, const Json& doc) {
                                    return who(ctx, doc.path("metadata.namespace").string(), doc["kind"].string(),
                                               doc.path("metadata.name").string());
                                  }});
  }
}

int scaled(const Json& value, int total, bool round_up) {
  if (value.is_integer()) return static_cast<int>(value.integer());
  std::string_view text = value.string();
  if (!text.ends_with("%")) return static_cast<int>(base::parse_int(text).value_or(0));
  text.remove_suffix(1);
  const int64_t part = base::parse_int(text).value_or(0) * total;
  return static_cast<int>(round_up ? (part + 99) / 100 : part / 100);
}

workload::ClusterKey cluster_key(const Cluster& cluster) { return {cluster.meta.ns, cluster.meta.name}; }

std::vector<Ref<Machine>> machines_of(const Context& ctx, const Cluster& cluster) {
  auto selector = registry::LabelSelector::parse(std::string(api::cluster_name_label) + "=" + cluster.meta.name);
  CHECK_THAT(selector.ok(), "a cluster's name is a label value");
  return ctx.list<Machine>(cluster.meta.ns, *selector);
}

std::string label_value(std::string_view name) {
  constexpr size_t label_bytes_max = 63;
  if (name.size() <= label_bytes_max) return std::string(name);
  return "hash_" + base::hex(crypto::sha256(name)).substr(0, 40) + "_z";
}

std::string random_name(Context& ctx, std::string_view prefix) {
  constexpr size_t prefix_bytes_max = 57;
  return std::string(prefix.substr(0, prefix_bytes_max)) + "-" + ctx.random().suffix();
}

Result<std::string> new_machine_name(Context& ctx, const api::MachineNaming& naming, std::string_view cluster,
                                     std::string_view owner_kind, std::string_view owner) {
  if (naming.pattern.empty()) return random_name(ctx, owner);
  return api::machine_name(naming.pattern, {.cluster = std::string(cluster),
                                            .owner_kind = std::string(owner_kind),
                                            .owner = std::string(owner),
                                            .random = ctx.random().suffix()})
      .context("spec.machineNaming.template");
}

}  // namespace control

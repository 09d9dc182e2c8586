#include "server/discovery.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/hash.h"
#include "server/accept.h"
#include "server/errors.h"
#include "server/fixed_answers.h"
#include "server/view.h"
#include "server/write.h"

namespace server {
namespace {

using base::Json;
using meta::Kind;
using meta::Scheme;
using meta::Version;

// A part of an object with an endpoint of its own. Group and version are those of what is sent there.
struct Subresource {
  std::string name, group, version, kind;
  std::vector<std::string> verbs;
};

std::vector<Subresource> subresources_of(const Kind& kind, const Version& version) {
  std::vector<Subresource> out;
  if (kind.resource() == "pods") {
    out.push_back({"binding", kind.group, version.name, "Binding", {"create"}});
    out.push_back({"eviction", "policy", "v1", "Eviction", {"create"}});
  }
  if (kind.resource() == signing_requests) {
    out.push_back({"approval", kind.group, version.name, kind.kind, {"get", "patch", "update"}});
  }
  if (kind.resource() == "serviceaccounts") {
    out.push_back({"token", "authentication.k8s.io", "v1", "TokenRequest", {"create"}});
  }
  if (kind.resource() == "namespaces") out.push_back({"finalize", kind.group, version.name, kind.kind, {"update"}});
  const std::vector<std::string> verbs =
      kind.terminating ? std::vector<std::string>{"get"} : std::vector<std::string>{"get", "patch", "update"};
  const Subresource scale{"scale", "autoscaling", "v1", "Scale", verbs};
  if (!version.scale_spec.empty() && !kind.custom) out.push_back(scale);
  if (version.status_subresource) out.push_back({"status", kind.group, version.name, kind.kind, verbs});
  if (!version.scale_spec.empty() && kind.custom) out.push_back(scale);
  return out;
}

// Without a schema nothing is stored: a question such as SubjectAccessReview.
bool is_stored(const Kind& kind) { return kind.storage().schema != nullptr; }

Json verbs_of(const Kind& kind) {
  if (!is_stored(kind)) return Json::array({"create"});
  if (kind.terminating) return Json::array({"delete", "deletecollection", "get", "list", "watch"});
  if (kind.custom)
    return Json::array({"delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"});
  Json out = Json::array({"create", "delete"});
  if (kind.resource() != "namespaces") out.push("deletecollection");
  for (const char* verb : {"get", "list", "patch", "update", "watch"}) out.push(verb);
  return out;
}

// Served versions of a group, most preferred first.
std::vector<std::string> versions_of(const Scheme& scheme, std::string_view group) {
  std::vector<std::string> out;
  for (const Kind* kind : scheme.kinds()) {
    if (kind->group != group) continue;
    for (const auto& version : kind->versions) {
      if (version.served && std::find(out.begin(), out.end(), version.name) == out.end()) out.push_back(version.name);
    }
  }
  std::sort(out.begin(), out.end(), meta::version_before);
  return out;
}

// Calls `use` for each kind of the group that serves the version.
template <class Use>
void each_served(const Scheme& scheme, std::string_view group, std::string_view version, Use use) {
  for (const Kind* kind : scheme.kinds()) {
    const Version* found = kind->group == group ? kind->version(version) : nullptr;
    if (found && found->served) use(*kind, *found);
  }
}

std::string group_version(std::string_view group, std::string_view version) {
  return (group.empty() ? "" : std::string(group) + "/") + std::string(version);
}

// ---- one document per group and version
// ------------------------------------------------------------------------------

// Tells clients when the stored form changes: the first 8 bytes of SHA-256 over "group/version/kind".
std::string storage_hash(const Kind& kind) {
  const std::string digest = crypto::sha256(kind.group + "/" + kind.storage_version + "/" + kind.kind);
  return base::base64(std::string_view(digest).substr(0, 8));
}

Json resource_entry(const Kind& kind) {
  Json out = Json::object({{"name", kind.plural},
                           {"singularName", kind.singular},
                           {"namespaced", kind.namespaced},
                           {"kind", kind.kind},
                           {"verbs", verbs_of(kind)}});
  if (!kind.short_names.empty()) out.set("shortNames", Json::strings(kind.short_names));
  if (!kind.categories.empty()) out.set("categories", Json::strings(kind.categories));
  return is_stored(kind) ? out.set("storageVersionHash", storage_hash(kind)) : out;
}

Json subresource_entry(const Kind& kind, const Version& version, const Subresource& part) {
  Json out =
      Json::object({{"name", kind.plural + "/" + part.name}, {"singularName", ""}, {"namespaced", kind.namespaced}});
  if (part.group != kind.group || part.version != version.name) {
    out.set("group", part.group).set("version", part.version);
  }
  return out.set("kind", part.kind).set("verbs", Json::strings(part.verbs));
}

Json resource_list(const Scheme& scheme, std::string_view group, std::string_view version) {
  Json resources = Json::array();
  each_served(scheme, group, version, [&](const Kind& kind, const Version& served) {
    resources.push(resource_entry(kind));
    for (const auto& part : subresources_of(kind, served)) resources.push(subresource_entry(kind, served, part));
  });
  Json out = Json::object({{"kind", "APIResourceList"}});
  if (!group.empty()) out.set("apiVersion", "v1");  // which the core group leaves out
  return out.set("groupVersion", group_version(group, version)).set("resources", resources);
}

Json group_entry(std::string_view group, const std::vector<std::string>& versions) {
  Json list = Json::array();
  for (const auto& version : versions) {
    list.push(Json::object({{"groupVersion", group_version(group, version)}, {"version", version}}));
  }
  const Json preferred = list.at(0);
  return Json::object({{"name", group}, {"versions", std::move(list)}, {"preferredVersion", preferred}});
}

Json group_document(std::string_view group, const std::vector<std::string>& versions) {
  Json out = Json::object({{"kind", "APIGroup"}, {"apiVersion", "v1"}});
  const Json entry = group_entry(group, versions);
  for (const auto& [key, value] : entry.members()) out.set(key, value);
  return out;
}

Json group_list(const Scheme& scheme) {
  Json groups = Json::array();
  for (const auto& group : scheme.groups()) {
    const auto versions = versions_of(scheme, group);
    if (!group.empty() && !versions.empty()) groups.push(group_entry(group, versions));
  }
  return Json::object({{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", groups}});
}

Json core_versions(const Scheme& scheme) {
  // The address list is required by the type; an empty one sends clients to the address they already use.
  return Json::object({{"kind", "APIVersions"},
                       {"versions", Json::strings(versions_of(scheme, ""))},
                       {"serverAddressByClientCIDRs", Json::array()}});
}

// ---- everything at once
// ----------------------------------------------------------------------------------------------

Json response_kind(std::string_view group, std::string_view version, std::string_view kind) {
  return Json::object({{"group", group}, {"version", version}, {"kind", kind}});
}

Json aggregated_resource(const Kind& kind, const Version& version) {
  Json out = Json::object({{"resource", kind.plural},
                           {"responseKind", response_kind(kind.group, version.name, kind.kind)},
                           {"scope", kind.namespaced ? "Namespaced" : "Cluster"},
                           {"singularResource", kind.singular},
                           {"verbs", verbs_of(kind)}});
  if (!kind.short_names.empty()) out.set("shortNames", Json::strings(kind.short_names));
  if (!kind.categories.empty()) out.set("categories", Json::strings(kind.categories));
  Json parts = Json::array();
  for (const auto& part : subresources_of(kind, version)) {
    parts.push(Json::object({{"subresource", part.name},
                             {"responseKind", response_kind(part.group, part.version, part.kind)},
                             {"verbs", Json::strings(part.verbs)}}));
  }
  if (!parts.empty()) out.set("subresources", std::move(parts));
  return out;
}

Json aggregated_group(const Scheme& scheme, std::string_view group, const std::vector<std::string>& versions) {
  Json list = Json::array();
  for (const auto& version : versions) {
    Json resources = Json::array();
    each_served(scheme, group, version,
                [&](const Kind& kind, const Version& served) { resources.push(aggregated_resource(kind, served)); });
    list.push(Json::object({{"version", version}, {"resources", std::move(resources)}, {"freshness", "Current"}}));
  }
  Json metadata = Json::object();
  if (!group.empty()) metadata.set("name", group);
  return Json::object({{"metadata", std::move(metadata)}, {"versions", std::move(list)}});
}

// `core`: the list of /api, which has the core group alone; /apis has all others.
Json aggregated_list(const Scheme& scheme, bool core, std::string_view version) {
  Json items = Json::array();
  for (const auto& group : scheme.groups()) {
    const auto versions = versions_of(scheme, group);
    if (group.empty() == core && !versions.empty()) items.push(aggregated_group(scheme, group, versions));
  }
  return Json::object({{"kind", "APIGroupDiscoveryList"},
                       {"apiVersion", "apidiscovery.k8s.io/" + std::string(version)},
                       {"metadata", Json::object()},
                       {"items", items}});
}

// The version of the aggregated form that the client likes best, "" when that is the plain document, nullopt when it
// accepts neither. Only the two roots have an aggregated form.
std::optional<std::string_view> form_of(const net::Request& request, bool root) {
  for (const auto& range : parse_accept(request.headers.get("Accept"))) {
    bool known = false;
    for (const std::string_view type :
         {"application/json", "application/yaml", "application/vnd.kubernetes.protobuf"}) {
      known = known || range.accepts(type);
    }
    if (!known) continue;
    if (range.parameter("as").empty()) return "";
    if (!root || !range.accepts("application/json")) continue;
    if (range.parameter("as") != "APIGroupDiscoveryList" || range.parameter("g") != "apidiscovery.k8s.io") continue;
    for (const std::string_view version : {"v2", "v2beta1"}) {
      if (range.parameter("v") == version) return version;
    }
  }
  return std::nullopt;
}

net::Response root_document(const Scheme& scheme, const net::Request& request, bool core, std::string_view version) {
  if (version.empty()) {
    return net::Response::json(200, core ? core_versions(scheme) : group_list(scheme));
  }
  auto answer = net::Response::json(200, aggregated_list(scheme, core, version));
  // Clients tell the two forms apart by these parameters.
  answer.headers.set("Content-Type",
                     "application/json;g=apidiscovery.k8s.io;v=" + std::string(version) + ";as=APIGroupDiscoveryList");
  answer.headers.set("Cache-Control", "public");
  const std::string tag = entity_tag(answer.body);
  return tagged(request, std::move(answer), tag);
}

net::Response version_document(const Scheme& scheme, std::string_view group, std::string_view version) {
  const auto versions = versions_of(scheme, group);
  if (versions.empty()) return page_not_found();
  if (std::find(versions.begin(), versions.end(), version) == versions.end()) return no_such_path();
  return net::Response::json(200, resource_list(scheme, group, version));
}

}  // namespace

net::Response discovery_response(const Scheme& scheme, const net::Request& request) {
  const auto parts = base::split(path_of(request), '/');  // "" in front of the first slash
  const bool core = parts.size() > 1 && parts[1] == "api";
  if (parts.size() < 2 || parts.size() > (core ? 3u : 4u) || !(core || parts[1] == "apis")) return no_such_path();
  // The lists of groups and of a group's versions are given whatever the method.
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (!reads && (core || parts.size() == 4)) return method_not_allowed();
  const auto form = form_of(request, parts.size() == 2);
  if (!form) return not_acceptable(request);
  if (parts.size() == 2) return root_document(scheme, request, core, *form);
  if (core) return version_document(scheme, "", parts[2]);
  if (parts[2].empty()) return no_such_path();
  if (parts.size() == 4) return version_document(scheme, parts[2], parts[3]);
  const auto versions = versions_of(scheme, parts[2]);
  if (versions.empty()) return page_not_found();
  return net::Response::json(200, group_document(parts[2], versions));
}

}  // namespace server

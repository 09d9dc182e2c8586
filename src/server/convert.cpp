#include "server/convert.h"

#include <optional>

#include "meta/user_form.h"

namespace server {
namespace {

Json labelled(const Kind& kind, std::string_view version, Json doc) {
  const auto api_version = kind.api_version(version);
  if (doc["apiVersion"].string() != api_version) doc.set("apiVersion", api_version);
  return doc;
}

Result<Json> up(const Kind& kind, const meta::Version& version, Json doc) {
  if (version.to_storage) doc = TRY(version.to_storage(std::move(doc)));
  return labelled(kind, kind.storage_version, std::move(doc));
}

// What the schema of the request's version and its CEL rules find wrong, but for what was so in the stored object.
Result<void> check_version(const Kind& kind, const meta::Version& version, const Json& doc, const Json* stored) {
  std::optional<Json> before;
  if (stored) before = TRY(to_version(kind, version, *stored));
  const Json* old = before ? &*before : nullptr;
  auto findings = meta::validate(*version.schema, doc, old);
  std::vector<std::string> unused;
  if (findings.empty() && version.rules) findings = version.rules->check(doc, old, unused);
  if (findings.empty()) return {};
  return registry::invalid(kind, doc["metadata"]["name"].string(), std::move(findings));
}

}  // namespace

Result<Json> to_version(const Kind& kind, const meta::Version& version, const Json& stored) {
  Json doc = stored;
  if (version.from_storage) {
    doc = TRY(version.from_storage(std::move(doc)));
    meta::prune(*version.schema, doc, true);  // what this version cannot express
  }
  return labelled(kind, version.name, std::move(doc));
}

Result<std::vector<Json>> to_version(const Kind& kind, const meta::Version& version, const std::vector<Ref>& stored) {
  std::vector<Json> out;
  for (const auto& entry : stored) out.push_back(entry->doc());
  if (const auto* convert = meta::converter_of(kind)) out = TRY((*convert)(out, kind.api_version(version.name)));
  for (auto& doc : out) doc = TRY(to_version(kind, version, doc));
  return out;
}

Result<Json> to_storage(const Kind& kind, const meta::Version& version, Json doc, const Json* stored, bool whole) {
  if (version.name == kind.storage_version) return doc;
  if (meta::user_form(kind)) {
    // What the version does not know is not there for those who write in it.
    meta::prune(*version.schema, doc, true);
    if (whole) {
      meta::apply_defaults(*version.schema, doc);
      TRY(check_version(kind, version, doc, stored));
    }
    return up(kind, version, std::move(doc));
  }
  Json wanted = TRY(up(kind, version, std::move(doc)));
  if (!stored || !version.to_storage) return wanted;
  Json shown = TRY(to_version(kind, version, *stored));
  const Json seen = TRY(up(kind, version, std::move(shown)));
  return base::merge_patch(*stored, base::merge_diff(seen, wanted));
}

Result<void> update_stored_form(Call& call) {
  const Kind& kind = call.kind();
  const auto* convert = meta::converter_of(kind);
  if (!convert) return {};
  const std::string wanted = kind.api_version(kind.storage_version);
  const auto current = call.api.registry.get(kind, call.route.ns, call.route.name);
  if (!current || current->doc()["apiVersion"].string() == wanted) return {};
  auto converted = TRY((*convert)({current->doc()}, wanted));
  // Somebody else may have done it meanwhile.
  (void)call.api.store().put(current->key, std::move(converted.front()), current->revision);
  return {};
}

}  // namespace server

#include "server/convert.h"

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

}  // namespace

Result<Json> to_version(const Kind& kind, const meta::Version& version, const Json& stored) {
  Json doc = stored;
  if (version.from_storage) {
    doc = TRY(version.from_storage(std::move(doc)));
    meta::prune(*version.schema, doc, true);  // what this version cannot express
  }
  return labelled(kind, version.name, std::move(doc));
}

Result<Json> to_storage(const Kind& kind, const meta::Version& version, Json doc, const Json* stored) {
  if (version.name == kind.storage_version) return doc;
  Json wanted = TRY(up(kind, version, std::move(doc)));
  if (!stored || !version.to_storage) return wanted;
  Json shown = TRY(to_version(kind, version, *stored));
  const Json seen = TRY(up(kind, version, std::move(shown)));
  return base::merge_patch(*stored, base::merge_diff(seen, wanted));
}

}  // namespace server

#include "api/rules/crd.h"

#include <algorithm>

#include "meta/crd_read.h"

namespace api::rules {

void fill_crd(Json& doc, const Json* old) {
  if (!old) doc.erase("status");
  meta::fill_crd(doc);
}

std::vector<FieldError> check_crd(const Json& doc, const Json* old, Operation operation) {
  // Nothing of the declaration can have changed; one that is stored may always be deleted.
  if (operation == Operation::remove) return {};
  if (old && operation == Operation::update && doc["spec"] == (*old)["spec"]) return {};
  return meta::check_crd(doc, old);
}

void begin_crd_deletion(Json& doc) {
  const std::string finalizer = "customresourcecleanup.apiextensions.k8s.io";
  // The kind is served, so there may be objects to delete first.
  if (!meta::is_established(doc)) return;
  auto& finalizers = doc.child("metadata").child("finalizers");
  const auto& all = finalizers.items();
  if (std::any_of(all.begin(), all.end(), [&](const Json& one) { return one.string() == finalizer; })) return;
  finalizers.push(finalizer);
}

}  // namespace api::rules

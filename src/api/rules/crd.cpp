#include "api/rules/crd.h"

#include <algorithm>

#include "api/rules/admissionregistration.h"
#include "meta/crd_read.h"

namespace api::rules {

void fill_crd(Json& doc, const Json* old) {
  if (!old) doc.erase("status");
  meta::fill_crd(doc, !old);
}

std::vector<FieldError> check_crd(const Json& doc, const Json* old, Operation operation) {
  // Nothing of the declaration can have changed; one that is stored may always be deleted. The status is its
  // controllers' own business.
  if (operation == Operation::remove || operation == Operation::update_status) return {};
  if (old && operation == Operation::update && doc["spec"] == (*old)["spec"]) return {};
  const auto check_client = [](const Json& client, const std::string& field, std::vector<FieldError>& found) {
    const size_t before = found.size();
    check_webhook_client(client, field, found);
    // Upstream takes the one for the other here.
    const std::string name = field + ".service.name", ns = field + ".service.namespace";
    for (size_t i = before; i < found.size(); ++i) {
      if (found[i].field == name || found[i].field == ns) found[i].field = found[i].field == name ? ns : name;
    }
  };
  return meta::check_crd(doc, old, check_client);
}

void begin_crd_deletion(Json& doc) {
  const std::string finalizer = "customresourcecleanup.apiextensions.k8s.io";
  auto& finalizers = doc.child("metadata").child("finalizers");
  const auto& all = finalizers.items();
  const bool held = std::any_of(all.begin(), all.end(), [&](const Json& one) { return one.string() == finalizer; });
  if (!held) finalizers.push(finalizer);
  auto& conditions = doc.child("status").child("conditions").mutable_items();
  std::erase_if(conditions, [](const Json& one) { return one["type"].string() == "Terminating"; });
  conditions.push_back(
      Json::object({{"type", "Terminating"},
                    {"status", "True"},
                    {"lastTransitionTime", doc["metadata"]["deletionTimestamp"]},
                    {"reason", "InstanceDeletionPending"},
                    {"message",
                     "CustomResourceDefinition marked for deletion; CustomResource deletion will begin "
                     "soon"}}));
}

}  // namespace api::rules

#include "server/admission/hooks.h"

namespace server {
namespace {

const std::string mutating_resource = "mutatingwebhookconfigurations.admissionregistration.k8s.io";
const std::string validating_resource = "validatingwebhookconfigurations.admissionregistration.k8s.io";

Hook hook_of(const std::string& configuration, const base::Json& doc) {
  Hook out;
  out.configuration = configuration;
  out.name = doc["name"].string();
  out.ignore_failure = doc["failurePolicy"].string() == "Ignore";
  out.equivalent = doc["matchPolicy"].string() != "Exact";
  out.if_needed = doc["reinvocationPolicy"].string() == "IfNeeded";
  const auto& effects = doc["sideEffects"].string();
  out.harmless = effects == "None" || effects == "NoneOnDryRun";
  out.limit = base::seconds(doc["timeoutSeconds"].integer(10));
  out.review_versions = doc["admissionReviewVersions"];
  out.client_config = doc["clientConfig"];
  out.conditions = std::make_shared<const std::vector<CelCondition>>(conditions_of(doc["matchConditions"], false));
  out.rules = admission_rules_of(doc["rules"]);
  out.selectors = AdmissionSelectors::of(doc);
  return out;
}

}  // namespace

bool HookIndex::serves(const meta::Scheme& scheme) {
  return scheme.by_resource(mutating_resource) && scheme.by_resource(validating_resource);
}

HookIndex::HookIndex(store::Store& store) : store_(store) {
  subscription_ = store_.subscribe(false, [this](const store::Event& event) {
    const auto& resource = event.object->key.resource;
    if (resource == mutating_resource) mutating_.reset();
    if (resource == validating_resource) validating_.reset();
  });
}

HookIndex::~HookIndex() { store_.unsubscribe(subscription_); }

Hooks HookIndex::mutating() {
  if (!mutating_) mutating_ = read(mutating_resource);
  return mutating_;
}

Hooks HookIndex::validating() {
  if (!validating_) validating_ = read(validating_resource);
  return validating_;
}

Hooks HookIndex::read(const std::string& resource) const {
  auto out = std::make_shared<std::vector<Hook>>();
  for (const auto& entry : store_.list(resource)) {  // by name
    for (const auto& doc : entry->doc()["webhooks"].items()) {
      out->push_back(hook_of(entry->key.name, doc));
      out->back().index = out->size() - 1;
    }
  }
  return out;
}

}  // namespace server

// Objects between the versions of a CustomResourceDefinition by its conversion webhook (ConversionReview,
// apiextensions.k8s.io): one call for any number of objects, and a memory of what was converted before.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "registry/custom_resources.h"
#include "server/admission/webhook_client.h"

namespace server {

// Makes the converters of kinds and moves stored objects to a new storage version. Calls of webhooks park, so the
// converters are for fibers; elsewhere they answer unavailable.
class Conversions {
 public:
  Conversions(sys::Sys& sys, registry::Registry& registry, ServiceAddresses services);
  ~Conversions();
  Conversions(const Conversions&) = delete;

  // For registry::CustomResources, which may outlive this.
  registry::ConversionHooks hooks();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace server

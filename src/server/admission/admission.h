// Admission of one API request: mutating webhooks, then (after validation) policies and validating webhooks, as
// kube-apiserver's chain does. Handlers hand it to the registry with the write.
#pragma once

#include <memory>
#include <optional>

#include "server/admission/policies.h"
#include "server/admission/webhooks.h"
#include "server/body.h"
#include "server/call.h"

namespace server {

// What all requests share. Held by the fibers that call webhooks.
struct AdmissionControl {
  AdmissionControl(sys::Sys& sys, store::Store& store, ServiceAddresses services)
      : random(sys.random), hooks(store), policies(store), clients(sys.loop, sys.net, std::move(services)) {}
  sys::Random& random;
  HookIndex hooks;
  PolicyIndex policies;
  WebhookClients clients;
};

class RequestAdmission final : public registry::Admission {
 public:
  // `options` is the options document (CreateOptions...), without kind and apiVersion; dryRun is taken from it.
  RequestAdmission(Call& call, std::string operation, std::string options_kind, Json options);
  // With what the query says.
  RequestAdmission(Call& call, std::string operation, std::string options_kind)
      : RequestAdmission(call, std::move(operation), std::move(options_kind), query_options(call)) {}
  RequestAdmission(const RequestAdmission&) = delete;

  // For the registry's options: this, or null when nobody could want to know of the request.
  registry::Admission* hook();

  Result<Json> mutate(const Kind& kind, Json doc, const Json* stored) override;
  Result<void> validate(const Kind& kind, const Json* doc, const Json* stored) override;

  // Of documents that stand for a subresource (Scale, Eviction, TokenRequest), which are shown as they are.
  Result<Json> mutate_part(Json doc, const Json& old);
  Result<void> validate_part(const Json& doc, const Json& old);

  // The name, of requests that have none in their path (deletecollection).
  void set_name(std::string name) { asked_.name = std::move(name); }

 private:
  struct Target {
    const Hook* hook;
    std::string version;
  };
  // Documents before and after, in the storage version or as they are.
  struct Documents {
    Json object, old;
  };

  Result<Json> mutate_all(Documents docs, const Json* stored);
  Result<bool> mutate_by(const Target& target, Documents& docs, const Json* stored, int round);
  Result<void> validate_all(const Documents& docs);
  Result<void> judge_all(const Documents& docs);
  Result<bool> conditions_hold(const Hook& hook, const std::string& version, const Documents& docs) const;
  Result<std::optional<Target>> target(const Hook& hook, const Documents& docs) const;
  Result<Json> shown(const Json& doc, const std::string& version) const;
  Result<Json> taken_back(Json patched, const std::string& version, const Json& before, const Json* stored) const;
  Result<void> check_dry_run(const Hook& hook) const;
  Error denied(const Hook& hook, const Json& status);
  void note(const Hook& hook, const ReviewAnswer& answer);
  void restore_managed_fields(Json& doc, const Json& before);

  Call& call_;
  std::shared_ptr<AdmissionControl> control_;
  AdmissionAttributes asked_;
  Hooks mutating_, validating_;
  Policies policies_;
  bool as_is_ = false;
};

}  // namespace server

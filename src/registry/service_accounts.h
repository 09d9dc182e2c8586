// What pods and programs rely on in every namespace: the ServiceAccount "default", the ConfigMap kube-root-ca.crt, and
// tokens in Secrets of type kubernetes.io/service-account-token.
#pragma once

#include "registry/registry.h"
#include "registry/work_queue.h"

namespace registry {

struct ServiceAccountOptions {
  bool default_accounts = true;
  std::string root_ca_pem;   // empty: not published
  std::string token_ca_pem;  // beside the tokens in Secrets; empty: root_ca_pem
  // A token for a Secret; null: Secrets stay as they are.
  std::function<Result<std::string>(const std::string& ns, const std::string& account, const std::string& account_uid,
                                    const std::string& secret)>
      sign;
};

class ServiceAccounts {
 public:
  // The scheme must have the kinds Namespace, ServiceAccount, ConfigMap and Secret.
  ServiceAccounts(sys::Loop& loop, Registry& registry, ServiceAccountOptions options);
  ~ServiceAccounts();
  ServiceAccounts(const ServiceAccounts&) = delete;
  static bool serves(const meta::Scheme& scheme);

 private:
  void changed(const store::Event& event);
  void add_namespace(const std::string& ns);
  void add_secrets(const std::string& ns);
  Result<void> look_at(const store::Key& key);
  Result<void> look_at_namespace(const store::Key& key);
  Result<void> look_at_secret(const store::Key& key);
  Result<void> publish_root_ca(const std::string& ns);

  Registry& registry_;
  ServiceAccountOptions options_;
  WorkQueue queue_;
  store::Subscription subscription_ = 0;
};

}  // namespace registry

// What a foreign cluster must have before our controllers can run there: CustomResourceDefinitions, webhooks, a
// namespace and permissions. Manifests to print, and the check at start.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "remote/client.h"
#include "remote/documents.h"

namespace remote {

// Where an API server finds our webhooks (remote/webhooks.h).
struct WebhookPlace {
  std::string url;     // "https://10.0.0.5:9443", without a path
  std::string ca_pem;  // that signed its certificate
};

// CustomResourceDefinitions of every custom kind. Without a place for webhooks only the stored version is served of
// kinds whose versions differ in more than their name.
std::vector<Json> definitions(const meta::Scheme& scheme, const std::optional<WebhookPlace>& webhooks);
// MutatingWebhookConfiguration and ValidatingWebhookConfiguration "ingot" for the kinds that have defaults or rules.
std::vector<Json> admission(const meta::Scheme& scheme, const WebhookPlace& webhooks);
// Namespace, ServiceAccount, ClusterRole and binding for the controllers, and the Role and binding for the lease.
std::vector<Json> permissions(const meta::Scheme& scheme, const std::string& ns);

// Whether the cluster serves each kind in the version we store, with the fields we know. Errors: invalid, naming what
// is missing or older and how to install it.
Result<void> check_definitions(Client& client, const meta::Scheme& scheme);
// Creates each manifest, or brings it up to date, in order; waits until definitions are established.
Result<void> install(sys::Sys& sys, Client& client, const std::vector<Json>& manifests);

}  // namespace remote

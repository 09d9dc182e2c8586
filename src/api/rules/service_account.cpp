#include "api/rules/service_account.h"

namespace api::rules {

// Secrets are named and nothing else: they are in the account's own namespace.
void fill_service_account(Json& doc, const Json*) {
  bool says_more = false;
  for (const auto& secret : doc["secrets"].items()) says_more = says_more || secret.size() > secret.has("name");
  if (!says_more) return;
  for (auto& secret : doc.child("secrets").mutable_items()) {
    secret = secret.has("name") ? Json::object({{"name", secret["name"]}}) : Json::object();
  }
}

}  // namespace api::rules

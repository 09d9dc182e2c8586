// Rules of the kinds that configure admission: webhook configurations and policies in CEL.
#pragma once

#include "api/rules/rules.h"

namespace api::rules {

// How a webhook is reached (clientConfig, with its defaults).
void check_webhook_client(const Json& client, const std::string& field, std::vector<FieldError>& found);

// MutatingWebhookConfiguration and ValidatingWebhookConfiguration.
void fill_webhooks(Json& doc, const Json* old);
std::vector<FieldError> check_webhooks(const Json& doc, const Json* old, Operation operation);
Json cell_of_webhooks(const Json& doc, std::string_view column);

// ValidatingAdmissionPolicy and its binding.
void fill_validating_policy(Json& doc, const Json* old);
std::vector<FieldError> check_validating_policy(const Json& doc, const Json* old, Operation operation);
Json cell_of_validating_policy(const Json& doc, std::string_view column);
std::vector<FieldError> check_validating_binding(const Json& doc, const Json* old, Operation operation);
Json cell_of_validating_binding(const Json& doc, std::string_view column);

}  // namespace api::rules

#include "api/rules/admissionregistration.h"

#include <algorithm>
#include <set>

#include "api/rules/admission_match.h"
#include "base/text.h"

namespace api::rules {
namespace {

const std::vector<std::string> review_versions = {"v1", "v1beta1"};
const std::vector<std::string> harmless = {"None", "NoneOnDryRun"};

std::string at_index(const std::string& field, size_t index) { return field + "[" + std::to_string(index) + "]"; }

bool is_one_of(const Json& value, const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), value.string()) != words.end();
}

void check_full_name(const Json& name, const std::string& field, Findings& found) {
  if (name.string().empty()) return found.push_back(meta::field_required(field));
  if (auto why = subdomain_problem(name.string()); !why.empty()) {
    found.push_back(meta::field_invalid(field, name, why));
  } else if (base::split(name.string(), '.').size() < 3) {
    found.push_back(
        meta::field_invalid(field, name, "should be a domain with at least three segments separated by dots"));
  }
}

void check_url(const std::string& url, const std::string& field, Findings& found) {
  const std::string form = "; desired format: https://host[/path]";
  const size_t colon = url.find("://");
  const std::string scheme = colon == std::string::npos ? std::string() : url.substr(0, colon);
  if (scheme != "https") {
    found.push_back(meta::field_invalid(field, scheme, "'https' is the only allowed URL scheme" + form));
  }
  const std::string rest = colon == std::string::npos ? std::string() : url.substr(colon + 3);
  std::string host = rest.substr(0, rest.find_first_of("/?#"));
  const size_t at = host.rfind('@');
  const std::string user = at == std::string::npos ? std::string() : host.substr(0, at);
  if (at != std::string::npos) host = host.substr(at + 1);
  if (host.empty()) found.push_back(meta::field_invalid(field, host, "host must be specified" + form));
  if (!user.empty()) {
    found.push_back(meta::field_invalid(field, user, "user information is not permitted in the URL"));
  }
  const size_t hash = url.find('#'), mark = url.substr(0, hash).find('?');
  if (hash != std::string::npos && hash + 1 < url.size()) {
    found.push_back(meta::field_invalid(field, url.substr(hash + 1), "fragments are not permitted in the URL"));
  }
  const std::string query = mark == std::string::npos ? std::string() : url.substr(mark + 1, hash - mark - 1);
  if (!query.empty()) {
    found.push_back(meta::field_invalid(field, query, "query parameters are not permitted in the URL"));
  }
}

void check_path(const Json& path, const std::string& field, Findings& found) {
  const std::string& text = path.string();
  if (text.empty() || text == "/") return;
  if (text == "//") return found.push_back(meta::field_invalid(field, path, "segment[0] may not be empty"));
  if (text.front() != '/') found.push_back(meta::field_invalid(field, path, "must start with a '/'"));
  std::string_view rest = std::string_view(text).substr(1);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const auto steps = base::split(rest, '/');
  for (size_t i = 0; i < steps.size(); ++i) {
    const std::string segment = "segment[" + std::to_string(i) + "]";
    if (steps[i].empty()) {
      found.push_back(meta::field_invalid(field, path, segment + " may not be empty"));
    } else if (auto why = subdomain_problem(steps[i]); !why.empty()) {
      found.push_back(meta::field_invalid(field, path, segment + ": " + why));
    }
  }
}

void check_review_versions(const Json& versions, bool recognized, const std::string& field, Findings& found) {
  const std::string all = base::join(review_versions, ", ");
  if (versions.empty()) return found.push_back(meta::field_required(field, "must specify one of " + all));
  std::set<std::string> seen;
  bool known = false;
  for (size_t i = 0; i < versions.size(); ++i) {
    const auto& version = versions.at(i);
    if (!seen.insert(version.string()).second) {
      found.push_back(meta::field_invalid(at_index(field, i), version, "duplicate version"));
      continue;
    }
    if (auto why = label_1035_problem(version.string()); !why.empty()) {
      found.push_back(meta::field_invalid(at_index(field, i), version, why));
    }
    known = known || is_one_of(version, review_versions);
  }
  if (recognized && !known) {
    found.push_back(meta::field_invalid(field, versions, "must include at least one of " + all));
  }
}

// Configurations that were stored before a rule existed may go on breaking it.
struct Strictness {
  bool harmless = true, recognized = true, unique = true;
  explicit Strictness(const Json* old) {
    std::set<std::string> names;
    for (const auto& hook : old ? (*old)["webhooks"].items() : Json::Array()) {
      harmless = harmless && is_one_of(hook["sideEffects"], rules::harmless);
      const auto& versions = hook["admissionReviewVersions"].items();
      recognized = recognized &&
                   (versions.empty() || std::any_of(versions.begin(), versions.end(),
                                                    [](const Json& one) { return is_one_of(one, review_versions); }));
      unique = unique && names.insert(hook["name"].string()).second;
    }
  }
};

void check_webhook(const Json& hook, const Strictness& strict, const std::string& field, Findings& found) {
  check_full_name(hook["name"], field + ".name", found);
  for (size_t i = 0; i < hook["rules"].size(); ++i) {
    check_admission_rule(hook["rules"].at(i), at_index(field + ".rules", i), found);
  }
  const auto& effects = hook["sideEffects"];
  if (effects.string().empty()) {
    found.push_back(meta::field_required(field + ".sideEffects", "must specify one of " + base::join(harmless, ", ")));
  } else if (strict.harmless && !is_one_of(effects, harmless)) {
    found.push_back(meta::field_not_supported(field + ".sideEffects", effects, harmless));
  }
  if (const auto seconds = hook["timeoutSeconds"].integer(); seconds < 1 || seconds > 30) {
    found.push_back(
        meta::field_invalid(field + ".timeoutSeconds", seconds, "the timeout value must be between 1 and 30 seconds"));
  }
  check_label_selector(hook["namespaceSelector"], field + ".namespaceSelector", found);
  check_label_selector(hook["objectSelector"], field + ".objectSelector", found);
  check_webhook_client(hook["clientConfig"], field + ".clientConfig", found);
  check_match_conditions(hook["matchConditions"], false, field + ".matchConditions", found);
  check_review_versions(hook["admissionReviewVersions"], strict.recognized, field + ".admissionReviewVersions", found);
}

}  // namespace

void check_webhook_client(const Json& client, const std::string& field, Findings& found) {
  const bool url = client.has("url"), service = client.has("service");
  if (url == service) {
    return found.push_back(meta::field_required(field, "exactly one of url or service is required"));
  }
  if (url) return check_url(client["url"].string(), field + ".url", found);
  const auto& to = client["service"];
  for (const char* name : {"name", "namespace"}) {
    if (to[name].string().empty()) found.push_back(meta::field_required(field + ".service." + name));
  }
  if (to["port"].integer() < 1 || to["port"].integer() > 65535) {
    found.push_back(meta::field_invalid(field + ".service.port", to["port"],
                                        "port is not valid: must be between 1 and 65535, inclusive"));
  }
  check_path(to["path"], field + ".service.path", found);
}

// What Go writes for absent members that are always there, so that the rules below say what is missing.
void fill_webhooks(Json& doc, const Json*) {
  for (size_t i = 0; i < doc["webhooks"].size(); ++i) {
    if (!doc["webhooks"].at(i).is_object()) continue;
    auto& hook = doc.child("webhooks").item(i);
    if (!hook.has("name")) hook.set("name", "");
    if (!hook.has("clientConfig")) hook.set("clientConfig", Json::object());
    if (!hook.has("sideEffects")) hook.set("sideEffects", "");
    if (!hook.has("admissionReviewVersions")) hook.set("admissionReviewVersions", Json::array());
  }
}

std::vector<FieldError> check_webhooks(const Json& doc, const Json* old, Operation operation) {
  Findings found;
  if (operation == Operation::remove) return found;
  const Strictness strict(old);
  std::set<std::string> names;
  for (size_t i = 0; i < doc["webhooks"].size(); ++i) {
    const std::string field = at_index("webhooks", i);
    const auto& hook = doc["webhooks"].at(i);
    check_webhook(hook, strict, field, found);
    const auto& name = hook["name"].string();
    if (strict.unique && !name.empty() && !names.insert(name).second) {
      found.push_back(meta::field_duplicate(field + ".name", name));
    }
  }
  return found;
}

Json cell_of_webhooks(const Json& doc, std::string_view) { return doc["webhooks"].size(); }

}  // namespace api::rules

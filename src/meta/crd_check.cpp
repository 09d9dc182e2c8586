// What makes a CustomResourceDefinition acceptable.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "meta/crd_read.h"
#include "meta/json_path.h"
#include "meta/rules.h"
#include "meta/structural.h"

namespace meta {
namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// RFC 1035: begins with a letter.
std::string label_problem(std::string_view text) {
  bool good = !text.empty() && text.size() <= 63 && text.front() >= 'a' && text.front() <= 'z' && text.back() != '-';
  for (const char c : text) good = good && (is_lower_or_digit(c) || c == '-');
  if (good) return {};
  if (text.size() > 63) return "must be no more than 63 bytes";
  return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
         "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation "
         "is '[a-z]([-a-z0-9]*[a-z0-9])?')";
}

bool is_subdomain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  for (const auto label : base::split(text, '.')) {
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    for (const char c : label) {
      if (!is_lower_or_digit(c) && c != '-') return false;
    }
  }
  return true;
}

class Checker {
 public:
  Checker(const Json& crd, const Json* old) : crd_(crd), spec_(crd["spec"]), old_(old) {}

  std::vector<FieldError> run() {
    names();
    versions();
    conversion();
    stored_versions();
    if (old_ && is_established(*old_)) immutable();
    return std::move(found_);
  }

 private:
  void label(const std::string& field, const Json& value) {
    const auto why = label_problem(value.string());
    if (!why.empty()) found_.push_back(field_invalid(field, value, why));
  }

  void names() {
    const auto& group = spec_["group"].string();
    const auto& names = spec_["names"];
    const std::string wanted = names["plural"].string() + "." + group, field = "spec.names.";
    if (crd_["metadata"]["name"].string() != wanted) {
      found_.push_back(
          field_invalid("metadata.name", crd_["metadata"]["name"], "must be spec.names.plural+\".\"+spec.group"));
    }
    if (!is_subdomain(group)) {
      found_.push_back(field_invalid("spec.group", group,
                                     "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
                                     "characters, '-' or '.', and must start and end with an alphanumeric character"));
    } else if (base::split(group, '.').size() < 2) {
      found_.push_back(field_invalid("spec.group", group, "should be a domain with at least one dot"));
    }
    label(field + "plural", names["plural"]);
    label(field + "singular", names["singular"]);
    for (const char* which : {"kind", "listKind"}) {
      const Json lower = base::lower(names[which].string());
      const auto why = label_problem(lower.string());
      if (!why.empty()) {
        found_.push_back(
            field_invalid(field + which, names[which], "may have mixed case, but should otherwise match: " + why));
      }
    }
    if (names["kind"] == names["listKind"]) {
      found_.push_back(field_invalid(field + "listKind", names["listKind"], "kind and listKind may not be the same"));
    }
    for (const char* which : {"shortNames", "categories"}) {
      for (size_t i = 0; i < names[which].size(); ++i) {
        label(field + which + "[" + std::to_string(i) + "]", names[which].at(i));
      }
    }
    if (spec_["preserveUnknownFields"].boolean()) {
      found_.push_back(field_invalid("spec.preserveUnknownFields", true,
                                     "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
                                     "spec.versions[*].schema instead"));
    }
  }

  void versions() {
    const auto& all = spec_["versions"];
    if (all.empty()) found_.push_back(field_required("spec.versions", "must have at least one version"));
    std::set<std::string> seen;
    size_t stored = 0;
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string at = "spec.versions[" + std::to_string(i) + "]";
      const auto& version = all.at(i);
      label(at + ".name", version["name"]);
      if (!seen.insert(version["name"].string()).second) {
        found_.push_back(field_invalid("spec.versions", version["name"], "must contain unique version names"));
      }
      stored += version["storage"].boolean() ? 1 : 0;
      schema(version["schema"], at + ".schema.openAPIV3Schema");
      columns(version["additionalPrinterColumns"], at + ".additionalPrinterColumns");
      scale(version["subresources"], at + ".subresources.scale");
      selectable(version, at);
    }
    if (stored != 1) {
      found_.push_back(
          field_invalid("spec.versions", Json::array(), "must have exactly one version marked as storage version"));
    }
  }

  void schema(const Json& given, const std::string& at) {
    const auto& root = given["openAPIV3Schema"];
    if (!root.is_object()) {
      found_.push_back(field_required(at, "schemas are required"));
      return;
    }
    const auto& type = root["type"].string();
    if (type.empty()) found_.push_back(field_required(at + ".type", "must not be empty at the root"));
    if (!type.empty() && type != "object") {
      found_.push_back(field_invalid(at + ".type", type, "must be object at the root"));
    }
    for (const char* key : {"x-kubernetes-embedded-resource", "nullable", "additionalProperties"}) {
      if (!root[key].is_null() && root[key] != Json(false)) {
        found_.push_back(field_forbidden(at + "." + key, "must not be used at the root"));
      }
    }
    metadata(root["properties"]["metadata"], at + ".properties[metadata]");
    if (type.empty()) return;
    const size_t before = found_.size();
    const auto node = read_structural(root, at, found_);
    // What is wrong with the schema would come back as errors in the rules that nobody understands.
    if (found_.size() == before) (void)Rules::compile(node, at, found_);
  }

  void metadata(const Json& given, const std::string& at) {
    if (given.is_null()) return;
    if (given["type"].string() != "object") {
      found_.push_back(field_invalid(at + ".type", given["type"], "must be object"));
    }
    for (const auto& [name, unused] : given["properties"].members()) {
      if (name == "name" || name == "generateName") continue;
      found_.push_back(field_forbidden(
          at, "must not specify anything other than name and generateName, but metadata is implicitly specified"));
    }
  }

  void path(const std::string& field, const Json& text) {
    if (text.string().empty()) {
      found_.push_back(field_required(field));
    } else if (!text.string().starts_with('.') || !JsonPath::parse(text.string())) {
      found_.push_back(field_invalid(field, text, "must be a simple json path starting with ."));
    }
  }

  void columns(const Json& all, const std::string& at) {
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string here = at + "[" + std::to_string(i) + "]";
      const auto& column = all.at(i);
      if (column["name"].string().empty()) found_.push_back(field_required(here + ".name"));
      static const std::vector<std::string> types = {"boolean", "date", "integer", "number", "string"};
      if (std::find(types.begin(), types.end(), column["type"].string()) == types.end()) {
        found_.push_back(field_not_supported(here + ".type", column["type"], types));
      }
      path(here + ".jsonPath", column["jsonPath"]);
    }
  }

  void scale(const Json& subresources, const std::string& at) {
    if (!subresources["scale"].is_object()) return;
    const auto& scale = subresources["scale"];
    const auto below = [&](const char* key, std::string_view root) {
      const auto& text = scale[key].string();
      if (text.empty()) {
        found_.push_back(field_required(at + "." + key));
      } else if (!text.starts_with(root) || text.find('[') != std::string::npos) {
        found_.push_back(field_invalid(at + "." + key, text,
                                       "should be a json path under " + std::string(root.substr(0, root.size() - 1))));
      }
    };
    below("specReplicasPath", ".spec.");
    below("statusReplicasPath", ".status.");
    const auto& selector = scale["labelSelectorPath"].string();
    if (!selector.empty() && !selector.starts_with(".spec.") && !selector.starts_with(".status.")) {
      found_.push_back(
          field_invalid(at + ".labelSelectorPath", selector, "should be a json path under either .status or .spec"));
    }
  }

  void selectable(const Json& version, const std::string& at) {
    const auto& all = version["selectableFields"];
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string field = at + ".selectableFields[" + std::to_string(i) + "].jsonPath";
      const auto& text = all.at(i)["jsonPath"].string();
      if (!text.starts_with('.') || text.find('[') != std::string::npos) {
        found_.push_back(field_invalid(field, text, "must be a simple json path starting with ."));
        continue;
      }
      const Json* node = &version["schema"]["openAPIV3Schema"];
      for (const auto part : base::split(std::string_view(text).substr(1), '.')) node = &(*node)["properties"][part];
      const auto& type = (*node)["type"].string();
      if (type != "string" && type != "boolean" && type != "integer") {
        found_.push_back(field_invalid(field, text, "must point to a field of type string, boolean or integer"));
      }
    }
  }

  void conversion() {
    const auto& strategy = spec_["conversion"]["strategy"].string();
    if (strategy == "None") {
      if (!spec_["conversion"]["webhook"].is_null()) {
        found_.push_back(
            field_forbidden("spec.conversion.webhook", "should not be set when strategy is not set to Webhook"));
      }
    } else if (strategy == "Webhook") {
      webhook(spec_["conversion"]["webhook"]);
    } else {
      found_.push_back(field_not_supported("spec.conversion.strategy", strategy, {"None", "Webhook"}));
    }
  }

  // The texts name fields as the internal type of kube-apiserver does.
  void webhook(const Json& given) {
    const std::string client = "spec.conversion.webhookClientConfig",
                      review = "spec.conversion.conversionReviewVersions";
    const auto& config = given["clientConfig"];
    if (config.is_null()) {
      found_.push_back(field_required(client, "required when strategy is set to Webhook"));
    } else if (config.has("url") == config.has("service")) {
      found_.push_back(field_required(client, "exactly one of url or service is required"));
    } else if (const auto& url = config["url"].string(); config.has("url") && !url.starts_with("https://")) {
      found_.push_back(field_invalid(client + ".url", url.substr(0, url.find(':')),
                                     "'https' is the only allowed URL scheme; desired format: https://host[/path]"));
    } else if (config.has("service")) {
      for (const char* name : {"name", "namespace"}) {
        if (config["service"][name].string().empty()) found_.push_back(field_required(client + ".service." + name));
      }
    }
    const auto& versions = given["conversionReviewVersions"];
    if (versions.empty()) return found_.push_back(field_required(review));
    std::set<std::string> seen;
    for (size_t i = 0; i < versions.size(); ++i) {
      const std::string at = review + "[" + std::to_string(i) + "]";
      if (!seen.insert(versions.at(i).string()).second) {
        found_.push_back(field_invalid(at, versions.at(i), "duplicate version"));
      } else {
        label(at, versions.at(i));
      }
    }
    if (!seen.contains("v1") && !seen.contains("v1beta1")) {
      found_.push_back(field_invalid(review, versions, "must include at least one of v1, v1beta1"));
    }
  }

  void stored_versions() {
    const auto& stored = crd_["status"]["storedVersions"];
    for (size_t i = 0; i < stored.size(); ++i) {
      const auto& all = spec_["versions"].items();
      const bool known =
          std::any_of(all.begin(), all.end(), [&](const Json& one) { return one["name"] == stored.at(i); });
      if (known) continue;
      const auto& name = stored.at(i).string();
      found_.push_back(field_invalid("status.storedVersions[" + std::to_string(i) + "]", name,
                                     "missing from spec.versions; " + name +
                                         " was previously a storage version, and must remain in spec.versions until a "
                                         "storage migration ensures no data remains persisted in " +
                                         name + " and removes " + name + " from status.storedVersions"));
    }
  }

  void immutable() {
    for (const char* field : {"spec.group", "spec.scope", "spec.names.kind", "spec.names.plural"}) {
      if (crd_.path(field) == old_->path(field)) continue;
      found_.push_back(field_invalid(field, crd_.path(field), "field is immutable"));
    }
  }

  const Json& crd_;
  const Json& spec_;
  const Json* old_;
  std::vector<FieldError> found_;
};

}  // namespace

// A schema that all versions have in common is told of as one.
static void name_common_schema(const Json& crd, std::vector<FieldError>& findings) {
  const auto& versions = crd["spec"]["versions"];
  for (const auto& version : versions.items()) {
    if (version["schema"] != versions.at(0)["schema"]) return;
  }
  std::vector<FieldError> out;
  for (auto& finding : findings) {
    const size_t end = finding.field.find("].schema.openAPIV3Schema.");
    if (finding.field.starts_with("spec.versions[") && end != std::string::npos) {
      const std::string own = finding.field.substr(0, end + std::string_view("].schema").size());
      finding.field = "spec.validation" + finding.field.substr(own.size());
      finding.message = base::replace_all(finding.message, own, "spec.validation");
    }
    if (std::find(out.begin(), out.end(), finding) == out.end()) out.push_back(std::move(finding));
  }
  findings = std::move(out);
}

std::vector<FieldError> check_crd(const Json& crd, const Json* old) {
  auto findings = Checker(crd, old).run();
  name_common_schema(crd, findings);
  return findings;
}

}  // namespace meta

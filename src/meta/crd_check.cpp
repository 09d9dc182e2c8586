// What makes a CustomResourceDefinition acceptable.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "meta/crd_read.h"
#include "meta/formats.h"
#include "meta/rules.h"
#include "meta/structural.h"

namespace meta {
namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

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

// What all versions have in common kube-apiserver keeps once for all of them, and tells of it there.
bool is_common(const Json& versions, const char* part) {
  if (versions.at(0)[part].is_null()) return false;
  const auto& all = versions.items();
  return std::all_of(all.begin(), all.end(), [&](const Json& one) { return one[part] == all.front()[part]; });
}

// As the versions stand in messages: by the names of the internal type, without what is kept once for all.
Json shown_versions(const Json& versions) {
  static constexpr std::pair<const char*, const char*> parts[] = {
      {"Schema", "schema"},
      {"Subresources", "subresources"},
      {"AdditionalPrinterColumns", "additionalPrinterColumns"},
      {"SelectableFields", "selectableFields"}};
  if (versions.is_null()) return nullptr;
  Json out = Json::array();
  for (const auto& version : versions.items()) {
    Json one = Json::object({{"Name", version["name"]},
                             {"Served", version["served"].boolean()},
                             {"Storage", version["storage"].boolean()},
                             {"Deprecated", version["deprecated"].boolean()},
                             {"DeprecationWarning", version["deprecationWarning"]}});
    for (const auto& [shown, part] : parts) one.set(shown, is_common(versions, part) ? Json() : version[part]);
    out.push(std::move(one));
  }
  return out;
}

class Checker {
 public:
  Checker(const Json& crd, const Json* old, const ClientCheck& check_client)
      : crd_(crd), spec_(crd["spec"]), old_(old), check_client_(check_client) {}

  std::vector<FieldError> run() {
    group_and_scope();
    versions();
    names();
    common_parts();
    conversion();
    stored_versions();
    approval();
    if (old_) immutable();
    if (spec_["preserveUnknownFields"].boolean()) {
      add(field_invalid("spec.preserveUnknownFields", true,
                        "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
                        "spec.versions[*].schema instead"));
    }
    return std::move(found_);
  }

 private:
  void add(FieldError finding) { found_.push_back(std::move(finding)); }

  void label(const std::string& field, const Json& value) {
    const auto why = dns_1035_problem(value.string());
    if (!why.empty()) add(field_invalid(field, value, why));
  }

  void group_and_scope() {
    const auto& group = spec_["group"].string();
    const std::string wanted = spec_["names"]["plural"].string() + "." + group;
    const auto& name = crd_["metadata"]["name"].string();
    if (!old_ && !name.empty() && name != wanted) {
      add(field_invalid("metadata.name", name, "must be spec.names.plural+\".\"+spec.group"));
    }
    const auto& prefix = crd_["metadata"]["generateName"].string();
    if (!old_ && !prefix.empty() && prefix != wanted) {
      add(field_invalid("metadata.generateName", prefix, "must be spec.names.plural+\".\"+spec.group"));
    }
    if (group.empty()) {
      add(field_required("spec.group"));
    } else if (!is_subdomain(group)) {
      add(field_invalid("spec.group", group,
                        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
                        "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
                        "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"));
    } else if (base::split(group, '.').size() < 2) {
      add(field_invalid("spec.group", group, "should be a domain with at least one dot"));
    }
    const auto& scope = spec_["scope"].string();
    if (scope.empty()) {
      add(field_required("spec.scope"));
    } else if (scope != "Cluster" && scope != "Namespaced") {
      add(field_not_supported("spec.scope", scope, {"Cluster", "Namespaced"}));
    }
  }

  void names() {
    const auto& names = spec_["names"];
    const std::string field = "spec.names.";
    for (const char* which : {"plural", "singular", "kind", "listKind"}) {
      if (names[which].string().empty()) add(field_required(field + which));
    }
    for (const char* which : {"plural", "singular"}) {
      if (!names[which].string().empty()) label(field + which, names[which]);
    }
    for (const char* which : {"kind", "listKind"}) {
      if (names[which].string().empty()) continue;
      const auto why = dns_1035_problem(base::lower(names[which].string()));
      if (!why.empty()) {
        add(field_invalid(field + which, names[which], "may have mixed case, but should otherwise match: " + why));
      }
    }
    for (size_t i = 0; i < names["shortNames"].size(); ++i) {
      label(field + "shortNames[" + std::to_string(i) + "]", names["shortNames"].at(i));
    }
    if (!names["kind"].string().empty() && names["kind"] == names["listKind"]) {
      add(field_invalid(field + "listKind", names["listKind"], "kind and listKind may not be the same"));
    }
    for (size_t i = 0; i < names["categories"].size(); ++i) {
      label(field + "categories[" + std::to_string(i) + "]", names["categories"].at(i));
    }
  }

  void versions() {
    const auto& all = spec_["versions"];
    const bool common_schema = is_common(all, "schema") && all.at(0)["schema"]["openAPIV3Schema"].is_object();
    for (size_t i = 0; i < all.size() && !common_schema; ++i) {
      if (all.at(i)["schema"]["openAPIV3Schema"].is_object()) continue;
      add(field_required("spec.versions[" + std::to_string(i) + "].schema.openAPIV3Schema"));
    }
    std::set<std::string> seen;
    bool unique = true;
    size_t stored = 0;
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string at = "spec.versions[" + std::to_string(i) + "].";
      const auto& version = all.at(i);
      label(at + "name", version["name"]);
      unique = seen.insert(version["name"].string()).second && unique;
      stored += version["storage"].boolean() ? 1 : 0;
      if (!is_common(all, "schema")) schema(version["schema"], at + "schema.openAPIV3Schema");
      if (!is_common(all, "subresources")) scale(version["subresources"], at + "subresources.scale");
      if (!is_common(all, "additionalPrinterColumns")) {
        columns(version["additionalPrinterColumns"], at + "additionalPrinterColumns");
      }
      if (!is_common(all, "selectableFields")) selectable(version, at + "selectableFields");
    }
    if (!unique) add(field_invalid("spec.versions", shown_versions(all), "must contain unique version names"));
    if (stored != 1) {
      add(field_invalid("spec.versions", shown_versions(all),
                        "must have exactly one version marked as storage version"));
    }
    if (!all.empty()) label("spec.version", all.at(0)["name"]);  // the field of old has the first one's name
  }

  void common_parts() {
    const auto& all = spec_["versions"];
    const auto& first = all.at(0);
    if (is_common(all, "schema")) schema(first["schema"], "spec.validation.openAPIV3Schema");
    if (is_common(all, "subresources")) scale(first["subresources"], "spec.subresources.scale");
    if (is_common(all, "additionalPrinterColumns")) {
      columns(first["additionalPrinterColumns"], "spec.additionalPrinterColumns");
    }
    if (is_common(all, "selectableFields")) selectable(first, "spec.selectableFields");
  }

  void schema(const Json& given, const std::string& at) {
    const auto& root = given["openAPIV3Schema"];
    if (!root.is_object()) return;
    const auto& type = root["type"].string();
    if (type.empty()) add(field_required(at + ".type", "must not be empty at the root"));
    if (!type.empty() && type != "object") add(field_invalid(at + ".type", type, "must be object at the root"));
    for (const char* key : {"x-kubernetes-embedded-resource", "nullable", "additionalProperties"}) {
      if (!root[key].is_null() && root[key] != Json(false)) {
        add(field_forbidden(at + "." + key, "must not be used at the root"));
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
    if (given["type"].string() != "object") add(field_invalid(at + ".type", given["type"], "must be object"));
    for (const auto& [name, property] : given["properties"].members()) {
      if (name != "name" && name != "generateName") {
        add(field_forbidden(
            at, "must not specify anything other than name and generateName, but metadata is implicitly specified"));
      } else if (property.has("default")) {
        add(field_forbidden(at + ".properties[" + name + "].default", "must not be set in top-level metadata"));
      }
    }
  }

  // Whether `text` is no path at all, which is said.
  bool is_no_path(const std::string& field, const Json& text) {
    if (text.string().empty()) {
      add(field_required(field));
    } else if (!text.string().starts_with('.')) {
      add(field_invalid(field, text, "must be a simple json path starting with ."));
    } else {
      return false;
    }
    return true;
  }

  void one_of(const std::string& field, const Json& value, const std::vector<std::string>& allowed) {
    if (std::find(allowed.begin(), allowed.end(), value.string()) != allowed.end()) return;
    const std::string why = "must be one of " + base::join(allowed, ",");
    add(value.string().empty() ? field_required(field, why) : field_invalid(field, value, why));
  }

  void columns(const Json& all, const std::string& at) {
    static const std::vector<std::string> types = {"boolean", "date", "integer", "number", "string"};
    static const std::vector<std::string> formats = {"byte",  "date",  "date-time", "double",
                                                     "float", "int32", "int64",     "password"};
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string here = at + "[" + std::to_string(i) + "]";
      const auto& column = all.at(i);
      if (column["name"].string().empty()) add(field_required(here + ".name"));
      one_of(here + ".type", column["type"], types);
      if (!column["format"].string().empty()) one_of(here + ".format", column["format"], formats);
      is_no_path(here + ".JSONPath", column["jsonPath"]);
    }
  }

  void scale(const Json& subresources, const std::string& at) {
    if (!subresources["scale"].is_object()) return;
    const auto& scale = subresources["scale"];
    for (const auto& [key, root] : {std::pair("specReplicasPath", ".spec"), {"statusReplicasPath", ".status"}}) {
      const std::string field = at + "." + key;
      if (is_no_path(field, scale[key]) || scale[key].string().starts_with(std::string(root) + ".")) continue;
      add(field_invalid(field, scale[key], "should be a json path under " + std::string(root)));
    }
    const std::string field = at + ".labelSelectorPath";
    const auto& selector = scale["labelSelectorPath"].string();
    if (selector.empty() || is_no_path(field, selector)) return;
    if (selector.starts_with(".spec.") || selector.starts_with(".status.")) return;
    add(field_invalid(field, selector, "should be a json path under either .status or .spec"));
  }

  // Follows `text` into the schema at `node`.
  static std::string path_problem(const std::string& text, const Json*& node) {
    if (text.starts_with('[')) return "array notation is not allowed";
    if (!text.starts_with('.')) return "expected [ or . but got: " + text.substr(0, text.find_first_of(".["));
    for (const auto part : base::split(std::string_view(text).substr(1), '.')) {
      const auto name = part.substr(0, part.find('['));
      if (name.empty() && text.ends_with('.')) return "unexpected end of JSON path";
      const auto* below = (*node)["properties"].find(name);
      if (!below) return "does not refer to a valid field";
      if (name.size() < part.size()) return "array notation is not allowed";
      node = below;
    }
    return {};
  }

  void selectable(const Json& version, const std::string& at) {
    constexpr size_t fields_max = 8;
    const auto& all = version["selectableFields"];
    std::set<std::string> seen;
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string field = at + "[" + std::to_string(i) + "].jsonPath";
      const auto& text = all.at(i)["jsonPath"].string();
      if (text.empty()) {
        add(field_required(field));
        continue;
      }
      const Json* node = &version["schema"]["openAPIV3Schema"];
      if (const auto why = path_problem(text, node); !why.empty()) {
        add(field_invalid(field, text, "is an invalid path: " + why));
        continue;
      }
      if (text.starts_with(".metadata")) add(field_invalid(field, text, "must not point to fields in metadata"));
      const auto& type = (*node)["type"].string();
      if (type != "string" && type != "boolean" && type != "integer") {
        add(field_invalid(field, text,
                          "must point to a field of type string, boolean or integer. Enum string fields and strings "
                          "with formats are allowed."));
      }
      if (!seen.insert(text).second) add(field_duplicate(field, text));
    }
    if (seen.size() > fields_max) add(field_too_many(at, static_cast<int64_t>(seen.size()), fields_max));
  }

  // The texts name fields as the internal type of kube-apiserver does.
  void conversion() {
    const auto& strategy = spec_["conversion"]["strategy"].string();
    const auto& webhook = spec_["conversion"]["webhook"];
    const std::string client = "spec.conversion.webhookClientConfig",
                      review = "spec.conversion.conversionReviewVersions";
    if (strategy != "None" && strategy != "Webhook") {
      add(field_not_supported("spec.conversion.strategy", strategy, {"None", "Webhook"}));
    }
    if (strategy != "Webhook") {
      const char* why = "should not be set when strategy is not set to Webhook";
      if (!webhook["clientConfig"].is_null()) add(field_forbidden(client, why));
      if (!webhook["conversionReviewVersions"].empty()) add(field_forbidden(review, why));
      return;
    }
    if (webhook["clientConfig"].is_null()) {
      add(field_required(client, "required when strategy is set to Webhook"));
    } else if (check_client_) {
      check_client_(webhook["clientConfig"], client, found_);
    }
    review_versions(webhook["conversionReviewVersions"], review);
  }

  void review_versions(const Json& versions, const std::string& review) {
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
    const std::string field = "status.storedVersions";
    if (stored.empty()) return add(field_invalid(field, Json(), "must have at least one stored version"));
    std::set<std::string> left;
    for (const auto& one : stored.items()) left.insert(one.string());
    for (const auto& version : spec_["versions"].items()) {
      const bool known = left.erase(version["name"].string()) > 0;
      if (known || !version["storage"].boolean()) continue;
      add(field_invalid(field, stored, "must have the storage version " + version["name"].string()));
    }
    for (size_t i = 0; i < stored.size(); ++i) {
      const auto& name = stored.at(i).string();
      if (!left.contains(name)) continue;
      add(field_invalid(field + "[" + std::to_string(i) + "]", name,
                        "missing from spec.versions; " + name +
                            " was previously a storage version, and must remain in spec.versions until a storage "
                            "migration ensures no data remains persisted in " +
                            name + " and removes " + name + " from status.storedVersions"));
    }
  }

  // Groups of the community are for APIs that it has looked at.
  void approval() {
    const auto now = api_approval(crd_);
    if (now.state == Approval::State::not_needed || (old_ && api_approval(*old_).state == now.state)) return;
    const std::string field = "metadata.annotations[" + std::string(approval_annotation) + "]";
    if (now.state == Approval::State::missing) add(field_required(field, now.text));
    if (now.state == Approval::State::invalid) {
      add(field_invalid(field, crd_["metadata"]["annotations"][approval_annotation], now.text));
    }
  }

  void immutable() {
    std::vector<const char*> fields;
    if (is_established(*old_)) fields = {"spec.scope", "spec.names.kind"};
    fields.insert(fields.end(), {"spec.group", "spec.names.plural"});  // the object's own name
    for (const char* field : fields) {
      if (crd_.path(field) == old_->path(field)) continue;
      add(field_invalid(field, crd_.path(field), "field is immutable"));
    }
  }

  const Json& crd_;
  const Json& spec_;
  const Json* old_;
  const ClientCheck& check_client_;
  std::vector<FieldError> found_;
};

}  // namespace

Approval api_approval(const Json& crd) {
  const std::string group = "." + crd["spec"]["group"].string();
  if (!group.ends_with(".k8s.io") && !group.ends_with(".kubernetes.io")) return {};
  const auto& text = crd["metadata"]["annotations"][approval_annotation].string();
  const std::string must =
      "protected groups must have approval annotation " + base::quoted(std::string(approval_annotation));
  const std::string see = ", see https://github.com/kubernetes/enhancements/pull/1111";
  if (text.empty()) return {Approval::State::missing, must + see};
  if (text.starts_with("unapproved")) return {Approval::State::bypassed, "not approved: " + base::quoted(text)};
  const size_t host = text.find("://");
  if (host != std::string::npos && host > 0 && text.size() > host + 3 && text[host + 3] != '/') {
    return {Approval::State::approved, "approved in " + text};
  }
  return {Approval::State::invalid, must + " with either a URL or a reason starting with \"unapproved\"" + see};
}

namespace {

// Formats of strings that kube-apiserver knows, without their dashes.
bool is_known_format(const std::string& format) {
  static const std::set<std::string, std::less<>> known = {
      "bsonobjectid", "byte", "cidr", "creditcard", "date",   "datetime", "duration",    "email",       "hexcolor",
      "hostname",     "ipv4", "ipv6", "isbn",       "isbn10", "isbn13",   "k8slongname", "mac",         "password",
      "rgbcolor",     "ssn",  "uri",  "uuid",       "uuid3",  "uuid4",    "uuid5",       "k8sshortname"};
  return known.contains(base::replace_all(format, "-", ""));
}

void add_unknown_formats(const Json& schema, std::vector<std::string>& found) {
  const auto& format = schema["format"].string();
  if (schema["type"].string() == "string" && !format.empty() && !is_known_format(format)) {
    found.push_back("unrecognized format " + base::quoted(format));
  }
  for (const auto& [name, property] : schema["properties"].members()) add_unknown_formats(property, found);
  for (const char* below : {"items", "additionalProperties"}) {
    if (schema[below].is_object()) add_unknown_formats(schema[below], found);
  }
}

}  // namespace

std::vector<std::string> crd_warnings(const Json& crd) {
  std::vector<std::string> out;
  for (const auto& version : crd["spec"]["versions"].items()) {
    add_unknown_formats(version["schema"]["openAPIV3Schema"], out);
  }
  return out;
}

std::vector<FieldError> check_crd(const Json& crd, const Json* old, const ClientCheck& check_client) {
  return Checker(crd, old, check_client).run();
}

}  // namespace meta

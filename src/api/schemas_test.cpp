// Every declared kind against the field lists of the upstream CustomResourceDefinitions (test/data/schemas.txt): path,
// type, required, default, enum, bounds, pattern, format, list and map type, columns, names, subresources.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "api/kinds.h"
#include "base/text.h"

namespace {

using meta::Json;
using meta::Kind;
using meta::Schema;
using meta::SchemaType;

// What is said about one place ("v1beta2 spec.replicas"): a sorted set of words, so that order does not matter.
using Facts = std::map<std::string, std::set<std::string>>;

std::string number(double value) { return Json(value).dump(); }

void add_bounds(const Schema& schema, std::set<std::string>& words) {
  const std::pair<const char*, const std::optional<int64_t>*> counts[] = {
      {"minLength=", &schema.min_length},         {"maxLength=", &schema.max_length},
      {"minItems=", &schema.min_items},           {"maxItems=", &schema.max_items},
      {"minProperties=", &schema.min_properties}, {"maxProperties=", &schema.max_properties}};
  for (const auto& [name, count] : counts) {
    if (*count) words.insert(name + std::to_string(**count));
  }
  if (schema.minimum) words.insert("minimum=" + number(*schema.minimum));
  if (schema.maximum) words.insert("maximum=" + number(*schema.maximum));
}

const char* type_word(SchemaType type) {
  switch (type) {
    case SchemaType::object:
    case SchemaType::map:
      return "object";
    case SchemaType::array:
      return "array";
    case SchemaType::string:
      return "string";
    case SchemaType::integer:
      return "integer";
    case SchemaType::number:
      return "number";
    case SchemaType::boolean:
      return "boolean";
    case SchemaType::int_or_string:
      return "int-or-string";
    case SchemaType::any:
      return "any";
  }
  return "";
}

std::set<std::string> words_of(const Schema& schema, bool required) {
  std::set<std::string> words{std::string("type ") + type_word(schema.type)};
  if (required) words.insert("required");
  if (schema.nullable) words.insert("nullable");
  if (schema.preserve_unknown && schema.type != SchemaType::any) words.insert("preserve-unknown");
  if (schema.map_atomic) words.insert("map=atomic");
  if (!schema.format.empty()) words.insert("format=" + schema.format);
  if (!schema.pattern.empty()) words.insert("pattern=" + schema.pattern);
  if (!schema.default_value.is_null()) words.insert("default=" + schema.default_value.dump());
  if (schema.list_type == "map") {
    words.insert("list=map(" + base::join(schema.list_keys, ",") + ")");
  } else if (!schema.list_type.empty()) {
    words.insert("list=" + schema.list_type);
  }
  std::vector<std::string> values;
  for (const auto& value : schema.enumeration) values.push_back(value.is_string() ? value.string() : value.dump());
  if (!values.empty()) words.insert("enum=" + base::join(values, "|"));
  add_bounds(schema, words);
  return words;
}

void add_fields(const Schema& schema, const std::string& path, Facts& facts) {
  for (const auto& property : schema.properties) {
    const std::string below = path + "." + property.name;
    facts[below] = words_of(*property.schema, property.required);
    add_fields(*property.schema, below, facts);
  }
  if (!schema.items) return;
  const std::string below = path + (schema.type == SchemaType::map ? "{}" : "[]");
  facts[below] = words_of(*schema.items, false);
  add_fields(*schema.items, below, facts);
}

std::string joined(const std::vector<std::string>& names) { return names.empty() ? "-" : base::join(names, ","); }

Facts facts_of(const Kind& kind) {
  Facts facts;
  facts["kind"] = {kind.kind, "plural=" + kind.plural, kind.namespaced ? "Namespaced" : "Cluster",
                   "short=" + joined(kind.short_names), "categories=" + joined(kind.categories)};
  for (const auto& version : kind.versions) {
    auto& about = facts[version.name];
    if (version.served) about.insert("served");
    if (version.deprecated) about.insert("deprecated");
    if (version.name == kind.storage_version) about.insert("storage");
    if (version.status_subresource) about.insert("status");
    if (!version.scale_spec.empty()) {
      about.insert("scale " + version.scale_spec + " " + version.scale_status + " " +
                   (version.scale_selector.empty() ? "-" : version.scale_selector));
    }
    for (size_t i = 0; i < version.columns.size(); ++i) {
      const auto& column = version.columns[i];
      facts[version.name + " column " + std::to_string(i)] = {column.name, column.json_path, column.type,
                                                              "priority=" + std::to_string(column.priority)};
    }
    Schema body = *version.schema;  // what every object has is not in the data
    std::erase_if(body.properties, [](const meta::Property& property) {
      return property.name == "apiVersion" || property.name == "kind" || property.name == "metadata";
    });
    add_fields(body, version.name + " ", facts);
  }
  return facts;
}

std::vector<std::string> columns_of_line(const std::string& line) {
  std::vector<std::string> out;
  for (const auto part : base::split(line, '\t')) out.emplace_back(part);
  return out;
}

// The data file, as facts per "plural.group".
class Upstream {
 public:
  std::map<std::string, Facts> kinds;

  explicit Upstream(const char* file) {
    std::ifstream in(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with('#')) continue;
      if (line.starts_with("pattern\t")) {
        const auto words = columns_of_line(line);
        patterns_["pattern=@" + words[1]] = "pattern=" + words[2];
      } else {
        lines.push_back(line);
      }
    }
    for (const auto& line : lines) read(columns_of_line(line));
  }

 private:
  void read(const std::vector<std::string>& words) {
    if (words[0] == "kind") {
      facts_ = &kinds[words[3] + "." + words[2]];
      (*facts_)["kind"] = {words[1], "plural=" + words[3], words[4], "short=" + words[5], "categories=" + words[6]};
    } else if (words[0] == "version") {
      version_ = words[1];
      column_ = 0;
      auto& about = (*facts_)[version_];
      for (size_t i = 2; i < 5; ++i) {
        if (words[i] != "-") about.insert(words[i]);
      }
      if (words[5].find("status") != std::string::npos) about.insert("status");
    } else if (words[0] == "scale") {
      (*facts_)[version_].insert("scale " + words[1] + " " + words[2] + " " + words[3]);
    } else if (words[0] == "column") {
      (*facts_)[version_ + " column " + std::to_string(column_++)] = {words[1], words[2], words[3],
                                                                      "priority=" + words[4]};
    } else {
      read_field(words);
    }
  }

  void read_field(const std::vector<std::string>& words) {
    const auto depth = static_cast<size_t>(std::stoul(words[0]));
    path_.resize(depth);
    path_.push_back(words[1] == "[]" || words[1] == "{}" ? words[1] : "." + words[1]);
    std::set<std::string> facts{"type " + words[2]};
    for (size_t i = 3; i < words.size(); ++i) {
      facts.insert(words[i].starts_with("pattern=@") ? patterns_[words[i]] : words[i]);
    }
    (*facts_)[version_ + " " + base::join(path_, "")] = std::move(facts);
  }

  Facts* facts_ = nullptr;
  std::string version_;
  std::vector<std::string> path_;
  std::map<std::string, std::string> patterns_;
  int column_ = 0;
};

std::string text_of(const std::set<std::string>& words) {
  return base::join(std::vector<std::string>(words.begin(), words.end()), ", ");
}

struct Comparison {
  size_t same = 0, all = 0;
  std::vector<std::string> differences;
};

Comparison compare(const Facts& upstream, const Facts& ours) {
  Comparison out;
  for (const auto& [place, words] : upstream) {
    ++out.all;
    const auto found = ours.find(place);
    if (found == ours.end()) {
      out.differences.push_back(place + ": missing here");
    } else if (found->second != words) {
      out.differences.push_back(place + ": upstream " + text_of(words) + "; here " + text_of(found->second));
    } else {
      ++out.same;
    }
  }
  for (const auto& [place, words] : ours) {
    if (upstream.contains(place)) continue;
    ++out.all;
    out.differences.push_back(place + ": not upstream");
  }
  return out;
}

}  // namespace

TEST_CASE("every kind agrees with its upstream schema") {
  const Upstream upstream("test/data/schemas.txt");
  REQUIRE_MESSAGE(upstream.kinds.size() > 40, "test/data/schemas.txt is read from the source folder");
  size_t compared = 0, places = 0;
  for (const auto& kind : api::declared_kinds()) {
    if (!kind.custom) continue;
    const auto found = upstream.kinds.find(kind.resource());
    REQUIRE_MESSAGE(found != upstream.kinds.end(), kind.resource());
    const auto result = compare(found->second, facts_of(kind));
    const bool served = api::management_scheme().by_resource(kind.resource()) != nullptr;
    MESSAGE(kind.resource() << std::string(served ? "" : " (not served yet)") << ": " << result.same << " of "
                            << result.all << " agree, " << 100 * result.same / result.all << " %");
    for (const auto& difference : result.differences) MESSAGE("  " << difference);
    CHECK(result.same == result.all);
    places += result.all;
    ++compared;
  }
  CHECK(compared == upstream.kinds.size());
  MESSAGE(compared << " kinds, " << places << " places compared");
}

TEST_CASE("the kinds that configure admission agree with upstream, field by field") {
  const Upstream upstream("test/data/schemas_admission.txt");
  REQUIRE(upstream.kinds.size() == 4);
  for (const auto& [resource, facts] : upstream.kinds) {
    const Kind* kind = api::declared_kind(resource);
    REQUIRE_MESSAGE(kind, resource);
    Facts ours = facts_of(*kind);
    std::erase_if(ours, [](const auto& fact) { return fact.first.find(" column ") != std::string::npos; });
    const auto result = compare(facts, ours);
    for (const auto& difference : result.differences) MESSAGE(resource << "  " << difference);
    CHECK(result.same == result.all);
  }
}

TEST_CASE("the comparison notices what differs") {
  Facts upstream = facts_of(*api::declared_kind("baremetalhosts.metal3.io"));
  Facts ours = upstream;
  ours["v1alpha1 .spec.online"].erase("required");
  ours.erase("v1alpha1 .spec.bmc.address");
  ours["v1alpha1 .spec.extra"] = {"type string"};
  const auto result = compare(upstream, ours);
  CHECK(result.all - result.same == 3);
  CHECK(result.differences.size() == 3);
}

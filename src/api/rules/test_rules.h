// Documents through admission as the registry runs it, for tests of rules.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "api/kinds.h"
#include "api/rules/rules.h"
#include "wire/yaml.h"

namespace api::rules {

using base::Json;

inline Json parsed(std::string_view text) {
  auto docs = wire::parse_yaml(text);
  REQUIRE_MESSAGE(docs.ok(), text);
  REQUIRE(docs->size() == 1);
  return docs->front();
}

inline const meta::Kind& kind_of(std::string_view resource) {
  const meta::Kind* kind = management_scheme().by_resource(resource);
  if (!kind) kind = workload_scheme().by_resource(resource);
  REQUIRE_MESSAGE(kind, resource);
  return *kind;
}

inline Json defaulted(const meta::Kind& kind, Json doc, const Json* old = nullptr) {
  meta::prune(*kind.storage().schema, doc, true);
  meta::apply_defaults(*kind.storage().schema, doc);
  if (kind.fill_defaults) kind.fill_defaults(doc, old);
  return doc;
}

// Defaults, schema and rules; findings one per line. `old` is null on create.
inline std::string findings(const meta::Kind& kind, const Json& given, const Json* old = nullptr) {
  const Json doc = defaulted(kind, given, old);
  const auto operation = old ? meta::Operation::update : meta::Operation::create;
  auto all = all_findings(kind, doc, old, operation, "v1");
  auto found = all ? *all : meta::validate(*kind.storage().schema, doc);
  if (!all && found.empty() && kind.check) found = kind.check(doc, old, operation);
  std::string out;
  for (const auto& finding : found) out += (out.empty() ? "" : "\n") + meta::text_of(finding);
  return out;
}

// A kind with one good document; rows say what is changed about it and what admission says then.
struct Case {
  const char* change;  // merge patch, as YAML
  const char* text;    // findings; "" when it is admitted
};

class Subject {
 public:
  Subject(std::string_view resource, std::string_view good) : kind_(kind_of(resource)), good_(parsed(good)) {
    CHECK(findings(kind_, good_) == "");
    good_ = defaulted(kind_, good_);
  }
  Json changed(std::string_view change) const { return base::merge_patch(good_, parsed(change)); }
  std::string created(std::string_view change) const { return findings(kind_, changed(change)); }
  // The document as it is after `before` becomes what it is after `before` and `change`.
  std::string updated(std::string_view before, std::string_view change) const {
    const Json old = defaulted(kind_, changed(before));
    return findings(kind_, base::merge_patch(old, parsed(change)), &old);
  }
  Json defaults(std::string_view change) const { return defaulted(kind_, changed(change)); }

 private:
  const meta::Kind& kind_;
  Json good_;
};

}  // namespace api::rules

// CEL rules of custom resources: x-kubernetes-validations anywhere in a structural schema, compiled once per schema and
// evaluated on every write. Texts and order of checks are kube-apiserver's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cel/cel.h"
#include "meta/schema.h"

namespace meta {

// How a schema looks to expressions; null when it cannot be seen (what is not specified). `resource`: it is the root of
// a resource, of which apiVersion, kind, metadata.name and metadata.generateName are always known. `name` is that of
// the type.
cel::TypeRef rule_type(const Schema& schema, bool resource, const std::string& name);
// The size of the smallest JSON that fits, as kube-apiserver estimates it.
int64_t smallest_json(const Schema& schema, bool resource);

// A path such as .spec['a.b'].c in a rule's fieldPath, as it is printed ("spec.a.b.c"); "" when it leads nowhere.
std::string rule_path(const Schema& schema, std::string_view path);

class Rules {
 public:
  // Null when there are none. What is wrong with them is added to `found`; `at` is the schema's field path in the CRD.
  static std::shared_ptr<const Rules> compile(std::shared_ptr<const Schema> root, const std::string& at,
                                              std::vector<FieldError>& found);

  // `old` is what the document replaces, null on create. The document fits its schema. Findings about parts that are as
  // they were become warnings.
  std::vector<FieldError> check(const Json& doc, const Json* old, std::vector<std::string>& warnings) const;

 private:
  struct Rule;
  struct Node;
  class Compiler;
  class Run;
  Rules() = default;

  std::shared_ptr<const Schema> root_;
  std::unique_ptr<const Node> node_;

 public:
  ~Rules();
};

// The item of a keyed list that has the same keys as `item`; null when there is none, or the list is no keyed one.
const Json* same_item(const Schema& list, const Json& old, const Json& item);

}  // namespace meta

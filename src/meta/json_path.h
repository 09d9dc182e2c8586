// JSONPath as kubectl and printer columns use it (k8s.io/client-go/util/jsonpath without range and templates):
//   .a.b  .a['x.y/z']  .a\.b  [0]  [-1]  [1:3]  [*]  .*  ..name  [?(@.type=="Ready")]  [0,2]
// A leading "$" and enclosing braces are optional.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace meta {

class JsonPath {
 public:
  // Errors: Code::invalid, naming the position.
  static base::Result<JsonPath> parse(std::string_view text);

  // All matches in document order; pointers live as long as `doc` is unchanged. A missing member matches nothing.
  std::vector<const base::Json*> find(const base::Json& doc) const;
  // The first match, or null.
  const base::Json* first(const base::Json& doc) const;

 private:
  friend class JsonPathParser;
  enum class Op : unsigned char { exists, equal, not_equal, less, less_equal, greater, greater_equal };
  struct Step;
  std::vector<std::shared_ptr<const Step>> steps_;

  static void apply(const Step& step, const base::Json& value, std::vector<const base::Json*>& out);
  static void apply_slice(const Step& step, const base::Json& value, std::vector<const base::Json*>& out);
  static void descend(const Step& step, const base::Json& value, std::vector<const base::Json*>& out);
  static bool holds(const Step& step, const base::Json& item);
};

}  // namespace meta

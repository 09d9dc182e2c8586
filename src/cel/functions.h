// The functions that expressions can call: what they take and give, what a call costs, and what it does. Private to
// src/cel.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cel/type.h"
#include "cel/value.h"

namespace cel {

// How the cost of a call follows from its arguments. Kubernetes' (k8s.io/apiserver/pkg/cel/library/cost.go) and
// cel-go's rules (interpreter/runtimecost.go).
enum class CostRule : unsigned char {
  unit,      // 1
  nothing,   // 0
  traverse,  // a tenth of the first argument's size
  traverse_twice,
  build,      // a fifth of the result's size
  in_list,    // the size of the second argument
  equal,      // a tenth of the smaller argument's size; 1 for host objects
  smaller,    // a tenth of the smaller argument's size
  join_both,  // a tenth of both sizes
  match,      // text times pattern
  contain,    // text times text
  visit,      // the whole of the first argument
  selector,   // parses the second argument
  authorize,  // fixed
  sets,       // every item against every item
  sets_twice,
  list_result,   // a new list, by its size
  list_compare,  // every item of the first list against every other
  list_order,    // the same of the second
  list_flatten,
  named_format,  // validating against a named format
  contains_ip,
  contains_ip_text,
  contains_cidr,
  contains_cidr_text,
};

using Arguments = std::span<const Value>;
using Function = Value (*)(Arguments);

struct Overload {
  std::vector<TypeRef> parameters;  // the receiver first
  TypeRef result;
  bool member = false;
  CostRule cost = CostRule::unit;
  uint64_t fixed_cost = 0;      // instead, when not 0
  Function function = nullptr;  // null: HostObject::call on the receiver
};

class Functions {
 public:
  // `signature`: "m" for methods or "f", then types: "m string, int: bool". Types: bool int uint double string bytes
  // timestamp duration dyn null type, A B C (any, but the same each time), list<A>, map<A,B>, optional<A>; other names
  // are opaque types.
  void add(const char* name, const char* signature, CostRule cost, Function function);
  void add(const std::string& name, Overload overload) { all_[name].push_back(std::move(overload)); }
  const std::vector<Overload>* find(std::string_view name) const;

 private:
  std::map<std::string, std::vector<Overload>, std::less<>> all_;
};

// All libraries together; made once.
const Functions& library();

void add_operators(Functions& to);
void add_conversions(Functions& to);
void add_times(Functions& to);
void add_strings(Functions& to);
void add_lists(Functions& to);
void add_optionals(Functions& to);
void add_network(Functions& to);
void add_quantities(Functions& to);
void add_formats(Functions& to);
void add_authorizer(Functions& to);

// Whether a value can stand where a parameter of this type is (items are not looked into).
bool fits(const Type& parameter, const Value& value);
uint64_t call_cost(CostRule rule, Arguments arguments, const Value& result);

// What string(x) gives, and format()'s %s for scalars.
std::string plain_text(const Value& value);
// As Go's strconv prints a float64 with 'g' and the fewest digits.
std::string real_text(double number);
Value index_of(const Value& container, const Value& key);  // container[key]
Value add_values(const Value& a, const Value& b);          // a + b
// The cases of the pattern in the text; an error value for a bad pattern.
Value matches_pattern(const std::string& text, const std::string& pattern);

}  // namespace cel

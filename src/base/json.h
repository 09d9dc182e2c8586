// The object model of everything Ingot stores and speaks: JSON values with insertion-ordered objects and with int64,
// uint64 and double kept apart. Arrays and objects are shared and copied on write, so copying a document is cheap and a
// copy never changes behind its owner's back. Not for use from two threads at once without a copy each.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace base {

class Json {
 public:
  using Member = std::pair<std::string, Json>;
  using Array = std::vector<Json>;
  using Members = std::vector<Member>;

  Json() = default;                                                                 // null
  Json(std::nullptr_t) {}                                                           // NOLINT: implicit by design
  Json(bool value) : value_(value) {}                                               // NOLINT
  Json(int value) : value_(int64_t{value}) {}                                       // NOLINT
  Json(long value) : value_(int64_t{value}) {}                                      // NOLINT
  Json(long long value) : value_(int64_t{value}) {}                                 // NOLINT
  Json(unsigned value) : value_(int64_t{value}) {}                                  // NOLINT
  Json(unsigned long value) { *this = from_unsigned(value); }                       // NOLINT
  Json(unsigned long long value) { *this = from_unsigned(value); }                  // NOLINT
  Json(double value) : value_(value) {}                                             // NOLINT
  Json(const char* value) : value_(std::string(value)) {}                           // NOLINT
  Json(std::string_view value) : value_(std::string(value)) {}                      // NOLINT
  Json(std::string value) : value_(std::move(value)) {}                             // NOLINT
  Json(Array items) : value_(std::make_shared<Array>(std::move(items))) {}          // NOLINT
  Json(Members members) : value_(std::make_shared<Members>(std::move(members))) {}  // NOLINT
  template <class T>
  Json(T*) = delete;  // a pointer must not become a bool

  static Json object(std::initializer_list<Member> members = {}) { return Json(Members(members)); }
  static Json array(std::initializer_list<Json> items = {}) { return Json(Array(items)); }
  static Json strings(const std::vector<std::string>& items);

  bool is_null() const { return value_.index() == 0; }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_integer() const {
    return std::holds_alternative<int64_t>(value_) || std::holds_alternative<uint64_t>(value_);
  }
  bool is_double() const { return std::holds_alternative<double>(value_); }
  bool is_number() const { return is_integer() || is_double(); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<std::shared_ptr<Array>>(value_); }
  bool is_object() const { return std::holds_alternative<std::shared_ptr<Members>>(value_); }
  // "null", "boolean", "integer", "number", "string", "array" or "object".
  std::string_view type_name() const;

  // Reading never fails: a value of another type gives the fallback.
  bool boolean(bool fallback = false) const;
  int64_t integer(int64_t fallback = 0) const;  // a whole double in range counts
  double number(double fallback = 0) const;
  const std::string& string() const;  // "" when it is not a string
  std::string string_or(std::string_view fallback) const;
  const Array& items() const;                 // empty when it is not an array
  const Members& members() const;             // empty when it is not an object
  size_t size() const;                        // of an array or object, else 0
  bool empty() const { return size() == 0; }  // no items or members (also for scalars and null)

  // Member lookup: null pointer, or the null value, when absent or not an object.
  const Json* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  const Json& operator[](std::string_view key) const;
  const Json& operator[](const char* key) const { return (*this)[std::string_view(key)]; }
  const Json& at(size_t index) const;  // the null value when out of range
  // Follows plain keys separated by dots: doc.path("spec.bmc.address"). Keys with dots need operator[].
  const Json& path(std::string_view dotted) const;

  // Writing. A null value becomes an object or array as needed; any other type is replaced.
  Json& set(std::string_view key, Json value);          // returns *this, for chaining
  Json& child(std::string_view key);                    // the member for changing; made (null) when absent
  Json& set_path(std::string_view dotted, Json value);  // makes the objects on the way; returns *this
  bool erase(std::string_view key);                     // false when there was none
  void erase_at(size_t index);
  Json& push(Json value);      // returns *this
  Json& item(size_t index);    // for changing; index < size()
  Array& mutable_items();      // makes it an array
  Members& mutable_members();  // makes it an object

  // Objects compare regardless of member order; 1 and 1.0 are equal.
  bool operator==(const Json& other) const;

  std::string dump() const;         // compact
  std::string dump_pretty() const;  // indented by four spaces, as kubectl -o json
  void dump_to(std::string& out) const;

 private:
  static Json from_unsigned(uint64_t value);
  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, std::shared_ptr<Array>,
               std::shared_ptr<Members>>
      value_;
};

// Parses one document. Duplicate keys are kept out (last wins, as in Go) and named in `duplicates` as dotted paths when
// given. Errors: Code::bad_request with the offending position's description; too_large over `bytes_max` or 100 levels.
struct JsonParse {
  size_t bytes_max = 64u << 20;
  std::vector<std::string>* duplicates = nullptr;
};
Result<Json> parse_json(std::string_view text, const JsonParse& options = {});

// RFC 7386. Null members of the patch delete.
Json merge_patch(Json target, const Json& patch);
// The smallest merge patch that turns `from` into `to`; an empty object when they are equal. Arrays are atomic.
Json merge_diff(const Json& from, const Json& to);
// RFC 6901 pointer lookup; null pointer when absent.
const Json* json_pointer(const Json& doc, std::string_view pointer);
// RFC 6902. Errors: Code::invalid when an operation cannot apply or a test fails, bad_request when the patch is
// malformed.
Result<Json> json_patch(Json target, const Json& patch);

void append_quoted(std::string& out, std::string_view text);  // JSON string with quotes

}  // namespace base

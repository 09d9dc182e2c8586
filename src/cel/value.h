// Values of the Common Expression Language. A value is small and cheap to copy. Those made from documents refer to
// them: the document (and the Type it is read with) must outlive the value, and must not change meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "cel/type.h"

namespace cel {

using base::Json;
using base::Result;

class Value;

// Something of the host's: an authorizer, a record whose fields are computed when they are asked for. Expressions hold
// it by shared_ptr. Methods must be declared in the Environment, or be those of the Kubernetes libraries.
class HostObject {
 public:
  virtual ~HostObject() = default;
  // The name of its type, as `type(x)` prints it and as opaque_type() was given.
  virtual std::string_view type_name() const = 0;
  // A field (x.name); nullopt when there is none. An error value makes the expression fail.
  virtual std::optional<Value> get(std::string_view field) const;
  // A method of it (x.name(args)). By default fails with "no such overload".
  virtual Value call(std::string_view method, std::span<const Value> args) const;
  virtual bool equals(const HostObject& other) const { return this == &other; }
};

class Value {
 public:
  enum class Kind : unsigned char {
    null,
    boolean,
    integer,
    unsigned_integer,
    real,
    string,
    bytes,
    timestamp,
    duration,
    list,
    map,
    type,
    optional,
    object,
    error,  // an evaluation that failed; never what a Program gives back
  };
  using Items = std::vector<Value>;
  using Entry = std::pair<Value, Value>;
  using Entries = std::vector<Entry>;

  Value() = default;  // null
  static Value boolean(bool value);
  static Value integer(int64_t value);
  static Value unsigned_integer(uint64_t value);
  static Value real(double value);
  static Value string(std::string text);
  static Value view(const std::string& text);  // which must outlive the value
  static Value bytes(std::string bytes);
  // Years 1 to 9999, else an error value.
  static Value timestamp(int64_t seconds, int32_t nanoseconds = 0);
  static Value timestamp(base::Time time);
  static Value duration(base::Duration span);
  static Value list(Items items);
  // Sorted by key here; the last of equal keys stays.
  static Value map(Entries entries);
  static Value type(std::string name);
  static Value some(Value inner);  // optional.of
  static Value none();
  static Value object(std::shared_ptr<const HostObject> object);
  static Value error(std::string message);

  // A document, or part of one, without copying it. `type` says how it is read: a string of type timestamp becomes a
  // timestamp, a whole number of type double a double. Null type: as it looks.
  static Value of(const Json& doc, const Type* type = nullptr);
  // The same, but keeping the document alive.
  static Value keep(Json doc, const Type* type = nullptr);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_error() const { return kind_ == Kind::error; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_true() const { return kind_ == Kind::boolean && bits_.boolean; }
  bool is_false() const { return kind_ == Kind::boolean && !bits_.boolean; }
  bool is_number() const { return kind_ == Kind::integer || kind_ == Kind::unsigned_integer || kind_ == Kind::real; }

  // Each only for its kind.
  bool boolean() const { return bits_.boolean; }
  int64_t integer() const { return bits_.integer; }
  uint64_t unsigned_integer() const { return bits_.unsigned_integer; }
  double real() const { return bits_.real; }
  const std::string& text() const {
    return *static_cast<const std::string*>(bits_.data);
  }                                                  // string, bytes, type, error
  int64_t seconds() const { return bits_.integer; }  // timestamp, since 1970
  int32_t nanoseconds() const { return nanoseconds_; }
  base::Duration duration() const { return base::Duration(bits_.integer); }
  const HostObject& object() const { return *static_cast<const HostObject*>(bits_.data); }
  bool has_value() const { return bits_.data != nullptr; }  // optional
  const Value& inner() const { return *static_cast<const Value*>(bits_.data); }

  // Items of a list, entries of a map; code points of a string; bytes.
  size_t size() const;
  Value at(size_t index) const;  // of a list; index < size()
  // A member of a map by key; nullopt when there is none. Numbers that are equal are the same key.
  std::optional<Value> find(const Value& key) const;
  // A member by its name in expressions: of a map, or a field of a typed document.
  std::optional<Value> field(std::string_view name) const;
  Items keys() const;  // of a map
  // For building lists one by one: when nobody else holds this list of values, it may be changed. Null otherwise.
  Items* own_items();
  Entries* own_entries();
  static bool insert(Entries& into, Value key, Value value);  // in its place; false when the key is there
  const Type* document_type() const { return type_; }
  // The document behind a list or map; null when it was computed.
  const Json* document() const { return json_ ? static_cast<const Json*>(bits_.data) : nullptr; }

  // "int", "google.protobuf.Timestamp", ...: what type(x) prints.
  std::string type_name() const;
  // As JSON: numbers as they are, bytes in base64, timestamps and durations as strings, an empty optional as null. An
  // error for what has no JSON (types, host objects, maps whose keys are not strings).
  Result<Json> json() const;

 private:
  Kind kind_ = Kind::null;
  bool json_ = false;
  int32_t nanoseconds_ = 0;
  union {
    bool boolean;
    int64_t integer;
    uint64_t unsigned_integer;
    double real;
    const void* data;
  } bits_{};
  const Type* type_ = nullptr;
  std::shared_ptr<const void> heap_;
};

// CEL's ==: numbers across types, lists and maps by content, values of different kinds are unequal.
bool equal(const Value& a, const Value& b);
// -1, 0, 1 for values with an order (numbers across types, strings, bytes, booleans, timestamps, durations); nullopt
// for others and NaN.
std::optional<int> compare(const Value& a, const Value& b);

}  // namespace cel

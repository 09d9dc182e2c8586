#include "cel/value.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.h"
#include "cel/time_text.h"

namespace cel {
namespace {

constexpr int64_t first_second = -62135596800;  // 0001-01-01
constexpr int64_t last_second = 253402300799;   // 9999-12-31T23:59:59

int sign_of(bool less, bool greater) { return less ? -1 : (greater ? 1 : 0); }

int compare_int_uint(int64_t a, uint64_t b) {
  if (a < 0) return -1;
  return sign_of(static_cast<uint64_t>(a) < b, static_cast<uint64_t>(a) > b);
}

// Exact where a conversion to double would round.
int compare_int_real(int64_t a, double b) {
  if (b >= 9223372036854775808.0) return -1;
  if (b < -9223372036854775808.0) return 1;
  const auto whole = static_cast<int64_t>(b);
  if (a != whole) return sign_of(a < whole, true);
  const double rest = b - static_cast<double>(whole);
  return sign_of(rest > 0, rest < 0);
}

int compare_uint_real(uint64_t a, double b) {
  if (b >= 18446744073709551616.0) return -1;
  if (b < 0) return 1;
  const auto whole = static_cast<uint64_t>(b);
  if (a != whole) return sign_of(a < whole, true);
  return b - static_cast<double>(whole) > 0 ? -1 : 0;
}

std::optional<int> compare_numbers(const Value& a, const Value& b) {
  using Kind = Value::Kind;
  if (a.is(Kind::real) && std::isnan(a.real())) return std::nullopt;
  if (b.is(Kind::real) && std::isnan(b.real())) return std::nullopt;
  if (a.is(Kind::integer)) {
    if (b.is(Kind::integer)) return sign_of(a.integer() < b.integer(), a.integer() > b.integer());
    if (b.is(Kind::unsigned_integer)) return compare_int_uint(a.integer(), b.unsigned_integer());
    return compare_int_real(a.integer(), b.real());
  }
  if (a.is(Kind::unsigned_integer)) {
    const uint64_t left = a.unsigned_integer();
    if (b.is(Kind::integer)) return -compare_int_uint(b.integer(), left);
    if (b.is(Kind::unsigned_integer)) return sign_of(left<b.unsigned_integer(), left> b.unsigned_integer());
    return compare_uint_real(left, b.real());
  }
  if (b.is(Kind::integer)) return -compare_int_real(b.integer(), a.real());
  if (b.is(Kind::unsigned_integer)) return -compare_uint_real(b.unsigned_integer(), a.real());
  return sign_of(a.real() < b.real(), a.real() > b.real());
}

// Any total order in which keys that are equal are neighbours.
int order_of_keys(const Value& a, const Value& b) {
  const auto rank = [](const Value& key) { return key.is_number() ? 1 : (key.is(Value::Kind::string) ? 2 : 0); };
  if (rank(a) != rank(b)) return rank(a) < rank(b) ? -1 : 1;
  return compare(a, b).value_or(0);
}

bool equal_lists(const Value& a, const Value& b) {
  const size_t size = a.size();
  if (size != b.size()) return false;
  for (size_t i = 0; i < size; ++i) {
    if (!equal(a.at(i), b.at(i))) return false;
  }
  return true;
}

Type::Order order_of(const Value& list) {
  return list.document_type() ? list.document_type()->order : Type::Order::list;
}

bool same_keys(const Value& a, const Value& b, const std::vector<std::string>& keys) {
  for (const auto& key : keys) {
    const auto left = a.field(escape_name(key)), right = b.field(escape_name(key));
    if (left.has_value() != right.has_value()) return false;
    if (left && !equal(*left, *right)) return false;
  }
  return true;
}

// Sets and keyed lists: whatever the order.
bool equal_unordered(const Value& a, const Value& b) {
  if (a.size() != b.size()) return false;
  const bool keyed = order_of(a) == Type::Order::keyed;
  std::vector<bool> taken(b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const Value item = a.at(i);
    bool found = false;
    for (size_t step = 0; step < b.size() && !found; ++step) {
      const size_t j = (i + step) % b.size();  // mostly the same order
      if (taken[j]) continue;
      const Value other = b.at(j);
      if (keyed && !same_keys(item, other, a.document_type()->list_keys)) continue;
      if (equal(item, other)) found = taken[j] = true;
    }
    if (!found) return false;
  }
  return true;
}

bool equal_maps(const Value& a, const Value& b) {
  if (a.size() != b.size()) return false;
  if (a.document() && b.document() && !a.document_type() && !b.document_type()) return *a.document() == *b.document();
  for (const auto& key : a.keys()) {
    const auto left = a.find(key), right = b.find(key);
    if (!right || !equal(*left, *right)) return false;
  }
  return true;
}

Value of_string(const Json& doc, const Type& type) {
  const std::string& text = doc.string();
  if (type.kind == TypeKind::timestamp) {
    if (const auto time = parse_timestamp(text)) return Value::timestamp(time->seconds, time->nanoseconds);
    if (const auto date = parse_timestamp(text + "T00:00:00Z")) return Value::timestamp(date->seconds);
    return Value::error("Invalid date-time formatted string " + text);
  }
  if (type.kind == TypeKind::duration) {
    if (const auto span = base::parse_go_duration(text)) return Value::duration(*span);
    return Value::error("Invalid duration " + text);
  }
  if (type.kind == TypeKind::bytes) {
    if (auto bytes = base::unbase64(text)) return Value::bytes(std::move(*bytes));
    return Value::error("Invalid byte formatted string " + text);
  }
  return Value::view(text);
}

Value of_number(const Json& doc, const Type* type) {
  if (type && type->kind == TypeKind::real) return Value::real(doc.number());
  if (type && type->kind == TypeKind::integer) return Value::integer(doc.integer());
  if (doc.is_integer() && Json(doc.integer()) == doc) return Value::integer(doc.integer());
  return Value::real(doc.number());
}

bool wrong_kind(const Json& doc, const Type& type) {
  switch (type.kind) {
    case TypeKind::boolean:
      return !doc.is_bool();
    case TypeKind::integer:
    case TypeKind::real:
      return !doc.is_number();
    case TypeKind::string:
    case TypeKind::bytes:
    case TypeKind::timestamp:
    case TypeKind::duration:
      return !doc.is_string();
    case TypeKind::list:
      return !doc.is_array();
    case TypeKind::map:
    case TypeKind::object:
      return !doc.is_object();
    default:
      return false;
  }
}

}  // namespace

std::optional<Value> HostObject::get(std::string_view) const { return std::nullopt; }
Value HostObject::call(std::string_view, std::span<const Value>) const { return Value::error("no such overload"); }

Value Value::boolean(bool value) {
  Value out;
  out.kind_ = Kind::boolean;
  out.bits_.boolean = value;
  return out;
}

Value Value::integer(int64_t value) {
  Value out;
  out.kind_ = Kind::integer;
  out.bits_.integer = value;
  return out;
}

Value Value::unsigned_integer(uint64_t value) {
  Value out;
  out.kind_ = Kind::unsigned_integer;
  out.bits_.unsigned_integer = value;
  return out;
}

Value Value::real(double value) {
  Value out;
  out.kind_ = Kind::real;
  out.bits_.real = value;
  return out;
}

Value Value::view(const std::string& text) {
  Value out;
  out.kind_ = Kind::string;
  out.bits_.data = &text;
  return out;
}

Value Value::string(std::string text) {
  Value out;
  auto held = std::make_shared<const std::string>(std::move(text));
  out.kind_ = Kind::string;
  out.bits_.data = held.get();
  out.heap_ = std::move(held);
  return out;
}

Value Value::bytes(std::string bytes) {
  Value out = string(std::move(bytes));
  out.kind_ = Kind::bytes;
  return out;
}

Value Value::type(std::string name) {
  Value out = string(std::move(name));
  out.kind_ = Kind::type;
  return out;
}

Value Value::error(std::string message) {
  Value out = string(std::move(message));
  out.kind_ = Kind::error;
  return out;
}

Value Value::timestamp(int64_t seconds, int32_t nanoseconds) {
  if (seconds < first_second || seconds > last_second) return error("timestamp overflow");
  Value out;
  out.kind_ = Kind::timestamp;
  out.bits_.integer = seconds;
  out.nanoseconds_ = nanoseconds;
  return out;
}

Value Value::timestamp(base::Time time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  return timestamp(whole.time_since_epoch().count(), static_cast<int32_t>((time - whole).count()));
}

Value Value::duration(base::Duration span) {
  Value out;
  out.kind_ = Kind::duration;
  out.bits_.integer = span.count();
  return out;
}

Value Value::list(Items items) {
  Value out;
  auto held = std::make_shared<Items>(std::move(items));
  out.kind_ = Kind::list;
  out.bits_.data = held.get();
  out.heap_ = std::move(held);
  return out;
}

Value Value::map(Entries entries) {
  const auto before = [](const Entry& a, const Entry& b) { return order_of_keys(a.first, b.first) < 0; };
  if (!std::is_sorted(entries.begin(), entries.end(), before)) {
    std::stable_sort(entries.begin(), entries.end(), before);
  }
  Entries kept;
  kept.reserve(entries.size());
  for (auto& entry : entries) {
    if (!kept.empty() && order_of_keys(kept.back().first, entry.first) == 0) kept.pop_back();
    kept.push_back(std::move(entry));
  }
  Value out;
  auto held = std::make_shared<Entries>(std::move(kept));
  out.kind_ = Kind::map;
  out.bits_.data = held.get();
  out.heap_ = std::move(held);
  return out;
}

Value Value::some(Value inner) {
  Value out;
  auto held = std::make_shared<const Value>(std::move(inner));
  out.kind_ = Kind::optional;
  out.bits_.data = held.get();
  out.heap_ = std::move(held);
  return out;
}

Value Value::none() {
  Value out;
  out.kind_ = Kind::optional;
  out.bits_.data = nullptr;
  return out;
}

Value Value::object(std::shared_ptr<const HostObject> object) {
  Value out;
  out.kind_ = Kind::object;
  out.bits_.data = object.get();
  out.heap_ = std::move(object);
  return out;
}

Value Value::of(const Json& doc, const Type* type) {
  if (type && (type->kind == TypeKind::dyn || type->kind == TypeKind::error)) type = nullptr;
  if (doc.is_null()) {
    if (type && !type->nullable && wrong_kind(doc, *type)) return error("invalid data, got null for a type without it");
    return {};
  }
  if (type && wrong_kind(doc, *type)) {
    return error("invalid data, expected " + type->text() + ", got " + std::string(doc.type_name()));
  }
  if (doc.is_bool()) return boolean(doc.boolean());
  if (doc.is_number()) return of_number(doc, type);
  if (doc.is_string()) return type ? of_string(doc, *type) : view(doc.string());
  Value out;
  out.kind_ = doc.is_array() ? Kind::list : Kind::map;
  out.json_ = true;
  out.bits_.data = &doc;
  out.type_ = type;
  return out;
}

Value Value::keep(Json doc, const Type* type) {
  auto held = std::make_shared<const Json>(std::move(doc));
  Value out = of(*held, type);
  if (!out.heap_) out.heap_ = std::move(held);
  return out;
}

size_t Value::size() const {
  switch (kind_) {
    case Kind::string: {
      size_t count = 0;
      for (const char c : text()) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
      return count;
    }
    case Kind::bytes:
      return text().size();
    case Kind::list:
      return json_ ? document()->size() : static_cast<const Items*>(bits_.data)->size();
    case Kind::map:
      return json_ ? document()->size() : static_cast<const Entries*>(bits_.data)->size();
    default:
      return 0;
  }
}

Value Value::at(size_t index) const {
  if (!json_) return (*static_cast<const Items*>(bits_.data))[index];
  Value out =
      of(document()->items()[index], type_ && !type_->parameters.empty() ? type_->parameters[0].get() : nullptr);
  if (!out.heap_) out.heap_ = heap_;
  return out;
}

std::optional<Value> Value::find(const Value& key) const {
  if (kind_ == Kind::object) return key.is(Kind::string) ? object().get(key.text()) : std::nullopt;
  if (kind_ != Kind::map) return std::nullopt;
  if (json_) return key.is(Kind::string) ? field(key.text()) : std::nullopt;
  const auto& entries = *static_cast<const Entries*>(bits_.data);
  const auto at = std::lower_bound(entries.begin(), entries.end(), key, [](const Entry& entry, const Value& wanted) {
    return order_of_keys(entry.first, wanted) < 0;
  });
  if (at == entries.end() || !equal(at->first, key)) return std::nullopt;
  return at->second;
}

std::optional<Value> Value::field(std::string_view name) const {
  if (kind_ == Kind::object) return object().get(name);
  if (kind_ != Kind::map) return std::nullopt;
  if (!json_) return find(string(std::string(name)));
  const Type* type = nullptr;
  const Json* member = nullptr;
  if (type_ && type_->kind == TypeKind::object) {
    const Field* known = type_->find(name);
    if (!known) return std::nullopt;
    type = known->type.get();
    member = document()->find(known->json_name);
  } else {
    if (type_ && type_->parameters.size() == 2) type = type_->parameters[1].get();
    member = document()->find(name);
  }
  if (!member) return std::nullopt;
  Value out = of(*member, type);
  if (!out.heap_) out.heap_ = heap_;
  return out;
}

Value::Items Value::keys() const {
  Items out;
  if (kind_ != Kind::map) return out;
  if (!json_) {
    for (const auto& entry : *static_cast<const Entries*>(bits_.data)) out.push_back(entry.first);
    return out;
  }
  const bool known_only = type_ && type_->kind == TypeKind::object;
  if (known_only) {
    for (const auto& field : type_->fields) {
      if (document()->has(field.json_name)) out.push_back(view(field.name));
    }
    return out;
  }
  for (const auto& [name, member] : document()->members()) {
    out.push_back(view(name));
    out.back().heap_ = heap_;
  }
  return out;
}

// Made without const in list() and map(), and nobody else sees it: changing it is fine.
Value::Items* Value::own_items() {
  if (kind_ != Kind::list || json_ || heap_.use_count() != 1) return nullptr;
  return static_cast<Items*>(const_cast<void*>(bits_.data));
}

Value::Entries* Value::own_entries() {
  if (kind_ != Kind::map || json_ || heap_.use_count() != 1) return nullptr;
  return static_cast<Entries*>(const_cast<void*>(bits_.data));
}

bool Value::insert(Entries& into, Value key, Value value) {
  const auto at = std::lower_bound(into.begin(), into.end(), key, [](const Entry& entry, const Value& wanted) {
    return order_of_keys(entry.first, wanted) < 0;
  });
  if (at != into.end() && order_of_keys(at->first, key) == 0) return false;
  into.insert(at, {std::move(key), std::move(value)});
  return true;
}

std::string Value::type_name() const {
  switch (kind_) {
    case Kind::null:
      return "null_type";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::unsigned_integer:
      return "uint";
    case Kind::real:
      return "double";
    case Kind::string:
      return "string";
    case Kind::bytes:
      return "bytes";
    case Kind::timestamp:
      return "google.protobuf.Timestamp";
    case Kind::duration:
      return "google.protobuf.Duration";
    case Kind::list:
      return "list";
    case Kind::map:
      return "map";
    case Kind::type:
      return "type";
    case Kind::optional:
      return "optional_type";
    case Kind::object:
      return std::string(object().type_name());
    case Kind::error:
      return "error";
  }
  return "error";
}

Result<Json> Value::json() const {
  switch (kind_) {
    case Kind::null:
      return Json();
    case Kind::boolean:
      return Json(boolean());
    case Kind::integer:
      return Json(integer());
    case Kind::unsigned_integer:
      return Json(unsigned_integer());
    case Kind::real:
      return Json(real());
    case Kind::string:
      return Json(text());
    case Kind::bytes:
      return Json(base::base64(text()));
    case Kind::timestamp:
      return Json(timestamp_text({seconds(), nanoseconds()}));
    case Kind::duration:
      return Json(duration_text(duration()));
    case Kind::optional:
      return has_value() ? inner().json() : Json();
    case Kind::list: {
      if (json_) return *document();
      Json out = Json::array();
      for (const auto& item : *static_cast<const Items*>(bits_.data)) out.push(TRY(item.json()));
      return out;
    }
    case Kind::map: {
      if (json_) return *document();
      Json out = Json::object();
      for (const auto& [key, value] : *static_cast<const Entries*>(bits_.data)) {
        if (!key.is(Kind::string)) return base::invalid("a map with keys of type " + key.type_name() + " has no JSON");
        out.set(key.text(), TRY(value.json()));
      }
      return out;
    }
    default:
      return base::invalid("a value of type " + type_name() + " has no JSON");
  }
}

bool equal(const Value& a, const Value& b) {
  using Kind = Value::Kind;
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::null:
      return true;
    case Kind::boolean:
      return a.boolean() == b.boolean();
    case Kind::string:
    case Kind::bytes:
    case Kind::type:
      return a.text() == b.text();
    case Kind::timestamp:
      return a.seconds() == b.seconds() && a.nanoseconds() == b.nanoseconds();
    case Kind::duration:
      return a.duration() == b.duration();
    case Kind::list:
      return order_of(a) != Type::Order::list ? equal_unordered(a, b) : equal_lists(a, b);
    case Kind::map:
      return equal_maps(a, b);
    case Kind::optional:
      return a.has_value() == b.has_value() && (!a.has_value() || equal(a.inner(), b.inner()));
    case Kind::object:
      return a.object().type_name() == b.object().type_name() && a.object().equals(b.object());
    default:
      return false;
  }
}

std::optional<int> compare(const Value& a, const Value& b) {
  using Kind = Value::Kind;
  if (a.is_number() && b.is_number()) return compare_numbers(a, b);
  if (a.kind() != b.kind()) return std::nullopt;
  switch (a.kind()) {
    case Kind::boolean:
      return sign_of(a.boolean() < b.boolean(), a.boolean() > b.boolean());
    case Kind::string:
    case Kind::bytes: {
      const int order = a.text().compare(b.text());
      return sign_of(order<0, order> 0);
    }
    case Kind::timestamp:
      if (a.seconds() != b.seconds()) return sign_of(a.seconds() < b.seconds(), true);
      return sign_of(a.nanoseconds() < b.nanoseconds(), a.nanoseconds() > b.nanoseconds());
    case Kind::duration:
      return sign_of(a.duration() < b.duration(), a.duration() > b.duration());
    default:
      return std::nullopt;
  }
}

}  // namespace cel

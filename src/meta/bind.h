// Binding C++ structs to the fields of a schema: a runtime table of (name, offset, operations), one line per field that
// reconcilers use. Fields without a line stay in the stored document untouched, because writes travel as the difference
// between two encodings (see runtime/context.h). Tests check every binding against the schema (meta/bind_check.h).
//
//   const meta::Fields& MachineSpec::fields() {
//     static const auto table = meta::bind<MachineSpec>()
//         .field("clusterName", &MachineSpec::cluster_name)
//         .field("version", &MachineSpec::version);
//     return table;
//   }
//
// Member types: bool, int32_t, int64_t, double, std::string, base::Time (RFC 3339), base::Json (anything), structs with
// a static fields(), and std::optional, std::vector, std::map<std::string, T> of those. Empty strings, lists and maps,
// false, 0 and structs without set fields are left out of the JSON; use std::optional where absent differs from zero.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json.h"
#include "base/time.h"

namespace meta {

using base::Json;
using base::Result;

struct Fields;

// What can be done with a member of some type. `element` and `fields` let checks and docs walk the shape.
struct MemberOps {
  enum class Shape : unsigned char { boolean, integer, number, string, time, any, structure, list, map };
  Shape shape;
  bool optional = false;
  Json (*encode)(const void* member);                       // null: leave out
  Result<void> (*decode)(const Json& value, void* member);  // value is never null
  const MemberOps* (*element)() = nullptr;                  // of list and map
  const Fields& (*fields)() = nullptr;                      // of structure
};

struct BoundField {
  std::string_view name;
  size_t offset;
  const MemberOps* ops;
  bool always = false;  // an empty value is written as "", 0, false, [] or {} instead of being left out
};
// Third argument of field() for members that the schema requires even when empty.
constexpr bool always = true;

struct Fields {
  std::vector<BoundField> all;
  Json encode(const void* object) const;                     // always an object, maybe empty
  Result<void> decode(const Json& doc, void* object) const;  // errors name the field
};

namespace detail {
template <class T>
concept Structure = requires {
  { T::fields() } -> std::convertible_to<const Fields&>;
};

Json encode_time(const base::Time& time);
Result<base::Time> decode_time(const Json& value);
base::Error wrong_type(std::string_view wanted, const Json& value);

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsMap : std::false_type {};
template <class T>
struct IsMap<std::map<std::string, T>> : std::true_type {};

template <class T>
const MemberOps* ops_of();

template <class T>
Json encode_member(const void* member) {
  const T& value = *static_cast<const T*>(member);
  if constexpr (std::is_same_v<T, Json>) {
    return value;
  } else if constexpr (IsOptional<T>::value) {
    using Inner = typename T::value_type;
    if (!value) return nullptr;
    if constexpr (std::is_same_v<Inner, bool> || std::is_arithmetic_v<Inner> || std::is_same_v<Inner, std::string>) {
      return Json(*value);  // an explicit zero is kept
    } else if constexpr (Structure<Inner>) {
      return Inner::fields().encode(&*value);
    } else {
      return ops_of<Inner>()->encode(&*value);
    }
  } else if constexpr (IsVector<T>::value) {
    if (value.empty()) return nullptr;
    Json::Array items;
    for (const auto& item : value) {
      using Inner = typename T::value_type;
      if constexpr (Structure<Inner>) {
        items.push_back(Inner::fields().encode(&item));
      } else if constexpr (std::is_arithmetic_v<Inner> || std::is_same_v<Inner, std::string>) {
        items.push_back(Json(item));
      } else {
        items.push_back(ops_of<Inner>()->encode(&item));
      }
    }
    return items;
  } else if constexpr (IsMap<T>::value) {
    if (value.empty()) return nullptr;
    Json out = Json::object();
    for (const auto& [key, item] : value) {
      using Inner = typename T::mapped_type;
      if constexpr (std::is_arithmetic_v<Inner> || std::is_same_v<Inner, std::string>) {
        out.set(key, Json(item));
      } else {
        out.set(key, ops_of<Inner>()->encode(&item));
      }
    }
    return out;
  } else if constexpr (Structure<T>) {
    Json out = T::fields().encode(&value);
    return out.empty() ? Json() : out;
  } else if constexpr (std::is_same_v<T, base::Time>) {
    return value == base::Time() ? Json() : encode_time(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value.empty() ? Json() : Json(value);
  } else {
    return value == T{} ? Json() : Json(value);
  }
}

template <class T>
Result<void> decode_member(const Json& value, void* member) {
  T& out = *static_cast<T*>(member);
  if constexpr (std::is_same_v<T, Json>) {
    out = value;
  } else if constexpr (IsOptional<T>::value) {
    out.emplace();
    return ops_of<typename T::value_type>()->decode(value, &*out);
  } else if constexpr (IsVector<T>::value) {
    if (!value.is_array()) return wrong_type("array", value);
    out.clear();
    for (const auto& item : value.items()) {
      out.emplace_back();
      if (item.is_null()) continue;
      TRY(ops_of<typename T::value_type>()->decode(item, &out.back()));
    }
  } else if constexpr (IsMap<T>::value) {
    if (!value.is_object()) return wrong_type("object", value);
    out.clear();
    for (const auto& [key, item] : value.members()) {
      auto& slot = out[key];
      if (item.is_null()) continue;
      TRY(ops_of<typename T::mapped_type>()->decode(item, &slot));
    }
  } else if constexpr (Structure<T>) {
    return T::fields().decode(value, &out);
  } else if constexpr (std::is_same_v<T, base::Time>) {
    out = TRY(decode_time(value));
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) return wrong_type("string", value);
    out = value.string();
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_bool()) return wrong_type("boolean", value);
    out = value.boolean();
  } else if constexpr (std::is_same_v<T, double>) {
    if (!value.is_number()) return wrong_type("number", value);
    out = value.number();
  } else {
    if (!value.is_number()) return wrong_type("integer", value);
    out = static_cast<T>(value.integer());
  }
  return {};
}

template <class T>
constexpr MemberOps::Shape shape_of() {
  using Shape = MemberOps::Shape;
  if constexpr (std::is_same_v<T, Json>)
    return Shape::any;
  else if constexpr (IsOptional<T>::value)
    return shape_of<typename T::value_type>();
  else if constexpr (IsVector<T>::value)
    return Shape::list;
  else if constexpr (IsMap<T>::value)
    return Shape::map;
  else if constexpr (Structure<T>)
    return Shape::structure;
  else if constexpr (std::is_same_v<T, base::Time>)
    return Shape::time;
  else if constexpr (std::is_same_v<T, std::string>)
    return Shape::string;
  else if constexpr (std::is_same_v<T, bool>)
    return Shape::boolean;
  else if constexpr (std::is_floating_point_v<T>)
    return Shape::number;
  else
    return Shape::integer;
}

template <class T>
const MemberOps* ops_of() {
  static const MemberOps ops = [] {
    MemberOps made{.shape = shape_of<T>(), .encode = &encode_member<T>, .decode = &decode_member<T>};
    if constexpr (IsOptional<T>::value) {
      made.optional = true;
      made.element = ops_of<typename T::value_type>()->element;
      made.fields = ops_of<typename T::value_type>()->fields;
    } else if constexpr (IsVector<T>::value) {
      made.element = &ops_of<typename T::value_type>;
    } else if constexpr (IsMap<T>::value) {
      made.element = &ops_of<typename T::mapped_type>;
    } else if constexpr (Structure<T>) {
      made.fields = &T::fields;
    }
    return made;
  }();
  return &ops;
}
}  // namespace detail

template <class S>
struct Bind : Fields {
  template <class B, class M>  // B is S or a base of it
  Bind& field(std::string_view name, M B::*member, bool even_empty = false) & {
    static const S sample{};
    const auto offset = reinterpret_cast<const char*>(&(sample.*member)) - reinterpret_cast<const char*>(&sample);
    all.push_back({name, static_cast<size_t>(offset), detail::ops_of<M>(), even_empty});
    return *this;
  }
  template <class B, class M>
  Bind&& field(std::string_view name, M B::*member, bool even_empty = false) && {
    field(name, member, even_empty);
    return std::move(*this);
  }
};
template <class S>
Bind<S> bind() {
  return {};
}

template <class T>
Json encode(const T& object) {
  return T::fields().encode(&object);
}
template <class T>
Result<T> decode(const Json& doc) {
  T out{};
  TRY(T::fields().decode(doc, &out));
  return out;
}

}  // namespace meta

// How stored objects of users' kinds are brought into a version: what is behind Version::from_storage of the kinds that
// CustomResourceDefinitions make, for those who need to know more than the result.
#pragma once

#include "meta/kind.h"

namespace meta {

// Converts whole objects, in whichever version each is, to an apiVersion; as many as were given, in their order. Parks.
using Converter = std::function<Result<std::vector<Json>>(const std::vector<Json>& objects, const std::string& wanted)>;

struct UserForm {
  std::string api_version;
  SchemaRef schema;
  // A conversion webhook; stored objects may still be in another version than the storage version. Null: nothing but
  // apiVersion differs.
  Converter convert;
  // Objects of a later revision were brought into form by the present schema; older ones are when they are read.
  uint64_t normal_since = 0;

  // Converted, without what the version does not know, with its defaults.
  Result<Json> operator()(Json doc) const;
};

// Null for kinds that ship.
inline const UserForm* user_form(const Version& version) { return version.from_storage.target<UserForm>(); }
inline const UserForm* user_form(const Kind& kind) { return user_form(kind.storage()); }
// The webhook of a kind; null when it has none.
inline const Converter* converter_of(const Kind& kind) {
  const auto* form = user_form(kind);
  return form && form->convert ? &form->convert : nullptr;
}

}  // namespace meta

// Core kinds as reconcilers use them.
#pragma once

#include "api/objects.h"

namespace api {

// `data` is base64 in the document and here; value() decodes.
struct Secret {
  static constexpr std::string_view resource = "secrets";
  ObjectMeta meta;
  std::string type;
  std::map<std::string, std::string> data;
  static const meta::Fields& fields();

  // The decoded value; nullopt when the key is absent or not base64.
  std::optional<std::string> value(std::string_view key) const;
  void set(std::string_view key, std::string_view plain);
};
struct ConfigMap {
  static constexpr std::string_view resource = "configmaps";
  ObjectMeta meta;
  std::map<std::string, std::string> data;
  static const meta::Fields& fields();
};

}  // namespace api

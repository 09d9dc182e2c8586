#include "api/core.h"

#include "base/text.h"

namespace api {

const meta::Fields& Secret::fields() {
  static const auto table =
      meta::bind<Secret>().field("metadata", &Secret::meta).field("type", &Secret::type).field("data", &Secret::data);
  return table;
}

std::optional<std::string> Secret::value(std::string_view key) const {
  const auto found = data.find(std::string(key));
  return found == data.end() ? std::nullopt : base::unbase64(found->second);
}

void Secret::set(std::string_view key, std::string_view plain) { data[std::string(key)] = base::base64(plain); }

const meta::Fields& ConfigMap::fields() {
  static const auto table = meta::bind<ConfigMap>().field("metadata", &ConfigMap::meta).field("data", &ConfigMap::data);
  return table;
}

}  // namespace api

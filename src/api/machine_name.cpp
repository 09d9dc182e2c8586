#include "api/machine_name.h"

#include "base/text.h"

namespace api {
namespace {

constexpr size_t name_bytes_max = 63;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_dns_name(std::string_view text) {
  if (text.empty() || !is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  for (const char c : text) {
    if (!is_alphanumeric(c) && c != '-' && c != '.') return false;
  }
  return true;
}

}  // namespace

base::Result<std::string> machine_name(std::string_view pattern, const NameParts& parts) {
  std::string name;
  bool random = false;
  std::string_view rest = pattern;
  for (size_t at = rest.find("{{"); at != std::string_view::npos; at = rest.find("{{")) {
    const size_t end = rest.find("}}", at);
    if (end == std::string_view::npos) return base::invalid("{{ is not closed by }}");
    const auto field = base::trim(rest.substr(at + 2, end - at - 2));
    name += rest.substr(0, at);
    rest.remove_prefix(end + 2);
    if (field == ".random") {
      name += parts.random;
      random = true;
    } else if (field == ".cluster.name") {
      name += parts.cluster;
    } else if (field == "." + parts.owner_kind + ".name") {
      name += parts.owner;
    } else {
      return base::invalid("unknown field {{ " + std::string(field) + " }}; there are .cluster.name, ." +
                           parts.owner_kind + ".name and .random");
    }
  }
  name += rest;
  if (!random) return base::invalid("must contain {{ .random }}, or all machines would have the same name");
  if (name.size() > name_bytes_max) name = name.substr(0, name_bytes_max - parts.random.size()) + parts.random;
  if (!is_dns_name(name)) return base::invalid("makes names such as " + base::quoted(name) + ", which is no DNS name");
  return name;
}

}  // namespace api

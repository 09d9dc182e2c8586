#include "server/token_lists.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/hash.h"

namespace server {
namespace {

using base::Json;
using base::Result;

constexpr size_t bootstrap_id_size = 6, bootstrap_secret_size = 16;
constexpr std::string_view bootstrappers = "system:bootstrappers";

// The fields of one line; a quote inside quotes is doubled.
Result<std::vector<std::string>> fields_of(std::string_view line) {
  std::vector<std::string> out(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      out.back() += line[++i];
    } else if (c == '"' && (quoted || base::trim(out.back()).empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  if (quoted) return base::invalid("a quote is not closed");
  return out;
}

bool only(std::string_view text, size_t size, std::string_view more = {}) {
  return text.size() == size && std::all_of(text.begin(), text.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
         });
}

bool is_bootstrap_group(std::string_view group) {
  constexpr std::string_view prefix = "system:bootstrappers:";
  constexpr size_t rest_max = 256;
  if (!group.starts_with(prefix)) return false;
  const auto rest = group.substr(prefix.size());
  return !rest.empty() && rest.size() <= rest_max && only(rest, rest.size(), ":-") &&
         only(rest.substr(rest.size() - 1), 1);
}

}  // namespace

Result<StaticTokens> StaticTokens::parse(std::string_view csv) {
  StaticTokens out;
  size_t number = 0;
  for (std::string_view line : base::split(csv, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (base::trim(line).empty() || line.starts_with('#')) continue;
    const std::string where = "line " + std::to_string(number);
    const auto fields = TRY(fields_of(line).context(where));
    if (fields.size() < 3) return base::invalid(where + ": token, user and uid are needed");
    if (fields[0].empty() || fields[1].empty()) return base::invalid(where + ": token and user must not be empty");
    User user{fields[1], {}, fields[2], {}};
    if (fields.size() > 3) {
      for (const auto group : base::split(fields[3], ',')) {
        if (!base::trim(group).empty()) user.groups.emplace_back(base::trim(group));
      }
    }
    if (!out.users_.emplace(crypto::sha256(fields[0]), std::move(user)).second) {
      return base::invalid(where + ": the token is there twice");
    }
  }
  return out;
}

std::optional<User> StaticTokens::find(std::string_view token) const {
  const auto found = users_.find(crypto::sha256(token));
  return found == users_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<User> bootstrap_user(std::string_view token, const store::Store& store, base::Time now) {
  const size_t dot = token.find('.');
  if (dot != bootstrap_id_size || !only(token.substr(0, dot), bootstrap_id_size) ||
      !only(token.substr(dot + 1), bootstrap_secret_size)) {
    return std::nullopt;
  }
  const std::string id(token.substr(0, dot));
  const auto secret = store.get("secrets", "kube-system", "bootstrap-token-" + id);
  if (!secret || secret->doc()["type"].string() != "bootstrap.kubernetes.io/token") return std::nullopt;
  if (secret->doc()["metadata"].has("deletionTimestamp")) return std::nullopt;
  const auto value = [&](const char* key) { return base::unbase64(secret->doc()["data"][key].string()).value_or(""); };
  if (value("token-id") != id || !base::equal_constant_time(value("token-secret"), token.substr(dot + 1))) {
    return std::nullopt;
  }
  if (const auto text = value("expiration"); !text.empty()) {
    const auto expires = base::parse_rfc3339(text);
    if (!expires || *expires < now) return std::nullopt;
  }
  if (value("usage-bootstrap-authentication") != "true") return std::nullopt;
  User out{"system:bootstrap:" + id, {std::string(bootstrappers)}};
  const auto groups = value("auth-extra-groups");
  for (const auto group : base::split(groups, ',')) {
    if (groups.empty()) break;
    // A Secret that asks for more than it may is good for nothing.
    if (!is_bootstrap_group(group)) return std::nullopt;
    out.groups.emplace_back(group);
  }
  return out;
}

}  // namespace server

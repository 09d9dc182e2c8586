#include "server/authentication.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "crypto/x509.h"
#include "server/oidc.h"
#include "server/token_lists.h"

namespace server {
namespace {

constexpr size_t remembered_certificates_max = 1000;

void join_group(User& user, std::string_view group) {
  if (std::find(user.groups.begin(), user.groups.end(), group) == user.groups.end()) user.groups.emplace_back(group);
}

// The handshake accepts both authorities, so where there are two each is asked by itself.
bool chains_to(const Api& api, const std::string& pem, const std::string& roots) {
  return crypto::verify_certificate(pem, roots, {}, api.sys.loop.now()).ok();
}

Api::KnownCertificate inspect(const Api& api, const std::string& pem) {
  Api::KnownCertificate out;
  auto info = crypto::inspect_certificate(pem);
  if (!info) return out;
  const auto& proxies = api.options.authentication.request_header;
  if (!proxies.client_ca_pem.empty() && chains_to(api, pem, proxies.client_ca_pem)) {
    const auto& names = proxies.allowed_names;
    out.proxy = names.empty() || std::find(names.begin(), names.end(), info->common_name) != names.end();
  }
  const auto& peers = api.options.peers;
  out.peer = peers && chains_to(api, pem, peers->ca_pem);
  const auto& clients = api.options.tls.client_ca_pem;
  if ((proxies.client_ca_pem.empty() && !peers) || chains_to(api, pem, clients)) {
    out.user = {std::move(info->common_name), std::move(info->organizations)};
  }
  return out;
}

// Reading a certificate costs more than the rest of a small request, and connections show the same few.
const Api::KnownCertificate& look_up(Api& api, const std::string& pem) {
  if (const auto known = api.certificates.find(pem); known != api.certificates.end()) return known->second;
  if (api.certificates.size() >= remembered_certificates_max) api.certificates.clear();
  return api.certificates.emplace(pem, inspect(api, pem)).first->second;
}

std::string first_value(const net::Headers& headers, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (const auto& value = headers.get(name); !value.empty()) return value;
  }
  return {};
}

std::vector<std::string> all_values(const net::Headers& headers, const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const auto& name : names) {
    for (const auto& [given, value] : headers.all()) {
      if (base::equals_ignore_case(given, name)) out.push_back(value);
    }
  }
  return out;
}

void add_extra(User& user, const net::Headers& headers, const std::string& prefix) {
  const auto wanted = base::lower(prefix);
  for (const auto& [given, value] : headers.all()) {
    const auto name = base::lower(given);
    if (name.size() <= wanted.size() || !name.starts_with(wanted)) continue;
    user.extra[net::percent_decode(name.substr(wanted.size()))].push_back(value);
  }
}

// nullopt when the proxy names nobody: it may then have credentials of its own.
std::optional<User> spoken_for(const net::Headers& headers, const RequestHeaderOptions& options) {
  User out;
  out.name = first_value(headers, options.username_headers);
  if (out.name.empty()) return std::nullopt;
  out.uid = first_value(headers, options.uid_headers);
  out.groups = all_values(headers, options.group_headers);
  for (const auto& prefix : options.extra_header_prefixes) add_extra(out, headers, prefix);
  return out;
}

const RequestHeaderOptions& peer_headers() {
  static const RequestHeaderOptions options{.username_headers = {std::string(peer_user_header)},
                                            .uid_headers = {std::string(peer_uid_header)},
                                            .group_headers = {std::string(peer_group_header)},
                                            .extra_header_prefixes = {std::string(peer_extra_prefix)}};
  return options;
}

// "" without one.
std::string_view bearer_of(const net::Headers& headers) {
  const std::string_view header = headers.get("Authorization");
  constexpr std::string_view scheme = "bearer ";
  if (header.size() <= scheme.size() || !base::equals_ignore_case(header.substr(0, scheme.size()), scheme)) return {};
  return base::trim(header.substr(scheme.size()));
}

User nobody() { return {std::string(anonymous_user), {"system:unauthenticated"}}; }

}  // namespace

base::Result<User> authenticate(Api& api, const net::Exchange& exchange) {
  const auto& options = api.options.authentication;
  const auto& headers = exchange.request().headers;
  std::optional<User> user;
  bool refused = false;
  const sys::TlsPeer* peer = exchange.tls();
  if (peer && !peer->certificate_pem.empty()) {
    const auto& known = look_up(api, peer->certificate_pem);
    if (known.peer) user = spoken_for(headers, peer_headers());
    if (known.proxy) user = spoken_for(headers, options.request_header);
    if (!user && !known.user.name.empty()) user = known.user;
    refused = !user && !known.proxy;  // a peer has no business of its own
  }
  if (const auto token = bearer_of(headers); !user && !token.empty()) {
    if (auto known = user_of_token(api, token, {})) user = std::move(known->user);
    refused = refused || !user;
  }
  if (!user && !refused && options.anonymous) return nobody();
  if (!user) return base::Error{.code = base::Code::unauthenticated, .message = "Unauthorized"};
  // A proxy may speak for somebody it does not know itself.
  if (user->name != anonymous_user) join_group(*user, authenticated_group);
  return *std::move(user);
}

Json user_info(const User& user) {
  Json out = Json::object();
  if (!user.name.empty()) out.set("username", user.name);
  if (!user.uid.empty()) out.set("uid", user.uid);
  if (!user.groups.empty()) out.set("groups", Json::strings(user.groups));
  if (user.extra.empty()) return out;
  Json extra = Json::object();
  for (const auto& [key, values] : user.extra) extra.set(key, Json::strings(values));
  return out.set("extra", std::move(extra));
}

namespace {

// Tokens that are good for this server alone, whatever the audience.
std::optional<User> known_to_server(Api& api, std::string_view token) {
  const auto& options = api.options;
  if (options.tokens) {
    if (auto user = options.tokens(token)) return user;
  }
  if (api.static_tokens) {
    if (auto user = api.static_tokens->find(token)) return user;
  }
  if (options.authentication.bootstrap_tokens) {
    if (auto user = bootstrap_user(token, api.store(), api.registry.now())) return user;
  }
  for (const auto& provider : api.oidc) {
    if (!provider->concerns(token)) continue;
    auto user = provider->check(token);
    if (user) return std::move(*user);
    base::log::debug("a token was refused", {{"why", user.error().message}});
  }
  return std::nullopt;
}

}  // namespace

std::optional<ServiceTokens::Known> user_of_token(Api& api, std::string_view token,
                                                  std::vector<std::string> audiences) {
  const bool any = audiences.empty();
  if (any && api.tokens) audiences = api.tokens->default_audiences();
  // Upstream's authenticators of this kind accept only the server's own audience.
  const auto own = api.tokens ? api.tokens->default_audiences() : audiences;
  const bool for_server =
      std::find_first_of(audiences.begin(), audiences.end(), own.begin(), own.end()) != audiences.end();
  if (any || for_server) {
    if (auto user = known_to_server(api, token)) {
      join_group(*user, authenticated_group);
      return ServiceTokens::Known{*std::move(user), own};
    }
  }
  if (!api.tokens) return std::nullopt;
  auto known = api.tokens->check(token, audiences, api.registry.store(), api.registry.now());
  if (!known) return std::nullopt;
  join_group(known->user, authenticated_group);
  return *std::move(known);
}

}  // namespace server

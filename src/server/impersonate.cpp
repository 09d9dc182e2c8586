// Impersonate-User, -Group, -Uid and -Extra-KEY: kubectl --as, Flux.
#include <algorithm>

#include "base/text.h"
#include "server/auth.h"
#include "server/service_tokens.h"

namespace server {
namespace {

constexpr std::string_view extra_header = "impersonate-extra-";
constexpr std::string_view authentication_group = "authentication.k8s.io";

struct Wish {
  User user;
  bool any = false;
};

Wish wish_of(const net::Request& request) {
  Wish out;
  for (const auto& [name, value] : request.headers.all()) {
    const auto header = base::lower(name);
    if (!header.starts_with("impersonate-")) continue;
    if (header == "impersonate-user") {
      out.user.name = value;
    } else if (header == "impersonate-group") {
      out.user.groups.push_back(value);
    } else if (header == "impersonate-uid") {
      out.user.uid = value;
    } else if (header.starts_with(extra_header)) {
      out.user.extra[net::percent_decode(header.substr(extra_header.size()))].push_back(value);
    } else {
      continue;
    }
    out.any = true;
  }
  return out;
}

Attributes asks(std::string_view group, const std::string& resource, const std::string& name) {
  Attributes out;
  out.verb = "impersonate";
  out.group = group;
  out.resource = resource;
  out.name = name;
  return out;
}

// Everything that the user must be allowed to be.
std::vector<Attributes> needed(const User& wanted) {
  std::vector<Attributes> out;
  if (const auto account = service_account_of(wanted.name)) {
    out.push_back(asks({}, "serviceaccounts", account->name));
    out.back().ns = account->ns;
  } else {
    out.push_back(asks({}, "users", wanted.name));
  }
  for (const auto& group : wanted.groups) out.push_back(asks({}, "groups", group));
  if (!wanted.uid.empty()) out.push_back(asks(authentication_group, "uids", wanted.uid));
  for (const auto& [key, values] : wanted.extra) {
    for (const auto& value : values) {
      out.push_back(asks(authentication_group, "userextras", value));
      out.back().subresource = key;
    }
  }
  return out;
}

void complete(User& wanted) {
  auto& groups = wanted.groups;
  if (const auto account = service_account_of(wanted.name); account && groups.empty()) {
    groups = service_account_groups(account->ns);
  }
  const char* always = wanted.name == "system:anonymous" ? "system:unauthenticated" : "system:authenticated";
  if (std::find(groups.begin(), groups.end(), always) == groups.end()) groups.emplace_back(always);
}

// As Go prints ObjectReferences: {Kind Namespace Name UID APIVersion ResourceVersion FieldPath}.
std::string shown(const User& wanted) {
  std::vector<std::string> parts;
  for (const auto& group : wanted.groups) parts.push_back("{Group  " + group + "    }");
  for (const auto& [key, values] : wanted.extra) {
    for (const auto& value : values) {
      parts.push_back("{UserExtra  " + value + "  authentication.k8s.io/v1  " + key + "}");
    }
  }
  if (!wanted.uid.empty()) parts.push_back("{UID  " + wanted.uid + "  authentication.k8s.io/v1  }");
  return base::join(parts, " ");
}

}  // namespace

base::Result<User> impersonated(const Api& api, User user, const net::Request& request) {
  auto wish = wish_of(request);
  if (!wish.any) return user;
  if (wish.user.name.empty()) {
    return registry::bad_request("requested [" + shown(wish.user) + "] without impersonating a user");
  }
  for (const auto& asked : needed(wish.user)) TRY(require(api, user, asked));
  complete(wish.user);
  return std::move(wish.user);
}

}  // namespace server

#include "net/redirect.h"

#include "base/text.h"

namespace net {

using base::Code;
using base::Error;
using base::Result;

namespace {

constexpr const char* fix = "use the address behind the redirect, or correct the redirect on the server";

bool same_server(const Url& one, const Url& other) {
  return one.scheme == other.scheme && base::lower(one.host) == base::lower(other.host) && one.port == other.port;
}

// Addresses that mean something else here than for the server that named them.
bool is_local(const Url& url) {
  const std::string host = base::lower(url.host);
  for (const char* prefix : {"127.", "0.", "169.254.", "fe80:", "::ffff:"}) {
    if (host.starts_with(prefix) && host.find_first_not_of("0123456789abcdef.:%") == std::string::npos) return true;
  }
  return host == "localhost" || host.ends_with(".localhost") || host == "::1" || host == "::" || host == "0";
}

// RFC 3986 section 5.2.4.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  bool ends_open = false;  // with a slash
  for (const auto part : base::split(path.substr(1), '/')) {
    ends_open = part == "." || part == "..";
    if (part == ".." && !kept.empty()) kept.pop_back();
    if (!ends_open) kept.push_back(part);
  }
  std::string out;
  for (const auto part : kept) out.append("/").append(part);
  if (ends_open || out.empty()) out += "/";
  return out;
}

std::string origin_of(const Url& url) {
  Url root;
  root.scheme = url.scheme, root.host = url.host, root.port = url.port;
  root.path.clear();
  return root.text();
}

}  // namespace

Result<Url> resolve_reference(const Url& base, std::string_view reference) {
  reference = reference.substr(0, reference.find('#'));
  const size_t colon = reference.find(':');
  const bool has_scheme = colon != std::string_view::npos && colon < reference.find_first_of("/?");
  std::string whole;
  if (has_scheme) {
    whole = reference;
  } else if (reference.starts_with("//")) {
    whole = base.scheme + ":" + std::string(reference);
  } else {
    const size_t question = std::min(reference.find('?'), reference.size());
    const std::string_view path = reference.substr(0, question);
    whole = origin_of(base);
    if (path.starts_with("/")) {
      whole += without_dots(path);
    } else if (!path.empty()) {
      whole += without_dots(base.path.substr(0, base.path.rfind('/') + 1) + std::string(path));
    } else {
      whole += base.path;
    }
    whole += reference.substr(question);
    if (reference.empty() && !base.query.empty()) whole += "?" + base.query;
  }
  return Url::parse(whole);
}

void Redirects::address(Request& request) const {
  request.target = at_.target();
  request.headers.remove("Authorization");
  if (!first_.user_info.empty() && same_server(first_, at_)) {
    request.headers.set("Authorization", "Basic " + base::base64(percent_decode(first_.user_info)));
  }
}

Result<bool> Redirects::follow(const Response& answer) {
  const int status = answer.status;
  if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) return false;
  const auto refuse = [&](const std::string& why) {
    return Error{Code::invalid, "GET " + text() + " answered " + std::to_string(status) + ": " + why, base::Layer::none,
                 fix};
  };
  const std::string& location = answer.headers.get("Location");
  if (location.empty()) return refuse("a redirect without a Location");
  auto next = resolve_reference(at_, location);
  if (!next) return refuse("a redirect whose Location is no URL");
  if (next->scheme != "http" && next->scheme != "https") return refuse("a redirect to scheme " + next->scheme);
  if (at_.scheme == "https" && next->scheme != "https") return refuse("a redirect from https to http is not followed");
  if (is_local(*next) && base::lower(next->host) != base::lower(at_.host)) {
    return refuse("a redirect to a local address, " + next->host + ", is not followed");
  }
  if (++hops_ > redirects_max) return refuse("more than " + std::to_string(redirects_max) + " redirects");
  next->user_info.clear();  // nobody but the user gives us passwords
  at_ = std::move(*next);
  return true;
}

std::string Redirects::text() const {
  Url first = first_, at = at_;
  first.user_info.clear();
  std::string out = first.text();
  if (hops_ == 0) return out;
  if (!at.query.empty()) at.query = "...";
  return out + ", redirected to " + at.text();
}

}  // namespace net

#include "server/fixed_answers.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "server/errors.h"

namespace server {
namespace {

// If-None-Match compares weakly (RFC 9110 section 13.1.2): a W/ in front says nothing.
bool names_tag(std::string_view header, std::string_view tag) {
  for (auto item : base::split(header, ',')) {
    item = base::trim(item);
    if (item.starts_with("W/")) item.remove_prefix(2);
    if (item == tag || item == "*") return true;
  }
  return false;
}

}  // namespace

std::string_view path_of(const net::Request& request) {
  std::string_view path = request.target;
  path = path.substr(0, path.find('?'));
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::string entity_tag(std::string_view body) { return '"' + base::hex(crypto::sha512(body)) + '"'; }

net::Response tagged(const net::Request& request, net::Response answer, const std::string& tag) {
  answer.headers.set("ETag", tag);
  answer.headers.set("Vary", "Accept");
  if (!answer.headers.has("Cache-Control")) answer.headers.set("Cache-Control", "public, no-cache");
  if (names_tag(request.headers.get("If-None-Match"), tag)) {
    answer.status = 304;
    answer.body.clear();
  }
  return answer;
}

net::Response no_such_path() { return failure(404, "NotFound", "the server could not find the requested resource"); }

net::Response method_not_allowed() {
  net::Response answer =
      failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
  answer.headers.set("Allow", "GET, HEAD");
  return answer;
}

}  // namespace server

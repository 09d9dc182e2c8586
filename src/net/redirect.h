// Follows redirects of a download (RFC 9110 section 15.4: 301, 302, 303, 307 and 308; a GET stays one): at most five,
// to http or https only and never from https to http. What proves who we are stays with the server it was meant for. An
// answer may not send us to an address of this machine's own or of its link, which other servers have no business with.
#pragma once

#include <string>

#include "net/http.h"

namespace net {

constexpr int redirects_max = 5;

class Redirects {
 public:
  explicit Redirects(Url first) : first_(std::move(first)), at_(first_) {}

  const Url& at() const { return at_; }
  // Sets the target, and Authorization (Basic, RFC 7617) when the URL has a user and this is the server it names.
  void address(Request& request) const;
  // True: the answer sends on, and at() is where. Errors: invalid (no or a bad Location, a forbidden one, too many).
  base::Result<bool> follow(const Response& answer);
  // For messages: "http://a/x" or "http://a/x, redirected to https://b/y?...". Without passwords; what stands behind a
  // question mark is often a key to the file, so it is not said of a place that only the server knew.
  std::string text() const;

 private:
  Url first_, at_;
  int hops_ = 0;
};

// The URL that `reference` means on a page of `base` (RFC 3986 section 5.2). Errors: invalid.
base::Result<Url> resolve_reference(const Url& base, std::string_view reference);

}  // namespace net

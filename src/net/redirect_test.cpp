#include "net/redirect.h"

#include <doctest/doctest.h>

using base::Code;
using net::Redirects;
using net::Url;

namespace {

net::Response answer(int status, const std::string& location) {
  net::Response out;
  out.status = status;
  if (!location.empty()) out.headers.set("Location", location);
  return out;
}

std::string after(const std::string& from, const std::string& location) {
  const auto url = net::resolve_reference(Url::parse(from).value(), location);
  return url ? url->text() : "error";
}

}  // namespace

TEST_CASE("a reference is resolved as on a page of its server") {
  const std::string page = "http://a/b/c/d;p?q";
  // The examples of RFC 3986 sections 5.4.1 and 5.4.2 that a download can meet.
  CHECK(after(page, "g") == "http://a/b/c/g");
  CHECK(after(page, "./g") == "http://a/b/c/g");
  CHECK(after(page, "g/") == "http://a/b/c/g/");
  CHECK(after(page, "/g") == "http://a/g");
  CHECK(after(page, "//g") == "http://g/");
  CHECK(after(page, "?y") == "http://a/b/c/d;p?y");
  CHECK(after(page, "g?y") == "http://a/b/c/g?y");
  CHECK(after(page, "g?y/./x") == "http://a/b/c/g?y/./x");
  CHECK(after(page, "") == "http://a/b/c/d;p?q");
  CHECK(after(page, ".") == "http://a/b/c/");
  CHECK(after(page, "..") == "http://a/b/");
  CHECK(after(page, "../g") == "http://a/b/g");
  CHECK(after(page, "../../../g") == "http://a/g");
  CHECK(after(page, "/./g") == "http://a/g");
  CHECK(after(page, "g;x=1/../y") == "http://a/b/c/y");
  CHECK(after(page, "https://h:1/z#part") == "https://h:1/z");
  CHECK(after("http://[fd00::1]:81/x", "y") == "http://[fd00::1]:81/y");
  CHECK(after(page, "http://") == "error");
  CHECK(after(page, "a b") == "error");
}

TEST_CASE("redirects are followed for these statuses only, and not for ever") {
  for (const int status : {301, 302, 303, 307, 308}) {
    Redirects way(Url::parse("http://a/x").value());
    REQUIRE(way.follow(answer(status, "/y")).value());
    CHECK(way.at().text() == "http://a/y");
  }
  for (const int status : {200, 206, 300, 304, 305, 404}) {
    Redirects way(Url::parse("http://a/x").value());
    CHECK_FALSE(way.follow(answer(status, "/y")).value());
  }
  Redirects way(Url::parse("http://a/x").value());
  for (int i = 0; i < net::redirects_max; ++i) REQUIRE(way.follow(answer(302, "/x")).value());
  const auto one_more = way.follow(answer(302, "/x"));
  REQUIRE_FALSE(one_more);
  CHECK(one_more.error().code == Code::invalid);
  CHECK(one_more.error().message.find("more than 5 redirects") != std::string::npos);
}

TEST_CASE("a redirect leads neither to plain http, nor to another scheme, nor to this machine") {
  const struct {
    const char *from, *to, *says;
  } cases[] = {
      {"https://a/x", "http://a/x", "from https to http"},
      {"https://a/x", "http://b/x", "from https to http"},
      {"http://a/x", "file:///etc/shadow", "no URL"},
      {"http://a/x", "ftp://b/x", "scheme ftp"},
      {"http://a/x", "", "without a Location"},
      {"http://a/x", "http://b:99999/", "no URL"},
      {"http://a/x", "http://127.0.0.1/x", "local address"},
      {"http://a/x", "http://localhost:6385/x", "local address"},
      {"http://a/x", "http://169.254.169.254/latest", "local address"},
      {"http://a/x", "http://[::1]/x", "local address"},
      {"http://a/x", "http://[fe80::1]/x", "local address"},
      {"http://a/x", "//0.0.0.0/x", "local address"},
      {"http://a/x", "http://[::ffff:127.0.0.1]/", "local address"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.to);
    Redirects way(Url::parse(one.from).value());
    const auto followed = way.follow(answer(302, one.to));
    REQUIRE_FALSE(followed);
    CHECK(followed.error().code == Code::invalid);
    CHECK_MESSAGE(followed.error().message.find(one.says) != std::string::npos, followed.error().message);
    CHECK(followed.error().message.find(one.from) != std::string::npos);
  }
  Redirects upwards(Url::parse("http://a/x").value());
  CHECK(upwards.follow(answer(301, "https://a/x")).value());
  Redirects here(Url::parse("http://127.0.0.1:8080/x").value());  // the user's own choice
  CHECK(here.follow(answer(301, "/y")).value());
}

TEST_CASE("a password stays with the server it is for, and in no message") {
  Redirects way(Url::parse("http://user:se%63ret@a/x").value());
  net::Request request;
  const auto sent = [&] {
    way.address(request);
    return request.headers.get("Authorization");
  };
  CHECK(sent() == "Basic dXNlcjpzZWNyZXQ=");
  REQUIRE(way.follow(answer(302, "/y")).value());
  CHECK(sent() == "Basic dXNlcjpzZWNyZXQ=");
  REQUIRE(way.follow(answer(302, "http://other:word@a:8080/z?key=abc")).value());  // another port, another server
  CHECK(sent().empty());
  CHECK(request.target == "/z?key=abc");
  CHECK(way.text() == "http://a/x, redirected to http://a:8080/z?...");
  REQUIRE(way.follow(answer(302, "https://a/z")).value());
  CHECK(sent().empty());
}

#include "cli/kubeconfig.h"

#include <doctest/doctest.h>

namespace {

TEST_CASE("a kubeconfig says by which proxy its server is reached; the first rule that matches counts") {
  const std::string text = "apiVersion: v1\nclusters:\n- cluster:\n    server: https://10.0.0.100:6443\n  name: a\n";
  const auto socks = cli::with_proxies(text, {"socks5://me:p%40ss@jump:1080=192.168.0.0/16,10.0.0.0/8"});
  REQUIRE(socks.ok());
  CHECK(socks->find("proxy-url: socks5://me:p%40ss@jump:1080\n") != std::string::npos);
  const auto direct = cli::with_proxies(text, {"direct=10.0.0.100", "http://jump:3128=*"});
  REQUIRE(direct.ok());
  CHECK(direct->find("proxy-url") == std::string::npos);
  const auto http = cli::with_proxies(text, {"socks5://x:1=172.16.0.0/12", "http://jump:3128=*"});
  REQUIRE(http.ok());
  CHECK(http->find("proxy-url: http://jump:3128\n") != std::string::npos);
  CHECK(*cli::with_proxies(text, {}) == text);
}

}  // namespace

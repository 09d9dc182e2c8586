#include "remote/access.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "sys/sim/sim.h"

namespace {

using remote::Access;

struct Files {
  sys::SimWorld world{1};
  sys::Sys& sys = world.process("10.0.0.1", "disk");
  void put(const std::string& path, const std::string& text) {
    REQUIRE(sys.disk.make_directories(path.substr(0, path.rfind('/'))).ok());
    REQUIRE(sys.disk.write(path, text).ok());
  }
  base::Result<Access> read(const std::string& text, const std::string& context = "") {
    return remote::parse_kubeconfig(sys.disk, text, "conf", context);
  }
  Access good(const std::string& text, const std::string& context = "") {
    auto out = read(text, context);
    REQUIRE_MESSAGE(out.ok(), out.error().text());
    return *out;
  }
  std::string refused(const std::string& text) {
    const auto out = read(text);
    REQUIRE(!out.ok());
    return out.error().text();
  }
};

std::string config(const std::string& cluster, const std::string& user) {
  return "current-context: c\ncontexts:\n- name: c\n  context: {cluster: k, user: u, namespace: here}\n"
         "- name: other\n  context: {cluster: k2, user: u}\n"
         "clusters:\n- name: k\n  cluster: {" +
         cluster + "}\n- name: k2\n  cluster: {server: 'http://10.9.9.9:8080'}\nusers:\n- name: u\n  user: {" + user +
         "}\n";
}

TEST_CASE("a kubeconfig's current context, with data inline and in files beside it") {
  Files files;
  files.put("conf/ca.pem", "CA");
  files.put("conf/token", "from-a-file\n");
  const auto access =
      files.good(config("server: 'https://api.example.com/k8s/one/', certificate-authority: ca.pem, "
                        "tls-server-name: kubernetes, proxy-url: 'socks5://me:secret@10.1.1.1:1080'",
                        "tokenFile: token, client-certificate-data: " + base::base64("CERT") +
                            ", client-key-data: " + base::base64("KEY")));
  CHECK(access.server.host == "api.example.com");
  CHECK(access.server.port == 443);
  CHECK(access.server.path == "/k8s/one/");
  CHECK(access.tls.ca_pem == "CA");
  CHECK(access.tls.server_name == "kubernetes");
  CHECK(access.tls.certificate_pem == "CERT");
  CHECK(access.tls.key_pem == "KEY");
  CHECK(access.token == "from-a-file");
  CHECK(access.ns == "here");
  REQUIRE(access.proxy);
  CHECK(access.proxy->kind == net::ProxyRule::Kind::socks5);
  CHECK(access.proxy->user == "me");
  CHECK(access.proxy->password == "secret");

  const auto other = files.good(config("server: 'https://x'", "token: t"), "other");
  CHECK(other.server.text() == "http://10.9.9.9:8080/");
  CHECK(other.token == "t");
  CHECK(other.ns == "default");
}

TEST_CASE("credentials that cannot be used are refused by name") {
  Files files;
  const std::string server = "server: 'https://x'";
  CHECK(files.refused(config(server, "exec: {command: aws}")).find("exec plugin") != std::string::npos);
  CHECK(files.refused(config(server, "as: root")).find("impersonates") != std::string::npos);
  CHECK(files.refused(config(server, "username: a, password: b")).find("password") != std::string::npos);
  CHECK(files.refused(config(server, "client-key-data: QQ==")).find("belong together") != std::string::npos);
  CHECK(files.refused(config(server, "tokenFile: nowhere")).find("tokenFile") != std::string::npos);
  CHECK(files.refused(config("server: 'ftp://x'", "token: t")).find("neither http nor https") != std::string::npos);
  CHECK(files.refused(config(server + ", proxy-url: 'https://p:1'", "token: t")).find("proxy-url") !=
        std::string::npos);
  CHECK(files.refused(config(server + ", insecure-skip-tls-verify: true, certificate-authority-data: QQ==", "token: t"))
            .find("contradict") != std::string::npos);
  CHECK(files.refused("current-context: c\n").find("contexts has no entry named \"c\"") != std::string::npos);
  CHECK(files.refused("{}").find("current-context") != std::string::npos);
  CHECK(files.refused("- 1\n").find("not one YAML object") != std::string::npos);
}

TEST_CASE("in a pod the ServiceAccount's files say it all") {
  Files files;
  remote::AccessSource source;
  CHECK(!remote::read_access(files.sys, source).ok());
  source.pod_host = "fd00::1";
  source.pod_port = "443";
  files.put(source.pod_directory + "/ca.crt", "CA");
  files.put(source.pod_directory + "/token", "tok\n");
  files.put(source.pod_directory + "/namespace", "ingot-system");
  const auto access = remote::read_access(files.sys, source);
  REQUIRE_MESSAGE(access.ok(), access.error().text());
  CHECK(access->server.host == "fd00::1");
  CHECK(access->token == "tok");
  CHECK(access->ns == "ingot-system");
  CHECK(access->tls.ca_pem == "CA");
}

}  // namespace

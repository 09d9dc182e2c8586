#include "api/bmc_address.h"

#include <doctest/doctest.h>

namespace {

api::BmcAddress good(std::string_view text) {
  auto parsed = api::parse_bmc_address(text);
  REQUIRE_MESSAGE(parsed.ok(), std::string(text));
  return *parsed;
}
std::string message(std::string_view text) {
  auto parsed = api::parse_bmc_address(text);
  REQUIRE_FALSE_MESSAGE(parsed.ok(), std::string(text));
  CHECK(parsed.error().code == base::Code::invalid);
  CHECK(parsed.error().layer == base::Layer::bmc);
  return parsed.error().message;
}

}  // namespace

TEST_CASE("BMC address: schemes decide protocol, transport and boot method") {
  using P = api::BmcProtocol;
  using B = api::BmcBootMethod;
  struct Row {
    std::string_view text;
    P protocol;
    B boot;
    bool tls;
    uint16_t port;
  };
  const Row rows[] = {
      {"ipmi://192.168.1.12", P::ipmi, B::ipxe, false, 623},
      {"libvirt://192.168.122.1:6233", P::ipmi, B::ipxe, false, 6233},
      {"redfish://b/redfish/v1/Systems/1", P::redfish, B::ipxe, true, 443},
      {"redfish+http://b/redfish/v1/Systems/1", P::redfish, B::ipxe, false, 80},
      {"redfish+https://b:8443/redfish/v1/Systems/1", P::redfish, B::ipxe, true, 8443},
      {"redfish-virtualmedia://b", P::redfish, B::virtual_media, true, 443},
      {"redfish-virtualmedia+http://b:8000", P::redfish, B::virtual_media, false, 8000},
      {"redfish-uefihttp://b", P::redfish, B::uefi_http, true, 443},
      {"ilo5-redfish://b", P::redfish, B::ipxe, true, 443},
      {"ilo5-virtualmedia://b", P::redfish, B::virtual_media, true, 443},
      {"idrac-redfish://b", P::redfish, B::ipxe, true, 443},
      {"idrac-virtualmedia+https://b", P::redfish, B::virtual_media, true, 443},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto address = good(row.text);
    CHECK(address.protocol == row.protocol);
    CHECK(address.boot == row.boot);
    CHECK(address.tls == row.tls);
    CHECK(address.port == row.port);
  }
}

TEST_CASE("BMC address: bare hosts are IPMI and a missing // is repaired") {
  CHECK(good("192.168.1.1").protocol == api::BmcProtocol::ipmi);
  CHECK(good("192.168.1.1:6230").port == 6230);
  CHECK(good("bmc7:623").host == "bmc7");
  CHECK(good("bmc7.example.com").host == "bmc7.example.com");
  CHECK(good("[fd00::12]:624").host == "fd00::12");
  CHECK(good("[fd00::12]:624").port == 624);
  CHECK(good("fd00::12").host == "fd00::12");
  CHECK(good("ipmi:192.168.1.1").host == "192.168.1.1");
  CHECK(good("ipmi:192.168.1.1:6234").port == 6234);
  CHECK(good("redfish:192.168.1.1/redfish/v1/Systems/2").system_path == "/redfish/v1/Systems/2");
}

TEST_CASE("BMC address: the System's path") {
  CHECK(good("redfish://b/redfish/v1/Systems/1/").system_path == "/redfish/v1/Systems/1");
  CHECK(good("redfish://b").system_path.empty());
  CHECK(good("redfish://b/").system_path.empty());
  CHECK(good("redfish://b/redfish/v1/").system_path.empty());
  CHECK(good("REDFISH://b").scheme == "redfish");
}

TEST_CASE("BMC address: IPMI privilege level") {
  CHECK(good("ipmi://b").privilege_level == "ADMINISTRATOR");
  CHECK(good("ipmi://b?privilegelevel=operator").privilege_level == "OPERATOR");
  CHECK(message("ipmi://b?privilegelevel=root").find("USER, OPERATOR or ADMINISTRATOR") != std::string::npos);
}

TEST_CASE("BMC address: endpoints") {
  CHECK(good("redfish://192.168.1.11/redfish/v1").endpoint() == "https://192.168.1.11");
  CHECK(good("redfish+http://h:8080/x").endpoint() == "http://h:8080");
  CHECK(good("ipmi://[fd00::1]").endpoint() == "ipmi://[fd00::1]");
}

TEST_CASE("BMC address: errors say what is wrong and what is supported") {
  CHECK(message("ilo4://b").find("unknown scheme \"ilo4\"; supported are ipmi, libvirt, redfish,") !=
        std::string::npos);
  CHECK(message("https://b").find("unknown scheme") != std::string::npos);
  CHECK(message("ipmi+https://b").find("unknown scheme") != std::string::npos);
  CHECK(message("redfish+ftp://b").find("unknown scheme") != std::string::npos);
  CHECK(message("foo:bar").find("unknown scheme") != std::string::npos);
  CHECK(message("").find("empty") != std::string::npos);
  CHECK(message("redfish://").find("no host") != std::string::npos);
  CHECK(message("redfish://b:0").find("port") != std::string::npos);
  CHECK(message("redfish://b:70000").find("port") != std::string::npos);
  CHECK(message("redfish://b_!d").find("not a host name") != std::string::npos);
  CHECK(message("redfish://[fd00::1").find("missing ]") != std::string::npos);
  CHECK(message("redfish://b #x").find("spaces") != std::string::npos);
  CHECK(message("redfish://admin:secret@b").find("secret") == std::string::npos);
}

#include "api/metal3.h"

#include <doctest/doctest.h>

using base::Json;

TEST_CASE("a host survives decoding and encoding") {
  const auto doc = base::parse_json(R"({
    "metadata": {"name": "h", "namespace": "n", "uid": "u"},
    "spec": {"online": true, "bootMACAddress": "52:54:00:12:01:01", "automatedCleaningMode": "metadata",
      "bmc": {"address": "ipmi://192.168.1.12", "credentialsName": "h-bmc", "disableCertificateVerification": true},
      "image": {"url": "https://i/x.qcow2", "checksum": "ab", "checksumType": "sha256", "format": "qcow2"},
      "rootDeviceHints": {"deviceName": "/dev/nvme0n1", "rotational": false}},
    "status": {"operationalStatus": "OK", "errorMessage": "", "errorCount": 0, "provisioningFailCount": 0,
      "provisioning": {"state": "available", "ID": "u"}, "poweredOn": false,
      "hardware": {"nics": [{"name": "eth0", "mac": "52:54:00:12:01:01", "pxe": true}], "ramMebibytes": 1024},
      "operationHistory": {"inspect": {"start": "2026-01-01T00:00:00Z"}}}})");
  REQUIRE(doc.ok());
  const auto host = meta::decode<api::BareMetalHost>(*doc);
  REQUIRE(host.ok());
  CHECK(host->spec.root_device_hints->rotational == false);
  CHECK(host->status.hardware->nics[0].pxe);
  CHECK(host->claimable());
  CHECK(meta::encode(*host) == *doc);
}

TEST_CASE("required status fields are written even when empty") {
  const Json status = meta::encode(api::BareMetalHostStatus{});
  for (const char* name : {"operationalStatus", "errorMessage", "errorCount", "provisioningFailCount", "poweredOn"}) {
    CHECK_MESSAGE(status.has(name), name);
  }
  CHECK(status["provisioning"].has("state"));
  CHECK(status["provisioning"].has("ID"));
}

TEST_CASE("a host in use, in error or going away is not claimable") {
  api::BareMetalHost host;
  host.status.provisioning.state = "ready";
  CHECK(host.claimable());
  host.status.error_message = "broken";
  CHECK_FALSE(host.claimable());
  host.status.error_message = "";
  host.spec.consumer_ref = api::ObjectReference{.api_version = {}, .kind = {}, .ns = {}, .name = "m", .uid = {}};
  CHECK_FALSE(host.claimable());
  host.spec.consumer_ref.reset();
  host.meta.deletion = base::Time(base::seconds(1));
  CHECK_FALSE(host.claimable());
}

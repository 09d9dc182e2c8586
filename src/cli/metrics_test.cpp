#include "cli/metrics.h"

#include <doctest/doctest.h>

TEST_CASE("metrics: every reason has a counter, hosts have those that are not zero") {
  cli::Counted counted;
  counted.reconciles = 7;
  counted.refused.tftp_path = 3;
  counted.by_host.push_back({"racks", "one", {}});
  counted.by_host.back().refused.replayed_token = 2;
  counted.bad_answers.ipmi_integrity = 4;
  const std::string text = cli::metrics_text(counted);
  CHECK(text.find("ingot_leader 0\n") != std::string::npos);
  CHECK(text.find("reason=\"lookup_mac\"} 0\n") != std::string::npos);
  CHECK(text.find("ingot_reconciles_total 7\n") != std::string::npos);
  CHECK(text.find("ingot_boot_refused_total{service=\"tftp\",reason=\"path\"} 3\n") != std::string::npos);
  CHECK(text.find("ingot_boot_refused_total{service=\"dhcp\",reason=\"unexpected\"} 0\n") != std::string::npos);
  CHECK(text.find("ingot_boot_host_refused_total{namespace=\"racks\",host=\"one\",service=\"agent\","
                  "reason=\"replayed_token\"} 2\n") != std::string::npos);
  CHECK(text.find("ingot_bmc_bad_answers_total{protocol=\"ipmi\",reason=\"integrity\"} 4\n") != std::string::npos);
  CHECK(text.find("ingot_bmc_bad_answers_total{protocol=\"redfish\",reason=\"json\"} 0\n") != std::string::npos);
  CHECK(text.find("host=\"one\",service=\"tftp\"") == std::string::npos);
}

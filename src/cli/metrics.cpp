#include "cli/metrics.h"

namespace cli {

namespace {

void describe(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += "# HELP " + std::string(name) + " " + std::string(help) + "\n";
  out += "# TYPE " + std::string(name) + " " + std::string(type) + "\n";
}

std::string labels(const metal::RefusalName& of) {
  return "service=\"" + std::string(of.service) + "\",reason=\"" + std::string(of.reason) + "\"";
}

// Names of Kubernetes objects need no escapes.
void host_lines(std::string& out, const metal::StartedEngine::RefusedOfHost& host) {
  for (const auto& name : metal::refusal_names()) {
    const uint64_t count = host.refused.*name.counter;
    if (count == 0) continue;
    out += "ingot_boot_host_refused_total{namespace=\"" + host.ns + "\",host=\"" + host.name + "\"," + labels(name) +
           "} " + std::to_string(count) + "\n";
  }
}

}  // namespace

std::string metrics_text(const Counted& counted) {
  std::string out;
  describe(out, "ingot_leader", "gauge", "1 where this process runs the controllers.");
  out += std::string("ingot_leader ") + (counted.leads ? "1" : "0") + "\n";
  describe(out, "ingot_reconciles_total", "counter", "Reconciles that ended, of all controllers.");
  out += "ingot_reconciles_total " + std::to_string(counted.reconciles) + "\n";
  describe(out, "ingot_boot_refused_total", "counter", "Requests of the boot network that were refused, by reason.");
  for (const auto& name : metal::refusal_names()) {
    out += "ingot_boot_refused_total{" + labels(name) + "} " + std::to_string(counted.refused.*name.counter) + "\n";
  }
  describe(out, "ingot_boot_host_refused_total", "counter",
           "The same of hosts that are booting the deploy agent or run it; begins anew with each boot.");
  for (const auto& host : counted.by_host) host_lines(out, host);
  describe(out, "ingot_bmc_bad_answers_total", "counter",
           "What came from BMCs, or in their name, and could be no answer, by reason.");
  for (const auto& name : metal::bad_answer_names()) {
    out += "ingot_bmc_bad_answers_total{protocol=\"" + std::string(name.protocol) + "\",reason=\"" +
           std::string(name.reason) + "\"} " + std::to_string(counted.bad_answers.*name.counter) + "\n";
  }
  return out;
}

}  // namespace cli

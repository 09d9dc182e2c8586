#include "metal/bmc/sol_settings.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"

namespace metal {
namespace {

namespace ipmi = wire::ipmi;
namespace command = wire::ipmi::command;
namespace completion = wire::ipmi::completion;
using ipmi::SolSettings;

struct Row {
  const char* name;
  uint8_t parameter;
  int least, most;
  int (*get)(const SolSettings&);
  void (*set)(SolSettings&, int);
};
constexpr std::array<Row, 6> rows = {{
    {"enabled", ipmi::sol_parameter::enable, 0, 1, [](const SolSettings& s) { return s.enabled ? 1 : 0; },
     [](SolSettings& s, int value) { s.enabled = value != 0; }},
    {"accumulate-ms", ipmi::sol_parameter::accumulate, 5, 1275, [](const SolSettings& s) { return s.accumulate * 5; },
     [](SolSettings& s, int value) { s.accumulate = uint8_t(value / 5); }},
    {"threshold", ipmi::sol_parameter::accumulate, 1, 255, [](const SolSettings& s) { return int(s.threshold); },
     [](SolSettings& s, int value) { s.threshold = uint8_t(value); }},
    {"retries", ipmi::sol_parameter::retry, 0, 7, [](const SolSettings& s) { return int(s.retries); },
     [](SolSettings& s, int value) { s.retries = uint8_t(value); }},
    {"retry-ms", ipmi::sol_parameter::retry, 10, 2550, [](const SolSettings& s) { return s.retry_interval * 10; },
     [](SolSettings& s, int value) { s.retry_interval = uint8_t(value / 10); }},
    {"bit-rate", ipmi::sol_parameter::bit_rate, 9600, 115200,
     [](const SolSettings& s) { return ipmi::bits_per_second(s.bit_rate); },
     [](SolSettings& s, int value) {
       for (uint8_t rate = 0x06; rate <= 0x0A; ++rate)
         if (ipmi::bits_per_second(rate) <= value) s.bit_rate = rate;
     }},
}};

std::optional<int> number_of(const std::string& text) {
  if (text == "true" || text == "false") return text == "true" ? 1 : 0;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string shown(const Row& row, const SolSettings& settings) {
  const int value = row.get(settings);
  if (row.parameter == ipmi::sol_parameter::enable) return value != 0 ? "true" : "false";
  return std::to_string(value);
}

}  // namespace

base::Result<SolSettings> read_sol(IpmiSession& session) {
  SolSettings settings;
  for (const uint8_t parameter : {ipmi::sol_parameter::enable, ipmi::sol_parameter::accumulate,
                                  ipmi::sol_parameter::retry, ipmi::sol_parameter::bit_rate}) {
    const auto answer = TRY(session.ask(command::get_sol, ipmi::get_sol_request(parameter)));
    if (answer.completion == completion::ok && answer.data.size() > 1)
      (void)ipmi::take_sol_value(settings, parameter, std::string_view(answer.data).substr(1));  // after the revision
  }
  return settings;
}

std::vector<std::pair<std::string, std::string>> sol_for_people(const SolSettings& settings) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& row : rows) out.emplace_back(row.name, shown(row, settings));
  return out;
}

base::Result<void> change_sol(IpmiSession& session, const std::string& name, const std::string& value) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& one) { return name == one.name; });
  if (row == rows.end()) {
    std::vector<std::string> names;
    for (const auto& one : rows) names.emplace_back(one.name);
    return base::invalid("Serial over LAN has no setting " + base::quoted(name))
        .with_fix("take one of " + base::join(names, ", "));
  }
  const auto number = number_of(value);
  auto settings = TRY(read_sol(session));
  if (number && *number >= row->least && *number <= row->most) row->set(settings, *number);
  // A value between those that can be set is none of them.
  if (!number || row->get(settings) != *number) {
    return base::invalid(name + " cannot be " + base::quoted(value))
        .with_fix("it goes from " + std::to_string(row->least) + " to " + std::to_string(row->most) +
                  " in the BMC's own steps");
  }
  TRY(session.data_of(command::set_sol,
                      ipmi::set_sol_request(row->parameter, ipmi::sol_value(settings, row->parameter))));
  return {};
}

}  // namespace metal

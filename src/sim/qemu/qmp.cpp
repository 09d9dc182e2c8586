#include "sim/qemu/qmp.h"

#include "base/log.h"

namespace sim {

using base::Json;
using base::Result;

namespace {
constexpr size_t line_bytes_max = 1u << 20;
constexpr base::Duration write_limit = base::seconds(10);
}  // namespace

Qmp::Qmp(sys::Loop& loop, sys::Stream& stream, std::function<void(const std::string&, const Json&)> on_event)
    : loop_(loop), stream_(stream), on_event_(std::move(on_event)) {}

Result<void> Qmp::run() {
  std::string buffer;
  for (;;) {
    const std::string more = TRY(stream_.read(64u << 10, sys::no_limit));
    if (more.empty()) return {};
    buffer += more;
    size_t from = 0;
    for (size_t end; (end = buffer.find('\n', from)) != std::string::npos; from = end + 1) {
      TRY(line(buffer.substr(from, end - from)));
    }
    buffer.erase(0, from);
    if (buffer.size() > line_bytes_max) return base::corrupt("QEMU sent a line that does not end");
  }
}

Result<void> Qmp::line(const std::string& text) {
  const Json message = TRY(base::parse_json(text).context("QMP"));
  if (message.has("QMP")) {
    TRY(stream_.write("{\"execute\":\"qmp_capabilities\"}\n", write_limit));
    ready_ = true;
    for (; !early_.empty(); early_.pop_front()) TRY(stream_.write(early_.front(), write_limit));
  } else if (message.has("event")) {
    on_event_(message["event"].string(), message["data"]);
  } else if (message.has("error")) {
    base::log::warn("QEMU refused a command", {{"error", message["error"]["desc"].string()}});
  }
  return {};
}

Result<void> Qmp::send(const std::string& command, Json arguments) {
  Json message = Json::object({{"execute", command}});
  if (!arguments.empty()) message.set("arguments", std::move(arguments));
  std::string text = message.dump() + "\n";
  if (ready_) return stream_.write(text, write_limit);
  early_.push_back(std::move(text));
  return {};
}

}  // namespace sim

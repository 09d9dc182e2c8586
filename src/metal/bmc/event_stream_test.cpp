// The event stream of a BMC, as it comes over the wire: in any pieces, with anything in it.
#include "metal/bmc/event_stream.h"

#include <doctest/doctest.h>

namespace metal {
namespace {

std::string text_of(const std::vector<BmcEvent>& events) {
  std::string out;
  for (const auto& one : events) out += (out.empty() ? "" : ", ") + one.message_id + "@" + one.origin;
  return out;
}

std::string taken(std::string_view stream, size_t piece) {
  EventStream reader;
  std::vector<BmcEvent> all;
  for (size_t at = 0; at < stream.size(); at += piece) {
    const auto some = reader.take(stream.substr(at, piece));
    all.insert(all.end(), some.begin(), some.end());
  }
  return text_of(all);
}

}  // namespace

TEST_CASE("event stream: messages in any pieces and with any line ends") {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const std::string stream =
        ": hello" + end + end + "id: 1" + end +
        R"(data: {"Events":[{"MessageId":"ResourceEvent.1.3.PowerStateChanged","OriginOfCondition":)" + end +
        R"(data: {"@odata.id":"/redfish/v1/Systems/1"}},{"MessageId":"Plain"}]})" + end + end + "event: other" + end +
        end + R"(data:{"Events":[{"OriginOfCondition":"/redfish/v1/Chassis/1"}]})" + end + end + "data: {unfinished";
    for (size_t piece = 1; piece < 40; ++piece)
      CHECK(taken(stream, piece) == "PowerStateChanged@/redfish/v1/Systems/1, Plain@, @/redfish/v1/Chassis/1");
  }
}

TEST_CASE("event stream: what is no Redfish event, or too much, is still a hint") {
  CHECK(taken("data: nonsense\n\n", 5) == "@");
  CHECK(taken("data\n\n", 5) == "@");
  CHECK(taken("\n\n\n: comment\n\n", 3).empty());
  CHECK(taken("data: " + std::string(EventStream::message_bytes_max + 10, 'x') + "\n\ndata: y\n\n", 4096) == "@, @");
  std::string lines;
  for (int i = 0; i < 300; ++i) lines += "data: " + std::string(4096, 'x') + "\n";
  CHECK(taken(lines + "\n", 4096) == "@");
  std::string many = R"({"Events":[)";
  for (int i = 0; i < 1000; ++i) many += (i > 0 ? "," : "") + std::string(R"({"MessageId":"A.1.0.B"})");
  CHECK(read_events(many + "]}").size() == 64);
}

}  // namespace metal

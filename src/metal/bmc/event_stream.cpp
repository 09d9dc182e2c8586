#include "metal/bmc/event_stream.h"

#include "base/json.h"

namespace metal {

namespace {

constexpr size_t events_max = 64;  // of one payload; more say nothing more
constexpr size_t text_bytes_max = 512;

std::string bounded(const std::string& text) { return text.size() > text_bytes_max ? std::string() : text; }

}  // namespace

std::vector<BmcEvent> read_events(std::string_view payload) {
  std::vector<BmcEvent> out;
  const auto document = base::parse_json(payload, {.bytes_max = EventStream::message_bytes_max});
  if (document) {
    for (const auto& event : (*document)["Events"].items()) {
      if (out.size() == events_max) break;
      const auto& id = event["MessageId"].string();
      // A link, or the path itself as services older than 2016 had it.
      const auto& origin = event["OriginOfCondition"];
      const auto& path = origin.is_string() ? origin.string() : origin["@odata.id"].string();
      out.push_back({bounded(id.substr(id.rfind('.') + 1)), bounded(path)});
    }
  }
  if (out.empty()) out.emplace_back();
  return out;
}

// Fields are lines "name: value"; an empty line ends a message, a colon in front makes a comment.
void EventStream::end_line(std::vector<BmcEvent>& out) {
  if (line_.empty()) {
    if (has_data_ || too_large_) {
      const auto events = read_events(too_large_ ? std::string_view() : std::string_view(data_));
      out.insert(out.end(), events.begin(), events.end());
    }
    data_.clear();
    has_data_ = too_large_ = false;
    return;
  }
  std::string_view line = line_;
  if (line == "data" || line.starts_with("data:")) {
    line.remove_prefix(line.size() > 4 ? 5 : 4);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (has_data_) data_ += '\n';
    has_data_ = true;
    if (data_.size() + line.size() > message_bytes_max) {
      too_large_ = true;
      data_.clear();
    } else if (!too_large_) {
      data_ += line;
    }
  }
  line_.clear();
}

std::vector<BmcEvent> EventStream::take(std::string_view piece) {
  std::vector<BmcEvent> out;
  for (const char c : piece) {
    const bool second_half = after_return_ && c == '\n';
    after_return_ = c == '\r';
    if (second_half) continue;
    if (c == '\n' || c == '\r') {
      end_line(out);
    } else if (line_.size() < message_bytes_max) {
      line_ += c;
    } else {
      too_large_ = true;
    }
  }
  return out;
}

}  // namespace metal

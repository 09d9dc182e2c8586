#include "base/log.h"

#include "base/json.h"

namespace base::log {

namespace {
Sink& sink() {
  static Sink current;
  return current;
}
Level least = Level::info;

void write(Level level, std::string_view message, std::initializer_list<Pair> pairs) {
  if (level >= least && sink()) sink()(level, message, pairs);
}
}  // namespace

void set_sink(Sink next) { sink() = std::move(next); }
void set_level(Level level) { least = level; }

void debug(std::string_view message, std::initializer_list<Pair> pairs) { write(Level::debug, message, pairs); }
void info(std::string_view message, std::initializer_list<Pair> pairs) { write(Level::info, message, pairs); }
void warn(std::string_view message, std::initializer_list<Pair> pairs) { write(Level::warn, message, pairs); }
void error(std::string_view message, std::initializer_list<Pair> pairs) { write(Level::error, message, pairs); }

std::string json_line(Level level, std::string_view message, std::initializer_list<Pair> pairs) {
  static constexpr const char* names[] = {"debug", "info", "warn", "error"};
  std::string out = "{\"level\":";
  append_quoted(out, names[static_cast<int>(level)]);
  out += ",\"msg\":";
  append_quoted(out, message);
  for (const auto& pair : pairs) {
    out += ',';
    append_quoted(out, pair.key);
    out += ':';
    append_quoted(out, pair.value);
  }
  return out + "}";
}

}  // namespace base::log

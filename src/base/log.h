// Structured log: a constant message and key/values, one JSON line each. The sink is the only global of the program.
// Secrets never go in: pass names, not values.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

namespace base::log {

enum class Level : unsigned char { debug, info, warn, error };

struct Pair {
  std::string_view key;
  std::string value;
  Pair(std::string_view k, std::string_view v) : key(k), value(v) {}
  Pair(std::string_view k, const std::string& v) : key(k), value(v) {}
  Pair(std::string_view k, const char* v) : key(k), value(v) {}
  Pair(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <class N>
  Pair(std::string_view k, N v) : key(k), value(std::to_string(v)) {}
};

using Sink = std::function<void(Level, std::string_view message, std::initializer_list<Pair>)>;
// Replaces where lines go; an empty sink drops them. The default drops them, so tests are quiet.
void set_sink(Sink sink);
void set_level(Level level);

void debug(std::string_view message, std::initializer_list<Pair> pairs = {});
void info(std::string_view message, std::initializer_list<Pair> pairs = {});
void warn(std::string_view message, std::initializer_list<Pair> pairs = {});
void error(std::string_view message, std::initializer_list<Pair> pairs = {});

// {"level":"info","msg":"...","key":"value"}: the line the standard sinks write (without time).
std::string json_line(Level level, std::string_view message, std::initializer_list<Pair> pairs);

}  // namespace base::log

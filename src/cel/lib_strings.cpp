// Functions on strings: CEL's own, the string extension (version 2), and regular expressions.
#include <re2/re2.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>

#include "base/text.h"
#include "cel/format_text.h"
#include "cel/functions.h"

namespace cel {
namespace {

using Kind = Value::Kind;

// Patterns come from expressions and, seldom, from documents: compiled once, up to a bound.
constexpr size_t patterns_max = 4096;

std::shared_ptr<const re2::RE2> compiled(const std::string& pattern) {
  static thread_local std::map<std::string, std::shared_ptr<const re2::RE2>> cache;
  if (const auto found = cache.find(pattern); found != cache.end()) return found->second;
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto made = std::make_shared<const re2::RE2>(pattern, options);
  if (cache.size() >= patterns_max) cache.clear();
  return cache.emplace(pattern, std::move(made)).first->second;
}

Value bad_pattern(const re2::RE2& pattern) { return Value::error("error parsing regexp: " + pattern.error()); }

// Byte offsets at which code points begin, and the end.
std::vector<size_t> starts_of(std::string_view text) {
  std::vector<size_t> out;
  out.reserve(text.size() + 1);
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) out.push_back(i);
  }
  out.push_back(text.size());
  return out;
}

int64_t code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

Value matches(Arguments args) { return matches_pattern(args[0].text(), args[1].text()); }
Value starts_with(Arguments args) { return Value::boolean(args[0].text().starts_with(args[1].text())); }
Value ends_with(Arguments args) { return Value::boolean(args[0].text().ends_with(args[1].text())); }
Value contains(Arguments args) { return Value::boolean(args[0].text().find(args[1].text()) != std::string::npos); }

Value index_error(int64_t index) { return Value::error("index out of range: " + std::to_string(index)); }

Value char_at(Arguments args) {
  const auto& text = args[0].text();
  const auto starts = starts_of(text);
  const int64_t index = args[1].integer(), size = static_cast<int64_t>(starts.size()) - 1;
  if (index < 0 || index > size) return index_error(index);
  if (index == size) return Value::string("");
  const auto at = static_cast<size_t>(index);
  return Value::string(text.substr(starts[at], starts[at + 1] - starts[at]));
}

Value first_index(Arguments args) {
  const auto& text = args[0].text();
  const auto& wanted = args[1].text();
  const auto starts = starts_of(text);
  const int64_t from = args.size() > 2 ? args[2].integer() : 0, size = static_cast<int64_t>(starts.size()) - 1;
  if (wanted.empty()) return Value::integer(from);
  if (from < 0) return index_error(from);
  if (from >= size) return Value::integer(-1);
  const size_t found = text.find(wanted, starts[static_cast<size_t>(from)]);
  if (found == std::string::npos) return Value::integer(-1);
  return Value::integer(code_points(std::string_view(text).substr(0, found)));
}

Value last_index(Arguments args) {
  const auto& text = args[0].text();
  const auto& wanted = args[1].text();
  const auto starts = starts_of(text);
  const int64_t size = static_cast<int64_t>(starts.size()) - 1;
  const int64_t from = args.size() > 2 ? args[2].integer() : size;
  if (wanted.empty()) return Value::integer(args.size() > 2 ? from : size);
  if (from < 0) return index_error(from);
  if (from > size || (args.size() > 2 && from == size)) return Value::integer(-1);
  const size_t found = text.rfind(wanted, starts[static_cast<size_t>(from)]);
  if (found == std::string::npos) return Value::integer(-1);
  return Value::integer(code_points(std::string_view(text).substr(0, found)));
}

Value substring(Arguments args) {
  const auto& text = args[0].text();
  const auto starts = starts_of(text);
  const int64_t size = static_cast<int64_t>(starts.size()) - 1, from = args[1].integer();
  const int64_t to = args.size() > 2 ? args[2].integer() : size;
  if (args.size() > 2 && from > to) {
    return Value::error("invalid substring range. start: " + std::to_string(from) + ", end: " + std::to_string(to));
  }
  if (from < 0 || from > size) return index_error(from);
  if (to < 0 || to > size) return index_error(to);
  const size_t first = starts[static_cast<size_t>(from)];
  return Value::string(text.substr(first, starts[static_cast<size_t>(to)] - first));
}

// Only ASCII letters change.
template <char First, char Last, char Shift>
Value shifted(Arguments args) {
  std::string text = args[0].text();
  for (char& c : text) {
    if (c >= First && c <= Last) c = static_cast<char>(c + Shift);
  }
  return Value::string(std::move(text));
}

bool is_space(uint32_t code) {
  return (code >= 9 && code <= 13) || code == 0x20 || code == 0x85 || code == 0xa0 || code == 0x1680 ||
         (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f ||
         code == 0x3000;
}

uint32_t code_point_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
  const uint32_t lead = byte(at);
  const size_t more = lead >= 0xf0 ? 3 : (lead >= 0xe0 ? 2 : (lead >= 0xc0 ? 1 : 0));
  if (more == 0 || at + more >= text.size() + (more == 0)) return lead;
  uint32_t code = lead & (0x3fu >> more);
  for (size_t i = 1; i <= more && at + i < text.size(); ++i) code = (code << 6) | (byte(at + i) & 0x3f);
  return code;
}

Value trim(Arguments args) {
  const auto& text = args[0].text();
  const auto starts = starts_of(text);
  size_t first = 0, last = starts.size() - 1;
  while (first < last && is_space(code_point_at(text, starts[first]))) ++first;
  while (last > first && is_space(code_point_at(text, starts[last - 1]))) --last;
  return Value::string(text.substr(starts[first], starts[last] - starts[first]));
}

Value replace(Arguments args) {
  const auto &text = args[0].text(), &from = args[1].text(), &to = args[2].text();
  int64_t left = args.size() > 3 ? args[3].integer() : -1;
  if (left < 0) left = std::numeric_limits<int64_t>::max();
  std::string out;
  if (from.empty()) {  // before every character and at the end
    const auto starts = starts_of(text);
    for (size_t i = 0; i < starts.size(); ++i) {
      if (left-- > 0) out += to;
      if (i + 1 < starts.size()) out += text.substr(starts[i], starts[i + 1] - starts[i]);
    }
    return Value::string(std::move(out));
  }
  size_t at = 0;
  for (; left > 0; --left) {
    const size_t found = text.find(from, at);
    if (found == std::string::npos) break;
    out += text.substr(at, found - at) + to;
    at = found + from.size();
  }
  return Value::string(out + text.substr(at));
}

Value split(Arguments args) {
  const auto &text = args[0].text(), &separator = args[1].text();
  int64_t left = args.size() > 2 ? args[2].integer() : -1;
  Value::Items items;
  if (left == 0) return Value::list(std::move(items));
  if (left < 0) left = std::numeric_limits<int64_t>::max();
  size_t at = 0;
  if (separator.empty()) {
    const auto starts = starts_of(text);
    for (size_t i = 0; i + 1 < starts.size(); ++i) {
      const size_t end = --left == 0 ? text.size() : starts[i + 1];
      items.push_back(Value::string(text.substr(starts[i], end - starts[i])));
      if (left == 0) break;
    }
    return Value::list(std::move(items));
  }
  while (--left > 0) {
    const size_t found = text.find(separator, at);
    if (found == std::string::npos) break;
    items.push_back(Value::string(text.substr(at, found - at)));
    at = found + separator.size();
  }
  items.push_back(Value::string(text.substr(at)));
  return Value::list(std::move(items));
}

Value join(Arguments args) {
  std::string out;
  for (size_t i = 0; i < args[0].size(); ++i) {
    const Value item = args[0].at(i);
    if (!item.is(Kind::string)) return Value::error("no such overload");
    if (i > 0 && args.size() > 1) out += args[1].text();
    out += item.text();
  }
  return Value::string(std::move(out));
}

Value quote(Arguments args) { return Value::string(quoted_text(args[0].text())); }
Value format(Arguments args) { return formatted(args[0].text(), args[1]); }

Value find(Arguments args) {
  const auto pattern = compiled(args[1].text());
  if (!pattern->ok()) return bad_pattern(*pattern);
  re2::StringPiece found;
  if (!pattern->Match(args[0].text(), 0, args[0].text().size(), re2::RE2::UNANCHORED, &found, 1))
    return Value::string("");
  return Value::string(std::string(found));
}

Value find_all(Arguments args) {
  const auto pattern = compiled(args[1].text());
  if (!pattern->ok()) return bad_pattern(*pattern);
  const std::string& text = args[0].text();
  int64_t left = args.size() > 2 ? args[2].integer() : -1;
  Value::Items items;
  size_t at = 0, last_end = std::string::npos;
  while (left != 0 && at <= text.size()) {
    re2::StringPiece found;
    if (!pattern->Match(text, at, text.size(), re2::RE2::UNANCHORED, &found, 1)) break;
    const auto start = static_cast<size_t>(found.data() - text.data());
    // As Go does it: an empty case right behind the one before does not count.
    if (!found.empty() || start != last_end) {
      items.push_back(Value::string(std::string(found)));
      --left;
    }
    last_end = start + found.size();
    at = last_end;
    if (!found.empty()) continue;
    do ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80);
  }
  return Value::list(std::move(items));
}

}  // namespace

Value matches_pattern(const std::string& text, const std::string& pattern) {
  const auto made = compiled(pattern);
  return made->ok() ? Value::boolean(re2::RE2::PartialMatch(text, *made)) : bad_pattern(*made);
}

void add_strings(Functions& to) {
  to.add("matches", "f string, string: bool", CostRule::match, matches);
  to.add("matches", "m string, string: bool", CostRule::match, matches);
  to.add("startsWith", "m string, string: bool", CostRule::traverse, starts_with);
  to.add("endsWith", "m string, string: bool", CostRule::traverse, ends_with);
  to.add("contains", "m string, string: bool", CostRule::contain, contains);
  to.add("charAt", "m string, int: string", CostRule::unit, char_at);
  to.add("indexOf", "m string, string: int", CostRule::visit, first_index);
  to.add("indexOf", "m string, string, int: int", CostRule::visit, first_index);
  to.add("lastIndexOf", "m string, string: int", CostRule::visit, last_index);
  to.add("lastIndexOf", "m string, string, int: int", CostRule::visit, last_index);
  to.add("substring", "m string, int: string", CostRule::traverse, substring);
  to.add("substring", "m string, int, int: string", CostRule::traverse, substring);
  to.add("lowerAscii", "m string: string", CostRule::traverse, shifted<'A', 'Z', 32>);
  to.add("upperAscii", "m string: string", CostRule::traverse, shifted<'a', 'z', -32>);
  to.add("trim", "m string: string", CostRule::traverse, trim);
  to.add("replace", "m string, string, string: string", CostRule::traverse_twice, replace);
  to.add("replace", "m string, string, string, int: string", CostRule::traverse_twice, replace);
  to.add("split", "m string, string: list<string>", CostRule::traverse_twice, split);
  to.add("split", "m string, string, int: list<string>", CostRule::traverse_twice, split);
  to.add("join", "m list<string>: string", CostRule::build, join);
  to.add("join", "m list<string>, string: string", CostRule::build, join);
  to.add("format", "m string, list<dyn>: string", CostRule::traverse, format);
  to.add("strings.quote", "f string: string", CostRule::traverse, quote);
  to.add("find", "m string, string: string", CostRule::match, find);
  to.add("findAll", "m string, string: list<string>", CostRule::match, find_all);
  to.add("findAll", "m string, string, int: list<string>", CostRule::match, find_all);
}

}  // namespace cel

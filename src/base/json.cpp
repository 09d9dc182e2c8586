#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

namespace base {

namespace {
const Json null_value;
const std::string empty_string;
const Json::Array empty_array;
const Json::Members empty_members;

// `mantissa` such as "-1.25" times ten to that power, without an exponent.
void append_plain(std::string& out, std::string_view mantissa, size_t power) {
  const size_t point = mantissa.find('.');
  const std::string_view fraction = point == std::string_view::npos ? "" : mantissa.substr(point + 1);
  out.append(mantissa.substr(0, point)).append(fraction.substr(0, power));
  if (fraction.size() <= power) {
    out.append(power - fraction.size(), '0');
  } else {
    out.append(".").append(fraction.substr(power));
  }
}

void append_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";  // JSON has no other spelling
    return;
  }
  // As Go's encoding/json: plain decimals in the usual range, exponents of no more digits than needed outside.
  char buffer[32];
  const double magnitude = std::fabs(value);
  const bool exponent = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  const bool large = !exponent && magnitude >= 1e15;  // `fixed` would print digits that the value does not have
  const auto format = exponent || large ? std::chars_format::scientific : std::chars_format::fixed;
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value, format);
  std::string_view text(buffer, static_cast<size_t>(result.ptr - buffer));
  const size_t e = exponent || large ? text.find('e') : std::string_view::npos;
  if (large) {
    size_t power = 0;
    (void)std::from_chars(text.data() + e + 2, result.ptr, power);
    return append_plain(out, text.substr(0, e), power);
  }
  if (exponent && text[e + 1] == '-' && text[e + 2] == '0') {
    out.append(text.substr(0, e + 2)).append(text.substr(e + 3));
    return;
  }
  out.append(text);
}

template <class N>
void append_integer(std::string& out, N value) {
  char buffer[24];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, result.ptr);
}

// How many characters at the beginning need no escape; eight at a time, by arithmetic on the bytes of a word.
size_t unescaped_length(std::string_view text) {
  constexpr uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
  const auto has_below = [](uint64_t word, uint64_t bound) { return (word - ones * bound) & ~word & tops; };
  const auto plain = [&](uint64_t word) {
    return !(has_below(word, 0x20) | has_below(word ^ ones * '"', 1) | has_below(word ^ ones * '\\', 1));
  };
  size_t at = 0;
  for (uint64_t word = 0; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if (!plain(word)) break;
  }
  if (const size_t rest = text.size() - at; rest < sizeof(uint64_t)) {
    uint64_t word = ones * 'a';
    std::memcpy(&word, text.data() + at, rest);
    if (plain(word)) return text.size();
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x20 && text[at] != '"' && text[at] != '\\') ++at;
  return at;
}
}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  static const char* digits = "0123456789abcdef";
  size_t length = unescaped_length(text);
  if (length == text.size()) {  // nearly always: one change of size instead of three
    const size_t at = out.size();
    out.resize(at + length + 2, '"');
    text.copy(out.data() + at + 1, length);
    return;
  }
  out += '"';
  for (;; length = unescaped_length(text)) {
    out.append(text.substr(0, length));
    if (length == text.size()) break;
    const auto c = static_cast<unsigned char>(text[length]);
    text.remove_prefix(length + 1);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out += digits[c >> 4];
        out += digits[c & 15];
    }
  }
  out += '"';
}

Json Json::from_unsigned(uint64_t value) {
  Json out;
  if (value <= uint64_t(INT64_MAX)) {
    out.value_ = static_cast<int64_t>(value);
  } else {
    out.value_ = value;
  }
  return out;
}

Json Json::strings(const std::vector<std::string>& items) {
  Array out;
  out.reserve(items.size());
  for (const auto& item : items) out.emplace_back(item);
  return Json(std::move(out));
}

std::string_view Json::type_name() const {
  switch (value_.index()) {
    case 0:
      return "null";
    case 1:
      return "boolean";
    case 2:
    case 3:
      return "integer";
    case 4:
      return "number";
    case 5:
      return "string";
    case 6:
      return "array";
    default:
      return "object";
  }
}

bool Json::boolean(bool fallback) const {
  const auto* value = std::get_if<bool>(&value_);
  return value ? *value : fallback;
}

int64_t Json::integer(int64_t fallback) const {
  if (const auto* value = std::get_if<int64_t>(&value_)) return *value;
  if (const auto* value = std::get_if<double>(&value_)) {
    if (std::trunc(*value) == *value && std::fabs(*value) < 9.2e18) return static_cast<int64_t>(*value);
  }
  return fallback;
}

double Json::number(double fallback) const {
  if (const auto* value = std::get_if<int64_t>(&value_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<uint64_t>(&value_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<double>(&value_)) return *value;
  return fallback;
}

const std::string& Json::string() const {
  const auto* value = std::get_if<std::string>(&value_);
  return value ? *value : empty_string;
}

std::string Json::string_or(std::string_view fallback) const {
  const auto* value = std::get_if<std::string>(&value_);
  return value ? *value : std::string(fallback);
}

const Json::Array& Json::items() const {
  const auto* value = std::get_if<std::shared_ptr<Array>>(&value_);
  return value ? **value : empty_array;
}

const Json::Members& Json::members() const {
  const auto* value = std::get_if<std::shared_ptr<Members>>(&value_);
  return value ? **value : empty_members;
}

size_t Json::size() const { return is_array() ? items().size() : members().size(); }

const Json* Json::find(std::string_view key) const {
  for (const auto& member : members()) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

const Json& Json::operator[](std::string_view key) const {
  const Json* found = find(key);
  return found ? *found : null_value;
}

const Json& Json::at(size_t index) const {
  const auto& all = items();
  return index < all.size() ? all[index] : null_value;
}

const Json& Json::path(std::string_view dotted) const {
  const Json* here = this;
  while (!dotted.empty()) {
    const size_t dot = dotted.find('.');
    here = &(*here)[dotted.substr(0, dot)];
    dotted = dot == std::string_view::npos ? std::string_view() : dotted.substr(dot + 1);
  }
  return *here;
}

Json::Array& Json::mutable_items() {
  auto* value = std::get_if<std::shared_ptr<Array>>(&value_);
  if (!value) return *value_.emplace<std::shared_ptr<Array>>(std::make_shared<Array>());
  if (value->use_count() > 1) *value = std::make_shared<Array>(**value);
  return **value;
}

Json::Members& Json::mutable_members() {
  auto* value = std::get_if<std::shared_ptr<Members>>(&value_);
  if (!value) return *value_.emplace<std::shared_ptr<Members>>(std::make_shared<Members>());
  if (value->use_count() > 1) *value = std::make_shared<Members>(**value);
  return **value;
}

Json& Json::child(std::string_view key) {
  auto& all = mutable_members();
  for (auto& member : all) {
    if (member.first == key) return member.second;
  }
  return all.emplace_back(std::string(key), Json()).second;
}

Json& Json::set(std::string_view key, Json value) {
  child(key) = std::move(value);
  return *this;
}

Json& Json::set_path(std::string_view dotted, Json value) {
  Json* here = this;
  while (!dotted.empty()) {
    const size_t dot = dotted.find('.');
    here = &here->child(dotted.substr(0, dot));
    dotted = dot == std::string_view::npos ? std::string_view() : dotted.substr(dot + 1);
  }
  *here = std::move(value);
  return *this;
}

bool Json::erase(std::string_view key) {
  if (!has(key)) return false;
  std::erase_if(mutable_members(), [&](const Member& member) { return member.first == key; });
  return true;
}

void Json::erase_at(size_t index) {
  auto& all = mutable_items();
  CHECK_THAT(index < all.size(), "erase_at past the end");
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(index));
}

Json& Json::push(Json value) {
  mutable_items().push_back(std::move(value));
  return *this;
}

Json& Json::item(size_t index) {
  auto& all = mutable_items();
  CHECK_THAT(index < all.size(), "item past the end");
  return all[index];
}

bool Json::operator==(const Json& other) const {
  if (is_number() && other.is_number()) {
    if (is_double() || other.is_double()) return number() == other.number();
    return value_ == other.value_;
  }
  if (value_.index() != other.value_.index()) return false;
  if (is_array()) {
    return std::get<std::shared_ptr<Array>>(value_) == std::get<std::shared_ptr<Array>>(other.value_) ||
           items() == other.items();
  }
  if (!is_object()) return value_ == other.value_;
  if (std::get<std::shared_ptr<Members>>(value_) == std::get<std::shared_ptr<Members>>(other.value_)) return true;
  const auto& mine = members();
  const auto& theirs = other.members();
  if (mine.size() != theirs.size()) return false;
  for (size_t i = 0; i < mine.size(); ++i) {
    // Usually both come from the same writer, so try the same place first.
    const Json* twin = theirs[i].first == mine[i].first ? &theirs[i].second : other.find(mine[i].first);
    if (!twin || !(mine[i].second == *twin)) return false;
  }
  return true;
}

void Json::dump_to(std::string& out) const {
  switch (value_.index()) {
    case 0:
      out += "null";
      return;
    case 1:
      out += std::get<bool>(value_) ? "true" : "false";
      return;
    case 2:
      append_integer(out, std::get<int64_t>(value_));
      return;
    case 3:
      append_integer(out, std::get<uint64_t>(value_));
      return;
    case 4:
      append_double(out, std::get<double>(value_));
      return;
    case 5:
      append_quoted(out, std::get<std::string>(value_));
      return;
    case 6: {
      out += '[';
      bool first = true;
      for (const auto& item : items()) {
        if (!first) out += ',';
        first = false;
        item.dump_to(out);
      }
      out += ']';
      return;
    }
    default: {
      out += '{';
      bool first = true;
      for (const auto& [key, value] : members()) {
        if (!first) out += ',';
        first = false;
        append_quoted(out, key);
        out += ':';
        value.dump_to(out);
      }
      out += '}';
    }
  }
}

std::string Json::dump() const {
  std::string out;
  dump_to(out);
  return out;
}

namespace {
void dump_indented(const Json& value, std::string& out, size_t depth) {
  const auto newline = [&](size_t levels) {
    out += '\n';
    out.append(levels * 4, ' ');
  };
  if (value.is_array() && !value.items().empty()) {
    out += '[';
    for (size_t i = 0; i < value.items().size(); ++i) {
      if (i) out += ',';
      newline(depth + 1);
      dump_indented(value.items()[i], out, depth + 1);
    }
    newline(depth);
    out += ']';
  } else if (value.is_object() && !value.members().empty()) {
    out += '{';
    for (size_t i = 0; i < value.members().size(); ++i) {
      if (i) out += ',';
      newline(depth + 1);
      append_quoted(out, value.members()[i].first);
      out += ": ";
      dump_indented(value.members()[i].second, out, depth + 1);
    }
    newline(depth);
    out += '}';
  } else {
    value.dump_to(out);
  }
}
}  // namespace

std::string Json::dump_pretty() const {
  std::string out;
  dump_indented(*this, out, 0);
  out += '\n';
  return out;
}

}  // namespace base

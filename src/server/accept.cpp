#include "server/accept.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "base/text.h"

namespace server {
namespace {

// "0", "0.5", "1.000"; anything else counts as 1.
double parse_quality(std::string_view text) {
  double value = 1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return 1;
  return std::clamp(value, 0.0, 1.0);
}

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

MediaRange parse_range(std::string_view clause) {
  MediaRange out;
  const auto parts = base::split(clause, ';');
  out.type = base::lower(base::trim(parts[0]));
  for (size_t i = 1; i < parts.size(); ++i) {
    const auto part = base::trim(parts[i]);
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name = base::lower(base::trim(part.substr(0, equals)));
    const auto value = unquoted(base::trim(part.substr(equals + 1)));
    if (name == "q") {
      out.quality = parse_quality(value);
    } else {
      out.parameters.emplace_back(name, value);
    }
  }
  return out;
}

int wildcards(const MediaRange& range) {
  if (range.type.starts_with("*/")) return 2;
  return range.type.ends_with("/*") ? 1 : 0;
}

}  // namespace

std::string_view MediaRange::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return {};
}

bool MediaRange::accepts(std::string_view media_type) const {
  if (type == "*/*" || type == "*") return true;
  if (type.ends_with("/*")) return media_type.starts_with(std::string_view(type).substr(0, type.size() - 1));
  return type == media_type;
}

std::vector<MediaRange> parse_accept(std::string_view header) {
  std::vector<MediaRange> out;
  for (const auto clause : base::split(header, ',')) {
    if (!base::trim(clause).empty()) out.push_back(parse_range(clause));
  }
  if (out.empty()) out.push_back({.type = "*/*"});
  std::erase_if(out, [](const MediaRange& range) { return range.quality <= 0; });
  std::stable_sort(out.begin(), out.end(), [](const MediaRange& a, const MediaRange& b) {
    return std::make_tuple(-a.quality, wildcards(a)) < std::make_tuple(-b.quality, wildcards(b));
  });
  return out;
}

}  // namespace server

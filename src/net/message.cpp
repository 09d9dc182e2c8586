#include <algorithm>

#include "base/text.h"
#include "net/http.h"

namespace net {

const std::string& Headers::get(std::string_view name) const {
  static const std::string none;
  for (const auto& [key, value] : fields_)
    if (base::equals_ignore_case(key, name)) return value;
  return none;
}

bool Headers::has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [&](const auto& field) { return base::equals_ignore_case(field.first, name); });
}

void Headers::set(std::string_view name, std::string value) {
  remove(name);
  add(name, std::move(value));
}

void Headers::add(std::string_view name, std::string value) {
  if (fields_.capacity() == 0) fields_.reserve(8);  // as many as most messages have
  fields_.emplace_back(name, std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [&](const auto& field) { return base::equals_ignore_case(field.first, name); });
}

Response Response::text(int status, std::string body) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(body)};
}

Response Response::json(int status, const base::Json& body) {
  return {status, {{"Content-Type", "application/json"}}, body.dump()};
}

}  // namespace net

#include <algorithm>

#include "base/text.h"
#include "registry/registry.h"

namespace registry {
namespace {

// Go's GroupResource and GroupKind as text.
std::string with_group(std::string_view word, const Kind& kind) {
  std::string out(word);
  if (!kind.group.empty()) out += "." + kind.group;
  return out;
}

std::string named(std::string_view word, const Kind& kind, std::string_view name) {
  return with_group(word, kind) + " \"" + std::string(name) + "\"";
}

}  // namespace

Error not_found(const Kind& kind, std::string_view name) {
  return {.code = base::Code::not_found, .message = named(kind.plural, kind, name) + " not found"};
}

Error already_exists(const Kind& kind, std::string_view name) {
  return {.code = base::Code::already_exists, .message = named(kind.plural, kind, name) + " already exists"};
}

Error conflict(const Kind& kind, std::string_view name) {
  return conflict(kind, name,
                  "the object has been modified; please apply your changes to the latest version and try again");
}

Error conflict(const Kind& kind, std::string_view name, std::string_view why) {
  return {.code = base::Code::conflict,
          .message = "Operation cannot be fulfilled on " + named(kind.plural, kind, name) + ": " + std::string(why)};
}

Error forbidden(const Kind& kind, std::string_view name, std::string_view why) {
  return {.code = base::Code::forbidden,
          .message = named(kind.plural, kind, name) + " is forbidden: " + std::string(why)};
}

Error wrong_kind(const Kind& kind, const Json& doc) {
  Kind named = kind;
  named.kind = doc["kind"].string();
  return invalid(named, doc["metadata"]["name"].string(),
                 {meta::field_invalid("kind", doc["kind"], "must be " + kind.kind)});
}

Error invalid(const Kind& kind, std::string_view name, std::vector<base::FieldError> causes) {
  // What is found twice is told once, though it is a cause twice.
  std::vector<std::string> texts;
  for (const auto& cause : causes) {
    auto one = meta::text_of(cause);
    if (std::find(texts.begin(), texts.end(), one) == texts.end()) texts.push_back(std::move(one));
  }
  std::string text = base::join(texts, ", ");
  if (texts.size() > 1) text = "[" + text + "]";
  return {.code = base::Code::invalid,
          .message = named(kind.kind, kind, name) + " is invalid: " + text,
          .causes = std::move(causes)};
}

Error bad_request(std::string message) { return {.code = base::Code::bad_request, .message = std::move(message)}; }

}  // namespace registry

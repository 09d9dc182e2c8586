// RFC 7386 merge patch, RFC 6901 pointers and RFC 6902 JSON patch.
#include "base/json.h"
#include "base/text.h"

namespace base {

Json merge_patch(Json target, const Json& patch) {
  if (!patch.is_object()) return patch;
  if (!target.is_object()) target = Json::object();
  for (const auto& [key, value] : patch.members()) {
    if (value.is_null()) {
      target.erase(key);
    } else if (value.is_object()) {
      Json& child = target.child(key);
      child = merge_patch(std::move(child), value);
    } else {
      target.set(key, value);
    }
  }
  return target;
}

Json merge_diff(const Json& from, const Json& to) {
  Json patch = Json::object();
  for (const auto& [key, value] : from.members()) {
    if (!to.has(key)) patch.set(key, nullptr);
  }
  for (const auto& [key, value] : to.members()) {
    const Json* old = from.find(key);
    if (old && *old == value) continue;
    if (old && old->is_object() && value.is_object()) {
      patch.set(key, merge_diff(*old, value));
    } else {
      patch.set(key, value);
    }
  }
  return patch;
}

namespace {
std::string unescape_token(std::string_view token) {
  return replace_all(replace_all(std::string(token), "~1", "/"), "~0", "~");
}

std::optional<size_t> array_index(const Json& array, std::string_view token) {
  if (token.empty() || (token.size() > 1 && token[0] == '0')) return std::nullopt;
  const auto index = parse_uint(token);
  if (!index || *index > array.size()) return std::nullopt;
  return static_cast<size_t>(*index);
}

Error missing(std::string_view pointer) { return invalid("path does not exist: " + std::string(pointer)); }

// The container that holds the last token of the pointer, for changing; null when a step is missing.
struct Spot {
  Json* container = nullptr;
  std::string token;
};
Spot locate(Json& doc, std::string_view pointer) {
  if (pointer.empty() || pointer[0] != '/') return {};
  Json* here = &doc;
  auto tokens = split(pointer.substr(1), '/');
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    const std::string token = unescape_token(tokens[i]);
    if (here->is_object()) {
      if (!here->has(token)) return {};
      here = &here->child(token);
    } else if (here->is_array()) {
      const auto index = array_index(*here, token);
      if (!index || *index >= here->size()) return {};
      here = &here->item(*index);
    } else {
      return {};
    }
  }
  return {here, unescape_token(tokens.back())};
}

Result<void> add(Json& doc, std::string_view pointer, const Json& value) {
  if (pointer.empty()) {
    doc = value;
    return {};
  }
  const Spot spot = locate(doc, pointer);
  if (!spot.container) return missing(pointer);
  if (spot.container->is_object()) {
    spot.container->set(spot.token, value);
    return {};
  }
  if (!spot.container->is_array()) return missing(pointer);
  const auto index =
      spot.token == "-" ? std::optional(spot.container->size()) : array_index(*spot.container, spot.token);
  if (!index) return missing(pointer);
  auto& items = spot.container->mutable_items();
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(*index), value);
  return {};
}

Result<void> remove(Json& doc, std::string_view pointer) {
  const Spot spot = locate(doc, pointer);
  if (!spot.container) return missing(pointer);
  if (spot.container->is_object()) {
    if (!spot.container->erase(spot.token)) return missing(pointer);
    return {};
  }
  const auto index = array_index(*spot.container, spot.token);
  if (!spot.container->is_array() || !index || *index >= spot.container->size()) return missing(pointer);
  spot.container->erase_at(*index);
  return {};
}

Result<void> apply_one(Json& doc, const Json& operation) {
  const std::string& op = operation["op"].string();
  const Json* path = operation.find("path");
  if (!path || !path->is_string()) return Error{Code::bad_request, "a JSON patch operation needs a path"};
  const Json* value = operation.find("value");
  const bool needs_value = op == "add" || op == "replace" || op == "test";
  if (needs_value && !value) return Error{Code::bad_request, "JSON patch operation " + op + " needs a value"};
  if (op == "add") return add(doc, path->string(), *value);
  if (op == "remove") return remove(doc, path->string());
  if (op == "replace") {
    if (path->string().empty()) {
      doc = *value;
      return {};
    }
    // A member that is not there yet is added, as kube-apiserver's library has it; RFC 6902 would refuse.
    const auto cut = path->string().rfind('/');
    const Json* holder = cut == std::string::npos ? nullptr : json_pointer(doc, path->string().substr(0, cut));
    if (!holder || !holder->is_object() || json_pointer(doc, path->string())) TRY(remove(doc, path->string()));
    return add(doc, path->string(), *value);
  }
  if (op == "test") {
    const Json* found = json_pointer(doc, path->string());
    if (!found || !(*found == *value)) return invalid("testing path " + path->string() + " value failed");
    return {};
  }
  if (op == "move" || op == "copy") {
    const std::string& from = operation["from"].string();
    if (op == "move" && path->string().starts_with(from + "/")) return invalid("cannot move a value into itself");
    const Json* found = json_pointer(doc, from);
    if (!found) return missing(from);
    const Json moved = *found;
    if (op == "move") TRY(remove(doc, from));
    return add(doc, path->string(), moved);
  }
  return Error{Code::bad_request, "unknown JSON patch operation " + quoted(op)};
}
}  // namespace

const Json* json_pointer(const Json& doc, std::string_view pointer) {
  if (pointer.empty()) return &doc;
  if (pointer[0] != '/') return nullptr;
  const Json* here = &doc;
  for (const auto raw : split(pointer.substr(1), '/')) {
    const std::string token = unescape_token(raw);
    if (here->is_object()) {
      here = here->find(token);
    } else if (here->is_array()) {
      const auto index = array_index(*here, token);
      here = index && *index < here->size() ? &here->at(*index) : nullptr;
    } else {
      here = nullptr;
    }
    if (!here) return nullptr;
  }
  return here;
}

Result<Json> json_patch(Json target, const Json& patch) {
  if (!patch.is_array()) return Error{Code::bad_request, "a JSON patch must be an array"};
  constexpr size_t operations_max = 10'000;
  if (patch.size() > operations_max) return Error{Code::too_large, "a JSON patch may have 10000 operations at most"};
  for (const auto& operation : patch.items()) TRY(apply_one(target, operation));
  return target;
}

}  // namespace base

#include "api/convert/convert.h"

#include "base/text.h"
#include "base/time.h"

namespace api::convert {

namespace {

// Removes empty objects left behind on the way to a moved field, innermost first.
void drop_empty_parents(Json& root, std::string_view path) {
  for (size_t dot = path.rfind('.'); dot != std::string_view::npos && dot > 0; dot = path.rfind('.', dot - 1)) {
    const auto parent_path = path.substr(0, dot);
    // A spec is required, or means something, even when it is empty.
    if (parent_path == "spec" || parent_path == "status" || parent_path.ends_with("template.spec")) return;
    const Json& parent = root.path(parent_path);
    if (!parent.is_object() || !parent.empty()) return;
    const size_t up = parent_path.rfind('.');
    if (up == std::string_view::npos) {
      root.erase(parent_path);
    } else {
      Json* holder = &root;
      for (const auto key : base::split(parent_path.substr(0, up), '.')) holder = &holder->child(key);
      holder->erase(parent_path.substr(up + 1));
    }
  }
}

// Takes the value at `path` out; null when there is none.
Json take(Json& root, std::string_view path) {
  if (root.path(path).is_null()) return nullptr;
  Json* holder = &root;
  const auto keys = base::split(path, '.');
  for (size_t i = 0; i + 1 < keys.size(); ++i) holder = &holder->child(keys[i]);
  Json value = *holder->find(keys.back());
  holder->erase(keys.back());
  drop_empty_parents(root, path);
  return value;
}

Json arguments_to_list(const Json& map) {
  Json list = Json::array();
  for (const auto& [name, value] : map.members()) list.push(Json::object({{"name", name}, {"value", value}}));
  return list;
}

Json arguments_to_map(const Json& list) {
  Json map = Json::object();
  for (const auto& one : list.items()) map.set(one["name"].string(), one["value"]);  // the last of a repeated name wins
  return map;
}

Json named_to_list(const Json& map) {
  Json list = Json::array();
  for (const auto& [name, value] : map.members()) {
    Json item = Json::object({{"name", name}});
    for (const auto& [key, field] : value.members()) item.set(key, field);
    list.push(std::move(item));
  }
  return list;
}

Json named_to_map(const Json& list) {
  Json map = Json::object();
  for (Json item : list.items()) {
    const std::string name = item["name"].string();
    item.erase("name");
    map.set(name, std::move(item));
  }
  return map;
}

Json reference_to_new(const Json& old) {
  Json out = Json::object();
  const std::string& version = old["apiVersion"].string();
  const size_t slash = version.find('/');
  if (slash != std::string::npos) out.set("apiGroup", version.substr(0, slash));
  for (const char* key : {"kind", "name"}) {
    if (old.has(key)) out.set(key, old[key]);
  }
  return out;
}

Json reference_to_old(const Json& now, const std::string& ns) {
  Json out = Json::object();
  if (now.has("apiGroup")) out.set("apiVersion", now["apiGroup"].string() + "/v1beta1");
  for (const char* key : {"kind", "name"}) {
    if (now.has(key)) out.set(key, now[key]);
  }
  if (!ns.empty()) out.set("namespace", ns);
  return out;
}

Result<Json> duration_to_seconds(const Json& old, std::string_view path) {
  const auto span = base::parse_go_duration(old.string());
  if (!span)
    return base::invalid(std::string(path) + ": Invalid value: " + old.dump() + ": must be a duration such as 300s");
  return Json(std::chrono::duration_cast<base::seconds>(*span).count());
}

// v1beta1 conditions have a severity where they are False and no observedGeneration.
Json old_conditions(const Json& conditions) {
  Json out = Json::array();
  for (Json one : conditions.items()) {
    one.erase("observedGeneration");
    if (one["status"].string() == "False") one.set("severity", "Info");
    if (one["message"].string().empty()) one.erase("message");
    out.push(std::move(one));
  }
  return out;
}

struct Pass {
  bool forward;  // v1beta1 -> v1beta2
  std::string ns;
};

Result<void> apply_conditions(Json& root, bool forward) {
  if (forward) {
    take(root, "status.conditions");
    Json now = take(root, "status.v1beta2.conditions");
    if (!now.is_null()) root.set_path("status.conditions", std::move(now));
    return {};
  }
  const Json now = root.path("status.conditions");
  if (now.is_null()) return {};
  root.set_path("status.v1beta2.conditions", now);
  root.set_path("status.conditions", old_conditions(now));
  return {};
}

Result<Json> convert_value(const Rule& rule, const Pass& pass, const Json& value) {
  switch (rule.how) {
    case Rule::How::seconds:
      if (pass.forward) return duration_to_seconds(value, rule.old_path);
      return Json(base::go_duration(base::seconds(value.integer())));
    case Rule::How::reference:
      return pass.forward ? reference_to_new(value) : reference_to_old(value, pass.ns);
    case Rule::How::node_ref:
      if (pass.forward) return Json::object({{"name", value["name"]}});
      return Json::object({{"apiVersion", "v1"}, {"kind", "Node"}, {"name", value["name"]}});
    case Rule::How::arguments:
      return pass.forward ? arguments_to_list(value) : arguments_to_map(value);
    case Rule::How::invert:
      return Json(!value.boolean());
    case Rule::How::named_list:
      return pass.forward ? named_to_list(value) : named_to_map(value);
    default:
      return value;
  }
}

Result<void> apply(Json& root, const Rule& rule, const Pass& pass, std::string_view from, std::string_view to) {
  const size_t list = from.find("[]");
  if (list != std::string_view::npos) {
    const auto list_path = from.substr(0, list);
    if (!root.path(list_path).is_array()) return {};
    Json* holder = &root;
    for (const auto key : base::split(list_path, '.')) holder = &holder->child(key);
    const auto rest = from.substr(std::min(from.size(), list + 3));
    const auto rest_to =
        to.substr(std::min(to.size(), to.find("[]") == std::string_view::npos ? to.size() : to.find("[]") + 3));
    for (size_t i = 0; i < holder->size(); ++i) TRY(apply(holder->item(i), rule, pass, rest, rest_to));
    return {};
  }
  Json value = take(root, from);
  if (value.is_null() || to.empty()) return {};
  root.set_path(to, TRY(convert_value(rule, pass, value)));
  return {};
}

bool in_place(Rule::How how) {
  return how == Rule::How::reference || how == Rule::How::arguments || how == Rule::How::node_ref;
}

Result<Json> run(Json doc, const Rules& rules, const Pass& pass, std::string_view api_version) {
  // Backwards the last step is undone first.
  for (size_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = pass.forward ? rules[i] : rules[rules.size() - 1 - i];
    if (rule.how == Rule::How::conditions) {
      TRY(apply_conditions(doc, pass.forward));
    } else if (rule.how == Rule::How::drop_old) {
      if (pass.forward) TRY(apply(doc, rule, pass, rule.old_path, ""));
    } else {
      const auto new_path = in_place(rule.how) ? rule.old_path : rule.new_path;
      TRY(pass.forward ? apply(doc, rule, pass, rule.old_path, new_path)
                       : apply(doc, rule, pass, new_path, rule.old_path));
    }
  }
  doc.set("apiVersion", api_version);
  return doc;
}

}  // namespace

Result<Json> to_new(Json doc, const Rules& rules, std::string_view api_version) {
  return run(std::move(doc), rules, {.forward = true, .ns = ""}, api_version);
}

Result<Json> to_old(Json doc, const Rules& rules, std::string_view api_version) {
  const std::string ns = doc.path("metadata.namespace").string();
  return run(std::move(doc), rules, {.forward = false, .ns = ns}, api_version);
}

}  // namespace api::convert

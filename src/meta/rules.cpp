#include "meta/rules.h"

#include <algorithm>

#include "base/text.h"

namespace meta {
namespace {

constexpr size_t message_bytes_max = 5 * 1024;

bool has_line_breaks(std::string_view text) { return text.find_first_of("\n\r") != std::string_view::npos; }

// As the internal type of kube-apiserver stands in messages.
Json shown_rule(const Json& rule) {
  return Json::object({{"Rule", rule["rule"].string()},
                       {"Message", rule["message"].string()},
                       {"MessageExpression", rule["messageExpression"].string()},
                       {"Reason", rule["reason"]},
                       {"FieldPath", rule["fieldPath"].string()},
                       {"OptionalOldSelf", rule["optionalOldSelf"]}});
}

FieldError invalid_rule(std::string field, const Json& rule, const std::string& detail) {
  return field_invalid(std::move(field), shown_rule(rule), detail);
}

std::string_view type_word(const Schema& schema) {
  switch (schema.type) {
    case SchemaType::object:
    case SchemaType::map:
      return "object";
    case SchemaType::array:
      return "array";
    case SchemaType::string:
      return "string";
    case SchemaType::integer:
      return "integer";
    case SchemaType::number:
      return "number";
    case SchemaType::boolean:
      return "boolean";
    default:
      return "";
  }
}

}  // namespace

struct Rules::Rule {
  Json doc;  // as written
  std::shared_ptr<const cel::Program> program, message;
  std::string path;  // of fieldPath
  bool uses_old = false;
  bool optional_old = false;

  // What stands for the rule in messages about it.
  std::string shown() const {
    const auto& text = doc["message"].string();
    return std::string(base::trim(text.empty() ? doc["rule"].string() : text));
  }
};

struct Rules::Node {
  const Schema* schema = nullptr;
  cel::TypeRef type;
  std::vector<Rule> rules;
  std::unique_ptr<Node> items;  // of a list or map
  std::map<std::string, std::unique_ptr<Node>, std::less<>> properties;
  std::vector<std::unique_ptr<Node>> all_of;

  bool empty() const { return rules.empty() && !items && properties.empty() && all_of.empty(); }
};

Rules::~Rules() = default;

// ---- compiling

class Rules::Compiler {
 public:
  explicit Compiler(std::vector<FieldError>& found) : found_(found) {}

  struct Place {
    std::string at;            // in the CRD
    std::string uncorrelated;  // the list around it whose items have no old ones; "" when there is none
    uint64_t count_max = 1;    // how often it can stand in a document; 0: any number of times
    bool resource = false;
  };

  // `rules` holds the rules, `shape` says what they are about: the same schema but for allOf.
  std::unique_ptr<Node> node(const Schema& rules, const Schema& shape, const cel::TypeRef& type, const Place& place) {
    auto out = std::make_unique<Node>();
    out->schema = &shape;
    out->type = type;
    for (size_t i = 0; i < rules.rules.size(); ++i) {
      const std::string at = place.at + ".x-kubernetes-validations[" + std::to_string(i) + "]";
      const size_t before = found_.size();
      check_form(rules.rules.at(i), shape, at);
      if (found_.size() == before) out->rules.push_back(compile(rules.rules.at(i), shape, type, place, at));
    }
    children(rules, shape, type, place, *out);
    for (size_t i = 0; i < rules.all_of.size(); ++i) {
      Place inner = place;
      inner.at += ".allOf[" + std::to_string(i) + "]";
      if (auto made = node(*rules.all_of[i], shape, type, inner)) out->all_of.push_back(std::move(made));
    }
    return out->empty() ? nullptr : std::move(out);
  }

  // The rules of the schema may not cost too much together; `at` is its place.
  void check_total(const std::string& at) {
    if (total_cost_ <= cel::estimated_schema_cost_max) return;
    constexpr size_t told_max = 4;
    std::stable_sort(most_expensive_.begin(), most_expensive_.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    if (most_expensive_.size() > told_max) most_expensive_.resize(told_max);
    for (const auto& [cost, rule] : most_expensive_) {
      found_.push_back(field_forbidden(
          rule, "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"));
    }
    found_.push_back(field_forbidden(
        at, cost_message("x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema", total_cost_,
                         cel::estimated_schema_cost_max)));
  }

 private:
  void children(const Schema& rules, const Schema& shape, const cel::TypeRef& type, const Place& place, Node& out) {
    if (rules.items && shape.items) {
      const bool map = shape.type == SchemaType::map;
      Place inner{place.at + (map ? ".additionalProperties" : ".items"), place.uncorrelated,
                  times(place.count_max, map ? shape.max_properties : shape.max_items), shape.items->embedded_resource};
      if (!map && shape.list_type != "map" && inner.uncorrelated.empty()) inner.uncorrelated = place.at;
      const bool known = type && !type->parameters.empty();
      if (known || !type) {
        out.items = node(*rules.items, *shape.items, known ? type->parameters.back() : nullptr, inner);
      }
    }
    for (const auto& property : rules.properties) {
      const Property* shaped = shape.find(property.name);
      if (!shaped) continue;
      Place inner{place.at + ".properties[" + property.name + "]", place.uncorrelated, place.count_max,
                  shaped->schema->embedded_resource};
      const std::string written = cel::escape_name(property.name);
      const cel::Field* field = type && !written.empty() ? type->find(written) : nullptr;
      const auto inner_type =
          field ? field->type : rule_type(*shaped->schema, shaped->schema->embedded_resource, "self." + property.name);
      if (place.resource && property.name == "metadata") continue;
      auto made = node(*property.schema, *shaped->schema, inner_type, inner);
      if (made) out.properties.emplace(property.name, std::move(made));
    }
  }

  static uint64_t times(uint64_t count, const std::optional<int64_t>& more) {
    if (count == 0 || !more) return 0;
    const auto factor = static_cast<uint64_t>(std::max<int64_t>(*more, 0));
    if (factor == 0) return count;
    return count > UINT64_MAX / factor ? UINT64_MAX : count * factor;
  }

  void check_form(const Json& rule, const Schema& shape, const std::string& at) {
    const auto &source = rule["rule"].string(), &message = rule["message"].string();
    const auto trimmed = base::trim(message);
    if (base::trim(source).empty()) {
      found_.push_back(field_required(at + ".rule", "rule is not specified"));
    } else if (!message.empty() && trimmed.empty()) {
      found_.push_back(field_invalid(at + ".message", message, "must be non-empty if specified"));
    } else if (has_line_breaks(trimmed)) {
      found_.push_back(field_invalid(at + ".message", message, "must not contain line breaks"));
    } else if (has_line_breaks(base::trim(source)) && trimmed.empty()) {
      found_.push_back(field_required(at + ".message", "message must be specified if rule contains line breaks"));
    }
    const auto& expression = rule["messageExpression"].string();
    if (!expression.empty() && base::trim(expression).empty()) {
      found_.push_back(field_required(at + ".messageExpression", "messageExpression must be non-empty if specified"));
    }
    static const std::vector<std::string> reasons = {"FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid",
                                                     "FieldValueRequired"};
    const Json& reason = rule["reason"];
    if (!reason.is_null() && std::find(reasons.begin(), reasons.end(), reason.string()) == reasons.end()) {
      found_.push_back(field_not_supported(at + ".reason", reason, reasons));
    }
    const auto& path = rule["fieldPath"].string();
    if (path.empty()) return;
    if (base::trim(path).empty()) {
      found_.push_back(field_invalid(at + ".fieldPath", path, "must be non-empty if specified"));
    }
    if (has_line_breaks(path)) {
      found_.push_back(field_invalid(at + ".fieldPath", path, "must not contain line breaks"));
    }
    if (rule_path(shape, path).empty()) {
      found_.push_back(field_invalid(at + ".fieldPath", path, "must be a valid path"));
    }
  }

  Rule compile(const Json& doc, const Schema& shape, const cel::TypeRef& type, const Place& place,
               const std::string& at) {
    Rule out;
    out.doc = doc;
    out.optional_old = doc["optionalOldSelf"].boolean();
    out.path = doc["fieldPath"].string().empty() ? "" : rule_path(shape, doc["fieldPath"].string());
    if (!type) {
      found_.push_back({at.substr(0, at.rfind('[')), "InternalError",
                        "Internal error: failed to convert to declType for CEL validation rules"});
      return out;
    }
    cel::Environment environment;
    environment.declare("self", type);
    environment.declare("oldSelf", out.optional_old ? cel::optional_type(type) : type);
    const auto program = environment.compile(doc["rule"].string());
    if (!program) {
      found_.push_back(invalid_rule(at + ".rule", doc, "compilation failed: " + program.error().message));
      return out;
    }
    if (program->type()->kind != cel::TypeKind::boolean) {
      found_.push_back(invalid_rule(at + ".rule", doc, "cel expression must evaluate to a bool"));
      return out;
    }
    out.program = std::make_shared<const cel::Program>(*program);
    out.uses_old = program->uses("oldSelf");
    check_old(out, place, at);
    add_cost("estimated rule cost", *program, shape, place, at + ".rule");
    const auto& expression = doc["messageExpression"].string();
    if (expression.empty()) return out;
    const auto message = environment.compile(expression);
    if (!message) {
      found_.push_back(invalid_rule(at + ".messageExpression", doc,
                                    "messageExpression compilation failed: " + message.error().message));
    } else if (message->type()->kind != cel::TypeKind::string) {
      found_.push_back(invalid_rule(at + ".messageExpression", doc, "messageExpression must evaluate to a string"));
    } else {
      out.message = std::make_shared<const cel::Program>(*message);
      add_cost("estimated messageExpression cost", *message, shape, place, at + ".messageExpression");
    }
    return out;
  }

  void check_old(const Rule& rule, const Place& place, const std::string& at) {
    if (rule.uses_old && !place.uncorrelated.empty()) {
      found_.push_back(field_invalid(
          at + ".rule", rule.doc["rule"],
          "oldSelf cannot be used on the uncorrelatable portion of the schema within " + place.uncorrelated));
    }
    if (!rule.uses_old && !rule.doc["optionalOldSelf"].is_null()) {
      found_.push_back(field_invalid(at + ".optionalOldSelf", rule.doc["optionalOldSelf"],
                                     "may not be set if oldSelf is not used in rule"));
    }
  }

  void add_cost(const char* what, const cel::Program& program, const Schema& shape, const Place& place,
                const std::string& at) {
    const uint64_t one = program.estimated_cost();
    uint64_t count = place.count_max;
    if (count == 0) count = static_cast<uint64_t>(3 * 1024 * 1024 / (smallest_json(shape, place.resource) + 1));
    const uint64_t cost = one > 0 && count > UINT64_MAX / one ? UINT64_MAX : one * count;
    total_cost_ = cost > UINT64_MAX - total_cost_ ? UINT64_MAX : total_cost_ + cost;
    if (cost >= cel::estimated_schema_cost_max / 100) most_expensive_.emplace_back(cost, at);
    if (cost > cel::estimated_rule_cost_max) {
      found_.push_back(field_forbidden(at, cost_message(what, cost, cel::estimated_rule_cost_max)));
    }
  }

 public:
  static std::string cost_message(const std::string& what, uint64_t cost, uint64_t cost_max) {
    const double factor = static_cast<double>(cost) / static_cast<double>(cost_max);
    char buffer[64];
    if (factor > 100) {
      std::snprintf(buffer, sizeof buffer, "more than 100x");
    } else {
      std::snprintf(buffer, sizeof buffer, factor < 1.5 ? "%fx" : "%.1fx", factor);
    }
    return what + " exceeds budget by factor of " + buffer +
           " (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and "
           "strings are declared)";
  }

 private:
  std::vector<FieldError>& found_;
  uint64_t total_cost_ = 0;
  std::vector<std::pair<uint64_t, std::string>> most_expensive_;  // of rules that matter: cost and field
};

std::shared_ptr<const Rules> Rules::compile(std::shared_ptr<const Schema> root, const std::string& at,
                                            std::vector<FieldError>& found) {
  Compiler compiler(found);
  const auto type = rule_type(*root, true, "self");
  auto node = compiler.node(*root, *root, type, {at, "", 1, true});
  if (!node) return nullptr;
  compiler.check_total(at);
  std::shared_ptr<Rules> out(new Rules);
  out->root_ = std::move(root);
  out->node_ = std::move(node);
  return out;
}

// ---- evaluating

class Rules::Run {
 public:
  explicit Run(std::vector<std::string>& warnings) : warnings_(warnings) {}
  std::vector<FieldError> found;

  // How a value is compared with its old one when a finding may only be a warning.
  struct Old {
    const Json* value = nullptr;  // what `oldSelf` is; null: no old value is comparable
    bool known = false;           // the value itself has an old one at its place
    // Where it has none: what is around it, then and now.
    const Json *outer = nullptr, *outer_before = nullptr;

    bool unchanged(const Json& now) const {
      if (known) return value && *value == now;
      return outer && outer_before && *outer == *outer_before;
    }
    Old inside(const Json& now, const Json* before, bool correlated) const {
      if (!known) return {correlated ? before : nullptr, false, outer, outer_before};
      return {correlated ? before : nullptr, correlated && before, &now, value};
    }
  };

  void node(const Node& node, const Json& value, const Old& old, const std::string& path) {
    if (value.is_null() || stopped_) return;
    rules(node, value, old, path);
    for (const auto& one : node.all_of) {
      if (!stopped_) this->node(*one, value, {old.value, false, old.outer, old.outer_before}, path);
    }
    if (value.is_array() && node.items) return items(node, value, old, path);
    if (!value.is_object()) return;
    for (const auto& [name, member] : value.members()) {
      if (stopped_) return;
      const Json* before = old.value ? old.value->find(name) : nullptr;
      if (node.items) this->node(*node.items, member, old.inside(value, before, true), path + "[" + name + "]");
      const auto property = node.properties.find(name);
      if (property == node.properties.end()) continue;
      this->node(*property->second, member, old.inside(value, before, true), path.empty() ? name : path + "." + name);
    }
  }

 private:
  void items(const Node& node, const Json& value, const Old& old, const std::string& path) {
    for (size_t i = 0; i < value.size() && !stopped_; ++i) {
      const Json* before = old.value ? same_item(*node.schema, *old.value, value.at(i)) : nullptr;
      this->node(*node.items, value.at(i), old.inside(value, before, node.schema->list_type == "map"),
                 path + "[" + std::to_string(i) + "]");
    }
  }

  static std::string shown(const std::string& path) { return path.empty() ? "<nil>" : path; }

  void add_type(const Node& node, const std::string& path, const std::string& detail) {
    found.push_back(field_invalid(shown(path), std::string(type_word(*node.schema)), detail));
  }

  void rules(const Node& node, const Json& value, const Old& old, const std::string& path) {
    if (node.rules.empty()) return;
    if (budget_ == 0) return out_of_budget(node, path, "validation");
    for (const auto& rule : node.rules) {
      if (stopped_) return;
      if (!rule.program || (rule.uses_old && !old.value && !rule.optional_old)) continue;
      evaluate(node, rule, value, old, path);
    }
  }

  void out_of_budget(const Node& node, const std::string& path, const std::string& what) {
    add_type(node, path, what + " failed due to running out of cost budget, no further validation rules will be run");
    stopped_ = true;
  }

  void evaluate(const Node& node, const Rule& rule, const Json& value, const Old& old, const std::string& path) {
    cel::Bindings bindings;
    bindings.set("self", cel::Value::of(value, node.type.get()));
    const auto before = [&] { return cel::Value::of(*old.value, node.type.get()); };
    if (rule.optional_old) {
      bindings.set("oldSelf", old.value ? cel::Value::some(before()) : cel::Value::none());
    } else if (old.value) {
      bindings.set("oldSelf", before());
    }
    uint64_t cost = 0;
    const auto result = rule.program->evaluate(bindings, cel::call_cost_max, &cost);
    if (cost > budget_) return out_of_budget(node, path, "validation");
    budget_ -= cost;
    if (!result) return failed(node, rule, result.error(), path);
    if (result->is_true()) return;
    const std::string at = rule.path.empty() ? path : (path.empty() ? rule.path : path + "." + rule.path);
    std::string detail;
    if (rule.message && !message(node, rule, bindings, at, old.unchanged(value) && !rule.uses_old, detail)) return;
    if (detail.empty()) {
      const auto& text = rule.doc["message"].string();
      detail = text.empty() ? "failed rule: " + rule.shown() : std::string(base::trim(text));
    }
    const bool structure = value.is_object() || value.is_array();
    add(finding(rule, shown(at), structure ? nullptr : &value, detail), !rule.uses_old && old.unchanged(value));
  }

  void add(FieldError error, bool only_warn) {
    if (only_warn) {
      warnings_.push_back(text_of(error));
    } else {
      found.push_back(std::move(error));
    }
  }

  static FieldError finding(const Rule& rule, std::string at, const Json* value, const std::string& detail) {
    const auto& reason = rule.doc["reason"].string();
    if (reason == "FieldValueForbidden") return field_forbidden(std::move(at), detail);
    if (reason == "FieldValueRequired") return field_required(std::move(at), detail);
    if (reason == "FieldValueDuplicate") {
      return value ? field_duplicate(std::move(at), *value)
                   : FieldError{std::move(at), "FieldValueDuplicate", "Duplicate value"};
    }
    if (value) return field_invalid(std::move(at), *value, detail);
    return {std::move(at), "FieldValueInvalid", "Invalid value: " + detail};
  }

  void failed(const Node& node, const Rule& rule, const base::Error& error, const std::string& path) {
    if (error.code == base::Code::too_large) {
      add_type(
          node, path,
          "'" + error.message +
              "': no further validation rules will be run due to call cost exceeds limit for rule: " + rule.shown());
      stopped_ = true;
    } else if (error.message.starts_with("no such overload")) {
      add_type(node, path,
               "'" + error.message +
                   "': call arguments did not match a supported operator, function or macro signature for "
                   "rule: " +
                   rule.shown());
    } else {
      add_type(node, path, error.message + " evaluating rule: " + rule.shown());
    }
  }

  // False when evaluating the message ended everything.
  bool message(const Node& node, const Rule& rule, const cel::Bindings& bindings, const std::string& at, bool only_warn,
               std::string& detail) {
    uint64_t cost = 0;
    const auto made = rule.message->evaluate(bindings, cel::call_cost_max, &cost);
    const auto end = [&](const std::string& why) {
      add(field_invalid(shown(at), std::string(type_word(*node.schema)), why), only_warn);
      stopped_ = true;
      return false;
    };
    if (cost > budget_) {
      return end(
          "messageExpression evaluation failed due to running out of cost budget, no further validation rules "
          "will be run");
    }
    if (!made && made.error().code == base::Code::too_large) {
      return end("no further validation rules will be run due to call cost exceeds limit for messageExpression: " +
                 base::quoted(rule.doc["messageExpression"].string()));
    }
    budget_ -= cost;
    if (!made || !made->is(cel::Value::Kind::string)) return true;
    const auto text = base::trim(made->text());
    if (text.size() <= message_bytes_max && text.find('\n') == std::string_view::npos) detail = text;
    return true;
  }

  std::vector<std::string>& warnings_;
  uint64_t budget_ = cel::object_cost_max;
  bool stopped_ = false;
};

std::vector<FieldError> Rules::check(const Json& doc, const Json* old, std::vector<std::string>& warnings) const {
  Run run(warnings);
  run.node(*node_, doc, {old, old != nullptr, nullptr, nullptr}, "");
  return std::move(run.found);
}

const Json* same_item(const Schema& list, const Json& old, const Json& item) {
  if (list.list_type != "map" || !old.is_array()) return nullptr;
  for (const auto& one : old.items()) {
    const bool same = std::all_of(list.list_keys.begin(), list.list_keys.end(),
                                  [&](const std::string& key) { return one[key] == item[key]; });
    if (same) return &one;
  }
  return nullptr;
}

}  // namespace meta

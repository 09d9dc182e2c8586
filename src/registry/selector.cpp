// Label selectors as text (the labelSelector parameter) and as objects (metav1.LabelSelector).
#include <algorithm>

#include "base/text.h"
#include "registry/names.h"
#include "registry/registry.h"

namespace registry {
namespace {

constexpr size_t selector_bytes_max = 64u << 10;

// Words, the operators and punctuation of the selector grammar.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : rest_(text) { next(); }
  const std::string& token() const { return token_; }  // "" at the end
  bool is_word() const { return word_; }
  std::string take() {
    std::string taken = std::move(token_);
    next();
    return taken;
  }
  bool take_if(std::string_view expected) {
    if (word_ || token_ != expected) return false;
    next();
    return true;
  }

 private:
  static constexpr std::string_view special = "=!(),<>";
  void next() {
    rest_ = base::trim(rest_);
    token_.clear();
    word_ = false;
    if (rest_.empty()) return;
    size_t length = 1;
    if (special.find(rest_.front()) == std::string_view::npos) {
      word_ = true;
      length = std::min(rest_.find_first_of("=!(),<> \t\r\n"), rest_.size());
    } else if (rest_.starts_with("==") || rest_.starts_with("!=")) {
      length = 2;
    }
    token_ = rest_.substr(0, length);
    rest_.remove_prefix(length);
  }

  std::string_view rest_;
  std::string token_;
  bool word_ = false;
};

Error unparsable(const std::string& why) { return bad_request(why); }

Result<void> check_requirement(const std::string& key, const std::string& op, const std::vector<std::string>& values) {
  if (const auto why = qualified_name_problem(key); !why.empty()) {
    return base::invalid("<nil>: Invalid value: " + base::quoted(key) + ": " + why);
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const auto& value = values[i];
    if (op == "gt" || op == "lt") {
      if (!base::parse_int(value)) return base::invalid("for 'Gt', 'Lt' operators, the value must be an integer");
    } else if (const auto why = label_value_problem(value); !why.empty()) {
      return base::invalid("values[" + std::to_string(i) + "][" + key + "]: Invalid value: " + base::quoted(value) +
                           ": " + why);
    }
  }
  return {};
}

std::vector<std::string> take_values(Lexer& lexer) {  // after "(", up to and with ")"
  std::vector<std::string> values;
  while (true) {
    values.push_back(lexer.is_word() ? lexer.take() : std::string());
    if (lexer.take_if(",")) continue;
    break;
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

bool holds(const Json* label, const std::string& op, const std::vector<std::string>& values) {
  const auto among = [&] { return std::find(values.begin(), values.end(), label->string()) != values.end(); };
  if (op == "exists") return label;
  if (op == "!exists") return !label;
  if (op == "in" || op == "=") return label && among();
  if (op == "notin" || op == "!=") return !label || !among();
  const auto have = label ? base::parse_int(label->string()) : std::nullopt;
  const auto want = base::parse_int(values.front());
  if (!have || !want) return false;
  return op == "gt" ? *have > *want : *have < *want;
}

std::string text_of(const std::string& key, const std::string& op, const std::vector<std::string>& values) {
  if (op == "exists") return key;
  if (op == "!exists") return "!" + key;
  if (op == "=" || op == "!=") return key + op + values.front();
  if (op == "gt") return key + ">" + values.front();
  if (op == "lt") return key + "<" + values.front();
  return key + " " + op + " (" + base::join(values, ",") + ")";
}

}  // namespace

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  if (text.size() > selector_bytes_max) return unparsable("the selector is too long");
  LabelSelector selector;
  Lexer lexer(text);
  while (!lexer.token().empty()) {
    Requirement requirement;
    const bool negated = lexer.take_if("!");
    if (!lexer.is_word()) {
      return unparsable("found '" + lexer.token() + "', expected: !, identifier, or 'end of string'");
    }
    requirement.key = lexer.take();
    if (negated) {
      requirement.op = "!exists";
    } else if (lexer.token().empty() || lexer.token() == ",") {
      requirement.op = "exists";
    } else if (lexer.is_word()) {
      requirement.op = lexer.take();
      if (requirement.op != "in" && requirement.op != "notin") {
        return unparsable("found '" + requirement.op + "', expected: in, notin, =, ==, !=, gt, lt");
      }
      if (!lexer.take_if("(")) return unparsable("found '" + lexer.token() + "' expected: '('");
      requirement.values = take_values(lexer);
      if (!lexer.take_if(")")) return unparsable("found '" + lexer.token() + "', expected: ',' or ')'");
    } else {
      const std::string sign = lexer.take();
      requirement.op = sign == "=" || sign == "==" ? "=" : sign == "!=" ? "!=" : sign == ">" ? "gt" : "lt";
      if (sign == "(" || sign == ")" || sign == "!") return unparsable("found '" + sign + "', expected an operator");
      if (!lexer.is_word() && !lexer.token().empty() && lexer.token() != ",") {
        return unparsable("found '" + lexer.token() + "', expected: identifier");
      }
      requirement.values.push_back(lexer.is_word() ? lexer.take() : std::string());
    }
    if (auto checked = check_requirement(requirement.key, requirement.op, requirement.values); !checked) {
      return unparsable(checked.error().message);
    }
    selector.requirements_.push_back(std::move(requirement));
    if (lexer.token().empty()) break;
    if (!lexer.take_if(",")) return unparsable("found '" + lexer.token() + "', expected: ',' or 'end of string'");
    if (lexer.token().empty()) return unparsable("found '', expected: identifier after ','");
  }
  std::stable_sort(selector.requirements_.begin(), selector.requirements_.end(),
                   [](const Requirement& a, const Requirement& b) { return a.key < b.key; });
  return selector;
}

Result<LabelSelector> LabelSelector::from_object(const Json& object) {
  LabelSelector selector;
  const auto add = [&](std::string key, std::string op, std::vector<std::string> values) -> Result<void> {
    TRY(check_requirement(key, op, values));
    selector.requirements_.push_back({std::move(key), std::move(op), std::move(values)});
    return {};
  };
  for (const auto& [key, value] : object["matchLabels"].members()) TRY(add(key, "=", {value.string()}));
  for (const auto& expression : object["matchExpressions"].items()) {
    const auto& op = expression["operator"].string();
    std::vector<std::string> values;
    for (const auto& value : expression["values"].items()) values.push_back(value.string());
    // Gt and Lt are not in metav1.LabelSelector; the host selectors of Metal3 have them.
    const bool compares = op == "Gt" || op == "Lt";
    const bool wants_values = op == "In" || op == "NotIn" || compares;
    if (!wants_values && op != "Exists" && op != "DoesNotExist") {
      return base::invalid(base::quoted(op) + " is not a valid label selector operator");
    }
    if (wants_values == values.empty()) {
      return base::invalid("values of a label selector with operator " + op + (wants_values ? " must" : " may not") +
                           " be given");
    }
    if (compares && values.size() != 1) {
      return base::invalid("a label selector with operator " + op + " must have exactly one value");
    }
    std::sort(values.begin(), values.end());
    TRY(add(expression["key"].string(), op == "DoesNotExist" ? "!exists" : base::lower(op), std::move(values)));
  }
  std::stable_sort(selector.requirements_.begin(), selector.requirements_.end(),
                   [](const Requirement& a, const Requirement& b) { return a.key < b.key; });
  return selector;
}

bool LabelSelector::matches(const Json& labels) const {
  return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& requirement) {
    return holds(labels.find(requirement.key), requirement.op, requirement.values);
  });
}

std::string LabelSelector::text() const {
  std::vector<std::string> parts;
  for (const auto& requirement : requirements_) {
    parts.push_back(text_of(requirement.key, requirement.op, requirement.values));
  }
  return base::join(parts, ",");
}

std::vector<std::string> LabelSelector::misses(const Json& labels) const {
  std::vector<std::string> out;
  for (const auto& requirement : requirements_) {
    const auto* label = labels.find(requirement.key);
    if (holds(label, requirement.op, requirement.values)) continue;
    out.push_back(text_of(requirement.key, requirement.op, requirement.values) + " (has " +
                  (label ? requirement.key + "=" + label->string() : "no " + requirement.key) + ")");
  }
  return out;
}

}  // namespace registry

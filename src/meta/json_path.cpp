#include "meta/json_path.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace meta {

using base::Json;
using base::Result;

struct JsonPath::Step {
  enum class Kind : unsigned char { field, every, slice, filter, descend, any_of } kind = Kind::field;
  std::string name;                                  // field and descend ("*": every member)
  std::optional<int64_t> from, to;                   // slice; an index is from with single
  int64_t stride = 1;                                // of a slice
  bool single = false;                               // an index, which counts from the end when negative
  Op op = Op::exists;                                // filter: left op right
  JsonPath left, right;                              // relative to the item
  std::optional<Json> literal;                       // instead of right
  std::vector<std::shared_ptr<const Step>> choices;  // any_of: [0,2] or ['a','b']
};

class JsonPathParser {
 public:
  explicit JsonPathParser(std::string_view text) : text_(text) {}

  Result<JsonPath> whole() {
    if (text_.starts_with('{') && text_.ends_with('}')) {
      text_.remove_prefix(1);
      text_.remove_suffix(1);
    }
    JsonPath path = TRY(steps());
    if (at_ != text_.size()) return wrong("unexpected character");
    return path;
  }

 private:
  using Step = JsonPath::Step;
  using StepRef = std::shared_ptr<const Step>;

  base::Error wrong(std::string_view what) const {
    return base::invalid("JSONPath " + base::quoted(text_) + ": " + std::string(what) + " at " + std::to_string(at_));
  }
  bool more() const { return at_ < text_.size(); }
  char peek() const { return more() ? text_[at_] : '\0'; }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip_spaces() {
    while (peek() == ' ') ++at_;
  }

  Result<JsonPath> steps() {
    JsonPath path;
    if (peek() == '$' || peek() == '@') ++at_;
    // "a.b" without the first dot is accepted, as in kubectl's -o custom-columns.
    if (more() && at_ == 0 && peek() != '.' && peek() != '[') path.steps_.push_back(TRY(field(Step::Kind::field)));
    while (more()) {
      if (take("..")) {
        if (peek() == '[') return wrong("a name must follow \"..\"");
        path.steps_.push_back(TRY(field(Step::Kind::descend)));
      } else if (take(".")) {
        if (peek() == '[' || !more()) continue;  // "." is the document, ".[0]" its item
        path.steps_.push_back(TRY(field(Step::Kind::field)));
      } else if (take("[")) {
        path.steps_.push_back(TRY(bracket()));
      } else {
        break;
      }
    }
    return path;
  }

  Result<StepRef> field(Step::Kind kind) {
    Step step;
    step.kind = kind;
    while (more() && std::string_view(".[])=!<> ,").find(peek()) == std::string_view::npos) {
      if (peek() == '\\' && at_ + 1 < text_.size()) ++at_;
      step.name += text_[at_++];
    }
    if (step.name.empty()) return wrong("a name is missing");
    if (step.name == "*" && kind == Step::Kind::field) step.kind = Step::Kind::every;
    return std::make_shared<const Step>(std::move(step));
  }

  // After "[": one choice, or several separated by commas.
  Result<StepRef> bracket() {
    skip_spaces();
    if (take("?(")) return filter();
    std::vector<StepRef> choices;
    for (;;) {
      choices.push_back(TRY(choice()));
      skip_spaces();
      if (take("]")) break;
      if (!take(",")) return wrong("\"]\" is missing");
      skip_spaces();
    }
    if (choices.size() == 1) return choices.front();
    Step step;
    step.kind = Step::Kind::any_of;
    step.choices = std::move(choices);
    return std::make_shared<const Step>(std::move(step));
  }

  Result<StepRef> choice() {
    Step step;
    if (take("*")) {
      step.kind = Step::Kind::every;
    } else if (peek() == '\'' || peek() == '"') {
      step.name = TRY(quoted_text());
    } else {
      TRY(slice(step));
    }
    return std::make_shared<const Step>(std::move(step));
  }

  Result<void> slice(Step& step) {
    step.kind = Step::Kind::slice;
    step.from = number();
    if (!take(":")) {
      if (!step.from) return wrong("an index, a quoted name or * is missing");
      step.single = true;
      return {};
    }
    step.to = number();
    if (take(":")) step.stride = number().value_or(1);
    if (step.stride < 1) return wrong("a step below 1");
    return {};
  }

  std::optional<int64_t> number() {
    const size_t start = at_;
    if (peek() == '-') ++at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    const auto value = base::parse_int(text_.substr(start, at_ - start));
    if (!value) at_ = start;
    return value;
  }

  Result<std::string> quoted_text() {
    const char quote = text_[at_++];
    std::string out;
    while (more() && peek() != quote) {
      if (peek() == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_++];
    }
    if (!more()) return wrong("a quote is not closed");
    ++at_;
    return out;
  }

  // After "?(": @.path, or @.path op value, where the value is a literal or a path too.
  Result<StepRef> filter() {
    Step step;
    step.kind = Step::Kind::filter;
    skip_spaces();
    if (peek() != '@') return wrong("\"@\" is missing");
    step.left = TRY(inner_path());
    skip_spaces();
    const std::pair<std::string_view, JsonPath::Op> ops[] = {
        {"==", JsonPath::Op::equal},         {"!=", JsonPath::Op::not_equal}, {"<=", JsonPath::Op::less_equal},
        {">=", JsonPath::Op::greater_equal}, {"<", JsonPath::Op::less},       {">", JsonPath::Op::greater}};
    for (const auto& [word, op] : ops) {
      if (!take(word)) continue;
      step.op = op;
      skip_spaces();
      TRY(operand(step));
      break;
    }
    skip_spaces();
    if (!take(")]")) return wrong("\")]\" is missing");
    return std::make_shared<const Step>(std::move(step));
  }

  Result<JsonPath> inner_path() {
    ++at_;  // the @ or $
    JsonPath path;
    while (peek() == '.' || peek() == '[') {
      if (take("[")) {
        path.steps_.push_back(TRY(bracket()));
      } else {
        ++at_;
        path.steps_.push_back(TRY(field(Step::Kind::field)));
      }
    }
    return path;
  }

  Result<void> operand(Step& step) {
    if (peek() == '@') {
      step.right = TRY(inner_path());
      return {};
    }
    if (peek() == '\'' || peek() == '"') {
      step.literal = Json(TRY(quoted_text()));
      return {};
    }
    const size_t start = at_;
    while (more() && peek() != ')' && peek() != ' ') ++at_;
    auto literal = base::parse_json(text_.substr(start, at_ - start));
    if (!literal) return wrong("the value to compare with is not one");
    step.literal = std::move(*literal);
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
};

Result<JsonPath> JsonPath::parse(std::string_view text) { return JsonPathParser(text).whole(); }

bool JsonPath::holds(const Step& step, const Json& item) {
  const Json* left = step.left.first(item);
  if (step.op == Op::exists) return left != nullptr;
  const Json* right = step.literal ? &*step.literal : step.right.first(item);
  if (!left || !right) return false;
  if (step.op == Op::equal) return *left == *right;
  if (step.op == Op::not_equal) return !(*left == *right);
  int order = 0;
  if (left->is_number() && right->is_number()) {
    order = left->number() < right->number() ? -1 : left->number() > right->number() ? 1 : 0;
  } else if (left->is_string() && right->is_string()) {
    order = left->string().compare(right->string());
  } else {
    return false;
  }
  return step.op == Op::less         ? order < 0
         : step.op == Op::less_equal ? order <= 0
         : step.op == Op::greater    ? order > 0
                                     : order >= 0;
}

void JsonPath::apply_slice(const Step& step, const Json& value, std::vector<const Json*>& out) {
  const auto size = static_cast<int64_t>(value.items().size());
  const auto from_end = [size](int64_t index) { return index < 0 ? index + size : index; };
  if (step.single) {
    const int64_t index = from_end(*step.from);
    if (index >= 0 && index < size) out.push_back(&value.items()[static_cast<size_t>(index)]);
    return;
  }
  const int64_t from = std::max<int64_t>(0, from_end(step.from.value_or(0)));
  const int64_t to = std::min(size, from_end(step.to.value_or(size)));
  for (int64_t i = from; i < to; i += step.stride) out.push_back(&value.items()[static_cast<size_t>(i)]);
}

void JsonPath::descend(const Step& step, const Json& value, std::vector<const Json*>& out) {
  if (step.name == "*") {
    for (const auto& item : value.items()) out.push_back(&item);
    for (const auto& [name, member] : value.members()) out.push_back(&member);
  } else if (const Json* member = value.find(step.name)) {
    out.push_back(member);
  }
  for (const auto& item : value.items()) descend(step, item, out);
  for (const auto& [name, member] : value.members()) descend(step, member, out);
}

void JsonPath::apply(const Step& step, const Json& value, std::vector<const Json*>& out) {
  switch (step.kind) {
    case Step::Kind::field:
      if (const Json* member = value.find(step.name)) out.push_back(member);
      break;
    case Step::Kind::every:
      for (const auto& item : value.items()) out.push_back(&item);
      for (const auto& [name, member] : value.members()) out.push_back(&member);
      break;
    case Step::Kind::slice:
      apply_slice(step, value, out);
      break;
    case Step::Kind::filter:
      for (const auto& item : value.items()) {
        if (holds(step, item)) out.push_back(&item);
      }
      for (const auto& [name, member] : value.members()) {
        if (holds(step, member)) out.push_back(&member);
      }
      break;
    case Step::Kind::descend:
      descend(step, value, out);
      break;
    case Step::Kind::any_of:
      for (const auto& choice : step.choices) apply(*choice, value, out);
      break;
  }
}

std::vector<const Json*> JsonPath::find(const Json& doc) const {
  std::vector<const Json*> current{&doc};
  for (const auto& step : steps_) {
    std::vector<const Json*> next;
    for (const Json* value : current) apply(*step, *value, next);
    current = std::move(next);
  }
  return current;
}

const Json* JsonPath::first(const Json& doc) const {
  const auto all = find(doc);
  return all.empty() ? nullptr : all.front();
}

}  // namespace meta

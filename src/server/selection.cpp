#include "server/selection.h"

#include <algorithm>

#include "base/text.h"

namespace server {
namespace {

// Terms are separated by commas; a backslash takes the meaning from a comma, an equals sign or itself.
std::vector<std::string> terms_of(std::string_view text) {
  std::vector<std::string> out(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      out.back() += text.substr(i++, 2);
    } else if (text[i] == ',') {
      out.emplace_back();
    } else {
      out.back() += text[i];
    }
  }
  std::erase_if(out, [](const std::string& term) { return term.empty(); });
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

// How a value compares in a field selector: its text, or false for a missing boolean.
std::string text_of(const Json& value) {
  if (value.is_string()) return value.string();
  return value.is_null() ? std::string() : value.dump();
}

}  // namespace

Result<std::vector<Selection::Field>> Selection::parse_fields(const Kind& kind, std::string_view text) {
  std::vector<Field> out;
  for (const auto& term : terms_of(text)) {
    Field field;
    const size_t at = term.find('=');
    if (at == std::string::npos)
      return registry::bad_request("invalid selector: '" + std::string(text) + "'; can't understand '" + term + "'");
    field.equal = at == 0 || term[at - 1] != '!';
    const std::string label = term.substr(0, field.equal ? at : at - 1);
    const size_t value_at = at + (at + 1 < term.size() && term[at + 1] == '=' ? 2 : 1);
    field.value = unescaped(std::string_view(term).substr(value_at));
    const auto& known = kind.field_labels;
    const auto found = std::find_if(known.begin(), known.end(), [&](const auto& pair) { return pair.first == label; });
    if (found != known.end()) {
      field.path = found->second;
    } else if (label == "metadata.name" || (label == "metadata.namespace" && kind.namespaced)) {
      field.path = label;
    } else {
      // Kinds with fields of their own to select by say it in other words.
      if (kind.custom || !known.empty()) return registry::bad_request("field label not supported: " + label);
      return registry::bad_request(base::quoted(label) +
                                   " is not a known field selector: only \"metadata.name\", \"metadata.namespace\"");
    }
    out.push_back(std::move(field));
  }
  return out;
}

Result<Selection> Selection::of(const Call& call) {
  Selection out;
  out.ns_ = call.route.ns;
  const auto& query = call.route.query;
  auto labels = registry::LabelSelector::parse(query.get("labelSelector"));
  if (!labels) {
    const auto& why = labels.error().message;
    // What is wrong between requirements is no requirement.
    const bool between = why.ends_with("'end of string'") || why.ends_with("after ','");
    return registry::bad_request((between ? "" : "unable to parse requirement: ") + why);
  }
  out.labels_ = std::move(*labels);
  out.fields_ = TRY(parse_fields(call.kind(), query.get("fieldSelector")));
  return out;
}

std::string Selection::name() const {
  for (const auto& field : fields_) {
    if (field.path == "metadata.name" && field.equal) return field.value;
  }
  return {};
}

bool Selection::matches(const store::Entry& entry) const {
  if (!ns_.empty() && entry.key.ns != ns_) return false;
  for (const auto& field : fields_) {
    const Json& value = entry.doc().path(field.path);
    const bool same = text_of(value) == field.value || (value.is_null() && field.value == "false");
    if (same != field.equal) return false;
  }
  return labels_.empty() || labels_.matches(entry.labels());
}

}  // namespace server

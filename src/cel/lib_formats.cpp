// Named formats of Kubernetes: format.dns1123Label().validate(text) gives nothing, or a list of what is wrong.
#include <algorithm>

#include "base/text.h"
#include "base/time.h"
#include "cel/functions.h"
#include "cel/web_address.h"

namespace cel {
namespace {

using Problems = std::vector<std::string>;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alphanumeric(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

// Names that others are made from may end with a dash.
std::string without_dash(const std::string& text, bool prefix) {
  if (!prefix || text.size() < 2 || text.back() != '-') return text;
  return text.substr(0, text.size() - 1) + "a";
}

bool is_label(std::string_view text) {
  return !text.empty() && is_lower_or_digit(text.front()) && is_lower_or_digit(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

bool is_subdomain(std::string_view text) {
  const auto labels = base::split(text, '.');
  return std::all_of(labels.begin(), labels.end(), is_label);
}

void add_length(Problems& out, const std::string& text, size_t max) {
  if (text.size() > max) out.push_back("must be no more than " + std::to_string(max) + " bytes");
}

template <bool Prefix>
Problems label(const std::string& given) {
  const std::string text = without_dash(given, Prefix);
  Problems out;
  add_length(out, text, 63);
  if (is_label(text)) return out;
  out.push_back(
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
      "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
      "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
  return out;
}

constexpr const char* subdomain_rule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

template <bool Prefix>
Problems subdomain(const std::string& given) {
  const std::string text = without_dash(given, Prefix);
  Problems out;
  add_length(out, text, 253);
  if (!is_subdomain(text)) out.emplace_back(subdomain_rule);
  return out;
}

template <bool Prefix>
Problems label_1035(const std::string& given) {
  const std::string text = without_dash(given, Prefix);
  Problems out;
  add_length(out, text, 63);
  if (is_label(text) && text.front() >= 'a') return out;
  out.push_back(
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
      "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
      "'[a-z]([-a-z0-9]*[a-z0-9])?')");
  return out;
}

bool is_name_part(std::string_view text) {
  return !text.empty() && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

Problems qualified_name(const std::string& text) {
  const std::string rule =
      "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
      "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
      "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  Problems out;
  const auto parts = base::split(text, '/');
  if (parts.size() > 2) {
    out.push_back("a qualified name " + rule +
                  " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')");
    return out;
  }
  const std::string name(parts.back());
  if (parts.size() == 2) {
    if (parts[0].empty()) {
      out.emplace_back("prefix part must be non-empty");
    } else {
      for (const auto& problem : subdomain<false>(std::string(parts[0]))) out.push_back("prefix part " + problem);
    }
  }
  if (name.empty()) {
    out.emplace_back("name part must be non-empty");
  } else if (name.size() > 63) {
    out.emplace_back("name part must be no more than 63 bytes");
  }
  if (!is_name_part(name)) out.push_back("name part " + rule);
  return out;
}

Problems label_value(const std::string& text) {
  Problems out;
  add_length(out, text, 63);
  if (text.empty() || is_name_part(text)) return out;
  out.push_back(
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
      "and "
      "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
      "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
  return out;
}

Problems uri(const std::string& text) {
  std::string why;
  return parse_web_address(text, why) ? Problems{} : Problems{why};
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

Problems uuid(const std::string& text) {
  std::string digits = text;
  for (const size_t dash : {size_t{8}, size_t{12}, size_t{16}, size_t{20}}) {  // each may be left out
    if (dash < digits.size() && digits[dash] == '-') digits.erase(dash, 1);
  }
  const bool good = digits.size() == 32 && std::all_of(digits.begin(), digits.end(), is_hex);
  return good ? Problems{} : Problems{"does not match the UUID format"};
}

Problems bytes(const std::string& text) { return base::unbase64(text) ? Problems{} : Problems{"invalid base64"}; }

Problems date(const std::string& text) {
  const bool good = text.size() == 10 && base::parse_rfc3339(text + "T00:00:00Z");
  return good ? Problems{} : Problems{"invalid date"};
}

Problems date_time(const std::string& text) {
  return base::parse_rfc3339(text) ? Problems{} : Problems{"invalid datetime"};
}

struct Format : HostObject {
  Format(const char* given, Problems (*test)(const std::string&), int64_t size)
      : name(given), check(test), pattern(size) {}
  std::optional<Value> get(std::string_view field) const override {
    if (field != "@pattern") return std::nullopt;
    return Value::integer(pattern);
  }
  std::string_view type_name() const override { return "kubernetes.NamedFormat"; }
  bool equals(const HostObject& other) const override { return name == static_cast<const Format&>(other).name; }
  std::string_view name;
  Problems (*check)(const std::string&);
  int64_t pattern;  // the length of the pattern that a check is charged for
};

struct Known {
  const char* name;
  Problems (*check)(const std::string&);
  int64_t pattern;
};

const std::vector<Known>& formats() {
  static const std::vector<Known> all = {{"dns1123Label", label<false>, 30},
                                         {"dns1123Subdomain", subdomain<false>, 60},
                                         {"dns1035Label", label_1035<false>, 30},
                                         {"qualifiedName", qualified_name, 60},
                                         {"dns1123LabelPrefix", label<true>, 30},
                                         {"dns1123SubdomainPrefix", subdomain<true>, 60},
                                         {"dns1035LabelPrefix", label_1035<true>, 30},
                                         {"labelValue", label_value, 40},
                                         {"uri", uri, 1104},
                                         {"uuid", uuid, 72},
                                         {"byte", bytes, 84},
                                         {"date", date, 72},
                                         {"datetime", date_time, 72}};
  return all;
}

Value format_at(size_t index) {
  const auto& [name, check, pattern] = formats()[index];
  return Value::object(std::make_shared<Format>(name, check, pattern));
}

template <size_t Index>
Value format_of(Arguments) {
  return format_at(Index);
}

template <size_t... Index>
void add_makers(Functions& to, std::index_sequence<Index...>) {
  (to.add((std::string("format.") + formats()[Index].name).c_str(), "f: kubernetes.NamedFormat", CostRule::unit,
          format_of<Index>),
   ...);
}

Value by_name(Arguments args) {
  for (size_t i = 0; i < formats().size(); ++i) {
    if (args[0].text() == formats()[i].name) return Value::some(format_at(i));
  }
  return Value::none();
}

Value validate(Arguments args) {
  const auto problems = static_cast<const Format&>(args[0].object()).check(args[1].text());
  if (problems.empty()) return Value::none();
  Value::Items items;
  for (const auto& one : problems) items.push_back(Value::string(one));
  return Value::some(Value::list(std::move(items)));
}

}  // namespace

void add_formats(Functions& to) {
  add_makers(to, std::make_index_sequence<13>());
  to.add("format.named", "f string: optional<kubernetes.NamedFormat>", CostRule::unit, by_name);
  to.add("validate", "m kubernetes.NamedFormat, string: optional<list<string>>", CostRule::named_format, validate);
}

}  // namespace cel

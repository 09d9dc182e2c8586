#include "meta/schema_text.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "meta/schema_lines.h"

namespace meta {
namespace {

using base::Error;

struct BuiltIn {
  std::string_view word;
  SchemaType type;
  std::string_view format;
};
constexpr BuiltIn built_ins[] = {
    {"object", SchemaType::object, ""},
    {"map", SchemaType::map, ""},
    {"list", SchemaType::array, ""},
    {"string", SchemaType::string, ""},
    {"time", SchemaType::string, "date-time"},
    {"bytes", SchemaType::string, "byte"},
    {"integer", SchemaType::integer, ""},
    {"int32", SchemaType::integer, "int32"},
    {"int64", SchemaType::integer, "int64"},
    {"number", SchemaType::number, ""},
    {"double", SchemaType::number, "double"},
    {"boolean", SchemaType::boolean, ""},
    {"int-or-string", SchemaType::int_or_string, ""},
    {"any", SchemaType::any, ""},
};

// The value of a key=value word: 'raw', "escaped" or bare.
std::string plain_value(std::string_view value) {
  if (value.size() >= 2 && value.front() == '\'' && value.back() == '\'') {
    return std::string(value.substr(1, value.size() - 2));
  }
  if (auto text = unquote(value)) return *text;
  return std::string(value);
}

// a|b|"c d": split outside quotes.
std::vector<std::string> alternatives(std::string_view value) {
  std::vector<std::string> out;
  bool quoted = false;
  size_t start = 0;
  for (size_t i = 0; i <= value.size(); ++i) {
    if (i < value.size() && value[i] == '\\' && quoted) {
      ++i;
    } else if (i < value.size() && value[i] == '"') {
      quoted = !quoted;
    } else if (i == value.size() || (value[i] == '|' && !quoted)) {
      out.push_back(plain_value(value.substr(start, i - start)));
      start = i + 1;
    }
  }
  return out;
}

std::vector<std::string> comma_list(std::string_view value) {
  std::vector<std::string> out;
  for (auto part : base::split(value, ',')) out.emplace_back(part);
  return out;
}

class Parser {
 public:
  Result<void> add(const SchemaSource& source) {
    for (auto& line : TRY(read_schema_lines(source.file, source.text))) {
      const auto word = line.words.front();
      if (word == "type") {
        if (line.words.size() < 3) return schema_error(line, "expected: type Name object|string|...");
        const std::string name(line.words[1]);
        const auto [other, fresh] = types_.try_emplace(name);
        if (!fresh) {
          return schema_error(line, "type " + name + " is already declared at " + std::string(other->second.line.file) +
                                        ":" + std::to_string(other->second.line.number));
        }
        other->second.line = std::move(line);
      } else if (word == "kind") {
        kinds_.push_back({std::move(line), {}});
      } else if (word == "version") {
        if (kinds_.empty() || kinds_.back().line.file != line.file) return schema_error(line, "version before a kind");
        kinds_.back().versions.push_back(std::move(line));
      } else {
        return schema_error(line, "expected kind, version or type, found " + base::quoted(word));
      }
    }
    return {};
  }

  Result<std::vector<Kind>> finish() {
    for (auto& [name, type] : types_) TRY(resolve(type));
    std::vector<Kind> out;
    for (const auto& pending : kinds_) out.push_back(TRY(make_kind(pending)));
    return out;
  }

 private:
  struct Type {
    SchemaLine line;
    SchemaRef schema;
    bool open = false;  // being resolved: meeting it again is a cycle
  };
  struct PendingKind {
    SchemaLine line;
    std::vector<SchemaLine> versions;
  };

  Result<SchemaRef> resolve(Type& type) {
    if (type.schema) return type.schema;
    if (type.open) return schema_error(type.line, "type " + std::string(type.line.words[1]) + " contains itself");
    type.open = true;
    type.schema = TRY(expression(type.line, 2, nullptr));
    type.open = false;
    return type.schema;
  }

  // words[at...]: TYPE attribute* ["of" expression]. Children of the line are fields of the innermost object.
  // `required` is only for fields, hence given there alone.
  Result<SchemaRef> expression(const SchemaLine& line, size_t at, bool* required) {
    Schema schema = TRY(named_type(line, line.words[at]));
    const bool object_here = line.words[at] == "object";
    if (required && !line.description.empty()) schema.text = line.description;
    if (!required && at == 2 && line.words[0] == "type") schema.text = line.description;
    for (++at; at < line.words.size(); ++at) {
      if (line.words[at] == "of") {
        if (schema.type != SchemaType::array && schema.type != SchemaType::map) {
          return schema_error(line, "only lists and maps are \"of\" something");
        }
        if (at + 1 >= line.words.size()) return schema_error(line, "a type must follow \"of\"");
        schema.items = TRY(expression(line, at + 1, nullptr));
        return std::make_shared<const Schema>(std::move(schema));
      }
      if (line.words[at] == "required" && required) {
        *required = true;
        continue;
      }
      TRY(attribute(line, line.words[at], schema));
    }
    if ((schema.type == SchemaType::array || schema.type == SchemaType::map) && !schema.items) {
      return schema_error(line, "a list or map needs \"of\" and a type");
    }
    if (object_here) {
      TRY(fields(line, schema));
    } else if (!line.children.empty()) {
      return schema_error(line.children.front(), "only an object has fields");
    }
    return std::make_shared<const Schema>(std::move(schema));
  }

  Result<Schema> named_type(const SchemaLine& line, std::string_view word) {
    for (const auto& built_in : built_ins) {
      if (built_in.word != word) continue;
      Schema schema;
      schema.type = built_in.type;
      schema.format = built_in.format;
      schema.preserve_unknown = built_in.type == SchemaType::any;
      return schema;
    }
    const auto found = types_.find(word);
    if (found == types_.end()) return schema_error(line, "no type is called " + base::quoted(word));
    return *TRY(resolve(found->second));
  }

  Result<void> fields(const SchemaLine& parent, Schema& schema) {
    std::set<std::string_view> names;
    for (const auto& line : parent.children) {
      if (line.words.size() < 2) return schema_error(line, "expected: name type");
      if (!names.insert(line.words[0]).second) {
        return schema_error(line, "field " + base::quoted(line.words[0]) + " is declared twice");
      }
      Property property;
      property.name = line.words[0];
      property.schema = TRY(expression(line, 1, &property.required));
      schema.properties.push_back(std::move(property));
    }
    return {};
  }

  static Result<void> attribute(const SchemaLine& line, std::string_view word, Schema& schema) {
    const size_t equals = word.find('=');
    const auto name = word.substr(0, equals);
    if (equals == std::string_view::npos) return flag(line, name, schema);
    return setting(line, name, word.substr(equals + 1), schema);
  }

  static Result<void> flag(const SchemaLine& line, std::string_view name, Schema& schema) {
    const bool list = schema.type == SchemaType::array;
    if (name == "nullable") {
      schema.nullable = true;
    } else if (name == "preserve-unknown") {
      schema.preserve_unknown = true;
    } else if (name == "embedded") {
      schema.embedded_resource = true;
    } else if (name == "exclusiveMinimum") {
      schema.exclusive_minimum = true;
    } else if (name == "exclusiveMaximum") {
      schema.exclusive_maximum = true;
    } else if (name == "atomic" && list) {
      schema.list_type = "atomic";
    } else if (name == "atomic") {
      schema.map_atomic = true;
    } else if (name == "set" && list) {
      schema.list_type = "set";
    } else {
      return schema_error(line, "unknown attribute " + base::quoted(name));
    }
    return {};
  }

  static Result<void> setting(const SchemaLine& line, std::string_view name, std::string_view value, Schema& schema) {
    if (name == "default") {
      auto parsed = base::parse_json(value);
      if (!parsed) return schema_error(line, "the default is not JSON: " + parsed.error().message);
      schema.default_value = *parsed;
    } else if (name == "enum") {
      schema.enumeration.clear();
      for (const auto& item : alternatives(value)) schema.enumeration.push_back(typed(schema.type, item));
    } else if (name == "pattern") {
      schema.pattern = plain_value(value);
    } else if (name == "format") {
      schema.format = plain_value(value);
    } else if (name == "keys" && schema.type == SchemaType::array) {
      schema.list_type = "map";
      schema.list_keys = comma_list(value);
    } else {
      return bound(line, name, value, schema);
    }
    return {};
  }

  static Json typed(SchemaType type, const std::string& item) {
    if (type == SchemaType::boolean) return item == "true";
    if (type == SchemaType::integer) return base::parse_int(item).value_or(0);
    return item;
  }

  static Result<void> bound(const SchemaLine& line, std::string_view name, std::string_view value, Schema& schema) {
    const auto number = base::parse_json(value);
    if (!number || !number->is_number()) {
      return schema_error(line, "attribute " + base::quoted(name) + " needs a number, or is unknown");
    }
    const std::pair<std::string_view, std::optional<double> Schema::*> doubles[] = {{"minimum", &Schema::minimum},
                                                                                    {"maximum", &Schema::maximum}};
    const std::pair<std::string_view, std::optional<int64_t> Schema::*> counts[] = {
        {"minLength", &Schema::min_length},         {"maxLength", &Schema::max_length},
        {"minItems", &Schema::min_items},           {"maxItems", &Schema::max_items},
        {"minProperties", &Schema::min_properties}, {"maxProperties", &Schema::max_properties}};
    for (const auto& [key, member] : doubles) {
      if (key == name) return schema.*member = number->number(), Result<void>();
    }
    for (const auto& [key, member] : counts) {
      if (key == name) return schema.*member = number->integer(), Result<void>();
    }
    return schema_error(line, "unknown attribute " + base::quoted(name));
  }

  Result<Kind> make_kind(const PendingKind& pending) {
    const SchemaLine& line = pending.line;
    Kind kind;
    if (line.words.size() < 2) return schema_error(line, "expected: kind Name group=... plural=...");
    kind.kind = line.words[1];
    kind.list_kind = kind.kind + "List";
    kind.singular = base::lower(kind.kind);
    for (size_t i = 2; i < line.words.size(); ++i) TRY(kind_attribute(line, line.words[i], kind));
    if (!line.children.empty()) return schema_error(line.children.front(), "fields belong below a version");
    if (kind.plural.empty()) return schema_error(line, "kind " + kind.kind + " needs plural=");
    for (const auto& version : pending.versions) kind.versions.push_back(TRY(make_version(line, version, kind)));
    if (kind.storage_version.empty()) return schema_error(line, "no version of " + kind.kind + " is marked storage");
    std::stable_sort(kind.versions.begin(), kind.versions.end(),
                     [](const Version& a, const Version& b) { return version_before(a.name, b.name); });
    return kind;
  }

  static Result<void> kind_attribute(const SchemaLine& line, std::string_view word, Kind& kind) {
    const size_t equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto value = equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
    if (name == "group") {
      kind.group = value;
    } else if (name == "plural") {
      kind.plural = value;
    } else if (name == "singular") {
      kind.singular = value;
    } else if (name == "short") {
      kind.short_names = comma_list(value);
    } else if (name == "categories") {
      kind.categories = comma_list(value);
    } else if (name == "cluster-scoped") {
      kind.namespaced = false;
    } else if (name == "core") {
      kind.custom = false;
    } else if (name == "no-generation") {
      kind.has_generation = false;
    } else if (name == "select") {  // select=source:source.component, or the label alone when the path is the same
      for (const auto& item : comma_list(value)) {
        const size_t colon = item.find(':');
        const auto label = item.substr(0, colon);
        kind.field_labels.emplace_back(label, colon == std::string::npos ? label : item.substr(colon + 1));
      }
    } else {
      return schema_error(line, "unknown attribute " + base::quoted(name));
    }
    return {};
  }

  Result<Version> make_version(const SchemaLine& kind_line, const SchemaLine& line, Kind& kind) {
    Version version;
    if (line.words.size() < 2) return schema_error(line, "expected: version NAME [storage] [status] ...");
    version.name = line.words[1];
    for (size_t i = 2; i < line.words.size(); ++i) {
      const auto word = line.words[i];
      if (word == "storage") {
        kind.storage_version = version.name;
      } else if (word == "status") {
        version.status_subresource = true;
      } else if (word == "not-served") {
        version.served = false;
      } else if (word == "deprecated") {
        version.deprecated = true;
        version.deprecation_warning = kind.api_version(version.name) + " " + kind.kind + " is deprecated";
      } else {
        return schema_error(line, "unknown attribute " + base::quoted(word));
      }
    }
    SchemaLine body{.file = line.file, .number = line.number, .words = {}, .description = {}, .children = {}};
    for (const auto& child : line.children) {
      if (child.words[0] == "column") {
        version.columns.push_back(TRY(column(child)));
      } else if (child.words[0] == "scale" && child.words.size() >= 3 && child.words[1].front() == '.') {
        version.scale_spec = child.words[1];
        version.scale_status = child.words[2];
        if (child.words.size() > 3) version.scale_selector = child.words[3];
      } else {
        body.children.push_back(child);
      }
    }
    Schema root;
    root.type = SchemaType::object;
    root.text = line.description.empty() ? kind_line.description : line.description;
    TRY(type_meta(line, root));
    TRY(fields(body, root));
    version.schema = std::make_shared<const Schema>(std::move(root));
    return version;
  }

  static Result<Column> column(const SchemaLine& line) {
    Column column;
    if (line.words.size() < 4) return schema_error(line, "expected: column \"Name\" .path type [priority=N]");
    column.name = plain_value(line.words[1]);
    column.json_path = line.words[2];
    column.type = line.words[3];
    column.description = line.description;
    for (size_t i = 4; i < line.words.size(); ++i) {
      const auto word = line.words[i];
      const auto priority = word.starts_with("priority=") ? base::parse_int(word.substr(9)) : std::nullopt;
      if (!priority) return schema_error(line, "unknown attribute " + base::quoted(word));
      column.priority = static_cast<int>(*priority);
    }
    return column;
  }

  // What every object has: which kind it is and its metadata.
  Result<void> type_meta(const SchemaLine& line, Schema& root) {
    Schema text;
    text.type = SchemaType::string;
    text.text = "Group and version of the schema that this object follows, such as cluster.x-k8s.io/v1beta2.";
    root.properties.push_back({"apiVersion", std::make_shared<const Schema>(text), false});
    text.text = "Kind of this object, in CamelCase; it cannot be changed.";
    root.properties.push_back({"kind", std::make_shared<const Schema>(text), false});
    Schema metadata;
    metadata.type = SchemaType::object;
    metadata.preserve_unknown = true;
    if (types_.contains("ObjectMeta")) metadata = TRY(named_type(line, "ObjectMeta"));
    root.properties.push_back({"metadata", std::make_shared<const Schema>(std::move(metadata)), false});
    return {};
  }

  std::map<std::string, Type, std::less<>> types_;
  std::vector<PendingKind> kinds_;
};

}  // namespace

Result<std::vector<Kind>> parse_schema_text(const std::vector<SchemaSource>& sources) {
  Parser parser;
  for (const auto& source : sources) TRY(parser.add(source));
  return parser.finish();
}

}  // namespace meta

#include "meta/table.h"

#include <algorithm>

namespace meta {
namespace {

// Printers of core kinds call most columns text, whatever is in the cells. These call numbers so, too.
bool calls_numbers_text(const Kind& kind) {
  for (const char* name :
       {"ConfigMap", "Secret", "Event", "Deployment", "HorizontalPodAutoscaler", "FlowSchema", "ControllerRevision"}) {
    if (kind.kind == name) return true;
  }
  return false;
}

bool is_published_as_text(const Kind& kind, const Column& column) {
  if (kind.custom || column.name == "Created At") return false;
  return column.type != "integer" || calls_numbers_text(kind);
}

// How a string column prints any value (jsonpath's printing of one result).
Json printed(const Json& value) {
  if (value.is_string()) return value;
  if (value.is_null()) return nullptr;
  return value.dump();
}

Json age(const Json& value, base::Time now) {
  if (!value.is_string() || value.string().empty()) return nullptr;
  const auto time = base::parse_rfc3339(value.string());
  if (!time) return "<invalid>";
  return base::human_duration(now - *time);
}

Json typed(const Kind& kind, const Column& column, const Json& value, base::Time now) {
  if (column.type == "date") {
    if (column.name == "Created At") return value;
    Json out = age(value, now);
    return out.is_null() && !kind.custom ? Json("<unknown>") : out;
  }
  if (column.type == "integer") return value.is_number() ? Json(value.integer()) : Json();
  if (column.type == "number") return value.is_number() ? value : Json();
  if (column.type == "boolean") return value.is_bool() ? value : Json();
  return printed(value);
}

}  // namespace

Table::Table(const Kind& kind, const Version& version) : kind_(kind) {
  // Events have theirs at the end.
  const auto named = [](const Column& column) { return column.name == "Name"; };
  const bool has_name = !kind.custom && std::any_of(version.columns.begin(), version.columns.end(), named);
  if (!has_name) {
    columns_.push_back({.name = "Name",
                        .json_path = ".metadata.name",
                        .type = "string",
                        .format = "name",
                        .description = "Name, unique among objects of this kind in the namespace."});
  }
  columns_.insert(columns_.end(), version.columns.begin(), version.columns.end());
  if (version.columns.empty()) {
    columns_.push_back({.name = "Age",
                        .json_path = ".metadata.creationTimestamp",
                        .type = "date",
                        .format = "",
                        .description = "Time since the object was created."});
  }
  if (has_name) std::find_if(columns_.begin(), columns_.end(), named)->format = "name";
  for (const auto& column : columns_) {
    auto path = JsonPath::parse(column.json_path);
    if (kind.custom && !path) {  // a user's column that cannot be, and those behind it, are left out
      columns_.resize(paths_.size());
      break;
    }
    const bool by_hand = column.json_path == "-" || !path;
    paths_.push_back(by_hand ? std::nullopt : std::optional(std::move(*path)));
  }
}

Json Table::column_definitions() const {
  Json out = Json::array();
  for (const auto& column : columns_) {
    const bool text = is_published_as_text(kind_, column);
    const bool unsaid = kind_.custom && column.description.empty() && column.json_path.starts_with('.');
    const std::string description =
        unsaid ? "Custom resource definition column (in JSONPath format): " + column.json_path : column.description;
    out.push(Json::object({{"name", column.name},
                           {"type", text ? std::string("string") : column.type},
                           {"format", column.format},
                           {"description", description},
                           {"priority", column.priority}}));
  }
  return out;
}

// The cell of something that is not there, as in the row of a bookmark.
Json Table::nothing(const Column& column) const {
  if (column.name == "Name") return "";
  return !kind_.custom && column.name == "Age" ? Json("<unknown>") : Json();
}

Json Table::cells(const Json& doc, base::Time now) const {
  Json out = Json::array();
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (paths_[i]) {
      const Json* value = paths_[i]->first(doc);
      out.push(value ? typed(kind_, columns_[i], *value, now) : nothing(columns_[i]));
    } else if (kind_.cell) {
      out.push(typed(kind_, columns_[i], kind_.cell(doc, columns_[i].name), now));
    } else {
      out.push(nullptr);
    }
  }
  return out;
}

}  // namespace meta

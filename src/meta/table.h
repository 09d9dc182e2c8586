// Rows of a kind as `kubectl get` shows them: printer columns, evaluated on the server.
#pragma once

#include <optional>
#include <vector>

#include "base/time.h"
#include "meta/json_path.h"
#include "meta/kind.h"

namespace meta {

// The columns of one version, compiled. Keeps references to both: they must outlive it.
class Table {
 public:
  Table(const Kind& kind, const Version& version);

  // Name first; Age alone follows when the version declares no columns.
  const std::vector<Column>& columns() const { return columns_; }
  // Table.columnDefinitions of meta.k8s.io/v1.
  Json column_definitions() const;
  // Cells of one object, typed as the column says; null when there is no value. `now` is for ages.
  Json cells(const Json& doc, base::Time now) const;

 private:
  Json nothing(const Column& column) const;

  const Kind& kind_;
  std::vector<Column> columns_;
  std::vector<std::optional<JsonPath>> paths_;  // per column; none where Kind::cell gives the value
};

}  // namespace meta

// Cells of core kinds' columns that no JSON path can give. Times are returned as RFC 3339 and become ages in
// meta::Table.
#pragma once

#include <string_view>

#include "base/json.h"

namespace api::rules {

using base::Json;

Json cell_of_secret(const Json& doc, std::string_view column);
Json cell_of_config_map(const Json& doc, std::string_view column);
Json cell_of_event(const Json& doc, std::string_view column);
Json cell_of_node(const Json& doc, std::string_view column);
Json cell_of_pod(const Json& doc, std::string_view column);
Json cell_of_workload(const Json& doc, std::string_view column);  // Deployment and DaemonSet
Json cell_of_binding(const Json& doc, std::string_view column);

}  // namespace api::rules

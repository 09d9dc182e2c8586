// What a request is about, read off its method and target: either a resource of the scheme or some other path.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meta/kind.h"
#include "net/http.h"

namespace server {

class Query {
 public:
  Query() = default;
  explicit Query(std::string_view text) : pairs_(net::parse_query(text)) {}
  const std::string& get(std::string_view name) const;  // the first; "" when absent
  bool has(std::string_view name) const;
  bool flag(std::string_view name) const;  // "true" or "1", as Go's decoder of bool parameters reads them
  std::vector<std::string> all(std::string_view name) const;
  void set(std::string_view name, std::string value);

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

struct Route {
  std::string path;  // without the query
  Query query;
  std::string verb;          // get, list, watch, create, update, patch, delete, deletecollection; else the method
  bool is_resource = false;  // the path has the shape of a resource's; then the rest holds
  std::string group, version, plural, ns, name, subresource;
  const meta::Kind* kind = nullptr;  // null when the scheme has no such resource in that version
  const meta::Version* kind_version = nullptr;
  std::shared_ptr<const meta::Kind> held;  // `kind`, which may leave the scheme while the request is under way
};

Route parse_route(const meta::Scheme& scheme, const net::Request& request);

}  // namespace server

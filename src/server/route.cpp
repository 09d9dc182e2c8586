#include "server/route.h"

#include <algorithm>
#include <span>

#include "base/text.h"

namespace server {
namespace {

const std::string none;

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> out;
  const auto parts = base::split(path, '/');
  out.reserve(parts.size());
  for (const auto part : parts) {
    if (!part.empty()) out.push_back(net::percent_decode(part));
  }
  return out;
}

std::string verb_of(std::string_view method, bool named, bool watching) {
  if (method == "GET" || method == "HEAD") return named ? "get" : watching ? "watch" : "list";
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return named ? "delete" : "deletecollection";
  return base::lower(method);
}

// `rest` is what follows the version: [watch] [namespaces NS] PLURAL [NAME [SUBRESOURCE]].
void read_resource(Route& route, std::span<std::string> rest, std::string_view method) {
  const bool legacy_watch = rest.front() == "watch" && rest.size() > 1;
  if (legacy_watch) rest = rest.subspan(1);
  // namespaces/NAME/status and /finalize are of the Namespace itself.
  const bool of_namespace = rest.size() >= 3 && rest[2] != "status" && rest[2] != "finalize";
  if (rest.front() == "namespaces" && of_namespace) {
    route.ns = std::move(rest[1]);
    rest = rest.subspan(2);
  }
  route.plural = std::move(rest[0]);
  if (rest.size() > 1) route.name = std::move(rest[1]);
  for (size_t i = 2; i < rest.size(); ++i) route.subresource += (i > 2 ? "/" : "") + rest[i];
  if (legacy_watch) {
    if (!route.name.empty()) route.query.set("fieldSelector", "metadata.name=" + route.name);
    route.query.set("watch", "true");
    route.name.clear();
  }
  route.verb = verb_of(method, !route.name.empty(), route.query.flag("watch"));
}

}  // namespace

const std::string& Query::get(std::string_view name) const {
  for (const auto& [key, value] : pairs_) {
    if (key == name) return value;
  }
  return none;
}

bool Query::has(std::string_view name) const {
  return std::any_of(pairs_.begin(), pairs_.end(), [&](const auto& pair) { return pair.first == name; });
}

bool Query::flag(std::string_view name) const {
  const auto& value = get(name);
  return has(name) && value != "false" && value != "0" && value != "False";
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : pairs_) {
    if (key == name) out.push_back(value);
  }
  return out;
}

void Query::set(std::string_view name, std::string value) {
  std::erase_if(pairs_, [&](const auto& pair) { return pair.first == name; });
  pairs_.emplace_back(name, std::move(value));
}

Route parse_route(const meta::Scheme& scheme, const net::Request& request) {
  Route route;
  const std::string_view target = request.target;
  const size_t mark = target.find('?');
  route.path = target.substr(0, mark);
  if (mark != std::string_view::npos) route.query = Query(target.substr(mark + 1));
  route.verb = request.method == "HEAD" ? "get" : base::lower(request.method);

  auto parts = segments_of(route.path);
  const bool core = parts.size() >= 3 && parts[0] == "api";
  const bool grouped = parts.size() >= 4 && parts[0] == "apis";
  if (!core && !grouped) return route;
  route.is_resource = true;
  route.group = core ? std::string() : parts[1];
  route.version = core ? parts[1] : parts[2];
  read_resource(route, std::span(parts).subspan(core ? 2 : 3), request.method);
  const meta::Kind* kind = scheme.by_plural(route.group, route.plural);
  const meta::Version* version = kind ? kind->version(route.version) : nullptr;
  const bool served = version && version->served;
  if (!served) {  // a core kind that has a form in this group
    kind = core ? nullptr : scheme.by_plural("", route.plural);
    version = kind ? kind->version(route.group + "/" + route.version) : nullptr;
  }
  if (!version) return route;
  route.kind = kind;
  route.held = scheme.hold(kind);
  route.kind_version = version;
  return route;
}

}  // namespace server

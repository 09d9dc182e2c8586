// What a server says about itself.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "server/errors.h"
#include "server/handlers.h"

namespace server {
namespace {

// The parts that ?verbose lists and that can be asked for alone.
constexpr auto checks = std::to_array<std::string_view>({"ping", "store"});

// "v1.33.0-x" -> {"1", "33"}.
std::pair<std::string, std::string> major_minor(std::string_view version) {
  if (version.starts_with('v')) version.remove_prefix(1);
  const auto parts = base::split(version, '.');
  return {std::string(parts.at(0)), parts.size() > 1 ? std::string(parts[1]) : std::string()};
}

net::Response answer_version(const Options& options) {
  const auto [major, minor] = major_minor(options.git_version);
  return net::Response::json(200, Json::object({{"major", major},
                                                {"minor", minor},
                                                {"gitVersion", options.git_version},
                                                {"gitCommit", ""},
                                                {"gitTreeState", "clean"},
                                                {"buildDate", "1970-01-01T00:00:00Z"},
                                                {"goVersion", "none"},
                                                {"compiler", "gcc"},
                                                {"platform", "linux/amd64"}}));
}

net::Response answer_check(std::string_view which, std::string_view part, const Query& query) {
  if (!part.empty()) {
    return std::find(checks.begin(), checks.end(), part) == checks.end() ? page_not_found()
                                                                         : net::Response::text(200, "ok");
  }
  if (!query.has("verbose")) return net::Response::text(200, "ok");
  std::string out;
  const auto excluded = query.all("exclude");
  for (const auto check : checks) {
    const bool left_out = std::find(excluded.begin(), excluded.end(), check) != excluded.end();
    out += "[+]" + std::string(check) + (left_out ? " excluded: ok\n" : " ok\n");
  }
  return net::Response::text(200, out + std::string(which) + " check passed\n");
}

}  // namespace

net::Response answer_health(const Route& route, const Options& options) {
  std::string_view path = route.path;
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (path == "/version") return answer_version(options);
  for (const std::string_view which : {"healthz", "livez", "readyz"}) {
    if (!path.substr(1).starts_with(which)) continue;
    const auto rest = path.substr(1 + which.size());
    if (rest.empty()) return answer_check(which, {}, route.query);
    if (rest.front() == '/') return answer_check(which, rest.substr(1), route.query);
  }
  if (path == "/metrics" && options.metrics) {
    net::Response out = net::Response::text(200, options.metrics());
    out.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    return out;
  }
  if (path == "/") {
    std::vector<std::string> paths = {"/api", "/apis", "/healthz", "/livez"};
    if (options.metrics) paths.push_back("/metrics");
    paths.insert(paths.end(), {"/openapi/v2", "/openapi/v3", "/readyz", "/version"});
    return net::Response::json(200, Json::object({{"paths", Json::strings(paths)}}));
  }
  return page_not_found();
}

}  // namespace server

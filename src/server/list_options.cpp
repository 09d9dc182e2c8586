#include "server/list_options.h"

#include <algorithm>

#include "base/text.h"
#include "meta/go_text.h"
#include "server/errors.h"
#include "wire/json_syntax.h"

namespace server {
namespace {

constexpr auto future_limit = base::seconds(3);

Error refused(std::string_view field, std::string why) {
  return invalid_options("ListOptions", meta::field_forbidden(std::string(field), std::move(why)));
}

// "" is nullopt.
Result<std::optional<uint64_t>> revision_of(const Query& query) {
  const auto& text = query.get("resourceVersion");
  if (text.empty()) return std::optional<uint64_t>();
  const auto revision = base::parse_uint(text);
  if (!revision) {
    return registry::bad_request("invalid resource version: resourceVersion: Invalid value: " + base::quoted(text) +
                                 ": strconv.ParseUint: parsing " + base::quoted(text) + ": invalid syntax");
  }
  return revision;
}

Result<void> check_match(const std::string& match, const std::string& revision, bool continued) {
  if (match.empty()) return {};
  if (continued) {
    std::vector<base::FieldError> wrong;
    if (revision.empty()) {
      wrong.push_back(meta::field_forbidden("resourceVersionMatch",
                                            "resourceVersionMatch is forbidden unless resourceVersion is provided"));
    }
    wrong.push_back(
        meta::field_forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"));
    return invalid_options("ListOptions", std::move(wrong));
  }
  if (revision.empty()) {
    return refused("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided");
  }
  if (match != "Exact" && match != "NotOlderThan") {
    return invalid_options("ListOptions",
                           meta::field_not_supported("resourceVersionMatch", match, {"Exact", "NotOlderThan", ""}));
  }
  if (match == "Exact" && revision == "0") {
    return refused("resourceVersionMatch", "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
  }
  return {};
}

Error not_a_number(const std::string& text) {
  return registry::bad_request("strconv.ParseInt: parsing " + base::quoted(text) + ": invalid syntax");
}

Result<uint64_t> limit_of(const Query& query) {
  const auto& text = query.get("limit");
  if (text.empty()) return uint64_t{0};
  const auto limit = base::parse_int(text);
  if (!limit) return not_a_number(text);
  return static_cast<uint64_t>(std::max<int64_t>(*limit, 0));
}

}  // namespace

std::string ContinueToken::text() const {
  Json token = Json::object({{"v", "meta.k8s.io/v1"}});
  token.set("rv", revision ? Json(*revision) : Json(-1));
  token.set("start", ns + "/" + name + '\0');
  return base::base64_url(token.dump());
}

namespace {

Error bad_token(const std::string& why) {
  return registry::bad_request("invalid continue token: continue key is not valid: " + why);
}

// The token as a document, of types that fit.
Result<Json> token_document(std::string_view text) {
  if (const auto at = meta::base64_problem(text, true)) {
    return bad_token("illegal base64 data at input byte " + std::to_string(*at));
  }
  const auto decoded = base::unbase64_url(text).value_or("");
  auto token = base::parse_json(decoded);
  if (!token) return bad_token(wire::json_syntax_problem(decoded));
  if (!token->is_object() && !token->is_null()) {
    return bad_token("json: cannot unmarshal " + meta::go_json_type(*token) +
                     " into Go value of type storage.continueToken");
  }
  for (const char* name : {"v", "rv", "start"}) {
    const auto& value = (*token)[name];
    const bool number = name == std::string_view("rv");
    if (value.is_null() || (number ? value.is_integer() : value.is_string())) continue;
    return bad_token("json: cannot unmarshal " + meta::go_json_type(value) + " into Go struct field continueToken." +
                     name + " of type " + (number ? "int64" : "string"));
  }
  return token;
}

}  // namespace

Result<ContinueToken> ContinueToken::parse(std::string_view text) {
  const Json token = TRY(token_document(text));
  const auto& version = token["v"].string();
  if (version != "meta.k8s.io/v1") return bad_token("server does not recognize this encoded version " + version);
  const int64_t revision = token["rv"].integer();
  if (revision == 0) return bad_token("incorrect encoded start resourceVersion (version " + version + ")");
  std::string start = token["start"].string();
  if (start.empty()) return bad_token("encoded start key empty (version " + version + ")");
  if (start.find("..") != std::string::npos) return bad_token(start);
  if (start.ends_with('\0')) start.pop_back();
  const size_t slash = std::min(start.find('/'), start.size());
  ContinueToken out;
  out.ns = start.substr(0, slash);
  out.name = start.substr(std::min(slash + 1, start.size()));
  if (revision > 0) out.revision = static_cast<uint64_t>(revision);
  return out;
}

Result<ListOptions> ListOptions::of(const Call& call) {
  const auto& query = call.route.query;
  if (query.has("sendInitialEvents")) {
    return refused("sendInitialEvents", "sendInitialEvents is forbidden for list");
  }
  if (const auto& text = query.get("timeoutSeconds"); !text.empty() && !base::parse_int(text)) {
    return not_a_number(text);
  }
  ListOptions out;
  out.limit = TRY(limit_of(query));
  const auto& match = query.get("resourceVersionMatch");
  const auto& token = query.get("continue");
  TRY(check_match(match, query.get("resourceVersion"), !token.empty()));
  const auto revision = TRY(revision_of(query));
  if (!token.empty()) {
    if (revision.value_or(0) != 0) {
      return registry::bad_request("specifying resource version is not allowed when using continue");
    }
    out.from = TRY(ContinueToken::parse(token));
    return out;
  }
  if (!revision) return out;
  if (*revision == 0) {
    out.limit = 0;
  } else if (match == "Exact" || (match.empty() && out.limit > 0)) {
    out.exact = *revision;
  } else {
    out.at_least = *revision;
  }
  return out;
}

Result<WatchOptions> WatchOptions::of(const Call& call) {
  const auto& query = call.route.query;
  WatchOptions out;
  const auto& match = query.get("resourceVersionMatch");
  const bool says_initial = query.has("sendInitialEvents");
  std::vector<base::FieldError> wrong;
  if (says_initial && match.empty()) {
    wrong.push_back(meta::field_forbidden("resourceVersionMatch",
                                          "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  } else if (says_initial && match != "NotOlderThan") {
    wrong.push_back(meta::field_forbidden("resourceVersionMatch",
                                          "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
    wrong.push_back(meta::field_not_supported("resourceVersionMatch", match, {"NotOlderThan"}));
  } else if (!says_initial && !match.empty()) {
    wrong.push_back(meta::field_forbidden(
        "resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
    if (match != "NotOlderThan") {
      wrong.push_back(meta::field_not_supported("resourceVersionMatch", match, {"NotOlderThan"}));
    }
  }
  if (!wrong.empty()) return invalid_options("ListOptions", std::move(wrong));
  auto asked = revision_of(query);
  if (!asked) {  // no bad request here, unlike in lists
    return base::internal(asked.error().message.substr(std::string_view("invalid resource version: ").size()));
  }
  const auto revision = *asked;
  const uint64_t number = revision.value_or(0);
  out.bookmarks = query.flag("allowWatchBookmarks");
  if (query.flag("sendInitialEvents")) {
    out.list_bookmark = out.bookmarks;
    if (number > 0) out.at_least = number;
  } else if (number > 0) {
    out.after = number;
  } else {
    out.initial_events = !says_initial;
  }
  if (const auto& text = query.get("timeoutSeconds"); !text.empty()) {
    const auto limit = base::parse_int(text);
    if (!limit) return not_a_number(text);
    if (*limit > 0) out.limit = base::seconds(*limit);
  }
  return out;
}

Result<void> wait_for_revision(Api& api, uint64_t revision) {
  if (revision <= api.store().durable_revision()) return {};
  auto reached = std::make_shared<sys::Signal>(api.sys.loop);
  api.store().when_durable(revision, [reached](const Result<void>&) { reached->set(); });
  const auto waited = reached->wait_for(future_limit);
  if (waited) return {};
  if (waited.error().code == base::Code::cancelled) return base::cancelled();
  return base::timeout("Too large resource version: " + std::to_string(revision) +
                       ", current: " + std::to_string(api.store().durable_revision()));
}

}  // namespace server

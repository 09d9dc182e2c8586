#include "server/documents.h"

#include <map>

#include "meta/openapi_doc.h"
#include "server/accept.h"
#include "server/errors.h"
#include "server/fixed_answers.h"
#include "server/openapi_protobuf.h"

namespace server {
namespace {

using base::Json;

// Clients ask for the first name; as "@" is not allowed in a media type (RFC 9110 section 5.6.2) answers carry the
// second, and clients that know it ask for that.
constexpr std::string_view v2_protobuf_asked = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
constexpr std::string_view v2_protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
constexpr std::string_view json_type = "application/json";

// The better liked of JSON and protobuf; "" when the client takes neither.
std::string_view v2_type(std::string_view accept) {
  for (const auto& range : parse_accept(accept)) {
    if (range.accepts(json_type)) return json_type;
    if (range.type == v2_protobuf_asked || range.type == v2_protobuf) return v2_protobuf;
  }
  return "";
}

// The value of ?hash=, or "".
std::string asked_hash(const net::Request& request) {
  const size_t question = request.target.find('?');
  if (question == std::string::npos) return "";
  for (const auto& [key, value] : net::parse_query(std::string_view(request.target).substr(question + 1))) {
    if (key == "hash") return value;
  }
  return "";
}

}  // namespace

struct Documents::State {
  struct Document {
    std::string media_type, body, tag;  // tag with quotes
    std::string hash() const { return tag.substr(1, tag.size() - 2); }
    net::Response response() const { return {200, {{"Content-Type", media_type}}, body}; }
  };

  const meta::Scheme& scheme;
  std::map<std::string, Document, std::less<>> built;  // by path, for v2 by media type
  // "api/v1", "apis/GROUP/VERSION" of everything that is served -> group and version.
  std::map<std::string, std::pair<std::string, std::string>, std::less<>> group_versions;

  uint64_t revision = 0;  // of the scheme that all this shows

  explicit State(const meta::Scheme& kinds) : scheme(kinds) { refresh(); }

  void refresh() {
    if (!group_versions.empty() && revision == scheme.revision()) return;
    revision = scheme.revision();
    built.clear();
    group_versions.clear();
    for (const meta::Kind* kind : scheme.kinds()) {
      for (const auto& version : kind->versions) {
        if (!version.served) continue;
        const std::string root = kind->group.empty() ? "api/" : "apis/" + kind->group + "/";
        group_versions[root + version.name] = {kind->group, version.name};
      }
    }
  }

  template <class Make>
  const Document& document(std::string_view key, std::string_view media_type, Make make) {
    const auto found = built.find(key);
    if (found != built.end()) return found->second;
    std::string body = make();
    std::string tag = entity_tag(body);
    return built[std::string(key)] = {std::string(media_type), std::move(body), std::move(tag)};
  }

  const Document& v2(std::string_view media_type) {
    return document(media_type, media_type, [&] {
      const Json doc = meta::openapi_v2_document(scheme);
      return media_type == json_type ? doc.dump() : openapi_protobuf(doc);
    });
  }

  const Document& v3(std::string_view root) {
    const auto& [group, version] = group_versions.find(root)->second;
    return document(root, json_type, [&] { return meta::openapi_v3_document(scheme, group, version).dump(); });
  }

  const Document& v3_index() {
    return document("", json_type, [&] {
      Json paths = Json::object();
      for (const auto& [root, unused] : group_versions) {
        paths.set(root, Json::object({{"serverRelativeURL", url_of(root)}}));
      }
      return Json::object({{"paths", std::move(paths)}}).dump();
    });
  }

  // Names the content, so that clients may keep what they got from it for ever.
  std::string url_of(std::string_view root) { return "/openapi/v3/" + std::string(root) + "?hash=" + v3(root).hash(); }

  net::Response answer_v2(const net::Request& request) {
    const auto media_type = v2_type(request.headers.get("Accept"));
    if (media_type.empty()) return not_acceptable();
    const Document& found = v2(media_type);
    return tagged(request, found.response(), found.tag);
  }

  net::Response answer_v3(const net::Request& request, std::string_view root) {
    if (!group_versions.count(std::string(root))) return no_such_path();
    const Document& found = v3(root);
    net::Response answer = found.response();
    const std::string hash = asked_hash(request);
    if (!hash.empty() && hash != found.hash()) return {301, {{"Location", url_of(root)}}, ""};
    answer.headers.set("Cache-Control", hash.empty() ? "no-cache, private" : "public, immutable, max-age=31536000");
    return tagged(request, std::move(answer), found.tag);
  }

  static net::Response not_acceptable() {
    return failure(
        406, "NotAcceptable",
        "only the following media types are accepted: " + std::string(json_type) + ", " + std::string(v2_protobuf));
  }
};

Documents::Documents(const meta::Scheme& scheme) : state_(std::make_unique<State>(scheme)) {}
Documents::~Documents() = default;

std::optional<net::Response> Documents::answer(const net::Request& request) {
  const auto path = path_of(request);
  if (path != "/openapi" && !path.starts_with("/openapi/")) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") return method_not_allowed();
  state_->refresh();
  if (path == "/openapi/v2") return state_->answer_v2(request);
  if (path == "/openapi/v3") {
    const auto& index = state_->v3_index();
    return tagged(request, index.response(), index.tag);
  }
  constexpr std::string_view v3 = "/openapi/v3/";
  if (path.starts_with(v3)) return state_->answer_v3(request, path.substr(v3.size()));
  return no_such_path();
}

}  // namespace server

#include "server/view.h"

#include <algorithm>

#include "base/text.h"
#include "meta/user_form.h"
#include "server/accept.h"
#include "server/body.h"
#include "server/convert.h"
#include "server/errors.h"
#include "server/protobuf_messages.h"
#include "server/protobuf_write.h"
#include "wire/yaml.h"

namespace server {
namespace {

std::optional<View> view_of(const MediaRange& range) {
  View view;
  view.protobuf = range.type == protobuf_type;
  view.yaml = !view.protobuf && !range.accepts("application/json");
  if (view.yaml && !range.accepts("application/yaml")) return std::nullopt;
  const auto as = range.parameter("as"), version = range.parameter("v");
  if (as.empty()) return view;
  if (range.parameter("g") != "meta.k8s.io" || (version != "v1" && version != "v1beta1")) return std::nullopt;
  view.meta_version = version;
  if (as == "Table") {
    view.form = View::Form::table;
  } else if (as == "PartialObjectMetadata" || as == "PartialObjectMetadataList") {
    view.form = View::Form::metadata;
    view.metadata_list = as.ends_with("List");
  } else {
    return std::nullopt;
  }
  return view;
}

// Users' kinds have no messages, but their metadata has.
bool is_fitting(const View& view, const Route& route) {
  if (!view.protobuf) return true;
  if (view.form == View::Form::metadata) return true;
  if (view.form == View::Form::table || !route.kind || route.kind->custom) return false;
  return protobuf_message_of(route.kind->api_version(route.version), route.kind->kind) != nullptr;
}

bool wants_pretty(const net::Request& request, const Query& query) {
  if (query.has("pretty")) return query.flag("pretty");
  const auto& agent = request.headers.get("User-Agent");
  return agent.starts_with("curl") || agent.starts_with("Wget") || agent.starts_with("Mozilla/5.0");
}

Json partial(const View& view, const Json& doc) {
  return Json::object({{"kind", "PartialObjectMetadata"},
                       {"apiVersion", "meta.k8s.io/" + view.meta_version},
                       {"metadata", doc["metadata"]}});
}

// `doc` is in the request's version.
Json row_of(Call& call, const meta::Table& table, const Json& doc) {
  Json row = Json::object({{"cells", table.cells(doc, call.api.registry.now())}});
  const auto& include = call.view.include_object;
  if (include == "None") {
    row.set("object", nullptr);
  } else {
    row.set("object", include == "Object" ? doc : partial(call.view, doc));
  }
  return row;
}

Json table_head(const Call& call, const Json& metadata) {
  return Json::object(
      {{"kind", "Table"}, {"apiVersion", "meta.k8s.io/" + call.view.meta_version}, {"metadata", metadata}});
}

Json table_of_one(Call& call, const Json& doc, bool first) {
  const auto& table = call.api.table(call.route.held, call.version());
  Json out = table_head(call, Json::object({{"resourceVersion", doc["metadata"]["resourceVersion"]}}));
  out.set("columnDefinitions", first ? table.column_definitions() : Json());
  out.set("rows", Json::array({row_of(call, table, doc)}));
  return out;
}

Json list_metadata(const Call& call, const ListPage& page) {
  Json out = Json::object();
  const bool bare = call.view.form == View::Form::object && call.kind().custom;
  if (!page.next.empty() || bare) out.set("continue", page.next);
  if (page.remaining) out.set("remainingItemCount", *page.remaining);
  out.set("resourceVersion", std::to_string(page.revision));
  return out;
}

}  // namespace

StoredForm::StoredForm(const Call& call)
    : possible_(call.view.form == View::Form::object && call.version().name == call.kind().storage_version) {
  if (const auto* form = meta::user_form(call.kind())) normal_from_ = form->normal_since + 1;
  // The past may have been stored in another version than the present.
  if (possible_ && call.kind().versions.size() > 1) api_version_ = call.api_version();
}

bool StoredForm::is(const store::Entry& object) const {
  if (!possible_ || object.revision < normal_from_) return false;
  return api_version_.empty() || object.is_of(api_version_);
}

std::optional<View> negotiate(const net::Request& request, const Route& route) {
  const auto ranges = parse_accept(request.headers.get("Accept"));
  for (const auto& range : ranges) {
    auto view = view_of(range);
    if (!view || !is_fitting(*view, route)) continue;
    view->pretty = wants_pretty(request, route.query);
    if (const auto& include = route.query.get("includeObject"); !include.empty()) view->include_object = include;
    return view;
  }
  return std::nullopt;
}

namespace {
constexpr std::string_view watch_types =
    "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

net::Response only_accepted(std::string_view types) {
  return failure(
      status_document(406, "NotAcceptable", "only the following media types are accepted: " + std::string(types)));
}
}  // namespace

net::Response not_acceptable(const net::Request& request, bool list) {
  std::string types = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
  const auto ranges = parse_accept(request.headers.get("Accept"));
  const bool known = std::any_of(ranges.begin(), ranges.end(), [](const MediaRange& range) {
    return range.accepts("application/json") || range.accepts("application/yaml") || range.accepts(protobuf_type);
  });
  if (known) return only_accepted(types);  // the type is, what it is to hold is not
  if (list) types += ", " + std::string(watch_types);
  return failure(406, "NotAcceptable", "406: Not Acceptable\n\nAvailable representations: " + types);
}

net::Response not_watchable() { return only_accepted(watch_types); }

void in_words_of(const net::Request& request, net::Response& response) {
  if (response.status < 400 || response.headers.get("Content-Type") != "application/json") return;
  for (const auto& range : parse_accept(request.headers.get("Accept"))) {
    if (!range.parameter("as").empty()) continue;  // a failure has no other form
    if (range.accepts("application/json")) return;
    const bool protobuf = range.type == protobuf_type;
    if (!protobuf && !range.accepts("application/yaml")) continue;
    const auto document = base::parse_json(response.body);
    auto bytes = !document ? std::nullopt : protobuf ? to_protobuf(*document) : wire::to_go_yaml(*document);
    if (!bytes) return;
    response.body = std::move(*bytes);
    response.headers.set("Content-Type", protobuf ? std::string(protobuf_type) : "application/yaml");
    return;
  }
}

Result<void> check_form(Call& call, bool list) {
  const auto& view = call.view;
  if (view.form == View::Form::table) {
    const auto& include = view.include_object;
    if (include == "None" || include == "Metadata" || include == "Object") return {};
    return registry::bad_request("Unable to convert to Table as requested: includeObject: Invalid value: " +
                                 base::quoted(include) + ": must be 'Metadata', 'Object', 'None', or empty");
  }
  if (view.form != View::Form::metadata || view.metadata_list == list) return {};
  const auto& kind = call.kind();
  const std::string type = kind.custom ? "*unstructured.Unstructured" + std::string(list ? "List" : "")
                                       : "*" + go_package(kind.group) + "." + (list ? kind.list_kind : kind.kind);
  const std::string why = std::string("you requested PartialObjectMetadata") + (list ? "" : "List") +
                          ", but the requested object is " + (list ? "a list (" : "not a list (") + type + ")";
  call.refusal = status_document(406, "NotAcceptable", why);
  return registry::bad_request(why);
}

std::string document_text(const Call& call, const Json& document) {
  return call.view.protobuf ? to_protobuf(document).value_or("") : document.dump();
}

Result<std::string> object_text(Call& call, const Ref& object, bool first) {
  if (StoredForm(call).is(*object)) return call.view.protobuf ? document_text(call, object->doc()) : object->bytes();
  const Json doc = TRY(to_version(call.kind(), call.version(), object->doc()));
  switch (call.view.form) {
    case View::Form::table:
      return table_of_one(call, doc, first).dump();
    case View::Form::metadata:
      return document_text(call, partial(call.view, doc));
    case View::Form::object:
      break;
  }
  return document_text(call, doc);
}

std::string_view watch_type(const Call& call) { return call.view.protobuf ? protobuf_stream_type : "application/json"; }

std::string event_frame(const Call& call, std::string_view type, std::string_view object) {
  if (call.view.protobuf) return protobuf_frame(type, object);
  std::string out;
  out.reserve(type.size() + object.size() + 24);
  out.append(R"({"type":")").append(type).append(R"(","object":)").append(object).append("}\n");
  return out;
}

Json list_frame(const Call& call, const ListPage& page) {
  const bool whole = call.view.form == View::Form::object;
  return Json::object({{"kind", whole ? call.kind().list_kind : "PartialObjectMetadataList"},
                       {"apiVersion", whole ? call.api_version() : "meta.k8s.io/" + call.view.meta_version},
                       {"metadata", list_metadata(call, page)}});
}

Json list_document(const Call& call, Json doc) {
  return call.view.form == View::Form::metadata ? partial(call.view, doc) : doc;
}

std::string list_head(Call& call, const ListPage& page) {
  Json head;
  if (call.view.form == View::Form::table) {
    head = table_head(call, list_metadata(call, page));
    head.set("columnDefinitions", call.api.table(call.route.held, call.version()).column_definitions());
  } else {
    head = list_frame(call, page);
  }
  std::string out = head.dump();
  out.pop_back();
  return out;
}

std::string list_item(Call& call, const Json& doc) {
  switch (call.view.form) {
    case View::Form::table:
      return row_of(call, call.api.table(call.route.held, call.version()), doc).dump();
    case View::Form::metadata:
      return partial(call.view, doc).dump();
    case View::Form::object:
      break;
  }
  return doc.dump();
}

std::string bookmark_text(Call& call, uint64_t revision, bool initial_events_end) {
  Json metadata = Json::object({{"resourceVersion", std::to_string(revision)}});
  if (initial_events_end) metadata.set("annotations", Json::object({{"k8s.io/initial-events-end", "true"}}));
  if (call.view.form == View::Form::table) {
    // The row of an object that has nothing but this.
    const auto& table = call.api.table(call.route.held, call.version());
    Json out = table_head(call, Json::object({{"resourceVersion", metadata["resourceVersion"]}}));
    out.set("columnDefinitions", nullptr);
    out.set("rows", Json::array({row_of(call, table, Json::object({{"metadata", metadata}}))}));
    return out.dump();
  }
  const bool whole = call.view.form == View::Form::object;
  return document_text(
      call, Json::object({{"kind", whole ? call.kind().kind : "PartialObjectMetadata"},
                          {"apiVersion", whole ? call.api_version() : "meta.k8s.io/" + call.view.meta_version},
                          {"metadata", std::move(metadata)}}));
}

net::Response protobuf_answer(int status, std::string body) {
  net::Response response{status, {}, std::move(body)};
  response.headers.set("Cache-Control", "no-cache, private");
  response.headers.set("Content-Type", std::string(protobuf_type));
  return response;
}

net::Response answer(const Call& call, int status, std::string json) {
  net::Response response{status, {}, std::move(json)};
  response.headers.set("Cache-Control", "no-cache, private");
  if (call.view.protobuf) {
    const auto doc = base::parse_json(response.body);
    if (auto bytes = doc ? to_protobuf(*doc) : std::nullopt) return protobuf_answer(status, std::move(*bytes));
  }
  response.headers.set("Content-Type", call.view.yaml ? "application/yaml" : "application/json");
  if (!call.view.yaml && !call.view.pretty) return response;
  const auto doc = base::parse_json(response.body);
  if (doc) response.body = call.view.yaml ? wire::to_go_yaml(*doc) : doc->dump_pretty() + "\n";
  return response;
}

Result<net::Response> answer(Call& call, int status, const Ref& object) {
  TRY(check_form(call, false));
  auto text = TRY(object_text(call, object));
  return call.view.protobuf ? protobuf_answer(status, std::move(text)) : answer(call, status, std::move(text));
}

}  // namespace server

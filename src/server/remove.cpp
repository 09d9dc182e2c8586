// delete, deletecollection and the eviction of pods.
#include "base/text.h"
#include "meta/go_text.h"
#include "server/admission/admission.h"
#include "server/body.h"
#include "server/errors.h"
#include "server/handlers.h"
#include "server/list_options.h"
#include "server/list_text.h"
#include "server/selection.h"
#include "server/view.h"

namespace server {
namespace {

Result<void> take_orphan_dependents(registry::DeleteOptions& options, bool orphan) {
  if (!options.propagation.empty()) {
    return invalid_options("DeleteOptions",
                           meta::field_invalid("propagationPolicy", options.propagation,
                                               "orphanDependents and deletionPropagation cannot be both set"));
  }
  options.propagation = orphan ? "Orphan" : "Background";
  return {};
}

// The fields of DeleteOptions with their types in Go.
Result<void> check_types(const Json& body) {
  using Test = bool (*)(const Json&);
  constexpr auto is_text = [](const Json& value) { return value.is_string(); };
  const struct {
    const char *field, *type;
    Test fits;
  } fields[] = {
      {"gracePeriodSeconds", "int64", [](const Json& value) { return value.is_integer(); }},
      {"preconditions", "v1.Preconditions", [](const Json& value) { return value.is_object(); }},
      {"orphanDependents", "bool", [](const Json& value) { return value.is_bool(); }},
      {"propagationPolicy", "v1.DeletionPropagation", is_text},
      {"dryRun", "[]string", [](const Json& value) { return value.is_array(); }},
  };
  for (const auto& [field, type, fits] : fields) {
    const auto& value = body[field];
    if (value.is_null() || fits(value)) continue;
    return registry::bad_request("json: cannot unmarshal " + meta::go_json_type(value) +
                                 " into Go struct field DeleteOptions." + field + " of type " + type);
  }
  return {};
}

Result<void> take_body(registry::DeleteOptions& options, const Json& body) {
  if (const auto& kind = body["kind"].string(); !kind.empty() && kind != "DeleteOptions") {
    return registry::bad_request("no kind \"" + kind + "\" is registered for version \"" +
                                 body["apiVersion"].string_or("v1") + "\" in scheme \"pkg/runtime/scheme.go:111\"");
  }
  TRY(check_types(body));
  options.propagation = body["propagationPolicy"].string();
  options.expect_uid = body["preconditions"]["uid"].string();
  options.expect_revision = body["preconditions"]["resourceVersion"].string();
  for (const auto& value : body["dryRun"].items()) {
    if (value.string() != "All") {
      return invalid_options("DeleteOptions", meta::field_not_supported("dryRun", body["dryRun"], {"All"}));
    }
    options.dry_run = true;
  }
  if (body["orphanDependents"].is_bool()) return take_orphan_dependents(options, body["orphanDependents"].boolean());
  return {};
}

// The body counts; without one, the query.
Result<registry::DeleteOptions> delete_options(const Call& call, Json& document) {
  TRY(check_write_options(call, "DeleteOptions"));
  registry::DeleteOptions options;
  const auto& query = call.route.query;
  if (!call.request.body.empty()) {
    const Json body = TRY(parse_body(call.request));
    TRY(take_body(options, body));
    document = body;
    return options;
  }
  if (const auto& grace = query.get("gracePeriodSeconds"); !grace.empty() && !base::parse_int(grace)) {
    return registry::bad_request("strconv.ParseInt: parsing " + base::quoted(grace) + ": invalid syntax");
  }
  document = query_options(call);
  options.dry_run = is_dry_run(call);
  options.propagation = query.get("propagationPolicy");
  if (query.has("orphanDependents")) TRY(take_orphan_dependents(options, query.flag("orphanDependents")));
  return options;
}

// Most resources say only that it is done; these show what was deleted.
bool shows_deleted(const Kind& kind) {
  return kind.group.empty() && (kind.kind == "Pod" || kind.kind == "ServiceAccount" || kind.kind == "Namespace");
}

Json success(const Kind& kind, const Ref& object) {
  Json details = Json::object({{"name", object->key.name}});
  if (!kind.group.empty()) details.set("group", kind.group);
  details.set("kind", kind.plural).set("uid", object->uid());
  return Json::object({{"kind", "Status"},
                       {"apiVersion", "v1"},
                       {"metadata", Json::object()},
                       {"status", "Success"},
                       {"details", std::move(details)}});
}

}  // namespace

Answer delete_object(Call& call) {
  Json document;
  auto options = TRY(delete_options(call, document));
  RequestAdmission admission(call, "DELETE", "DeleteOptions", std::move(document));
  options.admission = admission.hook();
  const auto outcome = TRY(call.api.registry.remove(call.kind(), call.route.ns, call.route.name, options));
  if (!options.dry_run) TRY(wait_durable(call, outcome.object->revision));
  if (outcome.gone && !shows_deleted(call.kind())) {
    call.view.form = View::Form::object;
    return answer(call, 200, success(call.kind(), outcome.object).dump());
  }
  return answer(call, 200, outcome.object);
}

Answer delete_collection(Call& call) {
  Json document;
  auto options = TRY(delete_options(call, document));
  const auto selection = TRY(Selection::of(call));
  auto& api = call.api;
  const auto options_limit = static_cast<size_t>(base::parse_uint(call.route.query.get("limit")).value_or(0));
  ListPage page;
  RequestAdmission admission(call, "DELETE", "DeleteOptions", std::move(document));
  options.admission = admission.hook();
  for (const auto& object : api.store().list(call.kind().resource(), selection.ns())) {
    // There is more, says a token, whatever the selection makes of it.
    if (options_limit > 0 && page.items.size() == options_limit) {
      const auto& last = page.items.back()->key;
      page.next = ContinueToken{api.store().revision(), last.ns, last.name}.text();
      break;
    }
    if (!selection.matches(*object)) continue;
    admission.set_name(object->key.name);
    const auto outcome = api.registry.remove(call.kind(), object->key.ns, object->key.name, options);
    if (outcome) {
      page.items.push_back(object);  // as it was
    } else if (outcome.error().code != base::Code::not_found) {
      return outcome.error();
    }
  }
  page.revision = api.store().revision();
  if (!options.dry_run) TRY(wait_durable(call, page.revision));
  return answer_whole_list(call, std::move(page));
}

// Nothing here knows disruption budgets: an eviction is a delete.
Answer evict_pod(Call& call) {
  TRY(check_write_options(call, "CreateOptions"));
  const Json body = TRY(parse_body(call.request));
  registry::DeleteOptions options;
  if (body.has("deleteOptions")) TRY(take_body(options, body["deleteOptions"]));
  options.dry_run = options.dry_run || is_dry_run(call);
  RequestAdmission admission(call, "CREATE", "CreateOptions");
  const Json admitted = TRY(admission.mutate_part(body, {}));
  TRY(admission.validate_part(admitted, {}));
  const auto outcome = TRY(call.api.registry.remove(call.kind(), call.route.ns, call.route.name, options));
  if (!options.dry_run) TRY(wait_durable(call, outcome.object->revision));
  const Json done = Json::object(
      {{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", Json::object()}, {"status", "Success"}, {"code", 201}});
  return answer(call, 201, done.dump());
}

}  // namespace server

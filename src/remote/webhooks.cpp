#include "remote/webhooks.h"

#include "base/text.h"
#include "net/http.h"
#include "registry/registry.h"
#include "remote/conversion.h"

namespace remote {

using base::Error;
using meta::Kind;
using meta::Operation;

namespace {

constexpr size_t body_bytes_max = 32u << 20;  // a review carries many objects

struct Asked {
  const Kind* kind;
  const meta::Version* version;
  Operation operation;
  Json object, old_object;  // in the storage version; old_object null on create
};

Operation operation_of(const Json& request) {
  if (request["operation"].string() == "CREATE") return Operation::create;
  if (request["operation"].string() == "DELETE") return Operation::remove;
  return request["subResource"].string() == "status" ? Operation::update_status : Operation::update;
}

Result<Json> in_storage_version(const meta::Scheme& scheme, const Kind& kind, const Json& object) {
  if (object.is_null()) return Json();
  return convert(scheme, object, kind.api_version(kind.storage_version));
}

Result<Asked> read(const meta::Scheme& scheme, const Json& review) {
  const Json& request = review["request"];
  if (review["kind"].string() != "AdmissionReview" || !request["uid"].is_string()) {
    return Error{base::Code::bad_request, "the request is no AdmissionReview of admission.k8s.io/v1"};
  }
  const Kind* kind = scheme.by_kind(request.path("kind.group").string(), request.path("kind.kind").string());
  const meta::Version* version = kind ? kind->version(request.path("kind.version").string()) : nullptr;
  if (!version) return base::invalid("this kind is not ours: " + request["kind"].dump());
  Asked out{kind, version, operation_of(request), {}, {}};
  out.object = TRY(in_storage_version(scheme, *kind, request["object"]));
  out.old_object = TRY(in_storage_version(scheme, *kind, request["oldObject"]));
  if (out.object.is_null()) out.object = out.old_object;
  return out;
}

Json answer(const Json& review, Json response) {
  response.set("uid", review["request"]["uid"]);
  return Json::object({{"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}, {"response", response}});
}

Json denied(const Json& review, const Error& error) {
  Json status = Json::object({{"status", "Failure"}, {"message", error.message}});
  const bool invalid = error.code == base::Code::invalid;
  status.set("reason", invalid ? "Invalid" : "BadRequest").set("code", invalid ? 422 : 400);
  Json causes = Json::array();
  for (const auto& cause : error.causes) {
    causes.push(Json::object({{"field", cause.field}, {"reason", cause.reason}, {"message", cause.message}}));
  }
  if (!causes.empty()) status.set("details", Json::object({{"causes", causes}}));
  return answer(review, Json::object({{"allowed", false}, {"status", status}}));
}

// JSON Patch that makes the top-level members of `from` those of `to`.
Json patch_of(const Json& from, const Json& to) {
  Json out = Json::array();
  for (const auto& [key, value] : to.members()) {
    if (from[key] == value) continue;
    out.push(Json::object({{"op", from.has(key) ? "replace" : "add"}, {"path", "/" + key}, {"value", value}}));
  }
  for (const auto& [key, value] : from.members()) {
    if (!to.has(key)) out.push(Json::object({{"op", "remove"}, {"path", "/" + key}}));
  }
  return out;
}

}  // namespace

Result<Json> answer_mutation(const meta::Scheme& scheme, const Json& review) {
  auto asked = read(scheme, review);
  if (!asked)
    return asked.error().code == base::Code::bad_request ? Result<Json>(asked.error())
                                                         : Result<Json>(denied(review, asked.error()));
  Json response = Json::object({{"allowed", true}});
  if (asked->operation != Operation::create && asked->operation != Operation::update) return answer(review, response);
  Json filled = asked->object;
  const Json* old = asked->old_object.is_null() ? nullptr : &asked->old_object;
  if (asked->kind->fill_defaults) asked->kind->fill_defaults(filled, old);
  if (filled == asked->object) return answer(review, response);
  // Back in the version of the request, and only what the defaults changed.
  const Json shown = TRY(convert(scheme, filled, asked->kind->api_version(asked->version->name)));
  const Json before = TRY(convert(scheme, asked->object, asked->kind->api_version(asked->version->name)));
  const Json& object = review["request"]["object"];
  const Json patch = patch_of(object, base::merge_patch(object, base::merge_diff(before, shown)));
  if (!patch.empty()) response.set("patchType", "JSONPatch").set("patch", base::base64(patch.dump()));
  return answer(review, response);
}

Result<Json> answer_validation(const meta::Scheme& scheme, const Json& review) {
  auto asked = read(scheme, review);
  if (!asked)
    return asked.error().code == base::Code::bad_request ? Result<Json>(asked.error())
                                                         : Result<Json>(denied(review, asked.error()));
  Json response = Json::object({{"allowed", true}});
  const Kind& kind = *asked->kind;
  const Json* old = asked->old_object.is_null() ? nullptr : &asked->old_object;
  std::vector<base::FieldError> findings;
  if (kind.check) findings = kind.check(asked->object, old, asked->operation);
  if (!findings.empty()) {
    return denied(review, registry::invalid(kind, asked->object.path("metadata.name").string(), std::move(findings)));
  }
  if (kind.warnings && asked->operation != Operation::remove) {
    if (const auto all = kind.warnings(asked->object); !all.empty()) response.set("warnings", Json::strings(all));
  }
  return answer(review, response);
}

struct Webhooks::State {
  sys::Sys& sys;
  const meta::Scheme& scheme;
  std::unique_ptr<net::HttpServer> http;

  void handle(net::Exchange& exchange) const;
};

void Webhooks::State::handle(net::Exchange& exchange) const {
  const auto& request = exchange.request();
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (path == "/healthz") return exchange.respond(net::Response::text(200, "ok"));
  using Answer = Result<Json> (*)(const meta::Scheme&, const Json&);
  const Answer to = path == "/convert"    ? answer_conversion
                    : path == "/mutate"   ? answer_mutation
                    : path == "/validate" ? answer_validation
                                          : nullptr;
  if (!to) return exchange.respond(net::Response::text(404, "not found\n"));
  if (request.method != "POST") return exchange.respond(net::Response::text(405, "POST a review\n"));
  const auto review = base::parse_json(request.body);
  if (!review) return exchange.respond(net::Response::text(400, review.error().text() + "\n"));
  const auto answered = to(scheme, *review);
  if (!answered) return exchange.respond(net::Response::text(400, answered.error().text() + "\n"));
  exchange.respond(net::Response::json(200, *answered));
}

Webhooks::Webhooks(sys::Sys& sys, const meta::Scheme& scheme, Options options)
    : state_(std::make_unique<State>(State{sys, scheme, nullptr})) {
  net::ServerOptions out;
  out.listen = {options.listen};
  out.tls_options.certificate_pem = std::move(options.certificate_pem);
  out.tls_options.key_pem = std::move(options.key_pem);
  out.body_bytes_max = body_bytes_max;
  state_->http = std::make_unique<net::HttpServer>(
      sys.loop, sys.net, std::move(out), [state = state_.get()](net::Exchange& exchange) { state->handle(exchange); });
}
Webhooks::~Webhooks() { stop(); }
Result<void> Webhooks::start() { return state_->http->start(); }
sys::Address Webhooks::local() const { return state_->http->local().front(); }
void Webhooks::stop() { state_->http->stop(); }

}  // namespace remote

#include "server/errors.h"

#include <array>

#include "meta/schema.h"

namespace server {
namespace {

using base::Code;
using base::Error;
using base::Json;

struct Meaning {
  int http_status;
  std::string_view reason;
};

Meaning meaning_of(Code code) {
  switch (code) {
    case Code::invalid:
      return {422, "Invalid"};
    case Code::bad_request:
      return {400, "BadRequest"};
    case Code::unauthenticated:
      return {401, "Unauthorized"};
    case Code::forbidden:
      return {403, "Forbidden"};
    case Code::not_found:
      return {404, "NotFound"};
    case Code::already_exists:
      return {409, "AlreadyExists"};
    case Code::conflict:
      return {409, "Conflict"};
    case Code::expired:
      return {410, "Expired"};
    case Code::too_large:
      return {413, "RequestEntityTooLarge"};
    case Code::unsupported:
      return {415, "UnsupportedMediaType"};
    case Code::unavailable:
    case Code::cancelled:
      return {503, "ServiceUnavailable"};
    case Code::timeout:
      return {504, "Timeout"};
    case Code::corrupt:
    case Code::internal:
      break;
  }
  return {500, "InternalError"};
}

// `machines.cluster.x-k8s.io "x" not found` names its object; so do the other standard texts.
void add_subject(Json& details, std::string_view message) {
  for (const std::string_view lead : {"object is being deleted: ", "Operation cannot be fulfilled on "}) {
    if (message.starts_with(lead)) message.remove_prefix(lead.size());
  }
  // `machines.cluster.x-k8s.io is forbidden: ...` is about all of them.
  if (const size_t all = message.find(" is forbidden: "); all < message.find(' ') + 1) {
    const auto word = message.substr(0, all);
    const size_t dot = word.find('.');
    if (dot != std::string_view::npos) details.set("group", word.substr(dot + 1));
    details.set("kind", word.substr(0, dot));
    return;
  }
  const size_t quote = message.find(" \"");
  if (quote == std::string_view::npos || message.find(' ') != quote) return;
  const size_t end = message.find('"', quote + 2);
  if (end == std::string_view::npos) return;
  const auto after = message.substr(end + 1);
  constexpr auto endings =
      std::to_array<std::string_view>({" not found", " already exists", " is forbidden", " is inv"});
  bool standard = after.starts_with(": ");
  for (const auto ending : endings) standard = standard || after.starts_with(ending);
  if (!standard) return;
  const auto word = message.substr(0, quote);
  if (word.empty()) return;
  const size_t dot = word.find('.');
  if (end > quote + 2) details.set("name", message.substr(quote + 2, end - quote - 2));
  if (dot != std::string_view::npos) details.set("group", word.substr(dot + 1));
  if (dot != 0) details.set("kind", word.substr(0, dot));
}

void add_causes(Json& details, const std::vector<base::FieldError>& causes) {
  if (causes.empty()) return;
  Json list = Json::array();
  for (const auto& cause : causes) {
    Json one = Json::object({{"reason", cause.reason}, {"message", cause.message}});
    if (!cause.field.empty()) one.set("field", cause.field);
    list.push(std::move(one));
  }
  details.set("causes", std::move(list));
}

// Failures that the original does not put a reason to.
bool is_plain(const Error& error) {
  for (const std::string_view start :
       {"resourceVersion should not be set on objects to be created", "failed to create typed patch object",
        "strconv.ParseUint: ", "resourceVersion: ", "conversion webhook for ",
        // Strategic patches.
        "map: map[", "unknown patch type: ", "expected a ", "list element types ", "The order in patch list:"}) {
    if (error.code == Code::internal && error.message.starts_with(start)) return true;
  }
  return false;
}

bool retries_help(int http_status) { return http_status == 503 || http_status == 504; }

net::Response with_status(int http_status, const Json& document) {
  auto response = net::Response::json(http_status, document);
  if (retries_help(http_status)) response.headers.set("Retry-After", "1");
  return response;
}

}  // namespace

Json status_document(int http_status, std::string_view reason, std::string_view message) {
  return Json::object({{"kind", "Status"},
                       {"apiVersion", "v1"},
                       {"metadata", Json::object()},
                       {"status", "Failure"},
                       {"message", message},
                       {"reason", reason},
                       {"code", http_status}});
}

Json status_document(const Error& error) {
  const auto [http_status, reason] = meaning_of(error.code);
  std::string message = error.message;
  const bool plain = is_plain(error);
  if (http_status == 500 && !plain) message = "Internal error occurred: " + message;
  if (error.code == Code::timeout) message = "Timeout: " + message;
  Json details = Json::object();
  add_subject(details, error.message);
  add_causes(details, error.causes);
  if (error.message.starts_with("Too large resource version")) {
    details.set("causes", Json::array({Json::object(
                              {{"reason", "ResourceVersionTooLarge"}, {"message", "Too large resource version"}})}));
  }
  if (retries_help(http_status)) details.set("retryAfterSeconds", 1);
  Json out = status_document(http_status, reason, message);
  out.erase("code");
  if (plain) out.erase("reason");
  // About a path there is nothing to say, which is said.
  const bool bare =
      error.message.starts_with("forbidden: ") || error.message == rejected || error.message.starts_with("415: ");
  if (!details.empty() || bare) out.set("details", std::move(details));
  out.set("code", http_status);
  return out;
}

net::Response failure(int http_status, std::string_view reason, std::string_view message) {
  auto document = status_document(http_status, reason, message);
  document.erase("code");
  document.set("details", Json::object()).set("code", http_status);
  return with_status(http_status, document);
}

net::Response failure(const Error& error) {
  return with_status(meaning_of(error.code).http_status, status_document(error));
}

net::Response failure(const Json& status) { return with_status(static_cast<int>(status["code"].integer()), status); }

net::Response page_not_found() { return net::Response::text(404, "404 page not found\n"); }

Error invalid_options(std::string_view kind, base::FieldError cause) {
  return invalid_options(kind, std::vector<base::FieldError>{std::move(cause)});
}

Error invalid_options(std::string_view kind, std::vector<base::FieldError> causes) {
  std::string text;
  for (const auto& cause : causes) text += (text.empty() ? "" : ", ") + meta::text_of(cause);
  if (causes.size() > 1) text = "[" + text + "]";
  return {.code = Code::invalid,
          .message = std::string(kind) + ".meta.k8s.io \"\" is invalid: " + text,
          .causes = std::move(causes)};
}

}  // namespace server

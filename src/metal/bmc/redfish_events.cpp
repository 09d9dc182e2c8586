#include "metal/bmc/redfish_events.h"

#include "metal/bmc/event_stream.h"

namespace metal {

using base::Code;
using base::Json;
using base::Result;

namespace {

base::Error cannot(const std::string& url, const std::string& what) {
  return base::Error{Code::unsupported, url + ": " + what, base::Layer::bmc}.with_fix(
      "look for a licence or newer firmware of the BMC that has it, or delete what asks for its events: the manager "
      "itself needs none");
}

}  // namespace

Result<Json> RedfishEvents::service() {
  const auto root = TRY(client_.root());
  const auto path = link_of(root["EventService"]);
  if (path.empty()) return cannot(client_.url("/redfish/v1/"), "the BMC has no Redfish EventService");
  auto document = TRY(client_.document(path));
  if (!document["ServiceEnabled"].boolean(true)) return cannot(client_.url(path), "the BMC's event service is off");
  return document;
}

Result<std::string> RedfishEvents::listeners_path() {
  const auto document = TRY(service());
  const auto path = link_of(document["Subscriptions"]);
  if (path.empty()) return cannot(client_.url(link_of(document)), "the BMC's event service takes no subscriptions");
  return path;
}

Result<void> RedfishEvents::watch(base::Duration idle_limit, const EventSink& sink) {
  const auto document = TRY(service());
  const auto path = link_of(Json(document["ServerSentEventUri"]));
  if (path.empty()) return cannot(client_.url(link_of(document)), "the BMC offers no stream of events");
  EventStream stream;
  return client_.stream(path, idle_limit, [&](std::string_view piece) {
    const auto events = stream.take(piece);
    for (const auto& event : events)
      if (event.message_id.empty() && event.origin.empty()) ++client_.limits().bad->event_malformed;
    return (!piece.empty() && events.empty()) || sink(events);
  });
}

Result<std::string> RedfishEvents::subscribe(const EventSubscription& wanted) {
  const auto path = TRY(listeners_path());
  for (const auto& member : members_of(TRY(client_.document(path)))) {
    auto known = TRY(client_.get(member));
    const bool same =
        known.body["Destination"].string() == wanted.destination && known.body["Context"].string() == wanted.context;
    if (known.ok() && same) return member;  // made before its answer was lost
  }
  auto body = Json::object({{"Destination", wanted.destination}, {"Protocol", "Redfish"}});
  body.set("Context", wanted.context);
  Json headers = Json::array();
  for (const auto& [name, value] : wanted.headers) headers.push(Json::object({{name, value}}));
  if (!headers.empty()) body.set("HttpHeaders", headers);
  auto reply = TRY(client_.post(path, body, RedfishClient::Again::never));
  if (!reply.ok() && reply.mentions("EventTypes")) {  // services older than 2018 want them
    body.set("EventTypes", Json::strings({"Alert"}));
    reply = TRY(client_.post(path, body, RedfishClient::Again::never));
  }
  if (!reply.ok()) {
    return client_.error_of("POST", path, reply)
        .context("the BMC takes no subscription for " + wanted.destination)
        .with_fix("check that the destination is a URL that the BMC reaches, and how many subscriptions it has");
  }
  auto made = link_of(Json(reply.headers.get("Location")));
  if (made.empty()) made = link_of(reply.body);
  if (made.empty()) return base::Error{Code::internal, "the BMC does not name the subscription", base::Layer::bmc};
  return made;
}

Result<void> RedfishEvents::unsubscribe(const std::string& id) {
  const auto reply = TRY(client_.remove(id));
  if (reply.ok() || reply.status == 404 || reply.status == 410) return {};
  return client_.error_of("DELETE", id, reply);
}

}  // namespace metal

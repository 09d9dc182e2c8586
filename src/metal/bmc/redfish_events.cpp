#include "metal/bmc/redfish_events.h"

namespace metal {

using base::Code;
using base::Json;
using base::Result;

namespace {

base::Error cannot(std::string what) {
  return base::Error{Code::unsupported, std::move(what), base::Layer::bmc}.with_fix(
      "the BMC may need a licence or newer firmware for that");
}

}  // namespace

Result<std::string> RedfishEvents::listeners_path() {
  const auto root = TRY(client_.root());
  const auto service = link_of(root["EventService"]);
  if (service.empty()) return cannot("the BMC has no event service");
  const auto path = link_of(TRY(client_.document(service))["Subscriptions"]);
  if (path.empty()) return cannot("the BMC's event service takes no subscriptions");
  return path;
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
  if (!reply.ok()) return client_.error_of("POST", path, reply);
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

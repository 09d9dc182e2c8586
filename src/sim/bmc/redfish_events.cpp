#include "sim/bmc/redfish_events.h"

#include "base/time.h"

namespace sim {

using base::Json;

namespace {

const std::string service = "/redfish/v1/EventService";
const std::string stream_uri = service + "/SSE";
const std::string subscriptions = service + "/Subscriptions";
constexpr int delivery_attempts = 3;
constexpr auto delivery_gap = base::seconds(30);
constexpr auto keep_alive_gap = base::seconds(60);
constexpr size_t listeners_max = 20;

Json link(const std::string& path) { return Json::object({{"@odata.id", path}}); }

bool delivered(sys::Sys& sys, sys::Net& net, const std::string& destination,
               const std::map<std::string, std::string>& headers, const std::string& payload) {
  const auto url = net::Url::parse(destination);
  if (!url) return true;
  net::ClientOptions options;
  options.server = url->address();
  options.tls = url->scheme == "https";
  options.tls_options.verify = false;  // VerifyCertificate of EventDestination is false
  options.keep_alive = false;
  net::HttpClient client(sys.loop, net, options);
  net::Request request{"POST", url->target(), {}, payload};
  for (const auto& [name, value] : headers) request.headers.set(name, value);
  request.headers.set("Content-Type", "application/json");
  const auto answer = client.send(std::move(request));
  return answer && answer->status < 300;
}

}  // namespace

RedfishEvents::RedfishEvents(sys::Sys& sys, sys::Net& net)
    : sys_(sys), net_(net), life_(std::make_shared<Life>(sys.loop)) {}

RedfishEvents::~RedfishEvents() { stop(); }

const std::string& RedfishEvents::service_path() { return service; }
const std::string& RedfishEvents::stream_path() { return stream_uri; }
const std::string& RedfishEvents::subscriptions_path() { return subscriptions; }

void RedfishEvents::stop() {
  life_->over = true;
  life_->news.set();
  for (auto& [id, fiber] : deliveries_) fiber.cancel();
  deliveries_.clear();
  streams_ = 0;
}

void RedfishEvents::start() {
  if (life_->over) life_ = std::make_shared<Life>(sys_.loop);
}

Json RedfishEvents::subscription(const std::string& id, const Listener& listener) const {
  Json out = Json::object({{"@odata.id", subscriptions + "/" + id}});
  out.set("@odata.type", "#EventDestination.v1_14_0.EventDestination").set("Id", id).set("Name", "Subscription " + id);
  out.set("Destination", listener.destination).set("Context", listener.context).set("Protocol", "Redfish");
  out.set("SubscriptionType", "RedfishEvent").set("EventFormatType", "Event").set("VerifyCertificate", false);
  return out.set("DeliveryRetryPolicy", "RetryForever").set("HttpHeaders", Json::array());
}

Json RedfishEvents::find(const std::string& path) const {
  if (path == service) {
    Json out = Json::object({{"@odata.id", service}, {"@odata.type", "#EventService.v1_10_0.EventService"}});
    out.set("Id", "EventService").set("Name", "Event Service").set("ServiceEnabled", true);
    out.set("DeliveryRetryAttempts", delivery_attempts).set("DeliveryRetryIntervalSeconds", delivery_gap.count());
    out.set("EventFormatTypes", Json::strings({"Event"})).set("ServerSentEventUri", stream_uri);
    out.set("Status", Json::object({{"State", "Enabled"}, {"Health", "OK"}}));
    return out.set("Subscriptions", link(subscriptions));
  }
  if (path == subscriptions) {
    Json members = Json::array();
    for (const auto& [id, listener] : listeners_) members.push(link(subscriptions + "/" + id));
    Json out = Json::object({{"@odata.id", subscriptions}, {"Name", "Event subscriptions"}});
    out.set("@odata.type", "#EventDestinationCollection.EventDestinationCollection");
    return out.set("Members@odata.count", members.size()).set("Members", members);
  }
  if (!is_subscription(path)) return {};
  const auto found = listeners_.find(path.substr(subscriptions.size() + 1));
  return found == listeners_.end() ? Json() : subscription(found->first, found->second);
}

bool RedfishEvents::is_subscription(const std::string& path) const { return path.starts_with(subscriptions + "/"); }

RedfishProblem RedfishEvents::subscribe(const Json& body, std::string& path) {
  Listener listener{body["Destination"].string(), body["Context"].string(), {}};
  if (!body["Destination"].is_string()) return property_missing("#/Destination");
  if (body["Protocol"].string() != "Redfish") return property_not_in_list("#/Protocol", body["Protocol"]);
  const auto url = net::Url::parse(listener.destination);
  if (!url || (url->scheme != "http" && url->scheme != "https"))
    return RedfishComplaint{400,
                            "PropertyValueFormatError",
                            "Destination is not an HTTP or HTTPS URL.",
                            {listener.destination},
                            "#/Destination"};
  if (listeners_.size() >= listeners_max)
    return RedfishComplaint{503, "EventSubscriptionLimitExceeded", "There are too many event subscriptions.", {}};
  for (const auto& header : body["HttpHeaders"].items())
    for (const auto& [name, value] : header.members()) listener.headers[name] = value.string();
  const auto id = std::to_string(++made_);
  listeners_[id] = std::move(listener);
  path = subscriptions + "/" + id;
  return std::nullopt;
}

bool RedfishEvents::unsubscribe(const std::string& path) {
  return listeners_.erase(path.substr(subscriptions.size() + 1)) > 0;
}

void RedfishEvents::push(const Listener& listener, const std::string& payload) {
  const uint64_t number = ++delivery_;
  deliveries_[number] =
      sys::spawn(sys_.loop, "event to " + listener.destination, [this, life = life_, number, listener, payload] {
        for (int attempt = 1; !life->over; ++attempt) {
          if (delivered(sys_, net_, listener.destination, listener.headers, payload) || attempt == delivery_attempts)
            break;
          if (life->over || !sys::sleep(sys_.loop, delivery_gap)) return;
        }
        if (!life->over) deliveries_.erase(number);
      });
}

void RedfishEvents::tell(const std::string& message_id, const std::string& text, const std::string& origin) {
  Json event = Json::object({{"EventId", std::to_string(++told_)}, {"MemberId", "0"}, {"EventType", "Alert"}});
  event.set("MessageId", message_id).set("Message", text).set("MessageSeverity", "OK");
  event.set("EventTimestamp", base::rfc3339(sys_.loop.now())).set("OriginOfCondition", link(origin));
  Json payload = Json::object({{"@odata.type", "#Event.v1_9_0.Event"}, {"Id", std::to_string(told_)}});
  payload.set("Name", "Event").set("Events", Json::array({event}));
  last_ = payload.dump();
  for (const auto& [id, listener] : listeners_) push(listener, Json(payload).set("Context", listener.context).dump());
  life_->news.set();
}

void RedfishEvents::stream(net::Exchange& exchange) {
  const auto life = life_;
  net::Headers headers;
  headers.set("Content-Type", "text/event-stream");
  headers.set("Cache-Control", "no-cache");
  if (!exchange.start(200, headers) || !exchange.write(": events\n\n")) return;
  ++streams_;
  uint64_t seen = told_;
  while (!life->over && !exchange.client_gone()) {
    if (seen == told_) {
      life->news.clear();
      const auto waited = life->news.wait_for(keep_alive_gap);
      if (!waited && waited.error().code != base::Code::timeout) break;
      if (life->over || (!waited && !exchange.write(": still here\n\n"))) break;
      continue;
    }
    seen = told_;  // several at once are told as the last: a stream is a hint
    if (!exchange.write("id: " + std::to_string(seen) + "\ndata: " + last_ + "\n\n")) break;
  }
  if (!life->over) --streams_;
}

}  // namespace sim

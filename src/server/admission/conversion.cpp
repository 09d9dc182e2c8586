#include "server/admission/conversion.h"

#include <deque>
#include <map>
#include <optional>

#include "base/log.h"
#include "base/text.h"
#include "sys/fiber.h"

namespace server {
namespace {

using base::Error;
using base::Json;
using base::Result;

constexpr base::Duration call_limit = base::seconds(30);
constexpr size_t remembered_max = 2000;
constexpr size_t moved_at_once_max = 100;
constexpr base::Duration move_again_after = base::seconds(10);

std::string type_text(const Json& doc) { return doc["apiVersion"].string() + ", Kind=" + doc["kind"].string(); }

// What was converted, by identity and revision. Documents on their way into the store have the revision of what they
// replace, so the document itself is compared, too.
class Memory {
 public:
  const Json* find(const Json& doc, const std::string& wanted) const {
    const auto found = known_.find(key_of(doc, wanted));
    return found != known_.end() && found->second.from == doc ? &found->second.to : nullptr;
  }
  void keep(const Json& doc, const std::string& wanted, const Json& converted) {
    const auto& meta = doc["metadata"];
    if (meta["uid"].string().empty() || meta["resourceVersion"].string().empty()) return;
    const std::string key = key_of(doc, wanted);
    if (!known_.insert_or_assign(key, Known{doc, converted}).second) return;
    order_.push_back(key);
    if (order_.size() <= remembered_max) return;
    known_.erase(order_.front());
    order_.pop_front();
  }

 private:
  struct Known {
    Json from, to;
  };
  static std::string key_of(const Json& doc, const std::string& wanted) {
    const auto& meta = doc["metadata"];
    return meta["uid"].string() + " " + meta["resourceVersion"].string() + " " + wanted;
  }
  std::map<std::string, Known> known_;
  std::deque<std::string> order_;
};

// The objects out of a review's answer. Errors: what makes it worthless.
Result<std::vector<Json>> read_review(const Json& review, const std::string& version, const std::string& uid) {
  const std::string wanted = "apiextensions.k8s.io/" + version + ", Kind=ConversionReview";
  if (version == "v1" && type_text(review) != wanted) {
    return base::internal("expected webhook response of " + wanted + ", got " + type_text(review));
  }
  const Json& response = review["response"];
  if (!response.is_object()) return base::internal("no response provided");
  if (version == "v1" && response["uid"].string() != uid) {
    return base::internal("expected response.uid=" + base::quoted(uid) + ", got " +
                          base::quoted(response["uid"].string()));
  }
  const Json& result = response["result"];
  if (result["status"].string() != "Success") {
    if (const auto& why = result["message"].string(); !why.empty()) return base::internal(why);
    return base::internal("response.result.status was '" + result["status"].string() + "', not 'Success'");
  }
  return std::vector<Json>(response["convertedObjects"].items());
}

// Only labels and annotations may differ; all else of metadata is put back.
Result<Json> checked(const Json& original, Json converted, const std::string& wanted) {
  if (converted["apiVersion"].string() != wanted) {
    return base::internal("invalid groupVersion (expected " + wanted + ", received " +
                          converted["apiVersion"].string() + ")");
  }
  if (converted["kind"] != original["kind"]) {
    return base::internal("invalid kind (expected " + original["kind"].string() + ", received " +
                          converted["kind"].string() + ")");
  }
  const auto& before = original["metadata"];
  const auto& after = converted["metadata"];
  if (!converted.has("metadata")) return base::internal("missing metadata in converted object");
  if (!after.is_object()) return base::internal("invalid metadata of type " + std::string(after.type_name()));
  for (const auto& [field, word] :
       {std::pair("name", "name"), std::pair("namespace", "namespace"), std::pair("uid", "UID")}) {
    if (before[field].string() == after[field].string()) continue;
    return base::internal("must have the same " + std::string(word) + ": " + before[field].string() +
                          " != " + after[field].string());
  }
  Json metadata = before;
  for (const char* field : {"labels", "annotations"}) {
    const auto& given = after[field];
    if (given.is_null()) {
      metadata.erase(field);
      continue;
    }
    if (!given.is_object()) {
      return base::internal("invalid metadata." + std::string(field) + " of type " + std::string(given.type_name()) +
                            " in converted object");
    }
    for (const auto& [key, value] : given.members()) {
      if (value.is_string()) continue;
      return base::internal("metadata." + std::string(field) + "[" + key + "] must be a string, but is " +
                            std::string(value.type_name()) + " in converted object");
    }
    metadata.set(field, given);
  }
  converted.set("metadata", std::move(metadata));
  return converted;
}

// How kube-apiserver begins to tell what is wrong with a converted object.
std::string lead_of(std::string_view why, size_t index, bool list) {
  const bool type = why.starts_with("invalid groupVersion") || why.starts_with("invalid kind");
  const bool identity = why.starts_with("must have the same");
  const std::string at = " at index " + std::to_string(index) + ": ";
  if (list)
    return (type || identity ? " returned invalid converted object" : " returned invalid metadata in object") + at;
  if (type) return " returned invalid object" + at;
  return identity ? " returned invalid object: " : " returned invalid metadata: ";
}

// The converter of one definition.
class Webhook {
 public:
  Webhook(std::shared_ptr<WebhookClients> clients, sys::Random& random, const Json& conversion)
      : clients_(std::move(clients)), random_(random), config_(conversion["webhook"]["clientConfig"]) {
    for (const auto& version : conversion["webhook"]["conversionReviewVersions"].items()) {
      if (version_.empty() && (version.string() == "v1" || version.string() == "v1beta1")) version_ = version.string();
    }
  }

  Result<std::vector<Json>> convert(const std::vector<Json>& objects, const std::string& wanted) {
    std::vector<Json> out(objects.size());
    std::vector<size_t> open;  // those to ask for
    for (size_t i = 0; i < objects.size(); ++i) {
      const Json* known = objects[i]["apiVersion"].string() == wanted ? &objects[i] : memory_.find(objects[i], wanted);
      if (known) out[i] = *known;
      if (!known) open.push_back(i);
    }
    if (open.empty()) return out;
    if (!sys::in_fiber()) return base::unavailable("the object has to be converted to " + wanted + " first; try again");
    const std::string about =
        "conversion webhook for " + type_text(objects[open.front()]) + (open.size() > 1 ? "List" : "");
    if (version_.empty()) return base::internal("no supported conversion review versions");
    Json list = Json::array();
    for (const size_t i : open) list.push(objects[i]);
    auto converted = ask(std::move(list), wanted);
    if (!converted) {
      if (converted.error().code == base::Code::cancelled) return converted;
      return base::internal(about + " failed: " + converted.error().message);
    }
    if (converted->size() != open.size()) {
      return base::internal(about + " returned " + std::to_string(converted->size()) + " objects, expected " +
                            std::to_string(open.size()));
    }
    for (size_t n = 0; n < open.size(); ++n) {
      const Json& original = objects[open[n]];
      auto good = checked(original, std::move((*converted)[n]), wanted);
      if (!good)
        return base::internal(about + lead_of(good.error().message, n, open.size() > 1) + good.error().message);
      memory_.keep(original, wanted, *good);
      out[open[n]] = std::move(*good);
    }
    return out;
  }

 private:
  Result<std::vector<Json>> ask(Json objects, const std::string& wanted) {
    const std::string uid = random_.uuid();
    const Json review = Json::object(
        {{"kind", "ConversionReview"},
         {"apiVersion", "apiextensions.k8s.io/" + version_},
         {"request", Json::object({{"uid", uid}, {"desiredAPIVersion", wanted}, {"objects", std::move(objects)}})}});
    const Json answer = TRY(clients_->post(config_, review, call_limit, true));
    return read_review(answer, version_, uid);
  }

  std::shared_ptr<WebhookClients> clients_;
  sys::Random& random_;
  Json config_;
  std::string version_;  // of ConversionReview
  Memory memory_;
};

}  // namespace

struct Conversions::State : std::enable_shared_from_this<Conversions::State> {
  State(sys::Sys& s, registry::Registry& r, ServiceAddresses services)
      : sys(s), registry(r), clients(std::make_shared<WebhookClients>(s.loop, s.net, std::move(services))) {}

  sys::Sys& sys;
  registry::Registry& registry;
  std::shared_ptr<WebhookClients> clients;
  std::set<std::string> moving;  // resources whose objects are being moved
  bool stopped = false;

  void move(const std::string& resource) {
    if (!moving.insert(resource).second) return;
    sys::spawn(sys.loop, "storage version", [self = shared_from_this(), resource] {
      while (!self->stopped && !self->move_some(resource)) {
        if (!sys::sleep(self->sys.loop, move_again_after)) break;
      }
      self->moving.erase(resource);
    });
  }

  // Whether nothing is left to do.
  bool move_some(const std::string& resource) {
    for (;;) {
      const auto& scheme = registry.scheme();
      const auto kind = scheme.hold(scheme.by_resource(resource));
      const auto* convert = kind ? meta::converter_of(*kind) : nullptr;
      if (!convert || kind->terminating) return true;
      const std::string wanted = kind->api_version(kind->storage_version);
      std::vector<store::Ref> entries;
      std::vector<Json> docs;
      for (const auto& entry : registry.store().list(resource)) {
        if (entry->doc()["apiVersion"].string() == wanted) continue;
        entries.push_back(entry);
        docs.push_back(entry->doc());
        if (docs.size() == moved_at_once_max) break;
      }
      if (docs.empty()) return true;
      auto converted = (*convert)(docs, wanted);
      if (stopped) return true;
      if (!converted) {
        if (converted.error().code == base::Code::cancelled) stopped = true;
        base::log::warn("objects could not be moved to the new storage version; trying again",
                        {{"kind", resource}, {"error", converted.error().message}});
        return false;
      }
      for (size_t i = 0; i < entries.size(); ++i) {
        // Who changed meanwhile comes in the next round.
        (void)registry.store().put(entries[i]->key, std::move((*converted)[i]), entries[i]->revision);
      }
    }
  }
};

Conversions::Conversions(sys::Sys& sys, registry::Registry& registry, ServiceAddresses services)
    : state_(std::make_shared<State>(sys, registry, std::move(services))) {}

Conversions::~Conversions() { state_->stopped = true; }

registry::ConversionHooks Conversions::hooks() {
  registry::ConversionHooks out;
  out.converter = [state = state_](const Json& conversion) -> meta::Converter {
    auto webhook = std::make_shared<Webhook>(state->clients, state->sys.random, conversion);
    return [webhook](const std::vector<Json>& objects, const std::string& wanted) {
      return webhook->convert(objects, wanted);
    };
  };
  out.migrate = [state = state_](const std::string& resource) { state->move(resource); };
  return out;
}

}  // namespace server

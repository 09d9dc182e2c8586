#include "server/flow_control.h"

#include <algorithm>
#include <tuple>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "server/flow_rules.h"

namespace server {
namespace {

using base::Json;
using registry::Kind;

constexpr const char* producer = "api-priority-and-fairness-config-producer-v1";
constexpr const char* consumer = "api-priority-and-fairness-config-consumer-v1";

LevelShape shape_of(const std::string& name, const Json& spec) {
  LevelShape out;
  out.name = name;
  out.exempt = spec["type"].string() == "Exempt";
  const Json& part = spec[out.exempt ? "exempt" : "limited"];
  const auto number = [](const Json& value) { return static_cast<uint32_t>(std::max<int64_t>(value.integer(), 0)); };
  out.shares = number(part["nominalConcurrencyShares"]);
  out.lendable_percent = number(part["lendablePercent"]);
  if (part.has("borrowingLimitPercent")) out.borrowing_percent = number(part["borrowingLimitPercent"]);
  const Json& queuing = part["limitResponse"]["queuing"];
  if (queuing.is_object()) {
    out.queue = {number(queuing["queues"]), number(queuing["handSize"]), number(queuing["queueLengthLimit"])};
  }
  return out;
}

uint64_t hash_of(const std::string& schema, const std::string& distinguisher) {
  return base::mix(base::fnv1a(schema + '\0' + distinguisher));
}

const FlowDefault* default_of(const store::Key& key) {
  for (const auto& each : flow_defaults()) {
    if (each.resource == key.resource && each.doc["metadata"]["name"].string() == key.name) return &each;
  }
  return nullptr;
}

// Everything that `wanted` says is so in `present`, which may have further defaults.
bool holds(const Json& present, const Json& wanted) {
  if (wanted.is_object()) {
    const auto& members = wanted.members();
    return std::all_of(members.begin(), members.end(),
                       [&](const Json::Member& member) { return holds(present[member.first], member.second); });
  }
  if (!wanted.is_array()) return present == wanted;
  if (present.size() != wanted.size()) return false;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!holds(present.at(i), wanted.at(i))) return false;
  }
  return true;
}

}  // namespace

struct FlowControl::Schema {
  std::string name, uid, level, by;  // by: "", ByUser or ByNamespace
  int64_t precedence = 0;
  FlowRules rules;
};

bool FlowControl::serves(const meta::Scheme& scheme) {
  return scheme.by_resource(flow_schemas) && scheme.by_resource(priority_levels);
}

FlowControl::FlowControl(sys::Loop& loop, registry::Registry& registry, uint32_t seats)
    : registry_(registry),
      pool_(loop, seats),
      queue_(loop, "flowschemas", [this](const store::Key& key) { return look_at(key); }) {
  take_all();
  subscription_ = registry_.store().subscribe(false, [this](const store::Event& event) { changed(event); });
}

FlowControl::~FlowControl() { stop(); }

void FlowControl::stop() {
  if (!std::exchange(stopped_, true)) registry_.store().unsubscribe(subscription_);
}

void FlowControl::maintain() {
  maintains_ = true;
  for (const auto& each : flow_defaults()) {
    const store::Key key{each.resource, {}, each.doc["metadata"]["name"].string()};
    if (const auto made = look_at(key); !made) {
      base::log::error("a default of flow control could not be made",
                       {{"object", key.text()}, {"error", made.error().text()}});
    }
  }
  for (const auto& entry : registry_.store().list(flow_schemas)) queue_.add(entry->key);
}

void FlowControl::changed(const store::Event& event) {
  const auto& key = event.object->key;
  if (key.resource != flow_schemas && key.resource != priority_levels) return;
  take_all();
  queue_.add(key);
  if (key.resource == flow_schemas) return;
  for (const auto& entry : registry_.store().list(flow_schemas)) queue_.add(entry->key);
}

void FlowControl::take_all() {
  auto& store = registry_.store();
  std::vector<LevelShape> shapes;
  levels_.clear();
  schemas_.clear();
  const auto take_level = [&](const std::string& name, const std::string& uid, const Json& spec) {
    shapes.push_back(shape_of(name, spec));
    levels_[name] = uid;
  };
  const auto take_schema = [&](const std::string& name, const std::string& uid, const Json& spec) {
    schemas_.push_back({name, uid, spec["priorityLevelConfiguration"]["name"].string(),
                        spec["distinguisherMethod"]["type"].string(), spec["matchingPrecedence"].integer(),
                        FlowRules(spec["rules"])});
  };
  for (const auto& entry : store.list(priority_levels)) take_level(entry->key.name, entry->uid(), entry->doc()["spec"]);
  for (const auto& entry : store.list(flow_schemas)) take_schema(entry->key.name, entry->uid(), entry->doc()["spec"]);
  for (const auto& each : flow_defaults()) {
    const std::string& name = each.doc["metadata"]["name"].string();
    if (store.get(each.resource, {}, name)) continue;
    if (each.resource == priority_levels) take_level(name, {}, each.doc["spec"]);
    if (each.resource == flow_schemas) take_schema(name, {}, each.doc["spec"]);
  }
  pool_.set_levels(shapes);
  std::stable_sort(schemas_.begin(), schemas_.end(), [](const Schema& a, const Schema& b) {
    return std::tie(a.precedence, a.name) < std::tie(b.precedence, b.name);
  });
}

base::Result<void> FlowControl::look_at(const store::Key& key) {
  if (stopped_ || !maintains_ || (leads_ && !leads_())) return {};
  const auto current = registry_.store().get(key);
  const FlowDefault* wanted = default_of(key);
  const Kind& kind = *registry_.scheme().by_resource(key.resource);
  if (!current) {
    if (!wanted) return {};
    registry::CreateOptions options;
    options.field_manager = producer;
    TRY(registry_.create(kind, wanted->doc, options));
    return {};
  }
  const bool ours = current->doc()["metadata"]["annotations"][flow_autoupdate].string() == "true";
  if (wanted && (wanted->mandatory || ours) && !holds(current->doc()["spec"], wanted->doc["spec"])) {
    registry::UpdateOptions options;
    options.internal = true;
    options.field_manager = producer;
    TRY(registry_.update(kind, Json(current->doc()).set("spec", wanted->doc["spec"]), options));
    return {};
  }
  return key.resource == flow_schemas ? look_at_status(current) : base::Result<void>();
}

// The condition Dangling: whether the priority level that the schema names is missing.
base::Result<void> FlowControl::look_at_status(const store::Ref& schema) {
  const std::string& level = schema->doc()["spec"]["priorityLevelConfiguration"]["name"].string();
  const bool found = registry_.store().get(priority_levels, {}, level) != nullptr;
  const std::string status = found ? "False" : "True";
  Json conditions = Json::array();
  for (const auto& condition : schema->doc()["status"]["conditions"].items()) {
    if (condition["type"].string() != "Dangling") {
      conditions.push(condition);
    } else if (condition["status"].string() == status) {
      return {};
    }
  }
  const std::string message = "This FlowSchema references the PriorityLevelConfiguration object named " +
                              base::quoted(level) + (found ? " and it exists" : " but there is no such object");
  conditions.push(Json::object({{"type", "Dangling"},
                                {"status", status},
                                {"lastTransitionTime", base::rfc3339(registry_.now())},
                                {"reason", found ? "Found" : "NotFound"},
                                {"message", message}}));
  registry::UpdateOptions options;
  options.subresource = registry::Subresource::status;
  options.internal = true;
  options.field_manager = consumer;
  Json doc = schema->doc();
  doc.child("status").set("conditions", std::move(conditions));
  TRY(registry_.update(*registry_.scheme().by_resource(flow_schemas), std::move(doc), options));
  return {};
}

const FlowControl::Schema* FlowControl::match(const User& user, const Attributes& asked) const {
  for (const auto& schema : schemas_) {
    if (schema.rules.fit(user, asked) && levels_.contains(schema.level)) return &schema;
  }
  return nullptr;
}

base::Result<FlowControl::Admission> FlowControl::admit(const User& user, const Attributes& asked, uint32_t width,
                                                        base::Duration limit) {
  const Schema* schema = match(user, asked);
  if (!schema) return base::unavailable("no flow schema matches");
  Admission out;
  out.schema_uid = schema->uid;
  out.level_uid = levels_.at(schema->level);
  std::string distinguisher;
  if (schema->by == "ByUser") distinguisher = user.name;
  if (schema->by == "ByNamespace") distinguisher = asked.ns;
  out.seats = TRY(pool_.enter(schema->level, hash_of(schema->name, distinguisher), width, limit));
  return out;
}

}  // namespace server

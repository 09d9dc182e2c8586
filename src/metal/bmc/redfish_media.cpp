#include "metal/bmc/redfish_media.h"

#include <algorithm>

#include "base/text.h"

namespace metal {
namespace {

constexpr int insertion_polls_max = 20;
constexpr int insertions_max = 4;  // while an ejection goes on

base::Error failed(base::Code code, std::string message) {
  return base::Error{code, std::move(message), base::Layer::bmc};
}

// 2 for a CD drive, 1 for a DVD drive (Cisco lists only that), 0 for anything else.
int rank_of(const base::Json& slot) {
  int rank = 0;
  for (const auto& type : slot["MediaTypes"].items()) {
    const auto name = base::upper(type.string());
    if (name == "CD") rank = 2;
    if (name == "DVD") rank = std::max(rank, 1);
  }
  return rank;
}

bool is_occupied(const base::Json& slot) { return slot["Inserted"].boolean() || !slot["Image"].string().empty(); }

std::string action_of(const base::Json& slot, std::string_view name) {
  return link_of(slot["Actions"]["#VirtualMedia." + std::string(name)]["target"]);
}

// What InsertMedia has to be told on this BMC besides the image.
struct Addition {
  Quirk quirk;
  const char* property;
};
// Most telling first: a refusal that names no property may mean the protocol's type only.
constexpr Addition additions[] = {{Quirk::transfer_method_needed, "TransferMethod"},
                                  {Quirk::media_user_needed, "UserName"},
                                  {Quirk::protocol_type_needed, "TransferProtocolType"}};

void add(base::Json& body, Quirk quirk, const std::string& url) {
  if (quirk == Quirk::transfer_method_needed) body.set("TransferMethod", "Stream");
  if (quirk == Quirk::media_user_needed) body.set("UserName", "none").set("Password", "none");
  if (quirk == Quirk::protocol_type_needed)
    body.set("TransferProtocolType", url.rfind("https:", 0) == 0 ? "HTTPS" : "HTTP");
}

// What the refusal asks for and the body lacks; false when there is nothing to add.
bool add_what_is_missing(base::Json& body, Quirks& quirks, const RedfishReply& reply, const std::string& url) {
  for (const auto& one : additions) {
    if (body.has(one.property) || !quirks.shown(one.quirk, BmcStep::insert, reply)) continue;
    add(body, one.quirk, url);
    return true;
  }
  return false;
}

}  // namespace

base::Result<std::vector<std::string>> RedfishMedia::collections(const base::Json& system) {
  if (auto own = link_of(system["VirtualMedia"]); !own.empty()) return std::vector{own};
  std::vector<std::string> managers;
  for (const auto& link : system["Links"]["ManagedBy"].items()) managers.push_back(link_of(link));
  if (managers.empty())
    for (const auto& link : system["Links"]["Managers"].items()) {
      client_.quirks().found(Quirk::managers_link);
      managers.push_back(link_of(link));
    }
  if (managers.empty()) {
    const auto root = TRY(client_.root());
    const auto all = link_of(root["Managers"]);
    if (!all.empty()) managers = TRY(client_.members(all));
  }
  std::vector<std::string> paths;
  for (const auto& manager : managers) {
    if (manager.empty()) continue;
    auto reply = TRY(client_.get(manager));
    auto media = link_of(reply.body["VirtualMedia"]);
    if (reply.ok() && !media.empty() && std::find(paths.begin(), paths.end(), media) == paths.end())
      paths.push_back(std::move(media));
  }
  if (!paths.empty()) client_.quirks().found(Quirk::media_under_manager);
  return paths;
}

base::Result<std::vector<RedfishMedia::Slot>> RedfishMedia::slots(const base::Json& system) {
  std::vector<Slot> found;
  for (const auto& collection : TRY(collections(system))) {
    for (const auto& path : TRY(client_.members(collection))) {
      auto reply = TRY(client_.get(path));
      if (reply.status == 404) client_.quirks().found(Quirk::dead_members);
      if (!reply.ok() || rank_of(reply.body) == 0) continue;
      const bool patch = base::upper(reply.headers.get("Allow")).find("PATCH") != std::string::npos;
      found.push_back({path, std::move(reply.body), patch});
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Slot& a, const Slot& b) { return rank_of(a.document) > rank_of(b.document); });
  if (found.empty())
    return failed(base::Code::not_found, client_.url(link_of(system)) + ": no virtual CD or DVD drive found")
        .with_fix("the BMC may need a licence for virtual media; otherwise use an address that boots from the network");
  if (rank_of(found[0].document) == 1) client_.quirks().found(Quirk::dvd_drive);
  return found;
}

base::Result<void> RedfishMedia::insert(const base::Json& system, const std::string& url) {
  base::Result<void> done;
  for (const auto& slot : TRY(slots(system))) {
    if (slot.document["Image"].string() == url && slot.document["Inserted"].boolean()) return {};
    // A drive that cannot be emptied may still be overwritten: the insertion tells.
    if (is_occupied(slot.document)) {
      auto emptied = eject_from(slot);
      if (!emptied && emptied.error().code == base::Code::cancelled) return emptied;
    }
    done = insert_into(slot, url);
    if (done) return {};
    const auto code = done.error().code;
    if (code != base::Code::unsupported && code != base::Code::not_found) return done;
    client_.quirks().found(Quirk::slot_not_mountable);
  }
  return done;
}

base::Result<void> RedfishMedia::insert_into(const Slot& slot, const std::string& url) {
  const auto action = action_of(slot.document, "InsertMedia");
  if (!action.empty()) return insert_by_action(slot.path, action, url);
  if (!slot.patch_allowed)
    return failed(base::Code::unsupported, client_.url(slot.path) + ": images cannot be inserted into this drive");
  const auto body = base::Json::object({{"Image", url}, {"Inserted", true}, {"WriteProtected", true}});
  client_.quirks().found(Quirk::media_by_patch);
  const auto reply = TRY(client_.patch_to_end(slot.path, body));
  return reply.ok() ? base::Result<void>() : client_.error_of("PATCH", slot.path, reply);
}

// Begins with the bare minimum, since some BMCs refuse properties they do not expect, and adds what is asked for.
base::Result<void> RedfishMedia::insert_by_action(const std::string& path, const std::string& action,
                                                  const std::string& url) {
  auto& quirks = client_.quirks();
  auto body = base::Json::object({{"Image", url}});
  for (const auto& one : additions)
    if (quirks.has(one.quirk)) add(body, one.quirk, url);
  for (int attempt = 1;;) {
    const auto accepted = TRY(client_.post(action, body, RedfishClient::Again::safe));
    const auto reply = TRY(client_.finished(accepted));
    if (reply.ok()) return wait_for_insertion(path, accepted, url);
    if (add_what_is_missing(body, quirks, reply, url)) continue;
    // A repeated request may find that the first one did it after all.
    auto now = TRY(client_.get(path));
    if (now.ok() && now.body["Inserted"].boolean() && now.body["Image"].string() == url) return {};
    const bool ejecting = quirks.shown(Quirk::eject_in_progress, BmcStep::insert, reply) || reply.status == 409;
    if (!ejecting || ++attempt > insertions_max) return client_.error_of("POST", action, reply);
    TRY(client_.pause(client_.limits().retry_gap));
  }
}

// After a 202 the drive tells whether it is done: tasks end early or are forgotten.
base::Result<void> RedfishMedia::wait_for_insertion(const std::string& path, const RedfishReply& accepted,
                                                    const std::string& url) {
  if (accepted.status != 202) return {};
  client_.quirks().found(Quirk::media_by_task);
  for (int poll = 0; poll < insertion_polls_max; ++poll) {
    auto slot = TRY(client_.get(path));
    const auto& image = slot.body["Image"].string();
    if (slot.ok() && slot.body["Inserted"].boolean() && (image.empty() || image == url)) return {};
    TRY(client_.pause(client_.limits().retry_gap));
  }
  return failed(base::Code::timeout, client_.url(path) + ": the image was accepted but never appeared in the drive");
}

base::Result<void> RedfishMedia::eject(const base::Json& system) {
  auto all = slots(system);
  if (!all) return all.error().code == base::Code::not_found ? base::Result<void>() : std::move(all).error();
  for (const auto& slot : *all)
    if (is_occupied(slot.document)) TRY(eject_from(slot));
  return {};
}

base::Result<void> RedfishMedia::eject_from(const Slot& slot) {
  const auto action = action_of(slot.document, "EjectMedia");
  RedfishReply reply;
  std::string method = "POST";
  auto& quirks = client_.quirks();
  if (!action.empty()) {
    std::optional<base::Json> body;
    if (quirks.has(Quirk::eject_body_needed)) body = base::Json::object();
    reply = TRY(client_.post(action, body, RedfishClient::Again::safe));
    if (!body && quirks.shown(Quirk::eject_body_needed, BmcStep::eject, reply))
      reply = TRY(client_.post(action, base::Json::object(), RedfishClient::Again::safe));
  } else {
    method = "PATCH";
    reply = TRY(client_.patch(slot.path, base::Json::object({{"Image", nullptr}, {"Inserted", false}})));
  }
  reply = TRY(client_.finished(std::move(reply)));
  auto now = TRY(client_.get(slot.path));
  const bool inserted = !now.ok() || now.body["Inserted"].boolean();
  if (reply.ok() && inserted) quirks.found(Quirk::inserted_stays);
  if (reply.ok() || !inserted) return {};
  return client_.error_of(method, action.empty() ? slot.path : action, reply);
}

}  // namespace metal

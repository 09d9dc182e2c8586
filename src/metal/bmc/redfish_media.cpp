#include "metal/bmc/redfish_media.h"

#include <algorithm>

#include "base/text.h"

namespace metal {
namespace {

constexpr int additions_max = 4;
constexpr int insertion_polls_max = 20;

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

// What the refusal asks for and the body lacks; false when there is nothing to add.
bool add_what_is_missing(base::Json& body, const RedfishReply& reply, const std::string& url) {
  const bool unspecific = reply.has_message("ActionParameterMissing") || reply.has_message("PropertyMissing") ||
                          reply.has_message("GeneralError");
  if (!body.has("TransferMethod") && reply.mentions("TransferMethod")) {
    body.set("TransferMethod", "Stream");
    return true;
  }
  if (!body.has("UserName") && (reply.mentions("UserName") || reply.mentions("Password"))) {
    body.set("UserName", "none").set("Password", "none");
    return true;
  }
  if (!body.has("TransferProtocolType") && (unspecific || reply.mentions("TransferProtocolType"))) {
    body.set("TransferProtocolType", url.rfind("https:", 0) == 0 ? "HTTPS" : "HTTP");
    return true;
  }
  return false;
}

}  // namespace

base::Result<std::vector<std::string>> RedfishMedia::collections(const base::Json& system) {
  if (auto own = link_of(system["VirtualMedia"]); !own.empty()) return std::vector{own};
  std::vector<std::string> managers;
  for (const auto& link : system["Links"]["ManagedBy"].items()) managers.push_back(link_of(link));
  for (const auto& link : system["Links"]["Managers"].items()) managers.push_back(link_of(link));
  if (managers.empty()) {
    const auto root = TRY(client_.root());
    const auto all = link_of(root["Managers"]);
    if (!all.empty()) managers = members_of(TRY(client_.document(all)));
  }
  std::vector<std::string> paths;
  for (const auto& manager : managers) {
    if (manager.empty()) continue;
    auto reply = TRY(client_.get(manager));
    auto media = link_of(reply.body["VirtualMedia"]);
    if (reply.ok() && !media.empty() && std::find(paths.begin(), paths.end(), media) == paths.end())
      paths.push_back(std::move(media));
  }
  return paths;
}

base::Result<std::vector<RedfishMedia::Slot>> RedfishMedia::slots(const base::Json& system) {
  std::vector<Slot> found;
  for (const auto& collection : TRY(collections(system))) {
    for (const auto& path : members_of(TRY(client_.document(collection)))) {
      auto reply = TRY(client_.get(path));
      if (!reply.ok() || rank_of(reply.body) == 0) continue;  // also dead members
      const bool patch = base::upper(reply.headers.get("Allow")).find("PATCH") != std::string::npos;
      found.push_back({path, std::move(reply.body), patch});
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Slot& a, const Slot& b) { return rank_of(a.document) > rank_of(b.document); });
  if (found.empty())
    return failed(base::Code::not_found, client_.url(link_of(system)) + ": no virtual CD or DVD drive found")
        .with_fix("the BMC may need a licence for virtual media; otherwise use an address that boots from the network");
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
  }
  return done;
}

base::Result<void> RedfishMedia::insert_into(const Slot& slot, const std::string& url) {
  const auto action = action_of(slot.document, "InsertMedia");
  if (!action.empty()) return insert_by_action(slot.path, action, url);
  if (!slot.patch_allowed)
    return failed(base::Code::unsupported, client_.url(slot.path) + ": images cannot be inserted into this drive");
  const auto body = base::Json::object({{"Image", url}, {"Inserted", true}, {"WriteProtected", true}});
  const auto reply = TRY(client_.patch(slot.path, body));
  return reply.ok() ? base::Result<void>() : client_.error_of("PATCH", slot.path, reply);
}

// Begins with the bare minimum, since some BMCs refuse properties they do not expect, and adds what is asked for.
base::Result<void> RedfishMedia::insert_by_action(const std::string& path, const std::string& action,
                                                  const std::string& url) {
  auto body = base::Json::object({{"Image", url}});
  int additions = 0;
  for (int attempt = 1;;) {
    const auto reply = TRY(client_.post(action, body, RedfishClient::Again::safe));
    if (reply.ok()) return wait_for_insertion(path, reply);
    if (reply.status >= 500 && attempt < client_.limits().attempts) {  // the ejection may still be going on
      ++attempt;
      TRY(client_.pause(client_.limits().retry_gap));
      continue;
    }
    if (additions < additions_max && add_what_is_missing(body, reply, url)) {
      ++additions;
      continue;
    }
    // A repeated request may find that the first one did it after all.
    auto now = TRY(client_.get(path));
    if (now.ok() && now.body["Inserted"].boolean() && now.body["Image"].string() == url) return {};
    return client_.error_of("POST", action, reply);
  }
}

// 202: the BMC goes on by itself; the drive tells when it is done.
base::Result<void> RedfishMedia::wait_for_insertion(const std::string& path, const RedfishReply& reply) {
  if (reply.status != 202) return {};
  for (int poll = 0; poll < insertion_polls_max; ++poll) {
    auto slot = TRY(client_.get(path));
    if (slot.ok() && slot.body["Inserted"].boolean()) return {};
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
  if (!action.empty()) {
    reply = TRY(client_.post(action, std::nullopt, RedfishClient::Again::safe));
    if (reply.status == 400 || reply.status == 415)
      reply = TRY(client_.post(action, base::Json::object(), RedfishClient::Again::safe));
  } else {
    method = "PATCH";
    reply = TRY(client_.patch(slot.path, base::Json::object({{"Image", nullptr}, {"Inserted", false}})));
  }
  if (reply.ok()) return {};
  auto now = TRY(client_.get(slot.path));
  if (now.ok() && !now.body["Inserted"].boolean()) return {};
  return client_.error_of(method, action.empty() ? slot.path : action, reply);
}

}  // namespace metal

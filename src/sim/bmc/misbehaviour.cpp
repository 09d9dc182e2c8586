#include "sim/bmc/misbehaviour.h"

#include <algorithm>

#include "base/text.h"

namespace sim {

using base::Json;

namespace {

const std::string sessions_path = "/redfish/v1/SessionService/Sessions";
const std::string media_path = "/redfish/v1/Managers/1/VirtualMedia";
const std::string drive_path = media_path + "/CD";
const std::string insert_path = drive_path + "/Actions/VirtualMedia.InsertMedia";
const std::string eject_path = drive_path + "/Actions/VirtualMedia.EjectMedia";
const std::string tasks_path = "/redfish/v1/TaskService/TaskMonitors/";
constexpr auto reset_task_takes = base::seconds(2);

net::Response refused(int status, std::string id, std::string text, std::vector<std::string> arguments = {},
                      std::string property = {}) {
  return redfish_refusal({status, std::move(id), std::move(text), std::move(arguments), std::move(property)});
}

Json body_of(const net::Request& request) {
  auto parsed = base::parse_json(request.body);
  return parsed ? *parsed : Json();
}

bool turns_on(const std::string& reset_type) { return reset_type == "On" || reset_type == "ForceOn"; }

}  // namespace

Misbehaviour::Misbehaviour(sys::Loop& loop, ServerControls& server, BmcProfile profile, std::string system_path)
    : loop_(loop),
      server_(server),
      profile_(std::move(profile)),
      system_(std::move(system_path)),
      settings_(system_ + "/Settings"),
      busy_changes_(profile_.busy_changes),
      post_lock_(profile_.post_lock),
      forgets_boots_(profile_.forgets_boots) {}

Misbehaviour::~Misbehaviour() {
  loop_.cancel(boot_timer_);
  loop_.cancel(insert_timer_);
}

Misbehaviour::Instead Misbehaviour::before(net::Request& request, const sys::Address& peer) {
  method_ = request.method;
  path_ = request.target;
  page_ = 0;
  as_settings_ = as_conflict_ = as_task_ = false;
  ++requests_;
  if (profile_.restarts_after > 0 && requests_ == profile_.restarts_after) {
    server_.set_boot_override({});
    return {.response = {}, .hang_up = true, .restart = true};
  }
  if (profile_.drops_reused && !peers_.insert(peer.text()).second) return {.response = {}, .hang_up = true};
  if (const auto question = path_.find("?$skip="); profile_.paged && question != std::string::npos) {
    page_ = size_t(base::parse_uint(path_.substr(question + 7)).value_or(0));
    path_.resize(question);
  }
  if (profile_.media == BmcProfile::Place::system)
    path_ = base::replace_all(path_, system_ + "/VirtualMedia", media_path);
  if (auto answer = transport(request)) return {.response = answer};
  if (auto answer = login(request)) return {.response = answer};
  if (auto answer = task(request)) return {.response = answer};
  if (auto answer = reset(request)) return {.response = answer};
  if (auto answer = patch(request)) return {.response = answer};
  if (auto answer = media(request)) return {.response = answer};
  if (as_settings_) path_ = system_;
  request.target = path_;
  return {};
}

Misbehaviour::Answer Misbehaviour::transport(const net::Request& request) {
  if (profile_.busy_every > 0 && requests_ % profile_.busy_every == 0) {
    auto busy = refused(503, "ServiceTemporarilyUnavailable", "The service is busy.", {"1"});
    busy.headers.set("Retry-After", "1");
    return busy;
  }
  if (profile_.compressed_only && request.headers.get("Accept-Encoding") == "identity")
    return refused(406, "NotAcceptable", "There is no plain form of this.");
  if (profile_.trailing_slash && path_.ends_with('/') && path_ != "/redfish/v1/")
    return refused(404, "ResourceMissingAtURI", "There is nothing at " + path_ + ".", {path_});
  const bool changes = method_ == "PATCH" || (method_ == "POST" && path_ != sessions_path);
  if (changes && busy_changes_ > 0) {
    --busy_changes_;
    return refused(400, "SYS518", "iDRAC is currently unable to display any information: data sources unavailable.");
  }
  return std::nullopt;
}

Misbehaviour::Answer Misbehaviour::login(const net::Request& request) {
  if (path_ == sessions_path && method_ == "POST") {
    if (profile_.no_sessions) return refused(404, "ResourceMissingAtURI", "There are no sessions.", {path_});
    if (profile_.sessions_taken) return refused(503, "SessionLimitExceeded", "All sessions are in use.");
    return std::nullopt;
  }
  if (profile_.password_change && path_ != "/redfish/v1/" && method_ != "DELETE")
    return refused(403, "PasswordChangeRequired", "The password has to be changed first.",
                   {"/redfish/v1/AccountService"});
  const auto& token = request.headers.get("X-Auth-Token");
  if (profile_.session_uses > 0 && !token.empty() && ++token_uses_[token] > profile_.session_uses)
    return refused(401, "NoValidSession", "There is no valid session.");
  return std::nullopt;
}

net::Response Misbehaviour::begin_task(base::Duration span) {
  const auto at = tasks_path + std::to_string(tasks_.size() + 1);
  tasks_[at] = loop_.now() + span;
  net::Response response{.status = 202};
  response.headers.set("Location", at);
  response.headers.set("Retry-After", "2");
  return response;
}

Misbehaviour::Answer Misbehaviour::task(const net::Request& request) {
  const auto found = tasks_.find(path_);
  if (found == tasks_.end() || request.method != "GET") return std::nullopt;
  if (loop_.now() < found->second) {
    Json body = Json::object({{"@odata.id", "/redfish/v1/TaskService/Tasks/1"}, {"@odata.type", "#Task.v1_7_0.Task"}});
    body.set("Id", "1").set("Name", "Task").set("TaskState", "Running").set("TaskStatus", "OK");
    auto response = net::Response::json(202, body);
    response.headers.set("Location", path_);
    response.headers.set("Retry-After", "2");
    return response;
  }
  if (profile_.forgets_tasks) return refused(404, "ResourceMissingAtURI", "There is no such task.", {path_});
  return net::Response{.status = 204};
}

Misbehaviour::Answer Misbehaviour::reset(const net::Request& request) {
  if (profile_.reset_by_reference && path_ == system_ + "/ResetActionInfo") {
    Json parameter = Json::object({{"Name", "ResetType"}, {"Required", true}, {"DataType", "String"}});
    parameter.set("AllowableValues",
                  Json::strings({"On", "ForceOff", "ForceRestart", "GracefulShutdown", "PowerCycle"}));
    Json info = Json::object({{"@odata.id", path_}, {"@odata.type", "#ActionInfo.v1_1_2.ActionInfo"}});
    info.set("Id", "ResetActionInfo").set("Name", "Reset Action Info").set("Parameters", Json::array({parameter}));
    return net::Response::json(200, info);
  }
  if (path_ != system_ + "/Actions/ComputerSystem.Reset") return std::nullopt;
  const auto type = body_of(request)["ResetType"].string();
  if (profile_.only_force_on && type == "On")
    return refused(400, "ActionParameterValueNotInList", "On is not among the values allowed.", {"On", "ResetType"});
  const bool resting = turned_off_ && loop_.now() < *turned_off_ + profile_.busy_after_off;
  if (turns_on(type) && resting)
    return refused(409, "ActionParameterValueConflict", "The value of ResetType conflicts with other operations.",
                   {type});
  if (type == "ForceOff" && server_.powered_on()) turned_off_ = loop_.now();
  as_conflict_ = profile_.done_is_conflict && (turns_on(type) || type == "ForceOff");
  as_task_ = profile_.resets_by_task;
  return std::nullopt;
}

Misbehaviour::Answer Misbehaviour::patch(net::Request& request) {
  const bool settings = profile_.boot_in_settings || profile_.boot_settings_read_only;
  as_settings_ = settings && path_ == settings_;
  if (method_ != "PATCH") return std::nullopt;
  const auto tag = request.headers.get("If-Match");
  const bool refuses = (profile_.etags == BmcProfile::Etags::weak && tag.starts_with("W/")) ||
                       (profile_.etags == BmcProfile::Etags::refused && !tag.empty());
  if (refuses) return refused(412, "PreconditionFailed", "The ETag does not match.");
  if (profile_.etags == BmcProfile::Etags::needed && tag.empty())
    return refused(428, "PreconditionRequired", "If-Match is required.");
  return path_ == system_ || as_settings_ ? change_boot(request) : std::nullopt;
}

Misbehaviour::Answer Misbehaviour::boot_refusal(const Json& boot) {
  const auto not_writable = [](const char* name) {
    return refused(400, "PropertyNotWritable", std::string("The property ") + name + " can be read only.", {name});
  };
  if (as_settings_ ? profile_.boot_settings_read_only : profile_.boot_in_settings)
    return not_writable("BootSourceOverrideTarget");
  if (post_lock_ > 0) {
    --post_lock_;
    return refused(400, "UnableToModifyDuringSystemPOST", "Wait until the server has finished its self test.");
  }
  const bool mode = boot.has("BootSourceOverrideMode");
  if (mode && (profile_.mode_refused || profile_.mode_hidden)) return not_writable("BootSourceOverrideMode");
  if (profile_.once_only && boot["BootSourceOverrideEnabled"].string() == "Continuous")
    return refused(400, "PropertyValueNotInList", "Continuous is not among the values allowed.",
                   {"Continuous", "BootSourceOverrideEnabled"});
  return std::nullopt;
}

Misbehaviour::Answer Misbehaviour::change_boot(net::Request& request) {
  Json body = body_of(request);
  if (!body["Boot"].is_object()) return std::nullopt;
  if (auto refusal = boot_refusal(body["Boot"])) return refusal;
  Json& boot = body.child("Boot");
  const auto target = boot["BootSourceOverrideTarget"].string();
  using Cd = BmcProfile::Cd;
  if (profile_.cd == Cd::usb && target == "UsbCd") boot.set("BootSourceOverrideTarget", "Cd");
  const bool wrong_cd =
      (profile_.cd == Cd::usb && target == "Cd") || (profile_.cd == Cd::plain_beside_usb && target == "UsbCd");
  if (wrong_cd) boot.set("BootSourceOverrideTarget", "None");
  if (profile_.reverts_boot) {
    if (!boot.has("BootSourceOverrideEnabled")) boot.set("BootSourceOverrideEnabled", "Once");
    if (!boot.has("BootSourceOverrideMode")) boot.set("BootSourceOverrideMode", "Legacy");
  }
  if (forgets_boots_ > 0) {
    --forgets_boots_;
    return net::Response{.status = 204};
  }
  request.body = body.dump();
  forget_boot_later();
  return std::nullopt;
}

void Misbehaviour::forget_boot_later() {
  if (profile_.boot_kept_for <= base::Duration::zero()) return;
  loop_.cancel(boot_timer_);
  boot_timer_ = loop_.after(profile_.boot_kept_for, [this] {
    boot_timer_ = 0;
    if (!server_.powered_on()) server_.set_boot_override({});
  });
}

Misbehaviour::Answer Misbehaviour::media(const net::Request& request) {
  if (profile_.unmountable_first)
    if (auto answer = other_drive(request)) return answer;
  if (path_ != insert_path && path_ != eject_path) return std::nullopt;
  if (profile_.media_by_patch) return refused(404, "ResourceMissingAtURI", "There is no such action.", {path_});
  if (path_ == insert_path) return insert(body_of(request));
  if (profile_.eject_needs_body && request.body.empty())
    return refused(415, "UnsupportedMediaType", "A body of JSON is needed.");
  if (server_.media().inserted) {
    ejected_ = loop_.now();
    if (profile_.inserted_stays) stale_image_ = server_.media().image;
  }
  return std::nullopt;
}

Misbehaviour::Answer Misbehaviour::insert(const Json& body) {
  for (const auto& name : profile_.insert_needs) {
    if (body.has(name)) continue;
    if (!profile_.says_what_is_missing) return refused(400, "GeneralError", "A general error has occurred.");
    return refused(400, "ActionParameterMissing", "InsertMedia needs " + name + ".", {"InsertMedia", name});
  }
  if (profile_.insert_minimal && (body.has("Inserted") || body.has("WriteProtected")))
    return refused(400, "ActionParameterUnknown", "InsertMedia has no such parameter.", {"InsertMedia", "Inserted"});
  if (ejected_ && loop_.now() < *ejected_ + profile_.eject_takes)
    return refused(500, "InternalError", "An ejection is in progress.");
  stale_image_.clear();
  if (profile_.insert_takes <= base::Duration::zero()) return std::nullopt;
  loop_.cancel(insert_timer_);
  insert_timer_ = loop_.after(profile_.insert_takes, [this, url = body["Image"].string()] {
    insert_timer_ = 0;
    (void)server_.insert_media(url, true);  // a wrong one never appears in the drive
  });
  return begin_task(profile_.insert_takes);
}

// One that only programs on the BMC's own page can fill, and one whose action is refused.
Misbehaviour::Answer Misbehaviour::other_drive(const net::Request& request) {
  for (const char* name : {"Slot_0", "Slot_1"}) {
    const auto at = media_path + "/" + name;
    if (!path_.starts_with(at)) continue;
    if (path_ != at || request.method != "GET") return refused(405, "OperationNotAllowed", "This drive takes no URL.");
    Json drive = Json::object({{"@odata.id", at}, {"@odata.type", "#VirtualMedia.v1_6_3.VirtualMedia"}, {"Id", name}});
    drive.set("Name", name).set("MediaTypes", Json::strings({"CD", "USBStick"})).set("Inserted", false);
    Json actions = Json::object();
    const auto add = [&](const std::string& action) {
      actions.set("#VirtualMedia." + action, Json::object({{"target", at + "/Actions/VirtualMedia." + action}}));
    };
    add("EjectMedia");
    if (std::string_view(name) == "Slot_1") add("InsertMedia");
    return net::Response::json(200, drive.set("Actions", actions));
  }
  return std::nullopt;
}

void Misbehaviour::after(net::Response& response) {
  if (as_conflict_ && response.status < 300)
    response = refused(409, "ResourceInUse", "The server is in this state already.");
  if (as_task_ && response.status < 300) response = begin_task(reset_task_takes);
  auto parsed = base::parse_json(response.body);
  if (parsed && parsed->is_object()) {
    Json document = std::move(*parsed);
    if (response.status >= 400) {
      change_error(document);
    } else {
      change_document(document);
      change_etag(response, document);
    }
    response.body = document.dump();
  }
  if (profile_.media == BmcProfile::Place::system)
    response.body = base::replace_all(response.body, media_path, system_ + "/VirtualMedia");
  if (!profile_.compressed_only || method_ != "GET" || response.body.empty()) return;
  response.body = packed(response.body);
  response.headers.set("Content-Encoding", "gzip");
}

}  // namespace sim

#include "remote/writer.h"

#include <algorithm>

#include "base/log.h"
#include "sys/fiber.h"

namespace remote {

using base::Code;
using base::Error;

namespace {

constexpr const char* manager = "?fieldManager=ingot";

bool is_deleting(const Json& doc) { return !doc.path("metadata.deletionTimestamp").is_null(); }

// Nothing holds it back: the answer to the request that took the last finalizer is the object's last state.
bool is_gone(const Json& answer) {
  if (answer.is_null() || answer["kind"].string() == "Status") return true;
  return is_deleting(answer) && answer.path("metadata.finalizers").empty() &&
         answer.path("metadata.deletionGracePeriodSeconds").integer() == 0 && answer.path("spec.finalizers").empty();
}

bool wants_deletion(const Write& write) {
  const bool before = is_deleting(write.truth);
  return !before && (write.after.is_null() || is_deleting(write.after));
}

// The patch for an object that exists; removal by its last finalizer is one too.
Json wanted(const Write& write) {
  if (!write.after.is_null()) return changes(write.before, write.after);
  return Json::object({{"metadata", Json::object({{"finalizers", Json()}})}});
}

bool no_answer(const Error& error) {
  return error.code == Code::unavailable || error.code == Code::timeout || error.code == Code::corrupt ||
         error.code == Code::internal;
}

}  // namespace

Settled Writer::settled(const Write& write, Json truth) const {
  Settled out{.accepted = true, .known = true, .truth = Json(), .error = {}};
  if (is_gone(truth)) return out;
  auto shown = as_shown(*write.kind, std::move(truth));
  if (!shown) return refused(write, std::move(shown).error(), std::nullopt);
  out.truth = std::move(*shown);
  return out;
}

Settled Writer::refused(const Write& write, Error error, std::optional<Json> truth) const {
  Settled out{.accepted = false, .known = truth.has_value(), .truth = Json(), .error = std::move(error)};
  if (!truth || truth->is_null()) return out;
  auto shown = as_shown(*write.kind, std::move(*truth));
  out.known = shown.ok();
  if (shown) out.truth = std::move(*shown);
  return out;
}

Result<Json> Writer::patch(const Write& write, const std::string& path) {
  Json all = wanted(write);
  const Json status = all["status"];
  const bool apart = all.has("status") && write.kind->storage().status_subresource;
  if (apart) all.erase("status");
  Json last = write.truth;
  const auto send_one = [&](Json body, const std::string& where) -> Result<void> {
    Json& meta = body.child("metadata");
    meta.set("uid", uid_of(last)).set("resourceVersion", version_of(last));
    last = TRY(client_.merge_patch(where + manager, body));
    return {};
  };
  if (!all.empty()) TRY(send_one(all, path));
  if (apart) TRY(send_one(Json::object({{"status", status}}), path + "/status"));
  return last;
}

Result<Json> Writer::send(const Write& write) {
  const std::string path = object_path(*write.kind, write.key);
  if (write.truth.is_null()) {
    if (write.after.is_null()) return Json();
    return client_.post(collection_path(*write.kind, write.key.ns) + manager, creation(*write.kind, write.after));
  }
  if (!wants_deletion(write)) {
    Json answer = TRY(patch(write, path));
    if (!write.after.is_null() || answer.path("metadata.finalizers").empty()) return answer;
    // The last state as it was before, or a finalizer that somebody put there in the same moment.
    auto now = client_.get(path);
    if (!now && now.error().code == Code::not_found) return Json();
    return now;
  }
  const Json conditions = Json::object({{"uid", uid_of(write.truth)}, {"resourceVersion", version_of(write.truth)}});
  const Json options = Json::object({{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"preconditions", conditions}});
  return client_.remove(path, options);
}

std::optional<Settled> Writer::look(const Write& write, const Error& error) {
  auto found = client_.get(object_path(*write.kind, write.key));
  if (!found && found.error().code != Code::not_found) return std::nullopt;  // sent again, then looked at again
  const Json now = found ? std::move(*found) : Json();
  if (write.truth.is_null()) {
    if (now.is_null()) return std::nullopt;
    // Names end in random letters, or say what the content must be: the same content is ours.
    if (fulfilled(now, creation(*write.kind, write.after))) return settled(write, now);
    return refused(write, error, now);
  }
  const bool same_object = !now.is_null() && uid_of(now) == uid_of(write.truth);
  if (wants_deletion(write) || write.after.is_null()) {
    if (!same_object) return settled(write, Json());
    if (wants_deletion(write) && is_deleting(now)) return settled(write, now);
  } else if (same_object && version_of(now) != version_of(write.truth) && fulfilled(now, wanted(write))) {
    return settled(write, now);
  }
  if (same_object && version_of(now) == version_of(write.truth)) return std::nullopt;
  return refused(write, error, now);
}

Settled Writer::carry_out(const Write& write) {
  base::Duration retry = limits_.retry_first;
  int answered = 0;
  for (int tries = 1;; ++tries) {
    auto done = send(write);
    if (done) return settled(write, std::move(*done));
    const Error error = std::move(done).error();
    if (error.code == Code::cancelled) return refused(write, error, std::nullopt);
    const bool collided =
        error.code == Code::conflict || error.code == Code::already_exists || error.code == Code::not_found;
    if (!collided && !no_answer(error)) return refused(write, error, std::nullopt);
    if (no_answer(error)) {
      if (client_.answered()) ++answered;
      base::log::warn("a write is tried again", {{"object", write.key.text()}, {"why", error.text()}});
      const auto span = static_cast<double>(retry.count()) * (0.5 + sys_.random.unit() / 2);
      retry = std::min(retry * 2, limits_.retry_most);
      if (!sys::sleep(sys_.loop, base::Duration(static_cast<int64_t>(span))))
        return refused(write, base::cancelled(), std::nullopt);
    }
    if (collided && tries == 1 && write.truth.is_null() && error.code == Code::not_found) {
      return refused(write, error, std::nullopt);  // the namespace
    }
    if (auto found = look(write, error)) return std::move(*found);
    if (collided) return refused(write, error, std::nullopt);
    if (answered >= limits_.answered_tries_max) return refused(write, error, std::nullopt);
  }
}

}  // namespace remote

#include "remote/leader.h"

#include "base/log.h"
#include "sys/fiber.h"

namespace remote {

using base::Code;

struct Leader::State : std::enable_shared_from_this<State> {
  sys::Sys& sys;
  Client client;
  LeaderOptions options;
  std::function<void()> lost;
  sys::Fiber fiber, deadline;
  Json seen;             // the Lease's spec and resourceVersion as last read
  base::Time seen_at{};  // when it was last seen to change
  base::Time renewed{};  // when the last successful renewal was sent
  bool holding = false, ended = false;
  std::string holder;

  State(sys::Sys& s, Client c, LeaderOptions o) : sys(s), client(std::move(c)), options(std::move(o)) {}
  std::string collection() const { return "/apis/coordination.k8s.io/v1/namespaces/" + options.ns + "/leases"; }
  Result<bool> attempt();
  Result<bool> write(const Json& lease, bool mine);
  void keep();
  void guard_deadline();
  void lose();
};

// One try to take or renew; false when somebody else holds it.
Result<bool> Leader::State::attempt() {
  auto found = client.get(collection() + "/" + options.name);
  if (!found && found.error().code != Code::not_found) return found.error();
  if (!found) return write(Json(), false);
  const Json& spec = (*found)["spec"];
  const Json now = Json::object({{"spec", spec}, {"version", found->path("metadata.resourceVersion")}});
  if (!(now == seen)) {
    seen = now;
    seen_at = sys.loop.now();
  }
  holder = spec["holderIdentity"].string();
  const bool mine = holder == options.identity;
  const auto life = base::seconds(spec["leaseDurationSeconds"].integer(0));
  if (!mine && !holder.empty() && sys.loop.now() < seen_at + life) return false;
  return write(*found, mine);
}

Result<bool> Leader::State::write(const Json& lease, bool mine) {
  const base::Time sent_at = sys.loop.now();
  const std::string stamp = base::rfc3339_micro(sent_at);
  Json doc = lease;
  if (doc.is_null()) {
    doc = Json::object({{"apiVersion", "coordination.k8s.io/v1"}, {"kind", "Lease"}});
    doc.set("metadata", Json::object({{"name", options.name}, {"namespace", options.ns}}));
  }
  Json& spec = doc.child("spec");
  const int64_t moves = spec["leaseTransitions"].integer(0);
  spec.set("holderIdentity", options.identity).set("renewTime", stamp);
  spec.set("leaseDurationSeconds", std::chrono::duration_cast<base::seconds>(options.lease).count());
  if (!mine) spec.set("acquireTime", stamp).set("leaseTransitions", lease.is_null() ? 0 : moves + 1);
  // With the version that was read: of two that try, one is refused.
  auto done = lease.is_null() ? client.post(collection(), doc) : client.put(collection() + "/" + options.name, doc);
  if (!done) {
    const Code code = done.error().code;
    if (code == Code::conflict || code == Code::already_exists) return false;
    return done.error();
  }
  renewed = sent_at;
  holder = options.identity;
  seen = Json::object({{"spec", (*done)["spec"]}, {"version", done->path("metadata.resourceVersion")}});
  seen_at = sys.loop.now();
  return true;
}

void Leader::State::keep() {
  while (!ended) {
    if (!sys::sleep(sys.loop, options.retry) || ended) return;
    const auto renewal = attempt();
    if (ended) return;
    if (!renewal && renewal.error().code == Code::cancelled) return;
    if (!renewal) base::log::warn("the lease was not renewed", {{"error", renewal.error().text()}});
    const bool taken = renewal && !*renewal && holder != options.identity && !holder.empty();
    if (taken) return lose();
  }
}

// Beside keep(), whose requests may hang.
void Leader::State::guard_deadline() {
  while (!ended) {
    const base::Time end = renewed + options.renew_deadline;
    if (sys.loop.now() >= end) return lose();
    if (!sys::sleep(sys.loop, end - sys.loop.now())) return;
  }
}

void Leader::State::lose() {
  if (!holding || ended) return;
  base::log::error("the lease is lost", {{"holder", holder}});
  holding = false;
  ended = true;
  if (lost) lost();
}

Leader::Leader(sys::Sys& sys, Client client, LeaderOptions options)
    : state_(std::make_shared<State>(sys, std::move(client), std::move(options))) {}

Leader::~Leader() {
  state_->ended = true;
  state_->fiber.cancel();
  state_->deadline.cancel();
}

Result<void> Leader::acquire(std::function<void()> lost) {
  const auto state = state_;
  state->lost = std::move(lost);
  std::string told;
  for (;;) {
    const auto got = state->attempt();
    if (got && *got) break;
    if (!got && got.error().code == Code::cancelled) return got.error();
    if (!got) {
      base::log::warn("the lease cannot be taken yet", {{"error", got.error().text()}});
    } else if (state->holder != told) {
      told = state->holder;
      base::log::info("waiting for the lease", {{"holder", told}});
    }
    // A little at random, so that two do not try at one moment for ever.
    const auto jitter = base::milliseconds(static_cast<int64_t>(state->sys.random.below(400)));
    TRY(sys::sleep(state->sys.loop, state->options.retry + jitter));
  }
  state->holding = true;
  base::log::info("this process holds the lease", {{"identity", state->options.identity}});
  state->fiber = sys::spawn(state->sys.loop, "lease", [state] { state->keep(); });
  state->deadline = sys::spawn(state->sys.loop, "lease deadline", [state] { state->guard_deadline(); });
  return {};
}

Result<void> Leader::held() const {
  const State& state = *state_;
  if (state.holding && !state.ended && state.sys.loop.now() < state.renewed + state.options.renew_deadline) return {};
  return base::Error{Code::unavailable,
                     "this process may have lost the lease " + state.options.ns + "/" + state.options.name +
                         " and does nothing until it holds it again",
                     base::Layer::controller};
}

void Leader::release() {
  const auto state = state_;
  state->ended = true;
  state->fiber.cancel();
  state->deadline.cancel();
  if (!state->holding) return;
  state->holding = false;
  auto found = state->client.get(state->collection() + "/" + state->options.name);
  if (!found || found->path("spec.holderIdentity").string() != state->options.identity) return;
  Json& spec = found->child("spec");
  spec.set("holderIdentity", "").set("leaseDurationSeconds", 1);
  spec.set("renewTime", base::rfc3339_micro(state->sys.loop.now()));
  (void)state->client.put(state->collection() + "/" + state->options.name, *found);
}

const std::string& Leader::holder() const { return state_->holder; }

}  // namespace remote

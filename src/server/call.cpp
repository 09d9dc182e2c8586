#include "server/call.h"

#include <algorithm>

#include "base/text.h"
#include "server/admission/admission.h"
#include "server/audit_log.h"
#include "server/flow_control.h"
#include "server/oidc.h"
#include "server/passage.h"
#include "server/service_tokens.h"
#include "server/token_lists.h"
#include "server/watch_hub.h"

namespace server {

Api::Api(sys::Sys& s, registry::Registry& r, Options o)
    : sys(s), registry(r), options(std::move(o)), documents(r.scheme()), hub(std::make_unique<WatchHub>(r.store())) {
  if (!HookIndex::serves(r.scheme()) || !PolicyIndex::serves(r.scheme())) return;
  admission = std::make_shared<AdmissionControl>(s, r.store(), options.services);
}
Api::~Api() = default;

const meta::Table& Api::table(const std::shared_ptr<const Kind>& kind, const meta::Version& version) {
  if (const auto now = registry.scheme().revision(); now != tables_of_) {
    tables_.clear();
    tables_of_ = now;
  }
  auto& cached = tables_[&version];
  if (!cached.table) cached = {kind, std::make_unique<meta::Table>(*kind, version)};
  return *cached.table;
}

std::string Call::field_manager() const {
  if (const auto& given = route.query.get("fieldManager"); !given.empty()) return given;
  const auto& agent = request.headers.get("User-Agent");
  return agent.substr(0, agent.find('/'));
}

void Call::warn(std::string text) {
  if (std::find(warnings.begin(), warnings.end(), text) == warnings.end()) warnings.push_back(std::move(text));
}

void Call::add_warnings(net::Headers& headers) const {
  constexpr size_t text_max = 256;
  // 299 is a warning that lasts; "-" stands for the server's name (RFC 7234 section 5.5).
  for (const auto& text : warnings) headers.add("Warning", "299 - " + base::quoted(text.substr(0, text_max)));
}

void Call::annotate(const std::string& key, std::string value) {
  if (passage) passage->annotate(key, std::move(value));
}

bool Call::is_audited() const { return passage && passage->audit(); }

base::Duration Call::time_left() const { return passage ? passage->time_left() : sys::no_limit; }

void Call::seated_no_more() {
  if (passage) passage->release_seats();
}

Result<void> wait_durable(const Call& call, uint64_t revision) {
  struct Shared {
    explicit Shared(sys::Loop& loop) : ready(loop) {}
    sys::Signal ready;
    std::optional<Result<void>> result;
  };
  auto shared = std::make_shared<Shared>(call.api.sys.loop);
  call.api.store().when_durable(revision, [shared](Result<void> result) {
    shared->result.emplace(std::move(result));
    shared->ready.set();
  });
  if (!shared->result) {
    const auto waited = shared->ready.wait_for(call.time_left());
    if (!waited && waited.error().code == base::Code::timeout) return too_late();
    TRY(waited);
  }
  return std::move(*shared->result);
}

}  // namespace server

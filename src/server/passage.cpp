#include "server/passage.h"

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"
#include "server/auth.h"

namespace server {
namespace {

constexpr size_t id_max = 64;
constexpr auto count_period = base::seconds(1);
constexpr uint64_t objects_per_seat = 100, seats_max = 10;
// Of the time that a request has, this part is for waiting in a queue.
constexpr int queue_part = 4;

uint64_t number_of(std::string_view bytes) {
  uint64_t out = 0;
  for (const char byte : bytes.substr(0, 8)) out = out << 8 | static_cast<unsigned char>(byte);
  return out;
}

// Shaped as a random UUID, without asking the system for randomness each time.
std::string new_id(Api& api) {
  if (api.audit_prefix.empty()) api.audit_prefix = api.sys.random.bytes(16);
  const std::string_view seeds = api.audit_prefix;
  const uint64_t n = ++api.requests;
  const uint64_t high = (base::mix(number_of(seeds) + n) & ~uint64_t{0xf000}) | 0x4000;
  const uint64_t low = (base::mix(number_of(seeds.substr(8)) + n) & ~(uint64_t{3} << 62)) | uint64_t{2} << 62;
  std::string out(36, '-');
  size_t at = 0;
  for (int digit = 0; digit < 32; ++digit) {
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) ++at;
    const uint64_t half = digit < 16 ? high : low;
    out[at++] = "0123456789abcdef"[half >> (60 - 4 * (digit % 16)) & 15];
  }
  return out;
}

bool changes_something(const std::string& verb) {
  return verb != "get" && verb != "list" && verb != "watch" && verb != "head" && verb != "options";
}

// Counting takes a while where there are many, so it is not done for every request.
uint64_t count_of(Api& api, const std::string& resource) {
  auto& known = api.counts[resource];
  const base::Time now = api.sys.loop.now();
  if (known.objects == 0 || now - known.at > count_period) known = {api.store().list(resource).size(), now};
  return known.objects;
}

// Objects that the answer is made from, which is what it costs.
uint64_t objects_read(const Call& call) {
  const auto& query = call.route.query;
  const auto& version = query.get("resourceVersion");
  const bool listens = call.route.verb == "watch" && !version.empty() && version != "0";
  const bool reads = call.route.verb == "list" || (call.route.verb == "watch" && !listens);
  if (!reads || !call.route.kind) return 0;
  uint64_t objects = count_of(call.api, call.route.kind->resource());
  const auto limit = base::parse_uint(query.get("limit"));
  const bool selects = query.has("labelSelector") || query.has("fieldSelector");
  if (limit && *limit > 0 && !selects) objects = std::min(objects, *limit);
  return objects;
}

uint32_t width_of(const Call& call) {
  const uint64_t seats = (objects_read(call) + objects_per_seat - 1) / objects_per_seat;
  return static_cast<uint32_t>(std::clamp<uint64_t>(seats, 1, seats_max));
}

}  // namespace

net::Response too_many_requests() {
  auto response = net::Response::text(429, "Too many requests, please try again later.\n");
  response.headers.set("Retry-After", "1");
  return response;
}

Error too_late() {
  return {.code = base::Code::timeout, .message = "request did not complete within the allotted timeout"};
}

Passage::Passage(Api& api, net::Exchange& inner) : api_(api), inner_(inner), received_(api.sys.loop.now()) {
  id_ = inner.request().headers.get("Audit-Id").substr(0, id_max);
  if (id_.empty()) id_ = new_id(api);
}

Passage::~Passage() { release_seats(); }

void Passage::add_headers(net::Headers& headers) const {
  headers.set("Audit-Id", id_);
  if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-cache, private");
  if (!admission_ || admission_->schema_uid.empty()) return;
  headers.set("X-Kubernetes-Pf-Flowschema-Uid", admission_->schema_uid);
  headers.set("X-Kubernetes-Pf-Prioritylevel-Uid", admission_->level_uid);
}

void Passage::respond(net::Response response) {
  add_headers(response.headers);
  if (!noted_) note(response);
  inner_.respond(std::move(response));
}

void Passage::note(const net::Response& response) {
  noted_ = true;
  if (audit_) audit_->set_response(response);
}

base::Result<void> Passage::start(int status, net::Headers headers) {
  add_headers(headers);
  if (audit_) {
    audit_->set_response_code(status);
    audit_->reach("ResponseStarted", api_.sys.loop.now());
  }
  return inner_.start(status, std::move(headers));
}

Result<void> Passage::set_limit(const Route& route) {
  const auto& asked = route.query.get("timeout");
  if (route.verb == "watch") return {};
  auto limit = api_.options.request_limit;
  if (!asked.empty()) {
    const auto span = base::parse_go_duration(asked);
    if (!span) {
      return registry::bad_request("invalid timeout specified in the request URL - time: invalid duration " +
                                   base::quoted(asked));
    }
    if (*span > base::Duration::zero()) limit = std::min(limit, *span);
  }
  deadline_ = received_ + limit;
  return {};
}

base::Duration Passage::time_left() const {
  if (!deadline_) return sys::no_limit;
  return std::max(*deadline_ - api_.sys.loop.now(), base::Duration::zero());
}

void Passage::begin_audit(const User& user, const Route& route, const Attributes& asked) {
  if (!api_.audit) return;
  auto decision = api_.audit->policy().decide(user, asked);
  if (decision.level == AuditLevel::none) return;
  audit_.emplace(*api_.audit, std::move(decision), id_, received_);
  audit_->set_request(request(), route, asked, peer());
  if (!user.name.empty()) audit_->set_user(user);
  audit_->reach("RequestReceived", received_);
}

void Passage::annotate(const std::string& key, std::string value) {
  if (audit_) audit_->annotate(key, std::move(value));
}

void Passage::finish() {
  if (audit_ && !finished_) audit_->reach("ResponseComplete", api_.sys.loop.now());
  finished_ = true;
}

Result<void> Passage::admit(const Call& call, const Attributes& asked) {
  if (!api_.flow) return count(call);
  admission_ = TRY(api_.flow->admit(call.user, asked, width_of(call),
                                    std::min(api_.options.request_limit, time_left()) / queue_part));
  return {};
}

// Without priorities only the number of requests is bounded. Watches are not counted.
Result<void> Passage::count(const Call& call) {
  if (call.route.verb == "watch" || is_master(call.user)) return {};
  const bool change = changes_something(call.route.verb);
  uint32_t& present = change ? api_.writes : api_.reads;
  const uint32_t most = change ? api_.options.flow.writes_max : api_.options.flow.reads_max;
  if (most > 0 && present >= most) return base::unavailable("too many requests");
  ++present;
  counted_ = &present;
  return {};
}

void Passage::release_seats() {
  if (admission_) admission_->seats.release();
  if (auto* counted = std::exchange(counted_, nullptr)) --*counted;
}

}  // namespace server

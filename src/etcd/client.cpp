#include "etcd/client.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "etcd/messages.h"
#include "net/grpc.h"
#include "sys/deadline.h"
#include "sys/fiber.h"

namespace etcd {

using base::Code;

namespace {

class GrpcWatch : public Watch {
 public:
  GrpcWatch(sys::Loop& loop, std::unique_ptr<net::GrpcStream> stream) : loop_(loop), stream_(std::move(stream)) {}

  Result<std::vector<WatchEvent>> next(base::Duration limit) override {
    sys::Deadline deadline(loop_, limit);
    for (;;) {
      const auto bytes = TRY(stream_->receive(deadline.left()));
      if (!bytes) return base::unavailable("etcd ended the watch");
      auto message = TRY(decode_watch(*bytes));
      if (message.compacted != 0) {
        return Error{.code = Code::expired,
                     .message = "etcd has only what is newer than revision " + std::to_string(message.compacted)};
      }
      if (message.cancelled) return base::unavailable("etcd ended the watch: " + message.reason);
      if (!message.events.empty()) return std::move(message.events);
    }
  }

 private:
  sys::Loop& loop_;
  std::unique_ptr<net::GrpcStream> stream_;
};

class Client : public Api {
 public:
  explicit Client(sys::Loop& loop, std::vector<std::shared_ptr<net::GrpcClient>> members)
      : loop_(loop), members_(std::move(members)) {}

  Result<RangeResult> range(const RangeRequest& request, base::Duration limit) override {
    const auto answer = TRY(ask("KV/Range", encode(request), limit));
    return decode_range(answer);
  }

  Result<TxnResult> txn(const Txn& txn, base::Duration limit) override {
    const auto answer = TRY(ask("KV/Txn", encode(txn), limit));
    return decode_txn(answer);
  }

  Result<std::unique_ptr<Watch>> watch(const std::string& key, const std::string& end, int64_t from) override {
    const auto at = members_[current_];
    auto opened = open(*at, key, end, from);
    if (!opened) give_up(at, opened.error());
    return opened;
  }

  Result<int64_t> grant(base::Duration life, base::Duration limit) override {
    const auto seconds = std::chrono::duration_cast<base::seconds>(life).count();
    const auto answer = TRY(ask("Lease/LeaseGrant", encode_grant(seconds), limit));
    return TRY(decode_lease(answer)).id;
  }

  Result<base::Duration> keep_alive(int64_t lease, base::Duration limit) override {
    const auto answer = TRY(ask("Lease/LeaseKeepAlive", encode_id(lease), limit));
    const auto left = TRY(decode_lease(answer)).seconds;
    if (left <= 0) return base::not_found("the lease is over");
    return base::Duration(base::seconds(left));
  }

  Result<void> revoke(int64_t lease, base::Duration limit) override {
    TRY(ask("Lease/LeaseRevoke", encode_id(lease), limit));
    return {};
  }

  Result<void> compact(int64_t revision, base::Duration limit) override {
    TRY(ask("KV/Compact", encode_id(revision), limit));
    return {};
  }

  Result<std::string> version(base::Duration limit) override {
    const auto answer = TRY(ask("Maintenance/Status", {}, limit));
    return decode_version(answer);
  }

 private:
  static std::string path(const char* method) { return std::string("/etcdserverpb.") + method; }

  Result<std::unique_ptr<Watch>> open(net::GrpcClient& at, const std::string& key, const std::string& end,
                                      int64_t from) {
    // A member that has lost the others ends the watch instead of falling silent.
    auto stream = TRY(at.open(path("Watch/Watch"), {{"hasleader", "true"}}));
    TRY(stream->send(encode_watch(key, end, from)));
    return std::unique_ptr<Watch>(std::make_unique<GrpcWatch>(loop_, std::move(stream)));
  }

  Result<std::string> ask(const char* method, std::string_view message, base::Duration limit) {
    const auto at = members_[current_];
    auto answer = at->call(path(method), message, limit);
    if (!answer) give_up(at, answer.error());
    return std::move(answer).context("etcd");
  }

  // The next call tries the next member. Those that wait for this one end, and then do the same.
  void give_up(const std::shared_ptr<net::GrpcClient>& member, const Error& error) {
    if (error.code != Code::unavailable && error.code != Code::timeout) return;
    if (members_[current_] != member) return;
    base::log::warn("an etcd member does not answer", {{"error", error.text()}});
    current_ = (current_ + 1) % members_.size();
    member->close();
  }

  sys::Loop& loop_;
  std::vector<std::shared_ptr<net::GrpcClient>> members_;
  size_t current_ = 0;
};

}  // namespace

Result<std::shared_ptr<Api>> make_client(sys::Sys& sys, ClientOptions options) {
  std::vector<std::shared_ptr<net::GrpcClient>> members;
  for (const auto& endpoint : options.endpoints) {
    const auto url = TRY(net::Url::parse(endpoint).context("--etcd-endpoints"));
    if (url.scheme != "http" && url.scheme != "https") {
      return base::invalid("--etcd-endpoints: " + base::quoted(endpoint) + " is not http://HOST:PORT or https://...");
    }
    net::GrpcOptions member;
    member.server = url.address();
    member.tls = url.scheme == "https";
    member.connect_limit = base::seconds(3);
    member.tls_options.ca_pem = options.ca_pem;
    member.tls_options.certificate_pem = options.certificate_pem;
    member.tls_options.key_pem = options.key_pem;
    members.push_back(std::make_shared<net::GrpcClient>(sys.loop, sys.net, std::move(member)));
  }
  if (members.empty()) return base::invalid("--etcd-endpoints: name at least one");
  return std::shared_ptr<Api>(std::make_shared<Client>(sys.loop, std::move(members)));
}

}  // namespace etcd

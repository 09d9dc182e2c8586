// The messages of etcdserverpb that we send and read (etcd's rpc.proto and kv.proto, stable since 3.0), as bytes.
#pragma once

#include <string>
#include <string_view>

#include "etcd/api.h"

namespace etcd {

std::string encode(const RangeRequest& request);
std::string encode(const Txn& txn);
std::string encode_watch(const std::string& key, const std::string& end, int64_t from);
std::string encode_id(int64_t id);  // LeaseRevokeRequest, LeaseKeepAliveRequest, CompactionRequest
std::string encode_grant(int64_t seconds);

// Errors: corrupt.
Result<RangeResult> decode_range(std::string_view message);
Result<TxnResult> decode_txn(std::string_view message);
struct WatchMessage {
  bool created = false, cancelled = false;
  int64_t compacted = 0;  // cancelled because this is the oldest revision there is
  std::string reason;
  std::vector<WatchEvent> events;
};
Result<WatchMessage> decode_watch(std::string_view message);
struct LeaseMessage {
  int64_t id = 0, seconds = 0;
};
Result<LeaseMessage> decode_lease(std::string_view message);  // of a grant and of a keep-alive
Result<std::string> decode_version(std::string_view message);

}  // namespace etcd

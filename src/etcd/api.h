// What Ingot asks of etcd (https://etcd.io/docs/v3.4/learning/api/), as calls that park the calling fiber. Two are
// behind it: client.h speaks to real servers, sim_etcd.h is a model in virtual time.
//
// Errors of every call: unavailable and timeout, after which the call may have been carried out, may yet be, or never
// will; others say that it was not. Revisions here are etcd's; Ingot's own are in the values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace etcd {

using base::Error;
using base::Result;

struct KeyValue {
  std::string key, value;
  int64_t create_revision = 0, mod_revision = 0, lease = 0;
};

// Keys in [key, end); an empty `end` means that one key.
struct RangeRequest {
  std::string key, end;
  int64_t limit = 0;     // 0: all
  int64_t revision = 0;  // 0: the newest, agreed on by the members
};
struct RangeResult {
  std::vector<KeyValue> items;  // by key
  bool more = false;
  int64_t revision = 0;  // of the whole store when it was read
};

// Equality of one property of a key; a key that does not exist has create and mod revision 0 and no value.
struct Compare {
  enum class What : unsigned char { create_revision, mod_revision, value };
  What what;
  std::string key;
  int64_t number = 0;
  std::string value = {};
};
struct Op {
  enum class Kind : unsigned char { put, remove, range };
  Kind kind;
  std::string key;
  std::string value = {};  // put
  int64_t lease = 0;       // put
};
// All or nothing, at one revision; no key may be written twice. When a compare fails, `otherwise` is done instead.
struct Txn {
  std::vector<Compare> compares;
  std::vector<Op> then, otherwise;
};
struct TxnResult {
  bool succeeded = false;
  int64_t revision = 0;
  std::vector<std::vector<KeyValue>> found;  // of each op that was done; empty for those that are no ranges
};

struct WatchEvent {
  bool removed = false;
  KeyValue item;  // removed: key and mod_revision only
};

// Changes from a revision on; those of one revision come together, in order of revisions. Dropping it ends the watch.
class Watch {
 public:
  virtual ~Watch() = default;
  // At least one change. Errors besides the usual: expired when the revision to begin with is compacted; timeout only
  // says that nothing happened within `limit`.
  virtual Result<std::vector<WatchEvent>> next(base::Duration limit) = 0;
};

class Api {
 public:
  virtual ~Api() = default;
  virtual Result<RangeResult> range(const RangeRequest& request, base::Duration limit) = 0;  // expired: compacted
  virtual Result<TxnResult> txn(const Txn& txn, base::Duration limit) = 0;
  virtual Result<std::unique_ptr<Watch>> watch(const std::string& key, const std::string& end, int64_t from) = 0;
  virtual Result<int64_t> grant(base::Duration life, base::Duration limit) = 0;  // the lease's id
  // What is left of the lease's life from now on; not_found when it is over.
  virtual Result<base::Duration> keep_alive(int64_t lease, base::Duration limit) = 0;
  virtual Result<void> revoke(int64_t lease, base::Duration limit) = 0;  // and its keys with it
  virtual Result<void> compact(int64_t revision, base::Duration limit) = 0;
  virtual Result<std::string> version(base::Duration limit) = 0;  // of the member that answers
};

// The end of the range of all keys that begin with `prefix`.
std::string prefix_end(std::string prefix);

}  // namespace etcd

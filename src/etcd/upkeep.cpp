#include "etcd/upkeep.h"

#include <algorithm>

#include "etcd/replica.h"
#include "etcd/snapshot.h"

namespace etcd {

using base::Code;
using store::Sealer;

namespace {

constexpr base::Duration call_limit = base::seconds(30);
constexpr size_t batch_records = 100, batch_bytes = 1u << 20;
constexpr int rounds_max = 10;

Result<Sealer> value_keys(const Snapshot& snapshot, const Sealer& master, const Layout& layout) {
  if (!snapshot.keys) return base::not_found("there is nothing below " + layout.root + " in etcd");
  const auto text = TRY(master.open(snapshot.keys->value, common_binding(layout.keys)).context(layout.keys));
  return Sealer::parse(text);
}

// Puts a value where the one that was read still is. False: it was changed meanwhile.
Result<bool> replace(Api& api, const KeyValue& read, std::string value) {
  Txn txn;
  txn.compares.push_back({.what = Compare::What::mod_revision, .key = read.key, .number = read.mod_revision});
  txn.then.push_back({.kind = Op::Kind::put, .key = read.key, .value = std::move(value)});
  return TRY(api.txn(txn, call_limit)).succeeded;
}

Result<void> replace_common(sys::Sys& sys, Api& api, const Sealer& master, const KeyValue& read,
                            const std::string& plain) {
  const bool done = TRY(replace(api, read, master.seal(sys.random, plain, common_binding(read.key))));
  if (done) return {};
  return base::conflict(read.key + " was changed by somebody else at the same time");
}

// One round over everything that is not sealed with the newest key.
Result<size_t> reseal(sys::Sys& sys, Api& api, const Layout& layout, const Snapshot& snapshot, const Sealer& keys,
                      size_t& left) {
  size_t count = 0;
  for (const auto& item : snapshot.objects) {
    const auto sealed_by = sealed_with(item.value);
    if (!sealed_by || *sealed_by == keys.newest()) continue;
    ++left;
    const auto record = TRY(decode_object(*layout.object_of(item.key), item.value, keys));
    const bool done = TRY(replace(api, item, encode_object(record, keys, sys.random)));
    count += done ? 1 : 0;
  }
  return count;
}

}  // namespace

Result<store::Engine::Loaded> read_all(Api& api, const Sealer& master, const std::string& prefix) {
  const Layout layout(prefix);
  const auto snapshot = TRY(read_snapshot(api, layout, call_limit));
  const auto keys = TRY(value_keys(snapshot, master, layout));
  store::Engine::Loaded out;
  out.revision = TRY(decode_head(snapshot.head_value)).revision;
  out.objects = TRY(decode_objects(snapshot, layout, keys));
  for (const auto& record : out.objects) {
    if (record.revision <= out.revision) continue;
    return base::corrupt(record.key.text() + " is newer than the last revision in etcd");
  }
  return out;
}

Result<std::optional<Leader>> present_leader(Api& api, const std::string& prefix) {
  const auto found = TRY(api.range({.key = Layout(prefix).leader}, call_limit));
  if (found.items.empty()) return std::optional<Leader>();
  return std::optional<Leader>(TRY(decode_leader(found.items.front().value)));
}

Result<void> fill(sys::Sys& sys, Api& api, const Sealer& master, const std::string& prefix,
                  const store::Engine::Loaded& content) {
  const Layout layout(prefix);
  const auto there = TRY(api.range({.key = layout.root, .end = prefix_end(layout.root), .limit = 1}, call_limit));
  if (!there.items.empty()) {
    return Error{.code = Code::already_exists,
                 .message = "there is data below " + layout.root + " in etcd already",
                 .layer = base::Layer::api,
                 .fix = "name another --etcd-prefix, or remove what is there"};
  }
  TRY(common_value(sys, api, master, layout.keys,
                   [&]() -> Result<std::string> { return Sealer::generate(sys.random).key_file(); }));
  const auto made = TRY(read_snapshot(api, layout, call_limit));
  const auto keys = TRY(value_keys(made, master, layout));
  Txn txn;
  size_t bytes = 0;
  for (const auto& record : content.objects) {
    std::string value = encode_object(record, keys, sys.random);
    if (!txn.then.empty() && (txn.then.size() >= batch_records || bytes + value.size() > batch_bytes)) {
      TRY(api.txn(txn, call_limit));
      txn = {};
      bytes = 0;
    }
    bytes += value.size();
    txn.then.push_back({.kind = Op::Kind::put, .key = layout.object(record.key), .value = std::move(value)});
  }
  if (!txn.then.empty()) TRY(api.txn(txn, call_limit));
  // Last, so that what is incomplete has no revision.
  Txn end;
  end.compares.push_back({.what = Compare::What::create_revision, .key = layout.revision});
  end.then.push_back({.kind = Op::Kind::put,
                      .key = layout.revision,
                      .value = encode(Head{.revision = content.revision, .deleted = {}})});
  const auto ended = TRY(api.txn(end, call_limit));
  if (!ended.succeeded) return base::conflict("somebody else writes to etcd at the same time");
  return {};
}

Result<size_t> rotate_key(sys::Sys& sys, Api& api, const Sealer& master, const std::string& prefix) {
  const Layout layout(prefix);
  auto snapshot = TRY(read_snapshot(api, layout, call_limit));
  const auto keys = TRY(value_keys(snapshot, master, layout)).with_new_key(sys.random);
  TRY(replace_common(sys, api, master, *snapshot.keys, keys.key_file()));
  // From here on whoever writes uses the new key: the leader's transactions compare the version of `keys`.
  size_t count = 0;
  for (int round = 1;; ++round) {
    snapshot = TRY(read_snapshot(api, layout, call_limit));
    size_t left = 0;
    count += TRY(reseal(sys, api, layout, snapshot, keys, left));
    if (left == 0) break;
    if (round == rounds_max) return base::conflict("values change faster than they can be sealed anew; try again");
  }
  if (snapshot.identity) {
    const auto plain = TRY(master.open(snapshot.identity->value, common_binding(layout.identity)));
    TRY(replace_common(sys, api, master, *snapshot.identity, plain));
  }
  TRY(replace_common(sys, api, master, *snapshot.keys, keys.newest_only().key_file()));
  return count;
}

}  // namespace etcd

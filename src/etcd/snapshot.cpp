#include "etcd/snapshot.h"

#include <algorithm>
#include <map>
#include <set>

namespace etcd {

using base::Code;
using store::Foreign;
using store::Key;
using store::Record;

namespace {

constexpr int64_t page_items = 500;
constexpr int tries_max = 5;

void take(Snapshot& out, const Layout& layout, KeyValue item) {
  if (layout.object_of(item.key)) {
    out.objects.push_back(std::move(item));
  } else if (item.key == layout.revision) {
    out.head_value = std::move(item.value);
  } else if (item.key == layout.term) {
    out.term_value = std::move(item.value);
  } else if (item.key == layout.leader) {
    out.leader = std::move(item);
  } else if (item.key == layout.keys) {
    out.keys = std::move(item);
  } else if (item.key == layout.identity) {
    out.identity = std::move(item);
  }
}

Result<Snapshot> read_once(Api& api, const Layout& layout, base::Duration limit) {
  Snapshot out;
  RangeRequest page{.key = layout.root, .end = prefix_end(layout.root), .limit = page_items};
  for (;;) {
    auto result = TRY(api.range(page, limit));
    if (out.at == 0) out.at = page.revision = result.revision;
    const bool more = result.more && !result.items.empty();
    if (more) page.key = result.items.back().key + '\0';
    for (auto& item : result.items) take(out, layout, std::move(item));
    if (!more) return out;
  }
}

}  // namespace

Result<Snapshot> read_snapshot(Api& api, const Layout& layout, base::Duration limit) {
  for (int tries = 1;; ++tries) {
    auto snapshot = read_once(api, layout, limit);
    if (snapshot || tries == tries_max) return snapshot;
    // Compacted while we read, or the member went away: begin anew.
    const auto code = snapshot.error().code;
    if (code != Code::expired && code != Code::unavailable && code != Code::timeout) return snapshot;
  }
}

Result<std::vector<Record>> decode_objects(const Snapshot& snapshot, const Layout& layout, const store::Sealer& keys) {
  std::vector<Record> out;
  out.reserve(snapshot.objects.size());
  for (const auto& item : snapshot.objects) {
    out.push_back(TRY(decode_object(*layout.object_of(item.key), item.value, keys)));
  }
  return out;
}

std::vector<Foreign> difference(const store::Store& store, const std::vector<Record>& objects, uint64_t last) {
  const uint64_t before = store.durable_revision();
  std::map<Key, const Record*> wanted;
  std::set<uint64_t> used;
  for (const auto& record : objects) {
    wanted[record.key] = &record;
    used.insert(record.revision);
  }
  // Deletions, with the revision that they must come before.
  std::multimap<uint64_t, Key> deletions;
  for (const auto& resource : store.resources()) {
    for (const auto& entry : store.list(resource)) {
      const auto found = wanted.find(entry->key);
      if (found == wanted.end()) {
        deletions.emplace(last + 1, entry->key);
      } else if (found->second->create_revision != entry->create_revision) {
        deletions.emplace(found->second->create_revision, entry->key);
      }
    }
  }
  std::map<uint64_t, Foreign> changes;
  uint64_t free = before;
  for (const auto& [deadline, key] : deletions) {
    // Each deletion had a number of its own, so there are enough.
    do ++free;
    while (used.contains(free));
    changes[free] = {.key = key, .doc = {}, .revision = free};
  }
  for (const auto& record : objects) {
    if (record.revision <= before) continue;
    auto doc = base::parse_json(record.doc);
    if (!doc) continue;  // decode_object has read it before
    changes[record.revision] = {.key = record.key,
                                .doc = std::move(*doc),
                                .revision = record.revision,
                                .create_revision = record.create_revision};
  }
  std::vector<Foreign> out;
  for (auto& [revision, change] : changes) out.push_back(std::move(change));
  // The last change may have been one that left nothing to see.
  if (last > before && (out.empty() || out.back().revision < last)) {
    out.push_back({.key = {"", "", ""}, .doc = {}, .revision = last});
  }
  return out;
}

}  // namespace etcd

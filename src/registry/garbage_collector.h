// Garbage collection by metadata.ownerReferences. An object whose owners are all gone goes too; an owner deleted in the
// foreground waits for the dependents that block it; an owner deleted with Orphan lets them go first. Owners are found
// by uid in the store, so the cost is the number of dependents.
#pragma once

#include "registry/registry.h"
#include "registry/work_queue.h"

namespace registry {

class GarbageCollector {
 public:
  GarbageCollector(sys::Loop& loop, Registry& registry);
  ~GarbageCollector();
  GarbageCollector(const GarbageCollector&) = delete;

 private:
  enum class Standing : unsigned char {
    solid,     // exists and stays, or nothing is known of its kind
    waiting,   // is being deleted and waits for its dependents
    dangling,  // is gone
    foreign    // a namespaced owner of a cluster-scoped object: such objects are left alone
  };
  void changed(const store::Event& event);
  Result<void> look_at(const store::Key& key);
  Result<void> finish_orphaning(const Kind& kind, const Ref& owner);
  Result<void> finish_foreground(const Kind& kind, const Ref& owner);
  Result<void> collect(const Kind& kind, const Ref& object);
  Result<void> unblock(const Ref& object);
  Standing standing_of(const Ref& object, const Json& reference) const;
  // Changes the object's owner references: `keep` may alter a reference and says whether it stays.
  Result<void> rewrite_owners(const Ref& object, const std::function<bool(Json& reference)>& keep);
  Result<void> drop_finalizer(const Kind& kind, const Ref& object, std::string_view finalizer);

  Registry& registry_;
  store::Store& store_;
  WorkQueue queue_;
  store::Subscription subscription_ = 0;
};

}  // namespace registry

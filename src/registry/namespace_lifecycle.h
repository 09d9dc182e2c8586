// The namespaces that always exist, and the end of the others: a terminating namespace is emptied, says in conditions
// what is left, and is released when nothing is.
#pragma once

#include "registry/registry.h"
#include "registry/work_queue.h"

namespace registry {

// default, kube-node-lease, kube-public and kube-system, where they are absent. The scheme must have the Namespace
// kind.
void make_initial_namespaces(Registry& registry);

class NamespaceLifecycle {
 public:
  // The scheme must have the Namespace kind.
  NamespaceLifecycle(sys::Loop& loop, Registry& registry);
  ~NamespaceLifecycle();
  NamespaceLifecycle(const NamespaceLifecycle&) = delete;

 private:
  struct Content {
    std::map<std::string, size_t> resources, finalizers;  // name -> objects
    std::vector<std::string> failures;
  };
  void changed(const store::Event& event);
  Result<void> look_at(const store::Key& key);
  Content empty(const std::string& ns);
  Result<void> report(const std::string& ns, const Content& content);
  Result<void> release(const std::string& ns);

  Registry& registry_;
  store::Store& store_;
  const Kind& kind_;
  WorkQueue queue_;
  store::Subscription subscription_ = 0;
};

}  // namespace registry

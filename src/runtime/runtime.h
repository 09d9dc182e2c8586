// Runs controllers: one queue each, fed by watches, timers and job ends; one reconcile at a time, to completion, on the
// control thread. A reconcile of an object waits until its own writes are durable, so whatever a reconciler orders
// outside the process (power, wipe) follows from a state that survives a crash.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/context.h"

namespace runtime {

// Which keys of the controller's own kind a change of another object concerns. `doc` is the changed object's document.
using Mapper = std::function<std::vector<Key>(Context&, const Json& doc)>;

struct Watch {
  std::string resource;
  Mapper map;
};

struct Controller {
  std::string name;      // "machineset"; event source and log name
  std::string resource;  // the kind it reconciles
  std::function<Result<Outcome>(Context&, const Key&)> reconcile;
  std::vector<Watch> watches;
  Duration resync = Duration::zero();  // zero: never
};

// Builder: For<MachineSet>("machineset", reconcile).owns<Machine>().watches<Cluster>(sets_of_cluster)
template <class T>
class For : public Controller {
 public:
  using Function = std::function<Result<Outcome>(Context&, const T&)>;
  // `gone` is called with the key when the object no longer exists (to drop what is kept outside the store); optional.
  For(std::string controller_name, Function function, std::function<void(const Key&)> gone = nullptr) {
    name = std::move(controller_name);
    resource = std::string(T::resource);
    reconcile = [function = std::move(function), gone = std::move(gone)](Context& ctx,
                                                                         const Key& key) -> Result<Outcome> {
      const auto object = ctx.find<T>(key.ns, key.name);
      if (object) return function(ctx, *object);
      if (gone) gone(key);
      return Outcome::done();
    };
  }
  // Changes of a child enqueue the owners of kind T.
  template <class Child>
  For& owns() {
    return watches_owner(std::string(Child::resource));
  }
  For& watches_owner(std::string child_resource);
  template <class Other>
  For& watches(std::function<std::vector<Key>(Context&, const Other&)> map) {
    Controller::watches.push_back({std::string(Other::resource), [map = std::move(map)](Context& ctx, const Json& doc) {
                                     auto decoded = meta::decode<Other>(doc);
                                     return decoded ? map(ctx, *decoded) : std::vector<Key>();
                                   }});
    return *this;
  }
  For& every(Duration interval) {
    resync = interval;
    return *this;
  }
};
// Keys of kind `resource` named in the document's ownerReferences.
std::vector<Key> owner_keys(const Json& doc, std::string_view resource, const meta::Scheme& scheme);

template <class T>
For<T>& For<T>::watches_owner(std::string child_resource) {
  const std::string own = resource;
  Controller::watches.push_back(
      {std::move(child_resource), [own](Context& ctx, const Json& doc) { return owner_keys(doc, own, ctx.scheme()); }});
  return *this;
}

class Runtime {
 public:
  Runtime(sys::Sys& sys, registry::Registry& registry);
  ~Runtime();
  void add(Controller controller);
  void start();  // enqueues everything that exists, then follows changes
  void stop();
  // Something outside the store changed (a job ended, a workload cluster answered): look at the object again. Callable
  // only on the control thread; unknown names are a bug.
  void enqueue(std::string_view controller, Key key);
  bool idle() const;            // nothing ready and nothing being waited for but timers
  uint64_t reconciles() const;  // since start

  sys::Sys& sys() { return sys_; }
  registry::Registry& registry() { return registry_; }

  struct State;
  State& state() { return *state_; }

 private:
  sys::Sys& sys_;
  registry::Registry& registry_;
  std::unique_ptr<State> state_;
};

}  // namespace runtime

// Keeps an image of one resource of a foreign API server: a consistent list, then a watch from there, again and again.
// WatchList (the list as a stream that a marked bookmark ends) where the server has it, else LIST in pages and WATCH.
// Lists are always consistent reads (no resourceVersion=0): a controller that starts on a stale list would make objects
// a second time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "remote/client.h"

namespace remote {

struct ReflectorSink {
  // The whole state as of `version`; what is not in it does not exist.
  std::function<void(std::vector<Json> items, const std::string& version)> replaced;
  std::function<void(const Json& object, bool deleted)> changed;
};

struct ReflectorLimits {
  base::Duration retry_first = base::milliseconds(800), retry_most = base::seconds(30);
  base::Duration watch_least = base::minutes(5), watch_most = base::minutes(10);  // asked of the server, at random
  base::Duration silence = base::seconds(150);  // servers send a bookmark about every minute
  size_t page = 500;
  bool watch_list = true;  // false for servers before 1.27, which take it for a plain watch and never mark the end
};

class Reflector {
 public:
  // `path` is the collection ("/apis/cluster.x-k8s.io/v1beta2/machines"). Sinks are called on the loop, from the
  // reflector's fiber; they must not park.
  Reflector(sys::Sys& sys, Client client, std::string path, ReflectorSink sink, ReflectorLimits limits = {});
  ~Reflector();
  Reflector(const Reflector&) = delete;

  void start();
  void stop();
  bool synced() const;  // a whole list has been handed over
  // The last problem while not synced, for people; "" when none.
  std::string problem() const;
  uint64_t lists() const;  // how many whole lists were read

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace remote

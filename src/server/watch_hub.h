// Brings every durable change to the watches that it concerns, and to no others: they are found by resource, namespace
// and name before any selector is looked at. What a change is written as is made once for all watches of one form.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/call.h"

namespace server {

// One event of a watch's answer, shared by all who send it.
using Frame = std::shared_ptr<const std::string>;

// One durable change on its way to the watches.
class SharedEvent {
 public:
  explicit SharedEvent(const store::Event& event) : event_(event) {}
  const store::Event& event() const { return event_; }
  // As `call` wants it to be written. May park (conversion by webhook).
  Result<Frame> frame(Call& call, std::string_view type);

 private:
  struct Made {
    const meta::Version* version;
    View view;
    std::string_view type;  // a literal
    Frame frame;
  };
  store::Event event_;
  std::vector<Made> made_;
};

class WatchHub {
 public:
  // `name` empty: all of the namespace; `ns` empty: all namespaces, also beside a name.
  struct Place {
    std::string resource, ns, name;
  };
  using Take = std::function<void(const std::shared_ptr<SharedEvent>&)>;

  explicit WatchHub(store::Store& store) : store_(store) {}
  WatchHub(const WatchHub&) = delete;

  // A watch's place among the others; it leaves when this goes. The hub outlives it.
  class Seat {
   public:
    Seat() = default;
    ~Seat();
    Seat(const Seat&) = delete;

   private:
    friend class WatchHub;
    WatchHub* hub_ = nullptr;
    Place place_;
    std::list<Take>::iterator at_;
  };
  // `take` is called for every change of that place from now on, on the control thread; it must not park, join or
  // leave.
  void join(Seat& seat, Place place, Take take);
  // The newest change that all watches have been given, or that concerned none.
  uint64_t seen() const { return seen_; }

 private:
  using Takers = std::list<Take>;
  using NamePlace = std::pair<std::string, std::string>;
  struct Resource {
    std::map<NamePlace, Takers> places;  // {ns, name}; "" for all
  };
  void give(const store::Event& event);
  static void give_to(const Resource& resource, const NamePlace& place, const std::shared_ptr<SharedEvent>& event);
  void leave(Seat& seat);

  store::Store& store_;
  std::unordered_map<std::string, Resource> resources_;
  size_t seats_ = 0;
  store::Subscription subscription_ = 0;  // while there is a watch
  uint64_t seen_ = 0;
};

}  // namespace server

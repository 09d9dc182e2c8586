#include "server/watch_hub.h"

#include "server/view.h"

namespace server {

Result<Frame> SharedEvent::frame(Call& call, std::string_view type) {
  for (const auto& made : made_) {
    if (made.version == &call.version() && made.type == type && made.view == call.view) return made.frame;
  }
  auto frame =
      std::make_shared<const std::string>(event_frame(call, type, TRY(object_text(call, event_.object, false))));
  made_.push_back({&call.version(), call.view, type, frame});
  return Frame(std::move(frame));
}

WatchHub::Seat::~Seat() {
  if (hub_) hub_->leave(*this);
}

void WatchHub::join(Seat& seat, Place place, Take take) {
  if (seats_++ == 0) {
    seen_ = store_.durable_revision();
    subscription_ = store_.subscribe(true, [this](const store::Event& event) { give(event); });
  }
  auto& takers = resources_[place.resource].places[{place.ns, place.name}];
  seat.hub_ = this;
  seat.place_ = std::move(place);
  seat.at_ = takers.insert(takers.end(), std::move(take));
}

void WatchHub::leave(Seat& seat) {
  const auto resource = resources_.find(seat.place_.resource);
  auto& places = resource->second.places;
  const auto place = places.find({seat.place_.ns, seat.place_.name});
  place->second.erase(seat.at_);
  if (place->second.empty()) places.erase(place);
  if (places.empty()) resources_.erase(resource);
  if (--seats_ == 0) store_.unsubscribe(std::exchange(subscription_, 0));
}

void WatchHub::give_to(const Resource& resource, const NamePlace& place, const std::shared_ptr<SharedEvent>& event) {
  const auto found = resource.places.find(place);
  if (found == resource.places.end()) return;
  for (const auto& take : found->second) take(event);
}

void WatchHub::give(const store::Event& event) {
  seen_ = event.revision;
  const auto& key = event.object->key;
  const auto resource = resources_.find(key.resource);
  if (resource == resources_.end()) return;
  const auto shared = std::make_shared<SharedEvent>(event);
  give_to(resource->second, {"", ""}, shared);
  give_to(resource->second, {"", key.name}, shared);
  if (key.ns.empty()) return;
  give_to(resource->second, {key.ns, ""}, shared);
  give_to(resource->second, {key.ns, key.name}, shared);
}

}  // namespace server

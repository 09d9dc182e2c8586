#include "store/table.h"

namespace store {

Ref Table::find(std::string_view resource, std::string_view ns, std::string_view name) const {
  const auto objects = by_resource_.find(resource);
  if (objects == by_resource_.end()) return nullptr;
  const auto& by_name = objects->second.by_name;
  const auto found = by_name.find(Name{ns, name});
  return found == by_name.end() ? nullptr : (*found)->shared_from_this();
}

Ref Table::find_uid(std::string_view uid) const {
  const auto found = by_uid_.find(uid);
  return found == by_uid_.end() ? nullptr : (*found)->shared_from_this();
}

std::vector<Ref> Table::list(std::string_view resource, std::string_view ns) const {
  std::vector<Ref> out;
  const auto objects = by_resource_.find(resource);
  if (objects == by_resource_.end()) return out;
  const auto& all = objects->second.ordered;
  if (ns.empty()) out.reserve(all.size());
  const std::string behind = std::string(ns) + '\0';  // no text is between the two
  auto at = ns.empty() ? all.begin() : all.lower_bound(Name{ns, {}});
  const auto end = ns.empty() ? all.end() : all.lower_bound(Name{behind, {}});
  for (; at != end; ++at) out.push_back(*at);
  return out;
}

std::vector<Ref> Table::owned_by(std::string_view uid) const {
  std::vector<Ref> out;
  const auto keys = by_owner_.find(uid);
  if (keys == by_owner_.end()) return out;
  out.reserve(keys->second.size());
  for (const auto& key : keys->second) out.push_back(find(key));
  return out;
}

std::vector<std::string> Table::resources() const {
  std::vector<std::string> out;
  for (const auto& [resource, objects] : by_resource_) {
    if (!objects.ordered.empty()) out.push_back(resource);
  }
  return out;
}

void Table::set(const Key& key, Ref entry) {
  auto& objects = by_resource_[key.resource];
  auto at = objects.ordered.lower_bound(Name{key.ns, key.name});
  if (at != objects.ordered.end() && ByName::name(*at) == Name{key.ns, key.name}) {
    unindex(**at);
    objects.by_name.erase(at->get());
    at = objects.ordered.erase(at);
  }
  if (!entry) return;
  index(*entry);
  objects.by_name.insert(entry.get());
  objects.ordered.insert(at, std::move(entry));
}

void Table::index(const Entry& entry) {
  if (!entry.uid().empty()) {
    by_uid_.erase(&entry);  // a uid that two objects claim leads to the later one
    by_uid_.insert(&entry);
  }
  for (const auto& owner : entry.doc()["metadata"]["ownerReferences"].items()) {
    const auto& uid = owner["uid"].string();
    if (!uid.empty()) by_owner_[uid].insert(entry.key);
  }
}

void Table::unindex(const Entry& entry) {
  const auto at = by_uid_.find(&entry);
  if (at != by_uid_.end() && *at == &entry) by_uid_.erase(at);
  for (const auto& owner : entry.doc()["metadata"]["ownerReferences"].items()) {
    const auto keys = by_owner_.find(owner["uid"].string());
    if (keys == by_owner_.end()) continue;
    keys->second.erase(entry.key);
    if (keys->second.empty()) by_owner_.erase(keys);
  }
}

}  // namespace store

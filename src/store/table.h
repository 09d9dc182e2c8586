// The current state: objects by resource, namespace and name, with indexes by uid and by owner. Only Store changes it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/keyed_hash.h"
#include "store/store.h"

namespace store {

class Table {
 public:
  Ref find(std::string_view resource, std::string_view ns, std::string_view name) const;
  Ref find(const Key& key) const { return find(key.resource, key.ns, key.name); }
  Ref find_uid(std::string_view uid) const;
  std::vector<Ref> list(std::string_view resource, std::string_view ns) const;
  std::vector<Ref> owned_by(std::string_view uid) const;
  std::vector<std::string> resources() const;
  // Replaces what is at `key`; a null `entry` takes it away.
  void set(const Key& key, Ref entry);

 private:
  using Name = std::pair<std::string_view, std::string_view>;  // namespace, name
  struct ByName {
    using is_transparent = void;
    static Name name(const Ref& entry) { return {entry->key.ns, entry->key.name}; }
    static Name name(const Name& name) { return name; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return name(a) < name(b);
    }
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct HashUid : Hash {
    using Hash::operator();
    size_t operator()(const Entry* entry) const { return (*this)(std::string_view(entry->uid())); }
  };
  struct SameUid {
    using is_transparent = void;
    static std::string_view uid(const Entry* entry) { return entry->uid(); }
    static std::string_view uid(std::string_view uid) { return uid; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return uid(a) == uid(b);
    }
  };
  struct HashName {
    using is_transparent = void;
    size_t operator()(const Name& name) const { return base::KeyedHash().add(name.first).add(name.second).value(); }
    size_t operator()(const Entry* entry) const { return (*this)(Name(entry->key.ns, entry->key.name)); }
  };
  struct SameName {
    using is_transparent = void;
    static Name name(const Entry* entry) { return {entry->key.ns, entry->key.name}; }
    static Name name(const Name& name) { return name; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return name(a) == name(b);
    }
  };
  struct Objects {
    std::set<Ref, ByName> ordered;
    // The same ones; in the tree a search touches a dozen objects before the wanted one. Looked up only.
    std::unordered_set<const Entry*, HashName, SameName> by_name;
  };

  void index(const Entry& entry);
  void unindex(const Entry& entry);

  std::map<std::string, Objects, std::less<>> by_resource_;
  // Looked up only, never iterated, so their order decides nothing.
  std::unordered_set<const Entry*, HashUid, SameUid> by_uid_;  // of by_resource_
  std::unordered_map<std::string, std::set<Key>, Hash, std::equal_to<>> by_owner_;
};

}  // namespace store

// Kinds that users bring: follows the CustomResourceDefinitions in the store and keeps the scheme in step, with what
// kube-apiserver's CRD controllers do besides: names that clash, the conditions, deleting the objects of a kind that
// goes. Works from store events and the queue on the loop; never suspends.
#pragma once

#include <functional>

#include "meta/user_form.h"
#include "registry/registry.h"
#include "registry/work_queue.h"

namespace registry {

inline constexpr std::string_view crd_resource = "customresourcedefinitions.apiextensions.k8s.io";

// What kinds need that a webhook converts, from those who can wait for it. Either may be null.
struct ConversionHooks {
  std::function<meta::Converter(const Json& conversion)> converter;  // of spec.conversion
  // The storage version of the kind is another now: called with "plural.group" when there are objects to be moved.
  std::function<void(const std::string& resource)> migrate;
};

class CustomResources {
 public:
  // `scheme` is the registry's, for changing; its present kinds are those that nobody can redefine. The kinds of stored
  // definitions are in it when this returns. `changed` is called after each later change of the scheme; may be null.
  CustomResources(sys::Loop& loop, Registry& registry, meta::Scheme& scheme, std::function<void()> changed = nullptr,
                  ConversionHooks conversion = {});
  ~CustomResources();
  CustomResources(const CustomResources&) = delete;
  // Where another process may be the one that writes: while `writes` says no, this one only keeps its scheme in step.
  void share(std::function<bool()> writes) { writes_ = std::move(writes); }
  void look_at_all();  // call it when this one may write again

 private:
  struct Served {
    Json spec;  // the kind was made from
    bool terminating = false;
  };

  void follow(const store::Event& event);
  Result<void> look_at(const store::Key& key);
  void serve(const Json& crd, uint64_t revision);
  void drop(const std::string& resource);
  bool is_built_in(const std::string& resource) const { return built_in_.by_resource(resource) != nullptr; }
  struct Names {
    Json accepted;           // as status.acceptedNames
    base::FieldError clash;  // reason and message of the last that others have; no reason when there is none
  };
  Names names_of(const Json& crd) const;
  void update_stored_form(const Kind& kind);
  Result<void> report(const Ref& crd, const Json& status);
  Json status_of(const Json& crd, const Names& names) const;
  Result<void> clean_up(const Ref& crd);
  Result<void> release(const Ref& crd);
  void look_again(std::string_view group);

  Registry& registry_;
  store::Store& store_;
  meta::Scheme& scheme_;
  meta::Scheme built_in_;
  std::function<void()> changed_;
  ConversionHooks conversion_;
  meta::SchemaRef object_meta_;
  std::function<bool()> writes_ = [] { return true; };
  std::map<std::string, Served> served_;  // by resource
  WorkQueue queue_;
  store::Subscription subscription_ = 0;
};

}  // namespace registry

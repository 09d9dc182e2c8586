// A registry over memory with a few small kinds, for tests.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "meta/schema_text.h"
#include "registry/registry.h"
#include "sys/sim/sim.h"

namespace registry {

inline const meta::Scheme& test_scheme() {
  static const meta::Scheme scheme = [] {
    auto kinds = meta::parse_schema_text({{"test.schema", R"(
kind Widget group=example.com plural=widgets
  "A custom kind with a status."
version v1 storage status
  spec object required "Wanted."
    size integer minimum=1 default=3 "How big."
    color string enum=red|blue "Which."
    parts list of string "Of what."
  status object "Seen."
    phase string "Phase."
kind Gadget group=example.com plural=gadgets cluster-scoped
  "A custom kind without status, in no namespace."
version v1 storage
  spec object "Wanted."
    size integer "How big."
  status object "Part of the content here."
    phase string "Phase."
kind Namespace group= plural=namespaces cluster-scoped core no-generation
  "As in the core group."
version v1 storage status
  spec object "Wanted."
    finalizers list of string "Finalizers."
  status object "Seen."
    phase string "Phase."
    conditions list keys=type of object "Why it is not gone."
      lastTransitionTime time "When."
      message string "Why."
      reason string "Word."
      status string required "True or False."
      type string required "What."
kind Note group= plural=notes core no-generation
  "A core kind in a namespace."
version v1 storage
  text string "Text."
kind Event group= plural=events core no-generation
  "As in the core group, as far as its expiry goes."
version v1 storage
  lastTimestamp time "When last seen."
  eventTime time "When seen."
)"}});
    REQUIRE_MESSAGE(kinds.ok(), (kinds.ok() ? "" : kinds.error().message));
    meta::Scheme made;
    for (auto& kind : *kinds) made.add(std::move(kind));
    return made;
  }();
  return scheme;
}

struct Fixture {
  sys::SimWorld world{3};
  sys::Sys& sys = world.process("manager", "disk");
  std::unique_ptr<store::Store> store = std::move(*store::Store::open(sys.loop, store::make_memory_engine(sys.loop)));
  Registry registry{sys, *store, test_scheme()};
  const Kind& widget = *test_scheme().by_resource("widgets.example.com");
  const Kind& gadget = *test_scheme().by_resource("gadgets.example.com");
  const Kind& space = *test_scheme().by_resource("namespaces");
  const Kind& note = *test_scheme().by_resource("notes");

  Fixture() { made(space, parse(R"({"metadata":{"name":"default"}})")); }

  static Json parse(std::string_view text) {
    auto doc = base::parse_json(text);
    REQUIRE_MESSAGE(doc.ok(), text);
    return *doc;
  }
  static Json widget_doc(const std::string& name) {
    return Json::object({{"metadata", Json::object({{"name", name}, {"namespace", "default"}})},
                         {"spec", Json::object({{"size", 5}})}});
  }
  Ref made(const Kind& kind, Json doc) {
    auto result = registry.create(kind, std::move(doc));
    REQUIRE_MESSAGE(result.ok(), (result.ok() ? "" : result.error().text()));
    return *result;
  }
  Ref updated(const Kind& kind, Json doc, UpdateOptions options = {}) {
    auto result = registry.update(kind, std::move(doc), options);
    REQUIRE_MESSAGE(result.ok(), (result.ok() ? "" : result.error().text()));
    return *result;
  }
  DeleteOutcome removed(const Kind& kind, const std::string& ns, const std::string& name, DeleteOptions options = {}) {
    auto result = registry.remove(kind, ns, name, options);
    REQUIRE_MESSAGE(result.ok(), (result.ok() ? "" : result.error().text()));
    return *result;
  }
  // The owner reference to `owner`, for metadata.ownerReferences.
  static Json owner(const Kind& kind, const Ref& entry, bool controller = false, bool block = false) {
    return Json::object({{"apiVersion", kind.api_version(kind.storage_version)},
                         {"kind", kind.kind},
                         {"name", entry->key.name},
                         {"uid", entry->uid()},
                         {"controller", controller},
                         {"blockOwnerDeletion", block}});
  }
};

}  // namespace registry

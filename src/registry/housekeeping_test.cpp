#include "registry/housekeeping.h"

#include <doctest/doctest.h>

#include "registry/test_registry.h"

namespace registry {
namespace {

struct Kept : Fixture {
  std::unique_ptr<Housekeeping> housekeeping;

  explicit Kept(HousekeepingOptions options = {}) {
    housekeeping = std::make_unique<Housekeeping>(sys, registry, options);
  }
  void run() {
    world.loop().run_until([] { return false; });
  }
  void run_for(base::Duration span) {
    bool over = false;
    world.loop().after(span, [&] { over = true; });
    world.loop().run_until([&] { return over; });
  }
  Ref widget_of(const std::string& name, std::initializer_list<Json> owners, const char* finalizer = nullptr) {
    Json doc = widget_doc(name);
    doc.child("metadata").set("ownerReferences", Json::array(owners));
    if (finalizer) doc.child("metadata").set("finalizers", Json::array({finalizer}));
    return made(widget, doc);
  }
  Ref find(const std::string& name) { return registry.get(widget, "default", name); }
  std::string names() {
    std::string out;
    for (const auto& entry : store->list("widgets.example.com", "default")) {
      out += entry->key.name + (entry->doc()["metadata"].has("deletionTimestamp") ? "- " : " ");
    }
    return out;
  }
  void release(const std::string& name) {
    REQUIRE(registry
                .modify(widget, "default", name, {},
                        [](const Json& doc) -> Result<Json> {
                          Json out = doc;
                          out.child("metadata").erase("finalizers");
                          return out;
                        })
                .ok());
  }
};

}  // namespace

TEST_CASE("background: dependents go after their owner, to the last generation") {
  Kept f;
  const Ref a = f.widget_of("a", {});
  const Ref b = f.widget_of("b", {Fixture::owner(f.widget, a, true)});
  f.widget_of("c", {Fixture::owner(f.widget, b)});
  f.widget_of("other", {});
  f.run();
  CHECK(f.names() == "a b c other ");
  f.removed(f.widget, "default", "a");
  CHECK(f.names() == "b c other ");
  f.run();
  CHECK(f.names() == "other ");
}

TEST_CASE("an owner that never was, or has another uid, counts as gone") {
  Kept f;
  const Ref a = f.widget_of("a", {});
  Json wrong = Fixture::owner(f.widget, a);
  wrong.set("uid", "00000000-0000-4000-8000-000000000000");
  f.widget_of("b", {wrong});
  Json elsewhere = Fixture::owner(f.widget, a);
  f.made(f.space, Fixture::parse(R"({"metadata":{"name":"n2"}})"));
  Json far = Fixture::parse(R"({"metadata":{"name":"far","namespace":"n2"},"spec":{}})");
  far.child("metadata").set("ownerReferences", Json::array({elsewhere}));
  f.made(f.widget, far);
  Json unknown = Fixture::owner(f.widget, a);
  unknown.set("kind", "Mystery").set("uid", "u");
  f.widget_of("kept", {unknown});
  f.run_for(base::minutes(1));
  CHECK(f.names() == "a kept ");
  CHECK(f.registry.get(f.widget, "n2", "far") == nullptr);
}

TEST_CASE("one owner that stays is enough; references to the others go") {
  Kept f;
  const Ref a = f.widget_of("a", {}), b = f.widget_of("b", {});
  f.widget_of("c", {Fixture::owner(f.widget, a), Fixture::owner(f.widget, b)});
  f.removed(f.widget, "default", "a");
  f.run();
  CHECK(f.names() == "b c ");
  const auto& owners = f.find("c")->doc()["metadata"]["ownerReferences"];
  CHECK(owners.size() == 1);
  CHECK(owners.at(0)["name"].string() == "b");
}

TEST_CASE("foreground: the owner waits for those that block it") {
  Kept f;
  const Ref a = f.widget_of("a", {});
  const Ref b = f.widget_of("b", {Fixture::owner(f.widget, a, true, true)}, "example.com/hold");
  f.widget_of("c", {Fixture::owner(f.widget, b, true, true)}, "example.com/hold");
  f.widget_of("d", {Fixture::owner(f.widget, a)});
  f.removed(f.widget, "default", "a", {.propagation = "Foreground"});
  f.run();
  CHECK(f.names() == "a- b- c- ");
  f.release("c");
  f.run();
  CHECK(f.names() == "a- b- ");
  f.release("b");
  f.run();
  CHECK(f.names() == "");
}

TEST_CASE("foreground: an owner nobody blocks goes at once") {
  Kept f;
  const Ref a = f.widget_of("a", {});
  f.widget_of("b", {Fixture::owner(f.widget, a)}, "example.com/hold");
  f.removed(f.widget, "default", "a", {.propagation = "Foreground"});
  f.run();
  CHECK(f.names() == "b- ");
}

TEST_CASE("foreground: a circle of owners comes to an end") {
  Kept f;
  const Ref a = f.widget_of("a", {});
  const Ref b = f.widget_of("b", {Fixture::owner(f.widget, a, false, true)});
  Json doc = a->doc();
  doc.child("metadata").set("ownerReferences", Json::array({Fixture::owner(f.widget, b, false, true)}));
  f.updated(f.widget, doc);
  f.run();
  CHECK(f.names() == "a b ");
  f.removed(f.widget, "default", "a", {.propagation = "Foreground"});
  f.run();
  CHECK(f.names() == "");
}

TEST_CASE("orphan: dependents stay without their owner") {
  Kept f;
  const Ref a = f.widget_of("a", {}), other = f.widget_of("other", {});
  f.widget_of("b", {Fixture::owner(f.widget, a), Fixture::owner(f.widget, other)});
  f.widget_of("c", {Fixture::owner(f.widget, a)});
  f.removed(f.widget, "default", "a", {.propagation = "Orphan"});
  f.run();
  CHECK(f.names() == "b c other ");
  CHECK(!f.find("c")->doc()["metadata"].has("ownerReferences"));
  CHECK(f.find("b")->doc()["metadata"]["ownerReferences"].size() == 1);
}

TEST_CASE("cluster-scoped objects with owners in namespaces are left alone, the other way round not") {
  Kept f;
  const Ref a = f.widget_of("a", {});
  Json cluster_wide = Fixture::parse(R"({"metadata":{"name":"wide"}})");
  cluster_wide.child("metadata").set("ownerReferences", Json::array({Fixture::owner(f.widget, a)}));
  f.made(f.gadget, cluster_wide);
  const Ref top = f.made(f.gadget, Fixture::parse(R"({"metadata":{"name":"top"}})"));
  f.widget_of("b", {Fixture::owner(f.gadget, top)});
  f.removed(f.widget, "default", "a");
  f.removed(f.gadget, "", "top");
  f.run();
  CHECK(f.registry.get(f.gadget, "", "wide"));
  CHECK(f.find("b") == nullptr);
}

TEST_CASE("what happened while nobody kept house is found at the start") {
  Kept f({.garbage_collector = false, .namespaces = false});
  const Ref a = f.widget_of("a", {});
  f.widget_of("b", {Fixture::owner(f.widget, a)});
  f.widget_of("fore", {});
  f.removed(f.widget, "default", "a");
  f.removed(f.widget, "default", "fore", {.propagation = "Foreground"});
  f.run();
  CHECK(f.names() == "b fore- ");
  f.housekeeping = std::make_unique<Housekeeping>(f.sys, f.registry);
  f.run();
  CHECK(f.names() == "");
}

TEST_CASE("a refused deletion is tried again") {
  Fixture f;
  meta::Scheme scheme;
  for (const Kind* kind : test_scheme().kinds()) scheme.add(*kind);
  bool refuse = true;
  Kind stubborn = f.widget;
  stubborn.plural = "stubborns";
  stubborn.kind = "Stubborn";
  stubborn.check = [&](const Json&, const Json*, meta::Operation operation) {
    std::vector<base::FieldError> found;
    if (refuse && operation == meta::Operation::remove) found.push_back(meta::field_forbidden("spec", "not now"));
    return found;
  };
  scheme.add(stubborn);
  Registry registry(f.sys, *f.store, scheme);
  Housekeeping housekeeping(f.sys, registry);
  const Ref a = f.made(f.widget, Fixture::widget_doc("a"));
  Json doc = Fixture::widget_doc("s");
  doc.child("metadata").set("ownerReferences", Json::array({Fixture::owner(f.widget, a)}));
  REQUIRE(registry.create(stubborn, doc).ok());
  f.removed(f.widget, "default", "a");
  bool over = false;
  f.world.loop().after(base::minutes(1), [&] { over = true; });
  f.world.loop().run_until([&] { return over; });
  CHECK(registry.get(stubborn, "default", "s"));
  refuse = false;
  f.world.loop().run_until([&] { return registry.get(stubborn, "default", "s") == nullptr; });
  CHECK(registry.get(stubborn, "default", "s") == nullptr);
}

TEST_CASE("the namespaces that always exist do") {
  Kept f;
  std::string names;
  for (const auto& entry : f.store->list("namespaces")) names += entry->key.name + " ";
  CHECK(names == "default kube-node-lease kube-public kube-system ");
}

TEST_CASE("a deleted namespace is emptied, says what is left, and goes") {
  Kept f;
  f.made(f.space, Fixture::parse(R"({"metadata":{"name":"n1"}})"));
  f.made(f.note, Fixture::parse(R"({"metadata":{"name":"n","namespace":"n1"},"text":"x"})"));
  f.made(f.note, Fixture::parse(R"({"metadata":{"name":"n","namespace":"default"},"text":"x"})"));
  Json held =
      Fixture::parse(R"({"metadata":{"name":"w","namespace":"n1","finalizers":["example.com/hold"]},"spec":{}})");
  f.made(f.widget, held);
  f.removed(f.space, "", "n1");
  f.run();
  CHECK(f.registry.get(f.note, "n1", "n") == nullptr);
  CHECK(f.registry.get(f.note, "default", "n"));
  const Ref space = f.registry.get(f.space, "", "n1");
  REQUIRE(space);
  std::string remaining, finalizers;
  for (const auto& condition : space->doc()["status"]["conditions"].items()) {
    if (condition["type"].string() == "NamespaceContentRemaining") remaining = condition["message"].string();
    if (condition["type"].string() == "NamespaceFinalizersRemaining") finalizers = condition["message"].string();
  }
  CHECK(remaining == "Some resources are remaining: widgets.example.com has 1 resource instances");
  CHECK(finalizers ==
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances");
  const uint64_t quiet = f.store->revision();
  f.run();
  CHECK(f.store->revision() == quiet);
  REQUIRE(f.registry
              .modify(f.widget, "n1", "w", {},
                      [](const Json& doc) -> Result<Json> {
                        Json out = doc;
                        out.child("metadata").erase("finalizers");
                        return out;
                      })
              .ok());
  f.run();
  CHECK(f.registry.get(f.space, "", "n1") == nullptr);
}

TEST_CASE("Events expire an hour after they were last written") {
  Kept f;
  const Kind& kind = *test_scheme().by_resource("events");
  const auto make = [&](const std::string& name) {
    f.made(kind, Json::object({{"metadata", Json::object({{"name", name}, {"namespace", "default"}})}}));
  };
  const auto there = [&](const std::string& name) { return f.registry.get(kind, "default", name) != nullptr; };
  make("a");
  make("b");
  f.run_for(base::minutes(40));
  f.updated(kind, Fixture::parse(R"({"metadata":{"name":"b","namespace":"default"},
                                     "lastTimestamp":"2026-01-01T00:00:00Z"})"));
  f.run_for(base::minutes(18));
  CHECK(there("a"));
  f.run_for(base::minutes(4));
  CHECK(!there("a"));
  CHECK(there("b"));
  f.run_for(base::minutes(40));
  CHECK(!there("b"));

  make("old");  // its age counts from its own times when the process starts again
  f.run_for(base::minutes(30));
  f.housekeeping = std::make_unique<Housekeeping>(f.sys, f.registry);
  f.run_for(base::minutes(28));
  CHECK(there("old"));
  f.run_for(base::minutes(4));
  CHECK(!there("old"));
}

TEST_CASE("housekeeping can be left out") {
  Kept f({.garbage_collector = false,
          .initial_namespaces = false,
          .namespaces = false,
          .event_ttl = base::Duration::zero()});
  const Ref a = f.widget_of("a", {});
  f.widget_of("b", {Fixture::owner(f.widget, a)});
  f.removed(f.widget, "default", "a");
  f.run();
  CHECK(f.names() == "b ");
  CHECK(f.store->list("namespaces").size() == 1);
}

}  // namespace registry

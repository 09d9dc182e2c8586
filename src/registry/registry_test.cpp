#include "registry/registry.h"

#include <doctest/doctest.h>

#include "registry/test_registry.h"

namespace registry {
namespace {

// One line for an error: its code and text.
std::string told(const Result<Ref>& result) { return result.ok() ? "ok" : result.error().message; }

}  // namespace

TEST_CASE("create gives the system's fields and fills in defaults") {
  Fixture f;
  const Ref made = f.made(f.widget, Fixture::parse(R"({"metadata":{"name":"a","namespace":"default","uid":"mine",
      "creationTimestamp":"2001-01-01T00:00:00Z","deletionTimestamp":"2001-01-01T00:00:00Z","generation":7,
      "selfLink":"/x","bogus":1,"labels":{}},"spec":{"bogus":true},"status":{"phase":"Mine"}})"));
  const Json& meta = made->doc()["metadata"];
  CHECK(made->doc()["apiVersion"].string() == "example.com/v1");
  CHECK(made->doc()["kind"].string() == "Widget");
  CHECK(meta["uid"].string().size() == 36);
  CHECK(meta["generation"].integer() == 1);
  CHECK(meta["creationTimestamp"].string() == base::rfc3339(f.registry.now()));
  CHECK(meta["resourceVersion"].string() == std::to_string(made->revision));
  for (const char* gone : {"deletionTimestamp", "selfLink", "bogus", "labels"}) CHECK(!meta.has(gone));
  CHECK(made->doc()["spec"] == Fixture::parse(R"({"size":3})"));
  CHECK(!made->doc().has("status"));
  CHECK(made->doc().members()[0].first == "apiVersion");
}

TEST_CASE("generateName gives names nobody has") {
  Fixture f;
  Json doc = Fixture::widget_doc("");
  doc.child("metadata").set("generateName", std::string(70, 'a') + "-");
  const std::string first = f.made(f.widget, doc)->key.name, second = f.made(f.widget, doc)->key.name;
  CHECK(first.size() == 63);
  CHECK(first.substr(0, 58) == std::string(58, 'a'));
  CHECK(first != second);
}

TEST_CASE("what create refuses") {
  struct Case {
    const char* metadata;
    base::Code code;
    const char* text;
  };
  const Case cases[] = {
      {R"({"namespace":"default"})", base::Code::invalid,
       "Widget.example.com \"\" is invalid: metadata.name: Required value: name or generateName is required"},
      {R"({"name":"A","namespace":"default"})", base::Code::invalid, "metadata.name: Invalid value: \"A\""},
      {R"({"name":"a..b","namespace":"default"})", base::Code::invalid, "metadata.name: Invalid value"},
      {R"({"name":"x","namespace":"nowhere"})", base::Code::not_found, "namespaces \"nowhere\" not found"},
      {R"({"name":"x","namespace":"default","resourceVersion":"3"})", base::Code::internal,
       "resourceVersion should not be set on objects to be created"},
      {R"({"name":"x","namespace":"default","labels":{"a/b/c":"x"}})", base::Code::invalid,
       "metadata.labels: Invalid value: \"a/b/c\""},
      {R"({"name":"x","namespace":"default","labels":{"a":"-x"}})", base::Code::invalid,
       "metadata.labels: Invalid value: \"-x\""},
      {R"({"name":"x","namespace":"default","labels":{"a":1}})", base::Code::bad_request,
       "Widget in version \"v1\" cannot be handled as a Widget: json: cannot unmarshal number into Go struct field "
       "ObjectMeta.labels of type string"},
      {R"({"name":"x","namespace":"default","finalizers":["a b"]})", base::Code::invalid,
       "metadata.finalizers: Invalid value: \"a b\""},
      {R"({"name":"x","namespace":"default","finalizers":["orphan","foregroundDeletion"]})", base::Code::invalid,
       "cannot be both set"},
      {R"({"name":"x","namespace":"default","ownerReferences":[{"apiVersion":"v1","kind":"A","name":"a","uid":"1",
        "controller":true},{"apiVersion":"v1","kind":"B","name":"b","uid":"2","controller":true}]})",
       base::Code::invalid,
       "Only one reference can have Controller set to true. Found \"true\" in references for A/a and B/b"},
      {R"({"name":"x","namespace":"default","ownerReferences":[{"apiVersion":"v1","kind":"A","name":"a"}]})",
       base::Code::invalid, "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty"},
      {"7", base::Code::bad_request, "json: cannot unmarshal number into Go struct field ObjectMeta.metadata of type"},
  };
  for (const auto& one : cases) {
    Fixture f;
    CAPTURE(one.metadata);
    Json doc = Fixture::widget_doc("x");
    doc.set("metadata", Fixture::parse(one.metadata));
    const auto result = f.registry.create(f.widget, doc);
    REQUIRE(!result.ok());
    CHECK(result.error().code == one.code);
    CHECK_MESSAGE(result.error().message.find(one.text) != std::string::npos, result.error().message);
    CHECK(f.store->list("widgets.example.com").empty());
  }
}

TEST_CASE("create names what is wrong with the content") {
  Fixture f;
  Json doc = Fixture::widget_doc("x");
  doc.set("spec", Fixture::parse(R"({"size":0,"color":"green"})"));
  const auto result = f.registry.create(f.widget, doc);
  REQUIRE(!result.ok());
  CHECK(result.error().causes.size() == 2);
  CHECK(
      told(result) ==
      "Widget.example.com \"x\" is invalid: [spec.size: Invalid value: 0: spec.size in body should be greater than or "
      "equal to 1, spec.color: Unsupported value: \"green\": supported values: \"red\", \"blue\"]");
  doc = Fixture::widget_doc("x");
  doc.set("kind", "Gadget");
  CHECK(told(f.registry.create(f.widget, doc)) ==
        "Gadget.example.com \"x\" is invalid: kind: Invalid value: \"Gadget\": must be Widget");
  doc.set("kind", "Widget").set("apiVersion", "example.com/v9");
  CHECK(f.registry.create(f.widget, doc).error().code == base::Code::bad_request);
  CHECK(f.registry.create(f.widget, Json::array()).error().code == base::Code::bad_request);
}

TEST_CASE("annotations end at 256 KiB") {
  Fixture f;
  Json doc = Fixture::widget_doc("x");
  doc.child("metadata").child("annotations").set("a", std::string((256u << 10) - 1, 'x'));
  CHECK(f.registry.create(f.widget, doc).ok());
  doc.child("metadata").set("name", "y").child("annotations").set("bc", "");
  CHECK(told(f.registry.create(f.widget, doc)).find("Too long: may not be more than 262144 bytes") !=
        std::string::npos);
}

TEST_CASE("equal owner references are kept once") {
  Fixture f;
  const Ref owner = f.made(f.widget, Fixture::widget_doc("owner"));
  Json doc = Fixture::widget_doc("x");
  const Json reference = Fixture::owner(f.widget, owner);
  doc.child("metadata").set("ownerReferences", Json::array({reference, reference}));
  CHECK(f.made(f.widget, doc)->doc()["metadata"]["ownerReferences"].size() == 1);
}

TEST_CASE("cluster-scoped objects have no namespace") {
  Fixture f;
  CHECK(f.made(f.gadget, Fixture::parse(R"({"metadata":{"name":"g"}})"))->key.ns.empty());
  CHECK(told(f.registry.create(f.gadget, Fixture::parse(R"({"metadata":{"name":"h","namespace":"default"}})"))) ==
        "Gadget.example.com \"h\" is invalid: metadata.namespace: Forbidden: not allowed on this type");
}

TEST_CASE("a name is given once") {
  Fixture f;
  f.made(f.widget, Fixture::widget_doc("a"));
  auto again = f.registry.create(f.widget, Fixture::widget_doc("a"));
  CHECK(again.error().code == base::Code::already_exists);
  CHECK(told(again) == "widgets.example.com \"a\" already exists");
  REQUIRE(f.registry
              .modify(f.widget, "default", "a", {},
                      [](const Json& doc) -> Result<Json> {
                        Json out = doc;
                        out.child("metadata").set("finalizers", Json::array({"example.com/hold"}));
                        return out;
                      })
              .ok());
  CHECK(!f.removed(f.widget, "default", "a").gone);
  CHECK(told(f.registry.create(f.widget, Fixture::widget_doc("a"))) ==
        "object is being deleted: widgets.example.com \"a\" already exists");
}

TEST_CASE("update keeps what the server owns") {
  Fixture f;
  const Ref a = f.made(f.widget, Fixture::widget_doc("a"));
  f.world.loop().after(base::hours(1), [] {});
  f.world.loop().run_until([] { return false; });
  Json doc = Fixture::widget_doc("a");
  doc.child("metadata")
      .set("resourceVersion", std::to_string(a->revision))
      .set("generation", 40)
      .set("creationTimestamp", "2001-01-01T00:00:00Z")
      .set("deletionTimestamp", "2001-01-01T00:00:00Z");
  doc.child("spec").set("size", 6);
  doc.set("status", Fixture::parse(R"({"phase":"Mine"})"));
  const Ref b = f.updated(f.widget, doc);
  CHECK(b->doc()["metadata"]["uid"] == a->doc()["metadata"]["uid"]);
  CHECK(b->doc()["metadata"]["creationTimestamp"] == a->doc()["metadata"]["creationTimestamp"]);
  CHECK(!b->doc()["metadata"].has("deletionTimestamp"));
  CHECK(b->doc()["metadata"]["generation"].integer() == 2);
  CHECK(b->doc()["spec"]["size"].integer() == 6);
  CHECK(!b->doc().has("status"));
}

TEST_CASE("update compares revisions and uids") {
  Fixture f;
  const Ref a = f.made(f.widget, Fixture::widget_doc("a"));
  const auto with = [&](const char* key, const std::string& value) {
    Json doc = a->doc();
    doc.child("metadata").set(key, value);
    doc.child("spec").set("size", 9);
    return f.registry.update(f.widget, doc);
  };
  CHECK(told(with("resourceVersion", "1")) ==
        "Operation cannot be fulfilled on widgets.example.com \"a\": the object has been modified; please apply your "
        "changes to the latest version and try again");
  CHECK(told(with("resourceVersion", "")) ==
        "widgets.example.com \"a\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an "
        "update");
  CHECK(with("resourceVersion", "x").error().code == base::Code::internal);
  const auto other = with("uid", "other");
  CHECK(other.error().code == base::Code::conflict);
  CHECK(told(other).find("Precondition failed: UID in precondition: other, UID in object meta: ") != std::string::npos);
  CHECK(told(with("name", "b")) == "widgets.example.com \"b\" not found");

  // Core kinds and reconcilers may write without a revision.
  Json doc = Fixture::widget_doc("a");
  CHECK(f.registry.update(f.widget, doc, {.internal = true}).ok());
  f.made(f.note, Fixture::parse(R"({"metadata":{"name":"n","namespace":"default"},"text":"a"})"));
  const Ref note = f.updated(f.note, Fixture::parse(R"({"metadata":{"name":"n","namespace":"default"},"text":"b"})"));
  CHECK(note->doc()["text"].string() == "b");
  CHECK(!note->doc()["metadata"].has("generation"));
}

TEST_CASE("a write without a change is no write") {
  Fixture f;
  const Ref a = f.made(f.widget, Fixture::widget_doc("a"));
  Json doc = Fixture::widget_doc("a");
  doc.child("metadata").set("resourceVersion", std::to_string(a->revision));
  CHECK(f.updated(f.widget, doc) == a);
  CHECK(f.store->revision() == a->revision);
  CHECK(f.updated(f.widget, doc, {.subresource = Subresource::status}) == a);
}

TEST_CASE("the generation counts changes of what is wanted") {
  Fixture f;
  Ref a = f.made(f.widget, Fixture::widget_doc("a"));
  const auto change = [&](const char* path, Json value, Subresource subresource = Subresource::none) {
    Json doc = a->doc();
    doc.set_path(path, std::move(value));
    a = f.updated(f.widget, doc, {.subresource = subresource});
    return a->doc()["metadata"]["generation"].integer();
  };
  CHECK(change("metadata.labels", Json::object({{"a", "b"}})) == 1);
  CHECK(change("spec.size", 6) == 2);
  CHECK(change("status.phase", "Up", Subresource::status) == 2);
  CHECK(a->doc()["status"]["phase"].string() == "Up");
  CHECK(change("spec.size", 7, Subresource::scale) == 3);

  Ref g = f.made(f.gadget, Fixture::parse(R"({"metadata":{"name":"g"},"status":{"phase":"kept"}})"));
  CHECK(g->doc()["status"]["phase"].string() == "kept");  // without the subresource it is content like any other
  Json doc = g->doc();
  doc.set_path("status.phase", "other");
  CHECK(f.updated(f.gadget, doc)->doc()["metadata"]["generation"].integer() == 2);
}

TEST_CASE("the status endpoint takes the status and nothing else") {
  Fixture f;
  const Ref a = f.made(f.widget, Fixture::widget_doc("a"));
  Json doc = a->doc();
  doc.child("spec").set("size", 50);
  doc.child("metadata").set("labels", Json::object({{"x", "y"}}));
  doc.set("status", Fixture::parse(R"({"phase":"Up","bogus":1})"));
  const Ref b = f.updated(f.widget, doc, {.subresource = Subresource::status});
  CHECK(b->doc()["spec"] == a->doc()["spec"]);
  CHECK(!b->doc()["metadata"].has("labels"));
  CHECK(b->doc()["status"] == Fixture::parse(R"({"phase":"Up"})"));
  doc = b->doc();
  doc.erase("status");
  CHECK(f.updated(f.widget, doc)->doc()["status"]["phase"].string() == "Up");  // the main endpoint keeps it
}

TEST_CASE("old errors in unchanged fields do not lock an object") {
  Fixture f;
  const Ref a = f.made(f.widget, Fixture::widget_doc("a"));
  Json old = a->doc();
  old.child("spec").set("color", "green");  // as if the enum had become stricter
  const Ref stored = *f.store->put(a->key, old, a->revision);
  Json doc = stored->doc();
  doc.child("spec").set("size", 8);
  CHECK(f.registry.update(f.widget, doc).ok());
  doc = f.registry.get(f.widget, "default", "a")->doc();
  doc.child("spec").set("color", "grey");
  CHECK(f.registry.update(f.widget, doc).error().code == base::Code::invalid);
}

TEST_CASE("managedFields: carried, kept and reset") {
  Fixture f;
  const Json entry = Fixture::parse(
      R"({"manager":"m","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{}}})");
  Json other = entry;
  other.set("manager", "n");
  Json doc = Fixture::widget_doc("a");
  doc.child("metadata").set("managedFields", Json::array({entry}));
  Ref a = f.made(f.widget, doc);
  CHECK(a->doc()["metadata"]["managedFields"].size() == 1);
  const auto write = [&](Json fields) {
    Json next = a->doc();
    next.child("metadata").set("managedFields", std::move(fields));
    a = f.updated(f.widget, next);
    return a->doc()["metadata"]["managedFields"].size();
  };
  CHECK(write(Json::array()) == 1);
  CHECK(write(nullptr) == 1);
  CHECK(write(Json::array({entry, Fixture::parse(R"({"manager":"n"})")})) == 1);  // unreadable: the old ones stay
  CHECK(write(Json::array({entry, other})) == 2);
  CHECK(write(Json::array({Json::object()})) == 0);
}

TEST_CASE("dry runs change nothing") {
  Fixture f;
  const Ref tried = *f.registry.create(f.widget, Fixture::widget_doc("a"), {.dry_run = true});
  CHECK(tried->doc()["spec"]["size"].integer() == 5);
  CHECK(f.registry.get(f.widget, "default", "a") == nullptr);
  const Ref a = f.made(f.widget, Fixture::widget_doc("a"));
  Json doc = a->doc();
  doc.child("spec").set("size", 9);
  CHECK(f.updated(f.widget, doc, {.dry_run = true})->doc()["metadata"]["generation"].integer() == 2);
  CHECK(f.removed(f.widget, "default", "a", {.dry_run = true}).gone);
  CHECK(f.registry.get(f.widget, "default", "a") == a);
  CHECK(f.registry.create(f.widget, Fixture::widget_doc("a"), {.dry_run = true}).error().code ==
        base::Code::already_exists);
}

TEST_CASE("modify reads and writes; a revision of its own is a precondition") {
  Fixture f;
  const Ref a = f.made(f.widget, Fixture::widget_doc("a"));
  const auto set = [&](const char* path, Json value) {
    return f.registry.modify(f.widget, "default", "a", {}, [&](const Json& doc) -> Result<Json> {
      Json out = doc;
      out.set_path(path, value);
      return out;
    });
  };
  CHECK((*set("spec.size", 8))->doc()["spec"]["size"].integer() == 8);
  CHECK(set("metadata.resourceVersion", std::to_string(a->revision)).error().code == base::Code::conflict);
  CHECK(f.registry.modify(f.widget, "default", "none", {}, nullptr).error().code == base::Code::not_found);
  int calls = 0;
  const auto raced = f.registry.modify(f.widget, "default", "a", {}, [&](const Json& doc) -> Result<Json> {
    if (++calls == 1) REQUIRE(set("spec.color", "red").ok());
    Json out = doc;
    out.set_path("spec.size", 9);
    return out;
  });
  REQUIRE(raced.ok());
  CHECK(calls == 2);
  CHECK((*raced)->doc()["spec"] == Fixture::parse(R"({"size":9,"color":"red"})"));
  CHECK(f.registry.modify(f.widget, "default", "a", {}, [](const Json&) -> Result<Json> { return base::invalid("no"); })
            .error()
            .message == "no");
}

TEST_CASE("delete: at once without finalizers, marked with them") {
  Fixture f;
  f.made(f.widget, Fixture::widget_doc("a"));
  const auto gone = f.removed(f.widget, "default", "a");
  CHECK(gone.gone);
  CHECK(gone.object->revision == f.store->revision());
  CHECK(f.registry.remove(f.widget, "default", "a").error().message == "widgets.example.com \"a\" not found");

  Json doc = Fixture::widget_doc("b");
  doc.child("metadata").set("finalizers", Json::array({"example.com/one", "example.com/two"}));
  f.made(f.widget, doc);
  const Ref marked = f.removed(f.widget, "default", "b").object;
  const Json& meta = marked->doc()["metadata"];
  CHECK(meta["deletionTimestamp"].string() == base::rfc3339(f.registry.now()));
  CHECK(meta["deletionGracePeriodSeconds"] == Json(0));
  CHECK(meta["generation"].integer() == 2);
  CHECK(f.removed(f.widget, "default", "b").object == marked);  // a second time changes nothing

  Json more = marked->doc();
  more.child("metadata").child("finalizers").push("example.com/g");
  CHECK(told(f.registry.update(f.widget, more)) ==
        "Widget.example.com \"b\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the "
        "object is being deleted, found new finalizers []string{\"example.com/g\"}");
  Json less = marked->doc();
  less.child("metadata").set("finalizers", Json::array({"example.com/two"}));
  const Ref one = f.updated(f.widget, less);
  less = one->doc();
  less.child("metadata").erase("finalizers");
  const Ref last = f.updated(f.widget, less);
  CHECK(f.registry.get(f.widget, "default", "b") == nullptr);
  CHECK(last->revision == f.store->revision());
}

TEST_CASE("delete preconditions and propagation policies") {
  Fixture f;
  const Ref a = f.made(f.widget, Fixture::widget_doc("a"));
  const auto refuse = [&](DeleteOptions options) {
    const auto result = f.registry.remove(f.widget, "default", "a", options);
    REQUIRE(!result.ok());
    return result.error();
  };
  CHECK(refuse({.expect_uid = "other"}).message ==
        "Operation cannot be fulfilled on Widget.example.com \"a\": the UID in the precondition (other) does not match "
        "the UID in record (" +
            a->uid() + "). The object might have been deleted and then recreated");
  CHECK(refuse({.expect_revision = "1"}).code == base::Code::conflict);
  CHECK(refuse({.propagation = "Sideways"}).code == base::Code::invalid);
  CHECK(f.registry.get(f.widget, "default", "a") == a);

  const Ref foreground = f.removed(f.widget, "default", "a", {.propagation = "Foreground"}).object;
  CHECK(foreground->doc()["metadata"]["finalizers"] == Json::strings({"foregroundDeletion"}));
  const Ref orphan = f.removed(f.widget, "default", "a", {.propagation = "Orphan"}).object;
  CHECK(orphan->doc()["metadata"]["finalizers"] == Json::strings({"orphan"}));
  CHECK(f.removed(f.widget, "default", "a").object == orphan);  // no policy: the finalizers stand
  CHECK(f.removed(f.widget, "default", "a", {.propagation = "Background"}).gone);
}

TEST_CASE("namespaces: their own fields, and what they forbid inside") {
  Fixture f;
  const Ref made = f.made(f.space, Fixture::parse(R"({"metadata":{"name":"n1"},"status":{"phase":"Odd"}})"));
  CHECK(made->doc()["spec"] == Fixture::parse(R"({"finalizers":["kubernetes"]})"));
  CHECK(made->doc()["status"]["phase"].string() == "Active");
  CHECK(made->doc()["metadata"]["labels"]["kubernetes.io/metadata.name"].string() == "n1");
  Json doc = made->doc();
  doc.set("spec", Json::object());
  CHECK(f.updated(f.space, doc) == made);

  const Ref dying = f.removed(f.space, "", "n1").object;
  CHECK(dying->doc()["status"]["phase"].string() == "Terminating");
  CHECK(!dying->doc()["metadata"].has("deletionGracePeriodSeconds"));
  const auto inside =
      f.registry.create(f.note, Fixture::parse(R"({"metadata":{"name":"i","namespace":"n1"},"text":"a"})"));
  REQUIRE(!inside.ok());
  CHECK(inside.error().code == base::Code::forbidden);
  CHECK(inside.error().message ==
        "notes \"i\" is forbidden: unable to create new content in namespace n1 because it is being terminated");
  REQUIRE(inside.error().causes.size() == 1);
  CHECK(inside.error().causes[0].reason == "NamespaceTerminating");

  Json finalized = dying->doc();
  finalized.set("spec", Json::object());
  f.updated(f.space, finalized, {.subresource = Subresource::finalize});
  CHECK(f.registry.get(f.space, "", "n1") == nullptr);

  CHECK(f.registry.remove(f.space, "", "default").error().message ==
        "namespaces \"default\" is forbidden: this namespace may not be deleted");
  CHECK(f.registry.create(f.space, Fixture::parse(R"({"metadata":{"name":"a.b"}})")).error().code ==
        base::Code::invalid);
}

TEST_CASE("a kind's own defaults and rules run where they should") {
  Fixture f;
  Kind kind = f.widget;
  std::string calls;
  kind.fill_defaults = [&](Json& doc, const Json* old) {
    calls += old ? "D" : "d";
    if (!doc["spec"].has("color")) doc.child("spec").set("color", "blue");
  };
  kind.check = [&](const Json& doc, const Json*, meta::Operation operation) {
    calls += std::to_string(static_cast<int>(operation));
    std::vector<base::FieldError> found;
    if (doc["spec"]["size"].integer() == 13) found.push_back(meta::field_forbidden("spec.size", "unlucky"));
    return found;
  };
  Ref a = f.made(kind, Fixture::widget_doc("a"));
  CHECK(a->doc()["spec"]["color"].string() == "blue");
  Json doc = a->doc();
  doc.child("spec").set("size", 6);
  a = f.updated(kind, doc);
  doc = a->doc();
  doc.set_path("status.phase", "Up");
  f.updated(kind, doc, {.subresource = Subresource::status});
  CHECK(calls == "d0D12");
  doc = f.registry.get(kind, "default", "a")->doc();
  doc.child("spec").set("size", 13);
  CHECK(told(f.registry.update(kind, doc)) == "Widget.example.com \"a\" is invalid: spec.size: Forbidden: unlucky");
  calls.clear();
  f.removed(kind, "default", "a");
  CHECK(calls == "3");
}

}  // namespace registry

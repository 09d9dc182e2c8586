#include "server/watch_hub.h"

#include "server/test_server.h"

namespace server {
namespace {

TEST_CASE("watch: every watch gets the changes of its place, whatever the others watch") {
  Place at;
  at.post("/api/v1/namespaces", R"({"metadata":{"name":"other"}})");
  auto all = at.watch("/api/v1/notes?watch=1");
  auto space = at.watch(notes + "?watch=1");
  auto one = at.watch(notes + "?watch=1&fieldSelector=metadata.name%3Da");
  auto named = at.watch("/api/v1/notes?watch=1&fieldSelector=metadata.name%3Da");
  auto typed = at.watch("/api/v1/notes?watch=1&fieldSelector=metadata.name%3Da,type%3Dred");
  auto not_a = at.watch(notes + "?watch=1&fieldSelector=metadata.name!%3Da");
  auto spaces = at.watch("/api/v1/namespaces?watch=1&resourceVersion=0");
  (void)at.events(spaces);
  at.note("a", R"(,"type":"red")");
  at.note("b");
  at.post("/api/v1/namespaces/other/notes", R"({"metadata":{"name":"a"}})");
  at.write("PUT", notes + "/a", R"({"metadata":{"name":"a"},"type":"blue"})");
  at.write("DELETE", notes + "/b", "");
  at.pass(base::milliseconds(1));
  CHECK(at.told(all) == "ADDED a@4, ADDED b@5, ADDED a@6, MODIFIED a@7, DELETED b@8");
  CHECK(at.told(space) == "ADDED a@4, ADDED b@5, MODIFIED a@7, DELETED b@8");
  CHECK(at.told(one) == "ADDED a@4, MODIFIED a@7");
  CHECK(at.told(named) == "ADDED a@4, ADDED a@6, MODIFIED a@7");
  CHECK(at.told(typed) == "ADDED a@4, DELETED a@7");
  CHECK(at.told(not_a) == "ADDED b@5, DELETED b@8");
  CHECK(at.told(spaces).empty());
}

TEST_CASE("watch: one change is written in the form that each watch asked for") {
  Place at;
  auto plain = at.watch(widgets + "?watch=1"), again = at.watch(widgets + "?watch=1");
  auto old = at.watch(old_widgets + "?watch=1");
  auto table = at.watch(widgets + "?watch=1", "application/json;as=Table;v=v1;g=meta.k8s.io");
  auto meta = at.watch(widgets + "?watch=1", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
  for (int size = 5; size < 8; ++size) {
    at.post(widgets,
            R"({"metadata":{"name":"w)" + std::to_string(size) + R"("},"spec":{"size":)" + std::to_string(size) + "}}");
    at.pass(base::milliseconds(1));
    const auto first = at.events(plain).at(0);
    CHECK(first["object"]["spec"]["size"] == Json(size));
    CHECK(at.events(again).at(0).dump() == first.dump());
    CHECK(at.events(old).at(0)["object"]["spec"]["length"] == Json(size));
    const auto row = at.events(table).at(0)["object"];
    CHECK(row["rows"].items().at(0)["cells"].items().at(1) == Json(size));
    CHECK(row["columnDefinitions"].is_null() == (size > 5));  // only the first time
    const auto partial = at.events(meta).at(0)["object"];
    CHECK(partial["kind"].string() == "PartialObjectMetadata");
    CHECK_FALSE(partial.has("spec"));
  }
}

TEST_CASE("watch: bookmarks count changes that concern only others") {
  Place at;
  auto watch = at.watch(notes + "?watch=1&allowWatchBookmarks=1");
  for (int i = 0; i < 3; ++i) at.post("/api/v1/namespaces", R"({"metadata":{"name":"n)" + std::to_string(i) + R"("}})");
  at.pass(base::minutes(2));
  const auto told = at.told(watch);
  CHECK(told.find("BOOKMARK @5") != std::string::npos);
}

TEST_CASE("watch: a frame is made once for all who want the same") {
  Place at;
  at.note("a");
  const auto& kind = *at.registry.scheme().by_plural("", "notes");
  TestExchange exchange(at.sys.loop, {});
  Api api(at.sys, at.registry, {});
  const auto call = [&](View::Form form) {
    Call made{.api = api, .exchange = exchange, .request = exchange.request(), .route = {}};
    made.route.kind = &kind;
    made.route.kind_version = &kind.versions.at(0);
    made.view.form = form;
    return made;
  };
  auto plain = call(View::Form::object), same = call(View::Form::object), meta = call(View::Form::metadata);
  SharedEvent event({store::EventType::added, 3, at.store->get("notes", "default", "a"), nullptr});
  const auto first = event.frame(plain, "ADDED");
  REQUIRE(first);
  CHECK(*event.frame(same, "ADDED") == *first);
  CHECK(*event.frame(meta, "ADDED") != *first);
  CHECK(**event.frame(same, "MODIFIED") != **first);
}

}  // namespace
}  // namespace server

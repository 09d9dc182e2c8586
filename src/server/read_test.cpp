// Lists, watches and tables.
#include "server/test_server.h"

namespace server {
namespace {

const std::string table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

std::string names(const Json& list) {
  std::string out;
  for (const auto& item : list["items"].items()) out += item["metadata"]["name"].string() + " ";
  return out;
}
std::string revision(const Json& doc) { return doc["metadata"]["resourceVersion"].string(); }

TEST_CASE("list: selectors and namespaces") {
  Place at;
  at.post("/api/v1/namespaces", R"({"metadata":{"name":"other"}})");
  at.post(notes, R"({"metadata":{"name":"a","labels":{"x":"1"}},"type":"T"})");
  at.post(notes, R"({"metadata":{"name":"b","labels":{"x":"2"}},"text":"src"})");
  at.post("/api/v1/namespaces/other/notes", R"({"metadata":{"name":"c"}})");
  const auto listed = [&](const std::string& target) { return names(Fixture::doc(at.get(target), 200)); };
  CHECK(listed(notes) == "a b ");
  CHECK(listed("/api/v1/notes") == "a b c ");
  CHECK(listed(notes + "?labelSelector=x%3D1") == "a ");
  CHECK(listed(notes + "?labelSelector=x+in+(2,3)") == "b ");
  CHECK(listed(notes + "?fieldSelector=metadata.name%3Db") == "b ");
  CHECK(listed(notes + "?fieldSelector=metadata.name!%3Db") == "a ");
  CHECK(listed(notes + "?fieldSelector=type%3DT") == "a ");
  CHECK(listed(notes + "?fieldSelector=source%3D%3Dsrc") == "b ");
  CHECK(listed("/api/v1/notes?fieldSelector=metadata.namespace%3Dother") == "c ");
  CHECK(Fixture::doc(at.get(notes + "?fieldSelector=bogus%3D1"), 400)["message"].string() ==
        "field label not supported: bogus");
  CHECK(at.get(notes + "?labelSelector=a+b").status == 400);
  const Json empty = Fixture::doc(at.get("/apis/example.com/v2/widgets"), 200);
  CHECK(empty["kind"].string() == "WidgetList");
  CHECK(empty["items"].is_array());
  CHECK(empty["metadata"]["continue"].is_string());
}

TEST_CASE("list: pages show one state") {
  Place at;
  for (const auto* name : {"a", "b", "c", "d", "e"}) at.note(name);
  const Json first = Fixture::doc(at.get(notes + "?limit=2"), 200);
  CHECK(names(first) == "a b ");
  CHECK(first["metadata"]["remainingItemCount"].integer() == 3);
  at.write("DELETE", notes + "/c", "");
  at.note("bb");
  const auto next = [&](const Json& page) {
    return Fixture::doc(at.get(notes + "?limit=2&continue=" + page["metadata"]["continue"].string()), 200);
  };
  const Json second = next(first);
  CHECK(names(second) == "c d ");
  CHECK(revision(second) == revision(first));
  const Json third = next(second);
  CHECK(names(third) == "e ");
  CHECK(third["metadata"]["continue"].is_null());
  CHECK(at.get(notes + "?continue=rubbish").status == 400);
  CHECK(at.get(notes + "?limit=x").status == 400);
}

TEST_CASE("list: a compacted token says how to go on") {
  store::Limits limits;
  limits.history_events_max = 2;
  Place at(nullptr, limits);
  for (const auto* name : {"a", "b", "c", "d"}) at.note(name);
  const Json first = Fixture::doc(at.get(notes + "?limit=2"), 200);
  for (const auto* name : {"e", "f", "g"}) at.note(name);
  const Json expired = Fixture::doc(at.get(notes + "?limit=3&continue=" + first["metadata"]["continue"].string()), 410);
  CHECK(expired["reason"].string() == "Expired");
  const Json rest = Fixture::doc(at.get(notes + "?limit=3&continue=" + expired["metadata"]["continue"].string()), 200);
  CHECK(names(rest) == "c d e ");
  CHECK(Fixture::doc(at.get(notes + "?resourceVersion=1&resourceVersionMatch=Exact"), 410)["code"].integer() == 410);
}

TEST_CASE("list: resource versions") {
  Place at;
  const auto then = revision(at.note("a"));
  at.note("b");
  const auto listed = [&](const std::string& query) { return names(Fixture::doc(at.get(notes + "?" + query), 200)); };
  CHECK(listed("resourceVersion=0") == "a b ");
  CHECK(listed("resourceVersion=0&limit=1") == "a b ");
  CHECK(listed("resourceVersion=" + then) == "a b ");
  CHECK(listed("resourceVersion=" + then + "&resourceVersionMatch=NotOlderThan") == "a b ");
  CHECK(listed("resourceVersion=" + then + "&resourceVersionMatch=Exact") == "a ");
  CHECK(listed("resourceVersion=" + then + "&limit=5") == "a ");
  CHECK(at.get(notes + "?resourceVersion=abc").status == 400);
  CHECK(at.get(notes + "?resourceVersionMatch=Exact").status == 422);
  CHECK(at.get(notes + "?resourceVersionMatch=Exact&resourceVersion=0").status == 422);
  CHECK(at.get(notes + "?sendInitialEvents=true").status == 422);
  const Json future = Fixture::doc(at.get(notes + "?resourceVersion=999"), 504);
  CHECK(future["reason"].string() == "Timeout");
  CHECK(future["details"]["causes"].at(0)["reason"].string() == "ResourceVersionTooLarge");
}

TEST_CASE("watch: the present state, then every change") {
  Place at;
  at.note("a");  // revision 3
  auto watch = at.watch(notes + "?watch=1");
  CHECK(watch.exchange->response.status == 200);
  CHECK(Fixture::told(watch) == "ADDED a@3");
  at.note("b");
  at.write("PATCH", notes + "/a", R"({"text":"x"})", "application/merge-patch+json");
  at.post(widgets, R"({"metadata":{"name":"w"},"spec":{}})");
  at.write("DELETE", notes + "/b", "");
  at.pass(base::milliseconds(1));
  CHECK(Fixture::told(watch) == "ADDED b@4, MODIFIED a@5, DELETED b@7");
  SUBCASE("from a revision on, and by the older path") {
    auto late = at.watch("/api/v1/watch/namespaces/default/notes?resourceVersion=4");
    CHECK(Fixture::told(late) == "MODIFIED a@5, DELETED b@7");
  }
  SUBCASE("one object") {
    auto one = at.watch("/api/v1/watch/namespaces/default/notes/a");
    at.note("c");
    CHECK(Fixture::told(one) == "ADDED a@5");
  }
  SUBCASE("the client leaves") {
    watch.exchange->gone = true;
    at.pass(base::minutes(1));
    CHECK(watch.fiber.done());
  }
  SUBCASE("the server stops") {
    at.api->stop();
    at.pass(base::milliseconds(1));
    CHECK(watch.fiber.done());
  }
}

TEST_CASE("watch: a selector turns changes into arrivals and departures") {
  Place at;
  auto watch = at.watch(notes + "?watch=true&fieldSelector=type%3Dx");
  const auto set = [&](const std::string& value) {
    at.write("PATCH", notes + "/a", R"({"type":")" + value + "\"}", "application/merge-patch+json");
  };
  at.note("a");  // 3
  set("x");
  at.write("PATCH", notes + "/a", R"({"text":"t"})", "application/merge-patch+json");
  set("y");
  set("z");
  set("x");
  at.write("DELETE", notes + "/a", "");
  at.pass(base::milliseconds(1));
  const auto events = Fixture::events(watch);
  REQUIRE(events.size() == 5);
  CHECK(events[0]["type"].string() == "ADDED");
  CHECK(events[1]["type"].string() == "MODIFIED");
  // The departure shows the last state that was in, at the revision of the change.
  CHECK(events[2]["type"].string() == "DELETED");
  CHECK(events[2]["object"]["type"].string() == "x");
  CHECK(revision(events[2]["object"]) == "6");
  CHECK(events[3]["type"].string() == "ADDED");
  CHECK(events[4]["type"].string() == "DELETED");
}

TEST_CASE("watch: bookmarks") {
  Place at;
  at.note("a");
  SUBCASE("every minute and at the end") {
    auto watch = at.watch(notes + "?watch=1&allowWatchBookmarks=true&resourceVersion=3&timeoutSeconds=100");
    at.post(widgets, R"({"metadata":{"name":"w"},"spec":{}})");
    at.pass(base::seconds(70));
    const auto events = Fixture::events(watch);
    REQUIRE(events.size() == 1);
    CHECK(events[0] ==
          Json::object({{"type", "BOOKMARK"},
                        {"object", Json::object({{"kind", "Note"},
                                                 {"apiVersion", "v1"},
                                                 {"metadata", Json::object({{"resourceVersion", "4"}})}})}}));
    at.pass(base::seconds(40));
    CHECK(Fixture::told(watch) == "BOOKMARK @4");
    CHECK(watch.fiber.done());
  }
  SUBCASE("none unless asked for") {
    auto watch = at.watch(notes + "?watch=1&resourceVersion=3&timeoutSeconds=100");
    at.pass(base::seconds(110));
    CHECK(watch.fiber.done());
    CHECK(watch.exchange->response.body.empty());
  }
  SUBCASE("the end of the initial events") {
    auto watch =
        at.watch(notes + "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
    const auto events = Fixture::events(watch);
    REQUIRE(events.size() == 2);
    CHECK(events[0]["type"].string() == "ADDED");
    CHECK(events[1]["type"].string() == "BOOKMARK");
    CHECK(events[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"].string() == "true");
    CHECK(revision(events[1]["object"]) == "3");
    at.note("b");
    at.pass(base::milliseconds(1));
    CHECK(Fixture::told(watch) == "ADDED b@4");
  }
  SUBCASE("wishes that contradict each other") {
    CHECK(at.get(notes + "?watch=1&sendInitialEvents=true").status == 422);
    CHECK(at.get(notes + "?watch=1&resourceVersionMatch=NotOlderThan").status == 422);
  }
}

TEST_CASE("watch: a compacted revision is an event") {
  store::Limits limits;
  limits.history_events_max = 2;
  Place at(nullptr, limits);
  for (const auto* name : {"a", "b", "c", "d"}) at.note(name);
  auto watch = at.watch(notes + "?watch=1&resourceVersion=1");
  CHECK(watch.exchange->response.status == 200);
  CHECK(watch.fiber.done());
  const auto events = Fixture::events(watch);
  REQUIRE(events.size() == 1);
  CHECK(events[0]["type"].string() == "ERROR");
  CHECK(events[0]["object"]["code"].integer() == 410);
  CHECK(events[0]["object"]["reason"].string() == "Expired");
}

TEST_CASE("watch: a slow client is dropped and delays nobody") {
  Place at;
  auto slow = at.watch(notes + "?watch=1");
  auto quick = at.watch(notes + "?watch=1");
  slow.exchange->unstuck.clear();
  at.note("a");
  for (int i = 0; i < 11'000; ++i) {
    at.write("PATCH", notes + "/a", R"({"text":")" + std::to_string(i) + "\"}", "application/merge-patch+json");
  }
  at.pass(base::milliseconds(1));
  CHECK(Fixture::events(quick).size() == 11'001);
  CHECK_FALSE(slow.fiber.done());
  slow.exchange->unstuck.set();
  at.pass(base::milliseconds(1));
  CHECK(slow.fiber.done());
  CHECK(Fixture::events(slow).size() < 10);
}

TEST_CASE("tables") {
  Place at;
  at.post(widgets, R"({"metadata":{"name":"a"},"spec":{"size":4}})");
  at.post(widgets, R"({"metadata":{"name":"b"},"spec":{}})");
  SUBCASE("of a list") {
    const Json doc = Fixture::doc(at.get(widgets, table), 200);
    CHECK(doc["kind"].string() == "Table");
    CHECK(doc["apiVersion"].string() == "meta.k8s.io/v1");
    REQUIRE(doc["columnDefinitions"].size() == 2);
    CHECK(doc["columnDefinitions"].at(1)["name"].string() == "Size");
    REQUIRE(doc["rows"].size() == 2);
    CHECK(doc["rows"].at(0)["cells"] == Json::array({"a", 4}));
    CHECK(doc["rows"].at(0)["object"]["kind"].string() == "PartialObjectMetadata");
    CHECK_FALSE(doc["rows"].at(0)["object"].has("spec"));
    CHECK(revision(doc) == "4");
  }
  SUBCASE("of one object, with as much of it as is asked for") {
    const auto row = [&](const std::string& include) {
      return Fixture::doc(at.get(widgets + "/a?includeObject=" + include, table), 200)["rows"].at(0);
    };
    CHECK(row("Object")["object"]["spec"]["size"].integer() == 4);
    CHECK(row("None")["object"].is_null());
    CHECK(row("Metadata")["object"]["metadata"]["name"].string() == "a");
  }
  SUBCASE("in a watch, with columns once") {
    auto watch = at.watch(widgets + "?watch=1", table);
    const auto events = Fixture::events(watch);
    REQUIRE(events.size() == 2);
    CHECK(events[0]["object"]["columnDefinitions"].size() == 2);
    CHECK(events[1]["object"]["columnDefinitions"].is_null());
    CHECK(events[1]["object"]["rows"].at(0)["cells"] == Json::array({"b", 3}));
  }
  SUBCASE("errors stay what they are") {
    CHECK(Fixture::doc(at.get(widgets + "/none", table), 404)["kind"].string() == "Status");
  }
}

TEST_CASE("metadata alone") {
  Place at;
  at.note("a", R"(,"text":"x")");
  const std::string one = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
  const Json doc = Fixture::doc(at.get(notes + "/a", one), 200);
  CHECK(doc["kind"].string() == "PartialObjectMetadata");
  CHECK_FALSE(doc.has("text"));
  const Json list =
      Fixture::doc(at.get(notes, "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"), 200);
  CHECK(list["kind"].string() == "PartialObjectMetadataList");
  CHECK(list["apiVersion"].string() == "meta.k8s.io/v1");
  CHECK(names(list) == "a ");
}

}  // namespace
}  // namespace server

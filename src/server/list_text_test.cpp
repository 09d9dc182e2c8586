#include "server/test_server.h"

namespace server {
namespace {

constexpr int many = 1200;

// Each about a KiB, so that all of them are sent in pieces.
struct Crowd : Place {
  Crowd() {
    for (int i = 0; i < many; ++i) {
      const std::string name = "n" + std::to_string(100'000 + i);
      note(name, R"(,"text":")" + std::string(900, 'x') + '"');
      post(widgets, R"({"metadata":{"name":")" + name + R"("},"spec":{"parts":[")" + std::string(400, 'y') + "\"]}}");
    }
  }
  // All pages' items or rows together.
  Json in_pages(const std::string& target, const std::string& accept, const char* key) {
    Json out = Json::array();
    for (std::string next = target + "?limit=100"; !next.empty();) {
      const Json page = doc(get(next, accept), 200);
      for (const auto& item : page[key].items()) out.push(item);
      const std::string token = page["metadata"]["continue"].string();
      next = token.empty() ? "" : target + "?limit=100&continue=" + token;
    }
    return out;
  }
};

TEST_CASE("long list: shows the same as its pages, in every form") {
  Crowd at;
  const std::string table = "application/json;as=Table;g=meta.k8s.io;v=v1";
  const std::string metadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  for (const auto& target : {notes, widgets, old_widgets}) {
    for (const auto& accept : {std::string("application/json"), table, metadata}) {
      CAPTURE(target);
      CAPTURE(accept);
      const char* key = accept == table ? "rows" : "items";
      const auto answer = at.get(target, accept);
      const Json list = Fixture::doc(answer, 200);
      CHECK(list[key].size() == many);
      CHECK(list[key] == at.in_pages(target, accept, key));
      CHECK(list["metadata"]["resourceVersion"].string() == std::to_string(at.store->durable_revision()));
      if (answer.headers.has("Content-Length"))
        CHECK(answer.headers.get("Content-Length") == std::to_string(answer.body.size()));
    }
  }
}

TEST_CASE("long list: others are served meanwhile, and it shows one state all the same") {
  Crowd at;
  TestExchange list(at.sys.loop, {.target = notes, .headers = {{"Authorization", "Bearer root"}}});
  auto fiber = sys::spawn(at.sys.loop, "list", [&] { at.api->handle(list); });
  REQUIRE(at.world.loop().run_until([&] { return !list.response.body.empty(); }));
  const std::string last = "n" + std::to_string(100'000 + many - 1);
  CHECK(at.get(notes + "/" + last).status == 200);
  CHECK(at.write("DELETE", notes + "/" + last, "").status == 200);
  CHECK(at.write("PATCH", notes + "/n101000", R"({"text":"new"})", "application/merge-patch+json").status == 200);
  at.note("another");
  CHECK_FALSE(fiber.done());
  REQUIRE(at.world.loop().run_until([&] { return fiber.done(); }));
  const Json items = Fixture::doc(list.response, 200)["items"];
  REQUIRE(items.size() == many);
  CHECK(items.at(many - 1)["metadata"]["name"].string() == last);
  CHECK(items.at(1000)["text"].string() == std::string(900, 'x'));
}

TEST_CASE("long list: sixteen at a time have turns, and end together") {
  Crowd at;
  std::vector<std::unique_ptr<TestExchange>> lists;
  std::vector<sys::Fiber> fibers;
  for (int i = 0; i < 16; ++i) {
    lists.push_back(std::make_unique<TestExchange>(
        at.sys.loop, net::Request{.target = notes, .headers = {{"Authorization", "Bearer root"}}}));
    fibers.push_back(sys::spawn(at.sys.loop, "list", [&at, one = lists.back().get()] { at.api->handle(*one); }));
  }
  REQUIRE(at.world.loop().run_until([&] { return fibers.front().done(); }));
  for (const auto& list : lists) CHECK(list->response.body.size() > 500'000);
  REQUIRE(at.world.loop().run_until([&] { return fibers.back().done(); }));
  for (const auto& list : lists) CHECK(list->response.body == lists.front()->response.body);
}

TEST_CASE("long list: a client that goes away is sent nothing more") {
  Crowd at;
  TestExchange list(at.sys.loop, {.target = notes, .headers = {{"Authorization", "Bearer root"}}});
  auto fiber = sys::spawn(at.sys.loop, "list", [&] { at.api->handle(list); });
  REQUIRE(at.world.loop().run_until([&] { return !list.response.body.empty(); }));
  list.gone = true;
  REQUIRE(at.world.loop().run_until([&] { return fiber.done(); }));
  CHECK(list.response.body.size() < 300'000);
  CHECK(at.get(notes + "/n100000").status == 200);
}

}  // namespace
}  // namespace server

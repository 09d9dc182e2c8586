#include "server/passage.h"

#include "server/test_people.h"

namespace server {
namespace {

const std::string maps = "/api/v1/namespaces/default/configmaps";

TEST_CASE("a write that the disk does not take in time ends with 504, and nobody knows whether it was done") {
  People at({}, base::minutes(10));
  const auto asked = [&](const std::string& query) {
    const auto begun = at.sys.loop.now();
    const auto answer = at.as(People::root, "POST", maps + query, R"({"metadata":{"generateName":"m"}})");
    return std::pair(answer, at.sys.loop.now() - begun);
  };
  const auto [late, span] = asked("");
  CHECK(late.status == 504);
  const Json status = *base::parse_json(late.body);
  CHECK(status["reason"].string() == "Timeout");
  CHECK(status["message"].string() == "Timeout: request did not complete within the allotted timeout");
  CHECK(span >= base::seconds(60));
  CHECK(span < base::seconds(61));
  const auto [sooner, short_span] = asked("?timeout=5s");
  CHECK(sooner.status == 504);
  CHECK(short_span < base::seconds(6));
  CHECK(asked("?timeout=soon").first.status == 400);
}

TEST_CASE("without priorities writes and reads have a limit each, and masters and watches none") {
  Options options;
  options.flow = {.reads_max = 1, .writes_max = 2};
  People at(options, base::milliseconds(10));
  at.made(rbac_api + "/clusterrolebindings",
          R"({"metadata":{"name":"all"},"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},)"
          R"("subjects":[{"kind":"Group","name":"crew"}]})");
  const auto together = [&](const std::string& who, int count) {
    std::vector<std::unique_ptr<TestExchange>> exchanges;
    std::vector<sys::Fiber> fibers;
    for (int i = 0; i < count; ++i) {
      net::Request request{.method = "POST", .target = maps, .body = R"({"metadata":{"generateName":"m"}})"};
      request.headers = {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + who}};
      exchanges.push_back(std::make_unique<TestExchange>(at.sys.loop, std::move(request)));
      fibers.push_back(
          sys::spawn(at.sys.loop, "request", [&at, one = exchanges.back().get()] { at.api->handle(*one); }));
    }
    at.pass(base::seconds(1));
    int made = 0;
    for (const auto& exchange : exchanges) {
      CHECK((exchange->response.status == 201 || exchange->response.status == 429));
      made += exchange->response.status == 201;
    }
    return made;
  };
  CHECK(together("ann:crew", 5) == 2);
  CHECK(together("ann:crew", 2) == 2);
  CHECK(together(People::root, 5) == 5);
}

}  // namespace
}  // namespace server

#include "server/test_server.h"
#include "store/manual_engine.h"

namespace server {
namespace {

// Answers each commit at once; none succeeds while the disk is full.
class SmallDisk : public store::ManualEngine {
 public:
  void commit(store::Record record, std::function<void(base::Result<void>)> done) override {
    ManualEngine::commit(std::move(record), std::move(done));
    if (!full) return succeed(1);
    answer(base::unavailable("writing the database: database or disk is full"));
  }
  bool full = false;
};

TEST_CASE("a full disk refuses writes clearly, keeps what there is, and is left behind when there is room") {
  auto owned = std::make_unique<SmallDisk>();
  auto& disk = *owned;
  Place at(std::move(owned));
  auto watch = at.watch(notes + "?watch=1&allowWatchBookmarks=1");
  at.note("kept", R"(,"text":"before")");
  const std::string before = at.get(notes + "/kept").body;

  disk.full = true;
  const auto change = R"({"text":"lost"})";
  for (const auto& refused : {at.write("POST", notes, R"({"metadata":{"name":"lost"}})"),
                              at.write("PATCH", notes + "/kept", change, "application/merge-patch+json"),
                              at.write("DELETE", notes + "/kept", "")}) {
    const auto status = Fixture::doc(refused, 503);
    CHECK(status["message"].string().find("disk is full") != std::string::npos);
    CHECK(refused.headers.get("Retry-After") == "1");
  }
  CHECK(at.get(notes + "/lost").status == 404);
  CHECK(at.get(notes + "/kept").body == before);
  CHECK(Fixture::doc(at.get(notes), 200)["items"].size() == 1);

  disk.full = false;
  at.note("later");
  CHECK(at.write("DELETE", notes + "/kept", "").status == 200);
  at.pass(base::milliseconds(1));
  std::string told;
  for (const auto& event : at.events(watch))
    told += event["type"].string() + " " + event["object"]["metadata"]["name"].string() + ", ";
  CHECK(told == "ADDED kept, ADDED later, DELETED kept, ");
}

}  // namespace
}  // namespace server

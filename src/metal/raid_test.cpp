// Which RAID volumes are deleted and created for what is asked, and what is refused before anything is touched.
#include "metal/raid.h"

#include <doctest/doctest.h>

#include "base/text.h"

namespace metal {
namespace {

constexpr int64_t gibibyte = int64_t{1} << 30;

// One controller with drives d0, d1...; "h" for a rotating one.
BmcStorage controller(const std::string& drives, const std::string& id = "RAID.1") {
  BmcStorage out{.path = "/s/" + id, .id = id, .names = {"PERC"}, .volumes = "/s/" + id + "/v"};
  for (size_t i = 0; i < drives.size(); ++i) {
    BmcDrive drive{.path = out.path + "/d" + std::to_string(i), .id = "d" + std::to_string(i)};
    drive.bytes = 500 * gibibyte;
    drive.media = drives[i] == 'h' ? "HDD" : "SSD";
    drive.usable = drives[i] != 'x';
    out.drives.push_back(drive);
  }
  return out;
}

void add_volume(BmcStorage& storage, const std::string& level, std::vector<int> drives, int64_t gib,
                const std::string& name = "old") {
  BmcVolume volume{
      .path = storage.volumes + "/" + std::to_string(storage.present.size()), .name = name, .level = level};
  volume.bytes = gib * gibibyte;
  for (const int drive : drives) volume.drives.push_back(storage.path + "/d" + std::to_string(drive));
  storage.present.push_back(volume);
}

// "-0 +5:d1,d2,d3@100 ..." or the error.
std::string planned(const std::vector<BmcStorage>& storage, const char* wanted, bool names = true) {
  const auto plan = plan_raid(storage, *base::parse_json(wanted), names);
  if (!plan) return plan.error().message;
  std::vector<std::string> parts;
  for (const auto& one : plan->remove) parts.push_back("-" + one.volume.path.substr(one.volume.path.rfind('/') + 1));
  for (const auto& one : plan->create) {
    std::vector<std::string> drives;
    for (const auto& path : one.drives) drives.push_back(path.substr(path.rfind('/') + 1));
    parts.push_back("+" + one.level + ":" + base::join(drives, ",") +
                    (one.bytes > 0 ? "@" + std::to_string(one.bytes / gibibyte) : ""));
  }
  return base::join(parts, " ");
}

}  // namespace

TEST_CASE("RAID: disks for new volumes") {
  const struct {
    const char *drives, *wanted, *plan;
  } rows[] = {
      {"ssss", "[]", ""},
      {"ssss", R"([{"level":"1"}])", "+1:d0,d1"},
      {"ssss", R"([{"level":"5"}])", "+5:d0,d1,d2,d3"},
      {"sssss", R"([{"level":"1+0"}])", "+1+0:d0,d1,d2,d3"},
      {"ssssss", R"([{"level":"5","sizeGibibytes":900}])", "+5:d0,d1,d2@900"},
      {"ssssss", R"([{"level":"5","sizeGibibytes":1400}])", "+5:d0,d1,d2,d3@1400"},
      {"ssssss", R"([{"level":"6","numberOfPhysicalDisks":5}])", "+6:d0,d1,d2,d3,d4"},
      {"ssss", R"([{"level":"0","physicalDisks":["d3","d2"],"controller":"PERC"}])", "+0:d3,d2"},
      {"hhss", R"([{"level":"1","rotational":false}])", "+1:d2,d3"},
      {"hhss", R"([{"level":"1","rotational":true}])", "+1:d0,d1"},
      {"hss", R"([{"level":"1"}])", "+1:d1,d2"},  // never of two kinds
      {"xss", R"([{"level":"1"}])", "+1:d1,d2"},
      {"sssss", R"([{"level":"5"},{"level":"1"}])", "+1:d0,d1 +5:d2,d3,d4"},
      {"sssss", R"([{"level":"1"},{"level":"5","physicalDisks":["d0","d1","d2"],"controller":"RAID.1"}])",
       "+5:d0,d1,d2 +1:d3,d4"},
  };
  for (const auto& row : rows) CHECK_MESSAGE(planned({controller(row.drives)}, row.wanted) == row.plan, row.wanted);
}

TEST_CASE("RAID: what cannot be made is refused as a whole, before anything is deleted") {
  const struct {
    const char *drives, *wanted, *why;
  } rows[] = {
      {"sss", R"([{"level":"6"}])", "too few free disks"},
      {"sss", R"([{"level":"2"}])", "no volumes of this level"},
      {"sss", R"([{"level":"1"},{"level":"1"}])", "[1] (level 1): controller RAID.1 has too few"},
      {"sss", R"([{"level":"5","sizeGibibytes":2000}])", "too few free disks"},
      {"ssss", R"([{"level":"1","sizeGibibytes":600}])", "hold only 500 GiB"},
      {"sss", R"([{"level":"1","physicalDisks":["d0","d9"],"controller":"PERC"}])", "has no disk d9"},
      {"ssx", R"([{"level":"1","physicalDisks":["d0","d2"],"controller":"PERC"}])", "d2 is not healthy"},
      {"sss", R"([{"level":"1","controller":"RAID.9"}])", "no RAID controller RAID.9"},
      {"sss", R"([{"level":"1","physicalDisks":["d0","d1"],"controller":"PERC"},
                  {"level":"1","physicalDisks":["d1","d2"],"controller":"PERC"}])",
       "d1 belongs to another volume"},
      {"ssss", R"([{"level":"1+0","numberOfPhysicalDisks":3}])", "3 disks do not make this level"},
      {"ss", R"([{"level":"1","rotational":true}])", "too few free disks of that kind"},
  };
  for (const auto& row : rows) {
    auto storage = controller(row.drives);
    add_volume(storage, "0", {0}, 100);
    const auto said = planned({storage}, row.wanted);
    CHECK_MESSAGE(said.find(row.why) != std::string::npos, row.wanted, " -> ", said);
  }
  CHECK(planned({}, R"([{"level":"1"}])").find("no RAID controller") != std::string::npos);
  auto simple = controller("ssssss");
  simple.levels = std::vector<std::string>{"0", "1"};
  CHECK(planned({simple}, R"([{"level":"5"}])").find("makes levels 0, 1 only") != std::string::npos);
  CHECK(planned({simple, controller("sss", "RAID.2")}, R"([{"level":"5"}])") == "+5:d0,d1,d2");
}

TEST_CASE("RAID: what is as asked for stays untouched; only what differs goes") {
  const struct {
    const char *wanted, *plan;
  } rows[] = {
      // d0+d1: level 1, whole, named "system"; d2-d4: level 5, 300 GiB, named "data"
      {"[]", "-0 -1"},
      {R"([{"level":"1"},{"level":"5","sizeGibibytes":300}])", ""},
      {R"([{"level":"5","sizeGibibytes":300},{"level":"1"}])", ""},
      {R"([{"level":"1","name":"system"},{"level":"5","sizeGibibytes":300,"name":"data"}])", ""},
      {R"([{"level":"1","physicalDisks":["d1","d0"],"controller":"PERC"},{"level":"5","sizeGibibytes":300}])", ""},
      {R"([{"level":"1"}])", "-1"},
      {R"([{"level":"5","sizeGibibytes":300}])", "-0"},
      {R"([{"level":"1"},{"level":"0","sizeGibibytes":300}])", "-1 +0:d2@300"},
      {R"([{"level":"1"},{"level":"5"}])", "-1 +5:d2,d3,d4,d5"},  // as large as possible is another one
      {R"([{"level":"1"},{"level":"5","sizeGibibytes":310}])", "-1 +5:d2,d3,d4@310"},
      {R"([{"level":"1","name":"root"},{"level":"5","sizeGibibytes":300}])", "-0 +1:d0,d1"},
      {R"([{"level":"1","physicalDisks":["d0","d5"],"controller":"PERC"},{"level":"5","sizeGibibytes":300}])",
       "-0 +1:d0,d5"},
      {R"([{"level":"1","rotational":true},{"level":"5","sizeGibibytes":300}])", "too few"},
      // It needs a disk of a volume that could stay: then that one goes, too.
      {R"([{"level":"5","sizeGibibytes":300},{"level":"1","physicalDisks":["d2","d3"],"controller":"PERC"}])",
       "-0 -1 +1:d2,d3 +5:d0,d1,d4@300"},
  };
  for (const auto& row : rows) {
    auto storage = controller("ssssss");
    add_volume(storage, "1", {0, 1}, 500, "system");
    add_volume(storage, "5", {2, 3, 4}, 300, "data");
    const auto said = planned({storage}, row.wanted);
    CHECK_MESSAGE((said == row.plan || (*row.plan == 't' && said.find(row.plan) != std::string::npos)), row.wanted,
                  " -> ", said);
  }
}

TEST_CASE("RAID: two volumes alike are two, and a controller that names for itself is not asked again") {
  auto storage = controller("ssss");
  add_volume(storage, "1", {0, 1}, 500, "VD 0");
  CHECK(planned({storage}, R"([{"level":"1"},{"level":"1"}])") == "+1:d2,d3");
  add_volume(storage, "1", {2, 3}, 500, "VD 1");
  CHECK(planned({storage}, R"([{"level":"1"},{"level":"1"}])").empty());
  const char* named = R"([{"level":"1","name":"a"},{"level":"1","name":"b"}])";
  CHECK(planned({storage}, named) == "-0 -1 +1:d0,d1 +1:d2,d3");
  CHECK(planned({storage}, named, false).empty());
  // A level that no spec can ask for is deleted only when the list says so, like any other.
  auto odd = controller("sss");
  add_volume(odd, "RAID1E", {0, 1, 2}, 700);
  CHECK(planned({odd}, "[]") == "-0");
}

TEST_CASE("RAID: volumes are changed only where the BMC is seen to belong to the agent's server") {
  Inventory agent;
  agent.system_serial = "SN-1";
  agent.macs = {"52:54:00:00:00:01"};
  Inventory unnamed = agent;
  unnamed.system_serial = "";
  const std::string own = "52:54:00:00:00:01", other = "52:54:00:00:00:99";
  const struct {
    std::string serial;
    std::vector<std::string> macs;
    const Inventory& agent;
    bool same;
  } cases[] = {
      {"SN-1", {}, agent, true},     {"sn-1", {other}, agent, true}, {"SN-2", {own}, agent, true},
      {"", {own}, unnamed, true},    {"SN-2", {}, agent, false},     {"SN-2", {other}, agent, false},
      {"", {}, agent, false},        {"SN-1", {}, unnamed, false},   {"", {}, unnamed, false},
      {"", {other}, unnamed, false},
  };
  for (const auto& one : cases) {
    CAPTURE(one.serial);
    const auto checked = check_same_server(one.serial, one.macs, one.agent);
    CHECK(checked.ok() == one.same);
    if (!checked) CHECK_FALSE(checked.error().fix.empty());
  }
}

}  // namespace metal

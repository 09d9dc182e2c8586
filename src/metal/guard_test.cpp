// What may be done to a server in which recorded state: the whole table, and each of the reasons against.
#include "metal/guard.h"

#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <tuple>

namespace metal {
namespace {

namespace state = api::host_state;

constexpr std::string_view mac = "52:54:00:00:00:01";
const std::string_view all_states[] = {
    state::none,           state::unmanaged,    state::registering, state::match_profile,          state::inspecting,
    state::preparing,      state::available,    state::ready,       state::provisioning,           state::provisioned,
    state::deprovisioning, state::powering_off, state::deleting,    state::externally_provisioned, "nonsense"};
const OperationKind all_kinds[] = {OperationKind::none, OperationKind::inspect, OperationKind::prepare,
                                   OperationKind::provision, OperationKind::deprovision};
const Milestone all_milestones[] = {Milestone::ordered, Milestone::cleaned, Milestone::written, Milestone::staged,
                                    Milestone::writing};
const Act disk_acts[] = {Act::boot_agent,  Act::wipe,      Act::aim_image,
                         Act::write_image, Act::boot_disk, Act::change_volumes};

struct Question {
  Inventory agent;
  InventoryDisk disk;
  HostFacts host;
  Intent intent;

  // Everything fits: the act is what the recorded operation is about.
  Question(Act act, std::string_view in_state, OperationKind kind, Milestone milestone) {
    agent.macs = {std::string(mac), "52:54:00:00:00:02"};
    agent.system_serial = "SN-1";
    disk.name = "/dev/sda";
    disk.serial = "D1";
    disk.wwn = "0x5000";
    host.exists = host.durable = true;
    host.uid = "u1";
    host.state = std::string(in_state);
    host.operation = {.kind = kind, .id = "op1", .milestone = milestone, .boot_id = "b1"};
    host.online = true;
    host.boot_mac = std::string(mac);
    intent.act = act;
    intent.uid = "u1";
    intent.operation = host.operation;
    intent.raid = host.raid = "digest";
  }
  base::Result<void> asked() {
    intent.agent = &agent;
    intent.disk = &disk;
    return allow(intent, host);
  }
  bool allowed() { return asked().ok(); }
};

Question wipe() { return {Act::wipe, state::preparing, OperationKind::prepare, Milestone::ordered}; }
Question write() { return {Act::write_image, state::provisioning, OperationKind::provision, Milestone::writing}; }

}  // namespace

TEST_CASE("guard: work on the disks is allowed for these states, operations and milestones alone") {
  using Row = std::tuple<Act, std::string_view, OperationKind, Milestone>;
  const std::set<Row> table = {
      {Act::boot_agent, state::inspecting, OperationKind::inspect, Milestone::ordered},
      {Act::boot_agent, state::preparing, OperationKind::prepare, Milestone::ordered},
      {Act::boot_agent, state::provisioning, OperationKind::provision, Milestone::ordered},
      {Act::boot_agent, state::deprovisioning, OperationKind::deprovision, Milestone::ordered},
      {Act::wipe, state::preparing, OperationKind::prepare, Milestone::ordered},
      {Act::wipe, state::deprovisioning, OperationKind::deprovision, Milestone::ordered},
      {Act::boot_agent, state::preparing, OperationKind::prepare, Milestone::staged},
      {Act::boot_agent, state::provisioning, OperationKind::provision, Milestone::writing},
      {Act::aim_image, state::provisioning, OperationKind::provision, Milestone::ordered},
      {Act::write_image, state::provisioning, OperationKind::provision, Milestone::writing},
      {Act::boot_disk, state::provisioning, OperationKind::provision, Milestone::written},
      {Act::change_volumes, state::preparing, OperationKind::prepare, Milestone::ordered},
  };
  int allowed = 0;
  for (const Act act : disk_acts) {
    for (const auto in_state : all_states) {
      for (const auto kind : all_kinds) {
        for (const auto milestone : all_milestones) {
          const bool got = Question(act, in_state, kind, milestone).allowed();
          CHECK_MESSAGE(got == (table.count({act, in_state, kind, milestone}) > 0), name_of(act), " in ", in_state,
                        " with ", name_of(kind), " ", name_of(milestone));
          allowed += got ? 1 : 0;
        }
      }
    }
  }
  CHECK(allowed == static_cast<int>(table.size()));
}

TEST_CASE("guard: RAID volumes are changed only for what the spec asks for at that moment, on the recorded machine") {
  const auto question = [] {
    return Question(Act::change_volumes, state::preparing, OperationKind::prepare, Milestone::ordered);
  };
  CHECK(question().allowed());
  Question withdrawn = question();
  withdrawn.host.raid.clear();
  CHECK(withdrawn.asked().error().message.find("leaves the RAID volumes alone") != std::string::npos);
  Question changed = question();
  changed.host.raid = "another digest";
  CHECK(changed.asked().error().message.find("other RAID volumes now") != std::string::npos);
  Question nothing_said = question();
  nothing_said.intent.raid.clear();
  CHECK_FALSE(nothing_said.allowed());
  Question deployed = question();
  deployed.host.has_image = true;
  CHECK_FALSE(deployed.allowed());
  Question external = question();
  external.host.externally_provisioned = true;
  CHECK_FALSE(external.allowed());
  Question deleted = question();
  deleted.host.deleting = true;
  CHECK_FALSE(deleted.allowed());
  Question elsewhere = question();
  elsewhere.agent.macs = {"52:54:00:00:00:77"};
  CHECK(elsewhere.asked().error().message.find("recorded machine") != std::string::npos);
}

TEST_CASE("guard: what the spec says of RAID volumes is read as it is meant") {
  api::BareMetalHost host;
  CHECK(facts_of(host, true).raid.empty());
  const auto of = [&](const char* raid) {
    host.spec.raid = *base::parse_json(raid);
    return facts_of(host, true).raid;
  };
  CHECK(of("{}").empty());
  CHECK(of(R"({"hardwareRAIDVolumes":null})").empty());
  CHECK_FALSE(of(R"({"hardwareRAIDVolumes":[]})").empty());
  CHECK(of(R"({"hardwareRAIDVolumes":[]})") != of(R"({"hardwareRAIDVolumes":[{"level":"1"}]})"));
}

TEST_CASE("guard: power is switched in the steady states, and off at the end of a life or of a cleaning") {
  const std::set<std::string_view> steady = {state::available, state::ready, state::provisioned,
                                             state::externally_provisioned};
  for (const auto in_state : all_states) {
    CAPTURE(in_state);
    const auto question = [&](Act act) { return Question(act, in_state, OperationKind::none, Milestone::ordered); };
    const bool is_steady = steady.count(in_state) > 0;
    CHECK(question(Act::power_on).allowed() == is_steady);
    Question unwanted = question(Act::power_on);
    unwanted.host.online = false;
    CHECK_FALSE(unwanted.allowed());

    Question off = question(Act::power_off);
    CHECK_FALSE(off.allowed());  // spec.online is true
    off.host.reboot_requested = true;
    CHECK(off.allowed() == is_steady);
    off.host.reboot_requested = false;
    off.host.online = false;
    CHECK(off.allowed() == is_steady);
    off.host.power_off_allowed = false;
    CHECK_FALSE(off.allowed());

    Question restart = question(Act::restart);
    CHECK_FALSE(restart.allowed());  // nobody asks for it
    restart.host.reboot_requested = true;
    restart.host.power_off_allowed = false;
    CHECK(restart.allowed() == is_steady);
    restart.host.online = false;
    CHECK_FALSE(restart.allowed());

    Question deleted = question(Act::power_off);
    deleted.host.deleting = true;
    CHECK(deleted.allowed() == (in_state == state::powering_off));
    Question cleaned{Act::power_off, in_state, OperationKind::deprovision, Milestone::cleaned};
    CHECK(cleaned.allowed() == (in_state == state::deprovisioning));
    Question unclean{Act::power_off, in_state, OperationKind::deprovision, Milestone::ordered};
    CHECK_FALSE(unclean.allowed());
  }
}

TEST_CASE("guard: one thing that does not fit is enough to refuse") {
  struct Case {
    const char* what;
    std::function<void(Question&)> spoil;
    const char* says;
  };
  const Case cases[] = {
      {"gone", [](Question& q) { q.host.exists = false; }, "gone"},
      {"another host of that name", [](Question& q) { q.host.uid = "u2"; }, "another host"},
      {"not durable", [](Question& q) { q.host.durable = false; }, "durable"},
      {"paused", [](Question& q) { q.host.paused = true; }, "paused"},
      {"detached", [](Question& q) { q.host.detached = true; }, "detached"},
      {"external", [](Question& q) { q.host.externally_provisioned = true; }, "externally provisioned"},
      {"being deleted", [](Question& q) { q.host.deleting = true; }, "being deleted"},
      {"deployed", [](Question& q) { q.host.has_image = true; }, "image is deployed"},
      {"another operation", [](Question& q) { q.host.operation.id = "op2"; }, "another one"},
      {"another kind", [](Question& q) { q.host.operation.kind = OperationKind::inspect; }, "another one"},
      {"no id", [](Question& q) { q.intent.operation.id = q.host.operation.id = ""; }, "no operation"},
      {"done already", [](Question& q) { q.host.operation.milestone = Milestone::cleaned; }, "already reached"},
      {"no boot MAC", [](Question& q) { q.agent.macs = {"52:54:00:00:00:09"}; }, "boot MAC"},
      {"nothing to know it by", [](Question& q) { q.host.boot_mac.clear(); }, "to compare with"},
      {"another serial number",
       [](Question& q) {
         q.host.hardware.emplace();
         q.host.hardware->system_vendor.serial_number = "SN-2";
       },
       "serial number"},
      {"other NICs",
       [](Question& q) {
         q.host.hardware.emplace();
         q.host.hardware->nics = {{.mac = "52:54:00:00:00:09"}};
       },
       "NICs"},
  };
  for (const auto& make : {wipe, write}) {
    Question good = make();
    REQUIRE(good.allowed());
    for (const auto& one : cases) {
      Question question = make();
      one.spoil(question);
      const auto answer = question.asked();
      CHECK_MESSAGE(!answer, name_of(question.intent.act), ": ", one.what);
      if (answer) continue;
      CHECK(answer.error().code == base::Code::conflict);
      CHECK(answer.error().layer != base::Layer::none);
      CHECK_MESSAGE(answer.error().message.find(one.says) != std::string::npos, one.what, ": ", answer.error().message);
    }
  }
  Question blind = wipe();
  blind.intent.agent = nullptr;
  CHECK_FALSE(allow(blind.intent, blind.host).ok());
}

TEST_CASE("guard: paused, detached, not durable and gone hold for power too") {
  const std::function<void(HostFacts&)> spoils[] = {
      [](HostFacts& host) { host.exists = false; }, [](HostFacts& host) { host.durable = false; },
      [](HostFacts& host) { host.paused = true; }, [](HostFacts& host) { host.detached = true; },
      [](HostFacts& host) { host.uid = "u2"; }};
  for (const Act act : {Act::power_on, Act::power_off}) {
    for (const auto& spoil : spoils) {
      Question question{act, state::provisioned, OperationKind::none, Milestone::ordered};
      question.host.online = act == Act::power_on;
      REQUIRE(question.allowed());
      spoil(question.host);
      CHECK_FALSE(question.allowed());
    }
  }
}

TEST_CASE("guard: a deployed host is wiped by a deprovisioning only, also while it is being deleted") {
  Question question{Act::wipe, state::deprovisioning, OperationKind::deprovision, Milestone::ordered};
  question.host.has_image = true;
  CHECK(question.allowed());
  question.host.deleting = true;
  CHECK(question.allowed());
}

TEST_CASE("guard: an image goes to a disk that is known by serial number or WWN and was seen at inspection") {
  Question question = write();
  question.intent.agent = &question.agent;
  question.intent.disk = nullptr;
  CHECK_FALSE(allow(question.intent, question.host).ok());

  Question nameless = write();
  nameless.disk.serial.clear();
  nameless.disk.wwn.clear();
  CHECK_FALSE(nameless.allowed());

  const auto inspected = [](const std::string& name, const std::string& serial, const std::string& wwn) {
    Question asked = write();
    asked.host.hardware.emplace();
    asked.host.hardware->system_vendor.serial_number = "SN-1";
    api::HardwareDisk disk;
    disk.name = name;
    disk.serial_number = serial;
    disk.wwn = wwn;
    asked.host.hardware->storage = {disk};
    return asked.allowed();
  };
  CHECK(inspected("/dev/sda", "D1", "0x5000"));
  CHECK_FALSE(inspected("/dev/sdb", "D1", "0x5000"));
  CHECK_FALSE(inspected("/dev/sda", "D2", "0x5000"));
  CHECK_FALSE(inspected("/dev/sda", "D1", "0x5001"));
}

TEST_CASE("guard: a disk that inspection did not see is a strange one until a system was deployed beside it") {
  Question question = wipe();
  question.agent.disks = {question.disk};
  CHECK(strange_disks(question.agent, question.host).empty());  // nothing to compare with
  question.host.hardware.emplace();
  CHECK(strange_disks(question.agent, question.host).empty());
  api::HardwareDisk known;
  known.name = "/dev/sdz";  // names change from boot to boot
  known.serial_number = "d1";
  known.wwn = "0x5000";
  question.host.hardware->storage = {known};
  CHECK(strange_disks(question.agent, question.host).empty());
  question.host.hardware->storage[0].serial_number = "D2";
  REQUIRE(strange_disks(question.agent, question.host).size() == 1);
  CHECK(strange_disks(question.agent, question.host)[0]->serial == "D1");
  question.host.has_image = true;
  CHECK(strange_disks(question.agent, question.host).empty());
}

TEST_CASE("guard: the facts are read from the stored host") {
  api::BareMetalHost host;
  host.meta.uid = "u1";
  host.spec.boot_mac_address = "52:54:00:AA:00:01";
  host.spec.online = true;
  host.status.provisioning.state = "provisioned";
  HostFacts facts = facts_of(host, true);
  CHECK(facts.exists);
  CHECK(facts.boot_mac == "52:54:00:aa:00:01");
  CHECK_FALSE(facts.paused);
  CHECK_FALSE(facts.has_image);
  CHECK_FALSE(facts.reboot_requested);
  host.meta.annotations["baremetalhost.metal3.io/paused"] = "";
  host.meta.annotations["reboot.metal3.io/update"] = "";
  host.status.operational_status = "detached";
  host.status.provisioning.image = api::HostImage{.url = "http://images/a"};
  host.status.provisioning.state = "externally provisioned";
  facts = facts_of(host, false);
  CHECK_FALSE(facts.durable);
  CHECK(facts.paused);
  CHECK(facts.detached);
  CHECK(facts.reboot_requested);
  CHECK(facts.has_image);
  CHECK(facts.externally_provisioned);
}

}  // namespace metal

#include "control/baremetalhost/host_world.h"

namespace control::baremetalhost {

namespace {

struct EventWorld : HostWorld {
  EventWorld() : HostWorld(base::milliseconds(5), true) {}
  Json subscription() { return document(api::BMCEventSubscription::resource, "alerts"); }
  std::string error() { return subscription().path("status.error").string(); }
  void subscribe(const std::string& more = "") {
    make(api::BMCEventSubscription::resource, R"({"metadata":{"name":"alerts","namespace":"metal"},
      "spec":{"hostName":"host-1","destination":"https://events/","context":"rack-1")" +
                                                  more + "}}");
  }
  void unsubscribe() {
    const auto& kind = *api::management_scheme().by_resource(api::BMCEventSubscription::resource);
    REQUIRE(registry().remove(kind, "metal", "alerts").ok());
  }
};

}  // namespace

TEST_CASE("a subscription is made at the BMC once its host is there, and ends with the object") {
  EventWorld w;
  w.make("secrets", R"({"metadata":{"name":"headers","namespace":"metal"},"data":{"Authorization":"QmVhcmVyIHg="}})");
  w.subscribe(R"(,"httpHeadersRef":{"name":"headers"})");
  REQUIRE(w.wait_until([&] { return w.error().find("there is no BareMetalHost host-1") != std::string::npos; }));
  w.add_host();
  REQUIRE(w.wait_until([&] { return !w.subscription().path("status.subscriptionID").string().empty(); }));
  CHECK(w.error().empty());
  REQUIRE(w.machine.subscriptions.size() == 1);
  const auto& made = w.machine.subscriptions.begin()->second;
  CHECK(made.destination == "https://events/");
  CHECK(made.context == "rack-1");
  CHECK(made.headers.at("Authorization") == "Bearer x");
  w.restart_manager();
  w.run_for(base::hours(1));
  CHECK(w.machine.subscriptions.size() == 1);
  w.unsubscribe();
  CHECK(w.wait_until([&] { return w.subscription().is_null(); }));
  CHECK(w.machine.subscriptions.empty());
}

TEST_CASE("a BMC that refuses is asked again, quietly; a Secret that is missing is named") {
  EventWorld w;
  w.add_host();
  REQUIRE(w.wait_state("available"));
  w.fail("aside", 5);
  w.subscribe();
  REQUIRE(
      w.wait_until([&] { return w.error().find("bmc: aside does not work; next: repair it") != std::string::npos; }));
  w.run_for(base::minutes(2));
  const auto revision = w.store().revision();
  w.run_for(base::minutes(3));
  CHECK(w.store().revision() == revision);
  REQUIRE(w.wait_until([&] { return !w.subscription().path("status.subscriptionID").string().empty(); }));
  CHECK(w.error().empty());
  w.unsubscribe();
  REQUIRE(w.wait_until([&] { return w.subscription().is_null(); }));
  w.subscribe(R"(,"httpHeadersRef":{"name":"nowhere"})");
  REQUIRE(w.wait_until([&] { return w.error().find("Secret metal/nowhere") != std::string::npos; }));
  w.unsubscribe();
  CHECK(w.wait_until([&] { return w.subscription().is_null(); }));
}

}  // namespace control::baremetalhost

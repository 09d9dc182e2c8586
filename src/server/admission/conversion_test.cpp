// Versions of user kinds through the front door: conversion webhooks, and schemas that differ between versions.
#include "server/admission/test_webhooks.h"

namespace server {
namespace {

const std::string group_path = "/apis/stable.example.com/";
const std::string v1 = group_path + "v1/namespaces/default/rods";
const std::string v2 = group_path + "v2/namespaces/default/rods";

// v1 has spec.size in centimetres, v2 spec.length in millimetres with a default for spec.colour.
Json definition(const Admitted& f, const std::string& storage, bool webhook, const std::string& path = "/convert") {
  const auto version = [&](const std::string& name, const std::string& spec) {
    return R"({"name":")" + name + R"(","served":true,"storage":)" + (name == storage ? "true" : "false") +
           R"(,"subresources":{"status":{}},"schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":
           "object","properties":{)" +
           spec + R"(}},"status":{"type":"object","properties":{"seen":{"type":"integer"}}}
           }}}})";
  };
  Json crd = Admitted::json(
      R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":
      "rods.stable.example.com"},"spec":{"group":"stable.example.com","scope":"Namespaced","names":{"plural":"rods",
      "kind":"Rod"},"versions":[)" +
      version("v1", R"("size":{"type":"integer","maximum":100})") + "," +
      version("v2", R"("length":{"type":"integer","maximum":500},"colour":{"type":"string","default":"red"})") + "]}}");
  if (!webhook) return crd;
  Json client = Json::object({{"url", "https://hooks.example.com" + path}, {"caBundle", base::base64(f.hooks.ca_pem)}});
  Json hook = Json::object({{"conversionReviewVersions", Json::array({"v1"})}, {"clientConfig", std::move(client)}});
  crd.child("spec").set("conversion", Json::object({{"strategy", "Webhook"}, {"webhook", std::move(hook)}}));
  return crd;
}

Json converted(Json doc, const std::string& wanted) {
  const bool old = doc["apiVersion"].string() == "stable.example.com/v1";
  doc.set("apiVersion", wanted);
  auto& spec = doc.child("spec");
  if (old) {
    const auto size = spec["size"].integer();
    spec.erase("size");
    spec.set("length", size * 10);
  } else {
    const auto length = spec["length"].integer();
    spec = Json::object({{"size", length / 10}});
  }
  doc.child("metadata").child("annotations").set("converted", "yes");
  return doc;
}

struct Rods : Admitted {
  explicit Rods(const std::string& storage = "v1", bool webhook = true) {
    hooks.raw["/convert"] = [this](const Json& body) {
      asked.push_back(body["request"]);
      Json list = Json::array();
      for (const auto& doc : body["request"]["objects"].items()) {
        list.push(converted(doc, body["request"]["desiredAPIVersion"].string()));
      }
      return answer(body, list);
    };
    post(definitions, definition(*this, storage, webhook).dump());
    pass(base::milliseconds(100));
  }
  static net::Response answer(const Json& body, const Json& list) {
    Json response = Json::object({{"uid", body["request"]["uid"]},
                                  {"result", Json::object({{"status", "Success"}})},
                                  {"convertedObjects", list}});
    return net::Response::json(200, Json::object({{"apiVersion", "apiextensions.k8s.io/v1"},
                                                  {"kind", "ConversionReview"},
                                                  {"response", std::move(response)}}));
  }
  static std::string rod(const std::string& version, const std::string& name, const std::string& spec) {
    return R"({"apiVersion":"stable.example.com/)" + version + R"(","kind":"Rod","metadata":{"name":")" + name +
           R"("},"spec":)" + spec + "}";
  }
  std::vector<Json> asked;
};

TEST_CASE("conversion: objects are written and read in every version, lists in one call") {
  Rods f;
  f.post(v1, Rods::rod("v1", "a", R"({"size":3})"));
  CHECK(f.asked.empty());  // nothing to convert
  CHECK(f.get(v1 + "/a")["spec"]["size"] == Json(3));
  const Json seen = f.get(v2 + "/a");
  CHECK(seen["apiVersion"].string() == "stable.example.com/v2");
  CHECK(seen["spec"] == f.json(R"({"length":30,"colour":"red"})"));  // defaulted in the version that is shown
  CHECK(seen["metadata"]["annotations"]["converted"].string() == "yes");
  REQUIRE(f.asked.size() == 1);
  CHECK(f.asked[0]["desiredAPIVersion"].string() == "stable.example.com/v2");
  f.get(v2 + "/a");
  CHECK(f.asked.size() == 1);  // remembered

  f.post(v2, Rods::rod("v2", "b", R"({"length":50,"colour":"blue"})"));
  CHECK(f.get(v1 + "/b")["spec"] == f.json(R"({"size":5})"));
  f.post(v1, Rods::rod("v1", "c", R"({"size":7})"));
  f.post(v1, Rods::rod("v1", "d", R"({"size":8})"));
  f.asked.clear();
  const Json list = f.get(v2);
  CHECK(list["items"].size() == 4);
  CHECK(list["items"].at(3)["spec"]["length"] == Json(80));
  REQUIRE(f.asked.size() == 1);
  CHECK(f.asked[0]["objects"].size() >= 2);

  f.send("PATCH", v2 + "/a", R"({"spec":{"length":40}})", 200, "application/merge-patch+json");
  CHECK(f.get(v1 + "/a")["spec"]["size"] == Json(4));
  Json doc = f.get(v2 + "/a");
  doc.child("spec").set("length", 60);
  f.send("PUT", v2 + "/a", doc.dump(), 200);
  CHECK(f.get(v1 + "/a")["spec"]["size"] == Json(6));
  f.send("PATCH", v2 + "/a/status", R"({"status":{"seen":1}})", 200, "application/merge-patch+json");
  CHECK(f.get(v1 + "/a")["status"]["seen"] == Json(1));
  f.send("DELETE", v2 + "/a", "", 200);
  f.get(v1 + "/a", 404);
}

TEST_CASE("conversion: watches see events in their version") {
  Rods f;
  f.post(v1, Rods::rod("v1", "a", R"({"size":3})"));
  TestWatch watch;
  watch.exchange = std::make_unique<TestExchange>(
      f.sys.loop, net::Request{.target = v2 + "?watch=true", .headers = {{"Authorization", "Bearer ann"}}});
  watch.fiber = sys::spawn(f.sys.loop, "watch", [&f, &watch] { f.api->handle(*watch.exchange); });
  f.pass(base::milliseconds(100));
  auto events = Fixture::events(watch);
  REQUIRE(events.size() == 1);
  CHECK(events[0]["object"]["spec"]["length"] == Json(30));
  f.send("PATCH", v1 + "/a", R"({"spec":{"size":4}})", 200, "application/merge-patch+json");
  f.pass(base::milliseconds(100));
  events = Fixture::events(watch);
  REQUIRE(events.size() == 1);
  CHECK(events[0]["type"].string() == "MODIFIED");
  CHECK(events[0]["object"]["apiVersion"].string() == "stable.example.com/v2");
  CHECK(events[0]["object"]["spec"]["length"] == Json(40));
  // A webhook that fails ends the watch with the reason.
  f.hooks.raw["/convert"] = [](const Json&) { return net::Response::text(500, "broken"); };
  f.send("PATCH", v1 + "/a", R"({"spec":{"size":5}})", 200, "application/merge-patch+json");
  f.pass(base::milliseconds(100));
  events = Fixture::events(watch);
  REQUIRE(events.size() == 1);
  CHECK(events[0]["type"].string() == "ERROR");
  CHECK(events[0]["object"]["code"] == Json(500));
  CHECK(watch.fiber.done());
}

TEST_CASE("conversion: answers that are worth nothing") {
  Rods f;
  f.post(v1, Rods::rod("v1", "a", R"({"size":3})"));
  const std::string lead = "conversion webhook for stable.example.com/v1, Kind=Rod ";
  const auto why = [&] {
    const Json status = f.get(v2 + "/a", 500);
    CHECK_FALSE(status.has("reason"));
    return status["message"].string();
  };
  const auto answers = [&](std::function<Json(Json)> change) {
    f.hooks.raw["/convert"] = [change](const Json& body) {
      return Rods::answer(body,
                          Json::array({change(converted(body["request"]["objects"].at(0), "stable.example.com/v2"))}));
    };
  };
  answers([](Json doc) { return doc.set("apiVersion", "stable.example.com/v1"); });
  CHECK(why() == lead +
                     "returned invalid object at index 0: invalid groupVersion (expected stable.example.com/v2, "
                     "received stable.example.com/v1)");
  answers([](Json doc) { return doc.set("kind", "Pole"); });
  CHECK(why() == lead + "returned invalid object at index 0: invalid kind (expected Rod, received Pole)");
  answers([](Json doc) { return doc.set_path("metadata.name", "b"); });
  CHECK(why() == lead + "returned invalid object: must have the same name: a != b");
  answers([](Json doc) { return doc.set_path("metadata.labels", Json::object({{"a", 1}})); });
  CHECK(why().ends_with("metadata.labels[a] must be a string, but is integer in converted object"));
  f.hooks.raw["/convert"] = [](const Json& body) { return Rods::answer(body, Json::array()); };
  CHECK(why() == lead + "returned 0 objects, expected 1");
  f.hooks.raw["/convert"] = [&](const Json& body) {
    return net::Response::json(
        200, Json::object(
                 {{"apiVersion", "apiextensions.k8s.io/v1"},
                  {"kind", "ConversionReview"},
                  {"response", Json::object({{"uid", body["request"]["uid"]}, {"result", f.json(R"({"status":"Failed",
                                                                                "message":"no such unit"})")}})}}));
  };
  CHECK(why() == lead + "failed: no such unit");
  f.hooks.raw.clear();
  CHECK(why() == lead + "failed: the server could not find the requested resource");
  // The rest of metadata is put back, whatever the webhook does to it.
  answers([](Json doc) {
    doc.child("metadata").erase("creationTimestamp");
    doc.child("metadata").set("generation", 99);
    return doc;
  });
  const Json good = f.get(v2 + "/a");
  CHECK(good["metadata"]["generation"] == Json(1));
  CHECK(good["metadata"].has("creationTimestamp"));
}

TEST_CASE("conversion: when the storage version changes, objects are moved through the webhook") {
  Rods f;
  f.post(v1, Rods::rod("v1", "a", R"({"size":3})"));
  f.hooks.raw["/down"] = [](const Json&) { return net::Response::text(503, ""); };
  Json crd = f.get(definitions + "/rods.stable.example.com");
  crd.set("spec", definition(f, "v2", true, "/down")["spec"]);
  f.send("PUT", definitions + "/rods.stable.example.com", crd.dump(), 200);
  f.pass(base::seconds(1));
  // Shown as it is stored; changed only when it can be converted.
  CHECK(f.get(v1 + "/a")["spec"]["size"] == Json(3));
  f.send("PATCH", v1 + "/a", R"({"spec":{"size":4}})", 500, "application/merge-patch+json");
  f.hooks.raw["/down"] = f.hooks.raw["/convert"];
  f.pass(base::seconds(30));
  const auto stored = f.store->get("rods.stable.example.com", "default", "a");
  CHECK(stored->doc()["apiVersion"].string() == "stable.example.com/v2");
  CHECK(stored->doc()["spec"]["length"] == Json(30));
  f.send("PATCH", v1 + "/a", R"({"spec":{"size":4}})", 200, "application/merge-patch+json");
  CHECK(f.get(v2 + "/a")["spec"]["length"] == Json(40));
}

TEST_CASE("conversion: definitions say whom to call") {
  Admitted f;
  const auto why = [&](const std::string& change) {
    return f.post(definitions, base::merge_patch(definition(f, "v1", true), f.json(change)).dump(), 422)["message"]
        .string();
  };
  const std::string lead = "CustomResourceDefinition.apiextensions.k8s.io \"rods.stable.example.com\" is invalid: ";
  CHECK(why(R"({"spec":{"conversion":{"webhook":{"clientConfig":null}}}})") ==
        lead + "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook");
  CHECK(why(R"({"spec":{"conversion":{"webhook":{"clientConfig":{"url":null}}}}})") ==
        lead + "spec.conversion.webhookClientConfig: Required value: exactly one of url or service is required");
  CHECK(why(R"({"spec":{"conversion":{"webhook":{"conversionReviewVersions":["v9"]}}}})") ==
        lead +
            "spec.conversion.conversionReviewVersions: Invalid value: [\"v9\"]: must include at least one of v1, "
            "v1beta1");
  CHECK(why(R"({"spec":{"conversion":{"strategy":"None"}}})") ==
        lead +
            "[spec.conversion.webhookClientConfig: Forbidden: should not be set when strategy is not set to Webhook, "
            "spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to "
            "Webhook]");
}

TEST_CASE("versions: each request is held to the schema of its own version") {
  Rods f("v1", false);
  f.post(v2, Rods::rod("v2", "a", R"({"length":400})"));  // v1 knows no length
  CHECK(f.post(v2, Rods::rod("v2", "b", R"({"length":600})"), 422)["message"].string().find(
            "spec.length in body should be less than or equal to 500") != std::string::npos);
  CHECK(f.post(v1, Rods::rod("v1", "b", R"({"size":600})"), 422)["message"].string().find(
            "spec.size in body should be less than or equal to 100") != std::string::npos);
  f.post(v1, Rods::rod("v1", "b", R"({"size":60})"));
  CHECK(f.get(v2 + "/b")["spec"] == f.json(R"({"colour":"red"})"));
}

TEST_CASE("versions: a default that is new appears in old objects at once, and what is unknown now is not shown") {
  Rods f("v2", false);
  f.post(v2, Rods::rod("v2", "a", R"({"length":400})"));
  Json crd = f.get(definitions + "/rods.stable.example.com");
  auto& spec = crd.child("spec").child("versions").item(1).child("schema").child("openAPIV3Schema");
  spec.child("properties")
      .child("spec")
      .set("properties", f.json(R"({"colour":{"type":"string"},"shape":{"type":"string","default":"round"}})"));
  f.send("PUT", definitions + "/rods.stable.example.com", crd.dump(), 200);
  f.pass(base::seconds(1));
  CHECK(f.get(v2 + "/a")["spec"] == f.json(R"({"colour":"red","shape":"round"})"));
  CHECK(f.get(v2)["items"].at(0)["spec"]["shape"].string() == "round");
  f.send("PATCH", v2 + "/a", R"({"spec":{"colour":"blue"}})", 200, "application/merge-patch+json");
  CHECK(f.get(v2 + "/a")["spec"] == f.json(R"({"colour":"blue","shape":"round"})"));
}

}  // namespace
}  // namespace server

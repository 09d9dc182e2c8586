#include "remote/conversion.h"

#include <doctest/doctest.h>

#include "api/kinds.h"
#include "base/text.h"
#include "remote/install.h"
#include "remote/webhooks.h"

namespace {

using base::Json;

const meta::Scheme& scheme() { return api::management_scheme(); }

Json parse(const std::string& text) {
  auto doc = base::parse_json(text);
  REQUIRE_MESSAGE(doc.ok(), doc.error().text());
  return *doc;
}

Json converted(const Json& doc, const char* version) {
  auto out = remote::convert(scheme(), doc, version);
  REQUIRE_MESSAGE(out.ok(), out.error().text());
  return *out;
}

const char* machine_v1beta2 = R"({"apiVersion":"cluster.x-k8s.io/v1beta2","kind":"Machine",
  "metadata":{"name":"m","namespace":"n","labels":{"a":"b"}},
  "spec":{"clusterName":"c","bootstrap":{"dataSecretName":"s"},"providerID":"metal3://x",
    "infrastructureRef":{"apiGroup":"infrastructure.cluster.x-k8s.io","kind":"Metal3Machine","name":"m"},
    "deletion":{"nodeDrainTimeoutSeconds":300}},
  "status":{"conditions":[{"type":"Ready","status":"True","reason":"Fine","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}})";

TEST_CASE("what an older version shows and gives back is what was there") {
  const Json stored = parse(machine_v1beta2);
  const Json old = converted(stored, "cluster.x-k8s.io/v1beta1");
  CHECK(old["apiVersion"].string() == "cluster.x-k8s.io/v1beta1");
  CHECK(old.path("spec.nodeDrainTimeout").string() == "5m0s");
  CHECK(converted(old, "cluster.x-k8s.io/v1beta2") == stored);
  // A client of the old version changes something and leaves the rest.
  Json changed = old;
  changed.set_path("spec.nodeDrainTimeout", "1m0s").set_path("metadata.labels.a", "c");
  const Json back = converted(changed, "cluster.x-k8s.io/v1beta2");
  Json wanted = stored;
  wanted.set_path("spec.deletion.nodeDrainTimeoutSeconds", 60).set_path("metadata.labels.a", "c");
  CHECK(back == wanted);
  Json nonsense = old;
  nonsense.child("metadata").child("annotations").set(remote::kept_annotation, "{");
  CHECK(remote::convert(scheme(), nonsense, "cluster.x-k8s.io/v1beta2").ok());
}

TEST_CASE("a conversion review is answered, and a bad one refused") {
  Json review = parse(R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview","request":{"uid":"u",
    "desiredAPIVersion":"cluster.x-k8s.io/v1beta1","objects":[]}})");
  review.child("request").child("objects").push(parse(machine_v1beta2));
  auto answer = remote::answer_conversion(scheme(), review);
  REQUIRE(answer.ok());
  CHECK(answer->path("response.uid").string() == "u");
  CHECK(answer->path("response.result.status").string() == "Success");
  CHECK(answer->path("response.convertedObjects").at(0)["apiVersion"].string() == "cluster.x-k8s.io/v1beta1");
  review.child("request").set("desiredAPIVersion", "cluster.x-k8s.io/v9");
  answer = remote::answer_conversion(scheme(), review);
  CHECK(answer->path("response.result.status").string() == "Failure");
  CHECK(answer->path("response.convertedObjects").empty());
  CHECK(!remote::answer_conversion(scheme(), Json::object()).ok());
}

Json admission_review(const std::string& operation, const Json& object, const Json& old) {
  const auto [group, version] = meta::split_api_version(object["apiVersion"].string());
  Json request = Json::object({{"uid", "u"}, {"operation", operation}, {"object", object}, {"oldObject", old}});
  request.set("kind", Json::object({{"group", group}, {"version", version}, {"kind", object["kind"]}}));
  return Json::object({{"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}, {"request", request}});
}

TEST_CASE("defaults and rules beyond schemas hold on other servers too, in every version") {
  const Json deployment = parse(R"({"apiVersion":"cluster.x-k8s.io/v1beta1","kind":"MachineDeployment",
    "metadata":{"name":"d","namespace":"n"},"spec":{"clusterName":"c","template":{"spec":{"clusterName":"c",
    "bootstrap":{"dataSecretName":"s"},"infrastructureRef":{"apiVersion":"infrastructure.cluster.x-k8s.io/v1beta1",
    "kind":"Metal3MachineTemplate","name":"t"}}}}})");
  auto answer = remote::answer_mutation(scheme(), admission_review("CREATE", deployment, Json()));
  REQUIRE_MESSAGE(answer.ok(), answer.error().text());
  CHECK(answer->path("response.allowed").boolean());
  const auto patch = base::unbase64(answer->path("response.patch").string());
  REQUIRE(patch);
  const auto patched = base::json_patch(deployment, parse(*patch));
  REQUIRE_MESSAGE(patched.ok(), patched.error().text());
  CHECK(patched->path("spec.selector.matchLabels")["cluster.x-k8s.io/deployment-name"].string() == "d");
  CHECK((*patched)["apiVersion"].string() == "cluster.x-k8s.io/v1beta1");
  CHECK(patched->path("spec.template.spec.infrastructureRef.apiVersion").string() ==
        "infrastructure.cluster.x-k8s.io/v1beta1");

  Json moved = *patched;
  moved.set_path("spec.selector.matchLabels", Json::object({{"x", "y"}}));
  answer = remote::answer_validation(scheme(), admission_review("UPDATE", moved, *patched));
  REQUIRE(answer.ok());
  CHECK(!answer->path("response.allowed").boolean(true));
  CHECK(answer->path("response.status.code").integer() == 422);
  answer = remote::answer_validation(scheme(), admission_review("UPDATE", *patched, *patched));
  CHECK(answer->path("response.allowed").boolean());
  CHECK(!remote::answer_validation(scheme(), Json::object()).ok());
}

TEST_CASE("definitions serve what can be converted, and no more") {
  const auto served = [](const std::vector<Json>& all) {
    std::string out;
    for (const auto& one : all) {
      if (one.path("metadata.name").string() != "machines.cluster.x-k8s.io") continue;
      out = one.path("spec.conversion.strategy").string();
      for (const auto& version : one.path("spec.versions").items()) {
        out += " " + version["name"].string() + (version["served"].boolean() ? "+" : "-");
      }
    }
    return out;
  };
  CHECK(served(remote::definitions(scheme(), std::nullopt)) == " v1beta2+ v1beta1-");
  CHECK(served(remote::definitions(scheme(), remote::WebhookPlace{"https://x:1", "PEM"})) ==
        "Webhook v1beta2+ v1beta1+");
}

}  // namespace

#include "server/protobuf_body.h"

#include "server/test_server.h"

namespace server {
namespace {

// One length-delimited field; everything here is shorter than 128 bytes.
std::string field(int number, const std::string& bytes) {
  std::string out;
  out += static_cast<char>(number * 8 + 2);
  out += static_cast<char>(bytes.size());
  return out + bytes;
}
std::string number(int at, int value) {
  std::string out;
  out += static_cast<char>(at * 8);
  out += static_cast<char>(value);
  return out;
}
std::string entry(const std::string& key, const std::string& value) { return field(1, key) + field(2, value); }
std::string body(const std::string& kind, const std::string& object, const std::string& version = "v1") {
  return std::string("k8s\0", 4) + field(1, field(1, version) + field(2, kind)) + field(2, object) + field(3, "") +
         field(4, "");
}

TEST_CASE("protobuf: a Secret as client-go writes it") {
  const std::string meta = field(1, "s") + field(2, "") + field(3, "default") + number(7, 0) + field(8, "") +
                           field(11, entry("a", "")) + field(13, field(1, "Pod") + field(3, "p") + number(6, 0)) +
                           field(14, "example.com/f");
  const auto doc = parse_protobuf(
      body("Secret", field(1, meta) + field(2, entry("k", "\x01\x02")) + field(3, "Opaque") + number(5, 1)));
  REQUIRE_MESSAGE(doc.ok(), (doc ? "" : doc.error().text()));
  CHECK(doc->dump() ==
        R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"default","labels":{"a":""},)"
        R"("ownerReferences":[{"kind":"Pod","name":"p","controller":false}],"finalizers":["example.com/f"]},)"
        R"("data":{"k":"AQI="},"type":"Opaque","immutable":true})");
}

TEST_CASE("protobuf: times") {
  const std::string micro = number(1, 60) + number(2, 100);  // nanoseconds below a microsecond fall away
  const auto doc = parse_protobuf(body("Lease", field(2, field(1, "me") + number(2, 15) + field(4, micro))));
  REQUIRE(doc.ok());
  CHECK((*doc)["spec"]["renewTime"].string() == "1970-01-01T00:01:00.000000Z");
  CHECK((*doc)["spec"]["leaseDurationSeconds"].integer() == 15);
}

TEST_CASE("protobuf: what cannot be read") {
  const std::string good = body("ConfigMap", field(1, field(1, "c")) + field(2, entry("k", "v")));
  REQUIRE(parse_protobuf(good).ok());
  // Cut anywhere, it is refused or means less; it never reads past its end.
  for (size_t length = 0; length < good.size(); ++length) {
    const auto cut = parse_protobuf(std::string_view(good).substr(0, length));
    if (!cut) CHECK((cut.error().code == base::Code::bad_request || cut.error().code == base::Code::unsupported));
    if (cut) CHECK(cut->has("data") == (length >= good.size() - 4));
  }
  CHECK(parse_protobuf(body("Gadget", "")).error().code == base::Code::unsupported);
  CHECK(parse_protobuf(body("ConfigMap", number(1, 5))).error().code == base::Code::bad_request);
  CHECK(parse_protobuf(body("ConfigMap", field(2, entry("k", "\xff")))).error().code == base::Code::bad_request);
}

TEST_CASE("protobuf: objects, delete options and reviews arrive in it") {
  Place at;
  const std::string type = "application/vnd.kubernetes.protobuf";
  Fixture::doc(at.write("POST", "/api/v1/namespaces", body("Namespace", field(1, field(1, "n")) + field(2, "")), type),
               201);
  CHECK(at.get("/api/v1/namespaces/n").status == 200);
  at.note("a");
  const auto options = body("DeleteOptions", field(4, "Foreground"));
  CHECK(Fixture::doc(at.write("DELETE", notes + "/a", options, type), 200)["metadata"]["finalizers"].size() == 1);
  const std::string group = "authorization.k8s.io/v1";
  const auto question =
      body("SelfSubjectAccessReview", field(2, field(1, field(2, "list") + field(5, "notes"))), group);
  const std::string reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const Json answer = Fixture::doc(at.write("POST", reviews, question, type), 201);
  CHECK(answer["status"]["allowed"].boolean());
  CHECK(answer["spec"]["resourceAttributes"]["resource"].string() == "notes");
  const auto rules = body("SelfSubjectRulesReview", field(2, field(1, "default")), group);
  const Json mine =
      Fixture::doc(at.write("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", rules, type), 201);
  CHECK(mine["status"].has("resourceRules"));
}

TEST_CASE("everybody may ask about themselves") {
  Place at;
  const auto ask = [&](const std::string& target, const std::string& body_text, const std::string& token) {
    return at.send({.method = "POST", .target = target, .body = body_text}, token);
  };
  const std::string access = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const std::string question = R"({"spec":{"resourceAttributes":{"verb":"list","resource":"notes"}}})";
  CHECK_FALSE(Fixture::doc(ask(access, question, "bob"), 201)["status"]["allowed"].boolean(true));
  const std::string health = R"({"spec":{"nonResourceAttributes":{"verb":"get","path":"/healthz"}}})";
  CHECK(Fixture::doc(ask(access, health, "bob"), 201)["status"]["allowed"].boolean());
  CHECK(ask(access, "{}", "bob").status == 422);
  CHECK(ask(access, question, "").status == 403);
  const Json who = Fixture::doc(ask("/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}", "bob"), 201);
  CHECK(who["status"]["userInfo"]["username"].string() == "bob");
}

}  // namespace
}  // namespace server

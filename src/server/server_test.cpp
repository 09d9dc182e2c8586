#include "server/server.h"

#include "crypto/x509.h"
#include "server/test_server.h"
#include "store/manual_engine.h"

namespace server {
namespace {

std::string message(const Json& status) { return status["message"].string(); }

TEST_CASE("an object's life: create, read, update, delete") {
  Place at;
  const Json made = at.note("a", R"(,"text":"one")");
  CHECK(made["apiVersion"].string() == "v1");
  CHECK(made["kind"].string() == "Note");
  CHECK(made["metadata"]["namespace"].string() == "default");
  CHECK_FALSE(made["metadata"]["uid"].string().empty());
  CHECK(Fixture::doc(at.get(notes + "/a"), 200) == made);

  Json changed = made;
  changed.set("text", "two");
  const Json updated = Fixture::doc(at.write("PUT", notes + "/a", changed.dump()), 200);
  CHECK(updated["text"].string() == "two");
  CHECK(updated["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]);
  // Writing the same again changes nothing, not even the revision.
  CHECK(Fixture::doc(at.write("PUT", notes + "/a", updated.dump()), 200) == updated);

  const Json conflict = Fixture::doc(at.write("PUT", notes + "/a", changed.dump()), 409);
  CHECK(conflict["reason"].string() == "Conflict");
  CHECK(message(conflict) ==
        "Operation cannot be fulfilled on notes \"a\": the object has been modified; please apply your changes to the "
        "latest version and try again");
  CHECK(conflict["details"] == Json::object({{"name", "a"}, {"kind", "notes"}}));

  const Json gone = Fixture::doc(at.write("DELETE", notes + "/a", ""), 200);
  CHECK(gone["status"].string() == "Success");
  CHECK(gone["details"]["kind"].string() == "notes");
  CHECK(gone["details"]["uid"] == made["metadata"]["uid"]);
  const Json missing = Fixture::doc(at.get(notes + "/a"), 404);
  CHECK(message(missing) == "notes \"a\" not found");
  CHECK(missing["reason"].string() == "NotFound");
  CHECK(missing["code"].integer() == 404);
}

TEST_CASE("finalizers keep a deleted object, and the delete shows it") {
  Place at;
  at.note("a", R"(,"text":"x")");
  const auto patch = R"({"metadata":{"finalizers":["example.com/hold"]}})";
  Fixture::doc(at.write("PATCH", notes + "/a", patch, "application/merge-patch+json"), 200);
  const Json held = Fixture::doc(at.write("DELETE", notes + "/a", ""), 200);
  CHECK(held["kind"].string() == "Note");
  CHECK(held["metadata"].has("deletionTimestamp"));
  const auto release = R"({"metadata":{"finalizers":null}})";
  Fixture::doc(at.write("PATCH", notes + "/a", release, "application/merge-patch+json"), 200);
  CHECK(at.get(notes + "/a").status == 404);
}

TEST_CASE("delete options come in the body or the query") {
  Place at;
  at.note("a");
  const Json refused = Fixture::doc(
      at.write("DELETE", notes + "/a", R"({"kind":"DeleteOptions","preconditions":{"uid":"other"}})"), 409);
  CHECK(refused["reason"].string() == "Conflict");
  CHECK(at.write("DELETE", notes + "/a?dryRun=All", "").status == 200);
  CHECK(at.get(notes + "/a").status == 200);
  const Json held = Fixture::doc(at.write("DELETE", notes + "/a?propagationPolicy=Foreground", ""), 200);
  CHECK(held["metadata"]["finalizers"] == Json::array({"foregroundDeletion"}));
  CHECK(at.write("DELETE", notes + "/a", R"({"propagationPolicy":"Sideways"})").status == 422);
}

TEST_CASE("deletecollection deletes what the selectors name and lists it") {
  Place at;
  at.note("a", R"(,"type":"x")");
  at.note("b", R"(,"type":"y")");
  at.note("c", R"(,"type":"x")");
  const Json gone = Fixture::doc(at.write("DELETE", notes + "?fieldSelector=type%3Dx", ""), 200);
  CHECK(gone["kind"].string() == "NoteList");
  CHECK(gone["items"].size() == 2);
  const Json left = Fixture::doc(at.get(notes), 200);
  REQUIRE(left["items"].size() == 1);
  CHECK(left["items"].at(0)["metadata"]["name"].string() == "b");
}

TEST_CASE("errors are what clients of the real server expect") {
  Place at;
  SUBCASE("unknown paths are plain text outside the groups of core kinds") {
    for (const auto* path :
         {"/apis/none.example.com/v3/widgets", "/apis/none.example.com", "/nowhere", "/apis/example.com/v3/widgets"}) {
      const auto answer = at.get(path);
      CHECK_MESSAGE(answer.status == 404, path);
      CHECK(answer.body == "404 page not found\n");
    }
    for (const auto* path :
         {"/api/v1/namespaces/default/gadgets", "/api/v1/notes/a", "/api/v1/namespaces/default/notes/a/status"}) {
      const Json refused = Fixture::doc(at.get(path), 404);
      CHECK(refused["message"].string() == "the server could not find the requested resource");
      CHECK(refused["details"] == Json::object());
    }
  }
  SUBCASE("methods") {
    const Json refused = Fixture::doc(at.write("POST", notes + "/a", "{}"), 405);
    CHECK(refused["reason"].string() == "MethodNotAllowed");
    CHECK(at.write("POST", "/api/v1/notes", "{}").status == 405);
    CHECK(at.write("DELETE", "/api/v1/namespaces", "").status == 405);
  }
  SUBCASE("media types") {
    CHECK(Fixture::doc(at.write("POST", notes, "x", "text/plain"), 415)["reason"].string() == "UnsupportedMediaType");
    const auto refused = at.get(notes, "application/vnd.kubernetes.protobuf");
    CHECK(refused.status == 406);
    CHECK(refused.headers.get("Content-Type") == "application/vnd.kubernetes.protobuf");
    CHECK(refused.body.find("NotAcceptable") != std::string::npos);
    CHECK(at.get(notes, "application/vnd.kubernetes.protobuf,application/json").status == 200);
  }
  SUBCASE("bodies") {
    CHECK(Fixture::doc(at.write("POST", notes, "{"), 400)["reason"].string() == "BadRequest");
    CHECK(at.write("POST", notes, "[]").status == 400);
    CHECK(at.write("POST", notes, std::string((3u << 20) + 1, ' ')).status == 413);
    CHECK(
        message(Fixture::doc(at.write("POST", notes, R"({"apiVersion":"v2"})"), 400)) ==
        R"(Note in version "v2" cannot be handled as a Note: no kind "Note" is registered for version "v2" in scheme )"
        R"("pkg/runtime/scheme.go:111")");
    CHECK(message(Fixture::doc(at.write("PUT", notes + "/a", R"({"metadata":{"name":"b"}})"), 400)) ==
          "the name of the object (b) does not match the name on the URL (a)");
    CHECK(at.write("POST", notes, R"({"metadata":{"name":"a","namespace":"other"}})").status == 400);
    CHECK(at.write("POST", widgets, R"({"apiVersion":"example.com/v2","kind":"Gadget"})").status == 422);
  }
  SUBCASE("validation names the fields") {
    const Json bad =
        Fixture::doc(at.write("POST", widgets, R"({"metadata":{"name":"w"},"spec":{"size":0,"color":"green"}})"), 422);
    CHECK(bad["reason"].string() == "Invalid");
    CHECK(bad["details"]["kind"].string() == "Widget");
    CHECK(bad["details"]["group"].string() == "example.com");
    CHECK(bad["details"]["name"].string() == "w");
    REQUIRE(bad["details"]["causes"].size() >= 2);
    CHECK(bad["details"]["causes"].at(0)["field"].string() == "spec.size");
    CHECK(bad["details"]["causes"].at(0)["reason"].string() == "FieldValueInvalid");
  }
  SUBCASE("a namespace that is not there, a name that is") {
    const Json missing =
        Fixture::doc(at.write("POST", "/api/v1/namespaces/no/notes", R"({"metadata":{"name":"a"}})"), 404);
    CHECK(missing["details"] == Json::object({{"name", "no"}, {"kind", "namespaces"}}));
    at.note("a");
    const Json twice = Fixture::doc(at.write("POST", notes, R"({"metadata":{"name":"a"}})"), 409);
    CHECK(twice["reason"].string() == "AlreadyExists");
  }
  SUBCASE("a custom kind's update must name a revision") {
    at.post(widgets, R"({"metadata":{"name":"w"},"spec":{}})");
    const Json refused = Fixture::doc(at.write("PUT", widgets + "/w", R"({"metadata":{"name":"w"},"spec":{}})"), 422);
    CHECK(message(refused) ==
          "widgets.example.com \"w\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an "
          "update");
  }
}

TEST_CASE("who asks, and what they may") {
  Place at;
  SUBCASE("nobody sees health and version only") {
    for (const auto* path : {"/healthz", "/livez", "/readyz", "/readyz/ping", "/version"}) {
      CHECK_MESSAGE(at.send({.target = path}, "").status == 200, path);
    }
    const Json refused = Fixture::doc(at.send({.target = notes}, ""), 403);
    CHECK(message(refused) ==
          "notes is forbidden: User \"system:anonymous\" cannot list resource \"notes\" in API group \"\" in the "
          "namespace \"default\"");
    CHECK(message(Fixture::doc(at.send({.target = "/apis"}, ""), 403)) ==
          "forbidden: User \"system:anonymous\" cannot get path \"/apis\"");
  }
  SUBCASE("a wrong token is worse than none") {
    const Json refused = Fixture::doc(at.send({.target = "/healthz"}, "wrong"), 401);
    CHECK(refused["reason"].string() == "Unauthorized");
  }
  SUBCASE("a known user is not an administrator") {
    const Json refused = Fixture::doc(at.send({.method = "DELETE", .target = widgets + "/w"}, "bob"), 403);
    CHECK(message(refused) ==
          "widgets.example.com \"w\" is forbidden: User \"bob\" cannot delete resource \"widgets\" in API group "
          "\"example.com\" in the namespace \"default\"");
  }
  SUBCASE("an administrator may act as somebody else") {
    const auto as = [&](const std::string& user, const std::string& group, const std::string& token) {
      net::Request request{.target = notes, .headers = {{"Impersonate-User", user}}};
      if (!group.empty()) request.headers.add("Impersonate-Group", group);
      return at.send(std::move(request), token);
    };
    CHECK(message(Fixture::doc(as("eve", "", "root"), 403)).find("User \"eve\" cannot list") != std::string::npos);
    CHECK(as("eve", "system:masters", "root").status == 200);
    CHECK(message(Fixture::doc(as("root", "system:masters", "bob"), 403)) ==
          "users \"root\" is forbidden: User \"bob\" cannot impersonate resource \"users\" in API group \"\" at the "
          "cluster scope");
  }
  SUBCASE("an authorizer of one's own sees what is asked") {
    Attributes seen;
    User who;
    auto options = at.options;
    options.authorizer = [&](const User& user, const Attributes& attributes) {
      who = user;
      seen = attributes;
      return true;
    };
    at.api = std::make_unique<ApiServer>(at.sys, at.registry, options);
    at.send({.method = "GET", .target = widgets + "/w/status"}, "bob");
    CHECK(who.groups == std::vector<std::string>{"people", "system:authenticated"});
    CHECK(seen.verb == "get");
    CHECK(seen.resource == "widgets");
    CHECK(seen.subresource == "status");
    CHECK(seen.name == "w");
    at.send({.method = "DELETE", .target = widgets}, "bob");
    CHECK(seen.verb == "deletecollection");
  }
}

TEST_CASE("a client certificate is an identity, over TLS from end to end") {
  Place at;
  const auto issue = [&](crypto::CertificateRequest request, const std::string& key, const std::string& ca,
                         const std::string& ca_key) {
    request.not_before = at.sys.loop.now() - base::hours(1);
    request.not_after = at.sys.loop.now() + base::hours(1);
    return crypto::issue_certificate(request, key, ca, ca_key).value();
  };
  const auto ca_key = at.sys.keys.ec_p256_pem(), key = at.sys.keys.ec_p256_pem();
  const auto ca = issue({.common_name = "ca", .is_ca = true}, ca_key, "", ca_key);
  auto options = at.options;
  options.listen = {{"10.0.0.1", 6443}};
  options.tls.key_pem = key;
  options.tls.certificate_pem =
      issue({.common_name = "server", .ip_addresses = {"10.0.0.1"}, .server_auth = true}, key, ca, ca_key);
  options.tls.client_ca_pem = ca;
  at.api = std::make_unique<ApiServer>(at.sys, at.registry, options);
  REQUIRE(at.api->start());

  auto& client_sys = at.world.process("10.0.0.2", "client");
  const auto status_for = [&](const std::string& group) {
    net::ClientOptions client{.server = {"10.0.0.1", 6443}};
    client.tls_options.ca_pem = ca;
    client.tls_options.key_pem = key;
    client.tls_options.certificate_pem =
        issue({.common_name = "someone", .organizations = {group}, .client_auth = true}, key, ca, ca_key);
    int status = 0;
    auto fiber = sys::spawn(client_sys.loop, "client", [&] {
      net::HttpClient http(client_sys.loop, client_sys.net, client);
      auto response = http.send({.target = "/api/v1/notes"});
      REQUIRE_MESSAGE(response.ok(), (response ? "" : response.error().text()));
      status = response->status;
    });
    REQUIRE(at.world.loop().run_until([&] { return fiber.done(); }));
    return status;
  };
  CHECK(status_for("system:masters") == 200);
  CHECK(status_for("others") == 403);
}

TEST_CASE("a dry run goes all the way and stores nothing") {
  Place at;
  const uint64_t before = at.store->revision();
  const Json made =
      Fixture::doc(at.write("POST", widgets + "?dryRun=All", R"({"metadata":{"name":"w"},"spec":{}})"), 201);
  CHECK(made["spec"]["size"].integer() == 3);
  CHECK_FALSE(made["metadata"]["uid"].string().empty());
  CHECK(at.store->revision() == before);
  CHECK(at.write("POST", widgets + "?dryRun=Some", R"({"metadata":{"name":"w"},"spec":{}})").status == 422);
}

TEST_CASE("unknown and duplicate fields") {
  Place at;
  const std::string body = R"({"metadata":{"name":"w"},"spec":{"bogus":1,"size":4,"size":5}})";
  SUBCASE("are warnings by default") {
    const auto answer = at.write("POST", widgets, body);
    CHECK(answer.status == 201);
    std::vector<std::string> warnings;
    for (const auto& [name, value] : answer.headers.all()) {
      if (name == "Warning") warnings.push_back(value);
    }
    CHECK(warnings == std::vector<std::string>{R"(299 - "duplicate field \"spec.size\"")",
                                               R"(299 - "unknown field \"spec.bogus\"")"});
    CHECK_FALSE(Fixture::doc(answer, 201)["spec"].has("bogus"));
  }
  SUBCASE("are refused when asked to") {
    const Json refused = Fixture::doc(at.write("POST", widgets + "?fieldValidation=Strict", body), 400);
    CHECK(message(refused) ==
          "Widget in version \"v2\" cannot be handled as a Widget: strict decoding error: duplicate field "
          "\"spec.size\", unknown field \"spec.bogus\"");
  }
  SUBCASE("are passed over when asked to") {
    CHECK_FALSE(at.write("POST", widgets + "?fieldValidation=Ignore", body).headers.has("Warning"));
  }
}

TEST_CASE("YAML in and out") {
  Place at;
  const auto made = at.write("POST", notes, "metadata:\n  name: a\ntext: \"1\"\n", "application/yaml");
  CHECK(made.status == 201);
  const auto shown = at.get(notes + "/a", "application/yaml");
  CHECK(shown.headers.get("Content-Type") == "application/yaml");
  CHECK(shown.body.find("\ntext: \"1\"\n") != std::string::npos);
}

TEST_CASE("patches") {
  Place at;
  at.post(widgets, R"({"metadata":{"name":"w"},"spec":{"parts":["a","b"]}})");
  at.note("n", R"(,"items":[{"name":"a","value":"1"},{"name":"b","value":"2"}])");
  const auto patch = [&](const std::string& target, const std::string& body, const std::string& type) {
    return at.write("PATCH", target, body, "application/" + type + "-patch+json");
  };
  SUBCASE("JSON") {
    const auto body = R"([{"op":"test","path":"/spec/parts/0","value":"a"},{"op":"remove","path":"/spec/parts/0"}])";
    CHECK(Fixture::doc(patch(widgets + "/w", body, "json"), 200)["spec"]["parts"] == Json::array({"b"}));
    CHECK(patch(widgets + "/w", body, "json").status == 422);
    CHECK(patch(widgets + "/w", "{}", "json").status == 400);
  }
  SUBCASE("merge") {
    const Json done = Fixture::doc(patch(widgets + "/w", R"({"spec":{"size":7,"parts":null}})", "merge"), 200);
    CHECK(done["spec"] == Json::object({{"size", 7}}));
    CHECK(done["metadata"]["generation"].integer() == 2);
    CHECK(patch(widgets + "/w", R"({"metadata":{"resourceVersion":"1"}})", "merge").status == 409);
    CHECK(patch(widgets + "/w", R"({"metadata":{"name":"v"}})", "merge").status == 400);
    CHECK(patch(widgets + "/none", "{}", "merge").status == 404);
    CHECK(patch(widgets + "/w?fieldValidation=Strict", R"({"spec":{"bogus":1}})", "merge").status == 422);
  }
  SUBCASE("strategic, for core kinds") {
    const Json done =
        Fixture::doc(patch(notes + "/n", R"({"items":[{"name":"b","value":"3"}]})", "strategic-merge"), 200);
    REQUIRE(done["items"].size() == 2);
    CHECK(done["items"].at(1)["value"].string() == "3");
    CHECK(patch(widgets + "/w", "{}", "strategic-merge").status == 415);
  }
}

TEST_CASE("server-side apply") {
  Place at;
  const auto apply = [&](const std::string& name, const std::string& spec, const std::string& query) {
    return at.write("PATCH", widgets + "/" + name + "?" + query,
                    "apiVersion: example.com/v2\nkind: Widget\nmetadata: {name: " + name + "}\nspec: " + spec + "\n",
                    "application/apply-patch+yaml");
  };
  const Json made = Fixture::doc(apply("w", "{size: 4}", "fieldManager=a"), 201);
  CHECK(made["metadata"]["managedFields"].at(0)["manager"].string() == "a");
  CHECK(Fixture::doc(apply("w", "{size: 4}", "fieldManager=a"), 200) == made);
  const Json refused = Fixture::doc(apply("w", "{size: 5}", "fieldManager=b"), 409);
  CHECK(refused["reason"].string() == "Conflict");
  CHECK(message(refused) == "Apply failed with 1 conflict: conflict with \"a\": .spec.size");
  CHECK(refused["details"]["causes"].at(0)["reason"].string() == "FieldManagerConflict");
  CHECK(Fixture::doc(apply("w", "{size: 5}", "fieldManager=b&force=true"), 200)["spec"]["size"].integer() == 5);
  // An ordinary write takes part from now on.
  at.write("PATCH", widgets + "/w?fieldManager=c", R"({"spec":{"size":6}})", "application/merge-patch+json");
  CHECK(apply("w", "{size: 5}", "fieldManager=b").status == 409);
  CHECK(apply("v", "{size: 1}", "fieldManager=a&dryRun=All").status == 201);
  CHECK(at.get(widgets + "/v").status == 404);
  CHECK(apply("w", "{size: 5}", "").status == 422);
  CHECK(apply("w", "{bogus: 5}", "fieldManager=a").status == 500);
  CHECK(at.write("PATCH", widgets + "/w?fieldManager=a", "{}", "application/apply-patch+yaml").status == 400);
  CHECK(at.write("PATCH", widgets + "/w?force=true", "{}", "application/merge-patch+json").status == 422);
  const Json status =
      Fixture::doc(at.write("PATCH", widgets + "/w/status?fieldManager=s",
                            "{apiVersion: example.com/v2, kind: Widget, status: {size: 2}, spec: {size: 9}}",
                            "application/apply-patch+yaml"),
                   200);
  CHECK(status["status"]["size"].integer() == 2);
  CHECK(status["spec"]["size"].integer() == 6);
}

TEST_CASE("status and the rest are written apart") {
  Place at;
  at.post(widgets, R"({"metadata":{"name":"w"},"spec":{}})");
  const auto body = R"({"spec":{"size":9},"status":{"size":2}})";
  const Json status = Fixture::doc(at.write("PATCH", widgets + "/w/status", body, "application/merge-patch+json"), 200);
  CHECK(status["status"]["size"].integer() == 2);
  CHECK(status["spec"]["size"].integer() == 3);
  CHECK(status["metadata"]["generation"].integer() == 1);
  const Json main = Fixture::doc(
      at.write("PATCH", widgets + "/w", R"({"spec":{"size":9},"status":null})", "application/merge-patch+json"), 200);
  CHECK(main["status"]["size"].integer() == 2);
  CHECK(main["spec"]["size"].integer() == 9);
}

TEST_CASE("scale") {
  Place at;
  at.post(widgets, R"({"metadata":{"name":"w"},"spec":{}})");
  const Json scale = Fixture::doc(at.get(widgets + "/w/scale"), 200);
  CHECK(scale["apiVersion"].string() == "autoscaling/v1");
  CHECK(scale["kind"].string() == "Scale");
  CHECK(scale["spec"]["replicas"].integer() == 3);
  CHECK(scale["status"]["replicas"].integer() == 0);
  const Json more = Fixture::doc(
      at.write("PATCH", widgets + "/w/scale", R"({"spec":{"replicas":5}})", "application/merge-patch+json"), 200);
  CHECK(more["spec"]["replicas"].integer() == 5);
  Json put = more;
  put.child("spec").set("replicas", 6);
  CHECK(Fixture::doc(at.write("PUT", widgets + "/w/scale", put.dump()), 200)["spec"]["replicas"].integer() == 6);
  CHECK(at.write("PUT", widgets + "/w/scale", put.dump()).status == 409);
  put.child("spec").set("replicas", -1);
  put.child("metadata").erase("resourceVersion");
  CHECK(at.write("PUT", widgets + "/w/scale", put.dump()).status == 422);
  CHECK(Fixture::doc(at.get(widgets + "/w"), 200)["spec"]["size"].integer() == 6);
}

TEST_CASE("an older version is another face of the same object") {
  Place at;
  at.post(widgets, R"({"metadata":{"name":"w"},"spec":{"size":4,"color":"red"}})");
  const auto answer = at.get(old_widgets + "/w");
  CHECK(answer.headers.get("Warning") == "299 - \"example.com/v1 Widget is deprecated\"");
  Json old = Fixture::doc(answer, 200);
  CHECK(old["apiVersion"].string() == "example.com/v1");
  CHECK(old["spec"] == Json::object({{"length", 4}}));
  // What v1 cannot say survives a write through v1.
  old.child("spec").set("length", 6);
  CHECK(Fixture::doc(at.write("PUT", old_widgets + "/w", old.dump()), 200)["spec"]["length"].integer() == 6);
  Json now = Fixture::doc(at.get(widgets + "/w"), 200);
  CHECK(now["spec"] == Json::object({{"size", 6}, {"color", "red"}}));
  at.write("PATCH", old_widgets + "/w", R"({"spec":{"parts":["p"]}})", "application/merge-patch+json");
  now = Fixture::doc(at.get(widgets + "/w"), 200);
  CHECK(now["spec"] == Json::object({{"size", 6}, {"color", "red"}, {"parts", Json::array({"p"})}}));
  CHECK(at.post(old_widgets, R"({"metadata":{"name":"v"},"spec":{"length":2}})")["spec"]["length"].integer() == 2);
  CHECK(Fixture::doc(at.get(widgets + "/v"), 200)["spec"]["size"].integer() == 2);
  CHECK(Fixture::doc(at.get(old_widgets), 200)["items"].at(0)["apiVersion"].string() == "example.com/v1");
}

TEST_CASE("eviction of a pod is its deletion") {
  Place at;
  const std::string pods = "/api/v1/namespaces/default/pods";
  at.post(pods, R"({"metadata":{"name":"p"}})");
  const Json done = Fixture::doc(
      at.write("POST", pods + "/p/eviction", R"({"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p"}})"),
      201);
  CHECK(done["status"].string() == "Success");
  CHECK(at.get(pods + "/p").status == 404);
  CHECK(at.write("POST", pods + "/p/eviction", "{}").status == 404);
}

TEST_CASE("a namespace is finalized by its own subresource") {
  Place at;
  Json space = Fixture::doc(at.write("DELETE", "/api/v1/namespaces/other", ""), 404);
  at.post("/api/v1/namespaces", R"({"metadata":{"name":"n"}})");
  space = Fixture::doc(at.write("DELETE", "/api/v1/namespaces/n", ""), 200);
  CHECK(space["status"]["phase"].string() == "Terminating");
  space.child("spec").erase("finalizers");
  CHECK(at.write("PUT", "/api/v1/namespaces/n/finalize", space.dump()).status == 200);
  CHECK(at.get("/api/v1/namespaces/n").status == 404);
}

TEST_CASE("a write is answered when it is durable, and nobody sees it before") {
  auto owned = std::make_unique<store::ManualEngine>();
  auto& engine = *owned;
  Fixture at(std::move(owned));
  const auto start = [&](const std::string& method, const std::string& target, const std::string& body) {
    auto exchange = std::make_unique<TestExchange>(
        at.sys.loop,
        net::Request{.method = method, .target = target, .headers = {{"Authorization", "Bearer root"}}, .body = body});
    sys::spawn(at.sys.loop, "request", [&at, exchange = exchange.get()] { at.api->handle(*exchange); });
    at.pass(base::milliseconds(1));
    return exchange;
  };
  const auto post = start("POST", "/api/v1/namespaces", R"({"metadata":{"name":"n"}})");
  CHECK(post->response.status == 0);
  CHECK(Fixture::doc(at.get("/api/v1/namespaces"), 200)["items"].empty());
  const auto get = start("GET", "/api/v1/namespaces/n", "");
  CHECK(get->response.status == 0);
  SUBCASE("then both are") {
    engine.succeed(1);
    at.pass(base::milliseconds(1));
    CHECK(post->response.status == 201);
    CHECK(get->response.status == 200);
  }
  SUBCASE("a lost one is an error to come back from") {
    engine.fail_all();
    at.pass(base::milliseconds(1));
    CHECK(post->response.status == 503);
    CHECK(post->response.headers.get("Retry-After") == "1");
    CHECK(get->response.status == 503);
  }
}

TEST_CASE("what the server says about itself") {
  Place at;
  const Json version = Fixture::doc(at.get("/version"), 200);
  CHECK(version["gitVersion"].string() == "v1.33.0");
  CHECK(version["minor"].string() == "33");
  CHECK(at.get("/readyz?verbose").body == "[+]ping ok\n[+]store ok\nreadyz check passed\n");
  CHECK(at.get("/readyz/none").status == 404);
  CHECK(Fixture::doc(at.get("/apis/example.com"), 200)["kind"].string() == "APIGroup");
  CHECK(Fixture::doc(at.get("/openapi/v3"), 200)["paths"].has("apis/example.com/v2"));
}

}  // namespace
}  // namespace server

// ValidatingAdmissionPolicies and matchConditions through the front door.
#include "server/admission/test_webhooks.h"

namespace server {
namespace {

const std::string group = "/apis/admissionregistration.k8s.io/v1/";
const std::string limits_crd = R"~({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
  "metadata":{"name":"limits.rules.example.com"},"spec":{"group":"rules.example.com","scope":"Namespaced",
  "names":{"plural":"limits","kind":"Limit"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{
  "openAPIV3Schema":{"type":"object","properties":{"most":{"type":"integer"}}}}}]}})~";

struct Policed : Admitted {
  Json policy(const std::string& name, const std::string& more, int status = 201) {
    const Json base = json(R"~({"metadata":{},"spec":{"matchConstraints":{"resourceRules":[{"operations":["*"],
      "apiGroups":[""],"apiVersions":["v1"],"resources":["configmaps"]}]}}})~");
    Json doc = base::merge_patch(base, json(R"~({"spec":)~" + more + "}"));
    doc.set_path("metadata.name", name);
    return post(group + "validatingadmissionpolicies", doc.dump(), status);
  }
  Json bind(const std::string& name, const std::string& policy, const std::string& more = "{}", int status = 201) {
    Json doc = json(R"~({"metadata":{},"spec":{"validationActions":["Deny"]}})~");
    doc = base::merge_patch(doc, json(R"~({"spec":)~" + more + "}"));
    doc.set_path("metadata.name", name).set_path("spec.policyName", policy);
    return post(group + "validatingadmissionpolicybindings", doc.dump(), status);
  }
  std::string denied(const std::string& name, const std::string& more = "", int status = 422) {
    return map(name, status, more)["message"].string();
  }
};

TEST_CASE("policies: a bound one denies, with the texts and codes of kube-apiserver") {
  Policed f;
  f.policy("p", R"~({"validations":[{"expression":"object.metadata.name.startsWith('a')"},
    {"expression":"!has(object.metadata.labels)","message":"no labels, please","reason":"Forbidden"},
    {"expression":"object.data.a == '1'","messageExpression":"'a is ' + object.data.a"}]})~");
  f.map("b");  // not in force yet
  f.bind("x", "p");
  f.map("a");
  const Json status = f.map("c", 422);
  const std::string message =
      "ValidatingAdmissionPolicy 'p' with binding 'x' denied request: failed expression: "
      "object.metadata.name.startsWith('a')";
  CHECK(status["message"].string() == "configmaps \"c\" is forbidden: " + message);
  CHECK(status["reason"].string() == "Invalid");
  CHECK(status["details"] ==
        Json::object(
            {{"name", "c"}, {"kind", "configmaps"}, {"causes", Json::array({Json::object({{"message", message}})})}}));
  CHECK(f.denied("ab", R"~(,"labels":{"x":"y"})~", 403) ==
        "configmaps \"ab\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'x' denied request: no labels, "
        "please");
  CHECK(f.post(maps, R"~({"metadata":{"name":"ac"},"data":{"a":"2"}})~", 422)["message"].string() ==
        "configmaps \"ac\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'x' denied request: a is 2");
  f.send("DELETE", group + "validatingadmissionpolicybindings/x", "", 200);
  f.map("c");
}

TEST_CASE("policies: updates and deletions, old objects, requests, namespaces, variables and the authorizer") {
  Policed f;
  f.map("a");
  f.policy("p", R"~({"variables":[{"name":"before","expression":"oldObject == null ? {} : oldObject.data"},
      {"name":"grown","expression":"variables.before.all(k, k in object.data)"}],
    "matchConditions":[{"name":"changes","expression":"request.operation != 'DELETE'"}],
    "validations":[{"expression":"variables.grown","message":"nothing may go"},
      {"expression":"namespaceObject.metadata.labels.env == 'prod'"},
      {"expression":"request.userInfo.username == 'ann' && request.resource.resource == 'configmaps'"},
      {"expression":"authorizer.group('').resource('configmaps').namespace('default').check('update').allowed()"},
      {"expression":"authorizer.requestResource.check('get').allowed()"}]})~");
  f.bind("x", "p");
  f.send("PATCH", maps + "/a", R"~({"data":{"b":"2"}})~", 200, "application/merge-patch+json");
  CHECK(f.send("PATCH", maps + "/a", R"~({"data":{"a":null}})~", 422, "application/merge-patch+json")["message"]
            .string() ==
        "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'x' denied request: nothing may go");
  f.send("DELETE", maps + "/a", "", 200);
  f.policy("d", R"~({"validations":[{"expression":"request.operation != 'DELETE' || oldObject.metadata.name != 'keep'",
    "message":"kept"}]})~");
  f.bind("y", "d");
  f.map("keep");
  f.send("DELETE", maps + "/keep", "", 422);
  f.get(maps + "/keep");
}

TEST_CASE("policies: expressions that fail go by failurePolicy; warnings and audits do not deny") {
  Policed f;
  f.policy("p", R"~({"validations":[{"expression":"object.data.missing == 'x'"}]})~");
  f.bind("x", "p");
  CHECK(f.denied("a") ==
        "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'x' denied request: "
        "expression 'object.data.missing == 'x'' resulted in error: no such key: missing");
  f.send("PATCH", group + "validatingadmissionpolicies/p", R"~({"spec":{"failurePolicy":"Ignore"}})~", 200,
         "application/merge-patch+json");
  f.map("a");
  f.send("PATCH", group + "validatingadmissionpolicies/p",
         R"~({"spec":{"failurePolicy":"Fail","validations":[{"expression":"false","message":"never"}]}})~", 200,
         "application/merge-patch+json");
  f.denied("b");
  f.send("PATCH", group + "validatingadmissionpolicybindings/x", R"~({"spec":{"validationActions":["Warn","Audit"]}})~",
         200, "application/merge-patch+json");
  f.map("b");
  REQUIRE(f.warnings.size() == 1);
  CHECK(f.warnings[0] == "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'x': never\"");
}

TEST_CASE("policies: parameters by name and by selector, and when there are none") {
  Policed f;
  f.post(definitions, limits_crd);
  f.policy("p", R"~({"paramKind":{"apiVersion":"rules.example.com/v1","kind":"Limit"},
    "validations":[{"expression":"size(object.data) <= params.most",
    "messageExpression":"'at most ' + string(params.most)"}]})~");
  f.bind("x", "p", R"~({"paramRef":{"name":"small"}})~");
  const std::string lead =
      "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'x' denied request: ";
  CHECK(f.denied("a") ==
        lead + "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction");
  f.post(
      "/apis/rules.example.com/v1/namespaces/default/limits",
      R"~({"apiVersion":"rules.example.com/v1","kind":"Limit","metadata":{"name":"small","labels":{"k":"v"}},"most":0})~");
  CHECK(f.denied("a") == lead + "at most 0");
  f.send("PATCH", group + "validatingadmissionpolicybindings/x",
         R"~({"spec":{"paramRef":{"name":null,"selector":{"matchLabels":{"k":"v"}}}}})~", 200,
         "application/merge-patch+json");
  CHECK(f.denied("a") == lead + "at most 0");
  f.send("PATCH", group + "validatingadmissionpolicybindings/x",
         R"~({"spec":{"paramRef":{"selector":{"matchLabels":{"k":"other"}},"parameterNotFoundAction":"Allow"}}})~", 200,
         "application/merge-patch+json");
  f.map("a");
  f.policy("q", R"~({"paramKind":{"apiVersion":"rules.example.com/v1","kind":"Nothing"},
    "validations":[{"expression":"true"}]})~");
  f.bind("y", "q", R"~({"paramRef":{"name":"z"}})~");
  CHECK(f.denied("b") ==
        "configmaps \"b\" is forbidden: ValidatingAdmissionPolicy 'q' denied request: failed to "
        "configure policy: failed to find resource referenced by paramKind: 'rules.example.com/v1, "
        "Kind=Nothing'");
}

TEST_CASE("policies: bindings narrow, exclusions and names count, webhooks come after") {
  Policed f;
  f.policy("p", R"~({"matchConstraints":{"excludeResourceRules":[{"operations":["*"],"apiGroups":["*"],
      "apiVersions":["*"],"resources":["*"],"resourceNames":["free"]}]},
    "validations":[{"expression":"false"}]})~");
  f.bind("x", "p", R"~({"matchResources":{"objectSelector":{"matchLabels":{"strict":"yes"}}}})~");
  f.map("a");
  f.denied("b", R"~(,"labels":{"strict":"yes"})~");
  f.map("free", 201, R"~(,"labels":{"strict":"yes"})~");
  f.hooks.on["/v"] = [](const Json&) { return allowed(); };
  f.validating("v", "/v");
  f.denied("c", R"~(,"labels":{"strict":"yes"})~");
  CHECK(f.hooks.asked.empty());
}

TEST_CASE("policies: what is wrong with a definition is said when it is written") {
  Policed f;
  const auto why = [&](const std::string& more) { return f.policy("p", more, 422)["message"].string(); };
  const std::string lead = "ValidatingAdmissionPolicy.admissionregistration.k8s.io \"p\" is invalid: ";
  CHECK(why(R"~({"validations":[{"expression":"object.x >"}]})~")
            .starts_with(lead + "spec.validations[0].expression: Invalid value: \"object.x >\": compilation failed: "
                                "ERROR: <input>:1:"));
  CHECK(why(R"~({"validations":[{"expression":"1 + 1"}]})~") ==
        lead + "spec.validations[0].expression: Invalid value: \"1 + 1\": must evaluate to bool but got int");
  CHECK(why(R"~({"validations":[{"expression":"request.nonsense == 'x'"}]})~").find("undefined field 'nonsense'") !=
        std::string::npos);
  CHECK(why(R"~({"validations":[{"expression":"params.x"}]})~").find("undeclared reference to 'params'") !=
        std::string::npos);
  CHECK(why(R"~({"validations":[{"expression":"true","reason":"Because"}]})~") ==
        lead +
            "spec.validations[0].reason: Unsupported value: \"Because\": supported values: \"Forbidden\", \"Invalid\", "
            "\"RequestEntityTooLarge\"");
  CHECK(why(R"~({"matchConstraints":null,"validations":[{"expression":"true"}]})~") ==
        lead + "spec.matchConstraints: Required value");
  CHECK(why("{}").find("spec.validations: Required value: validations or auditAnnotations must contain at least one "
                       "item") != std::string::npos);
  CHECK(f.bind("x", "p", R"~({"validationActions":["Deny","Warn"]})~", 422)["message"].string().find(
            "must not contain both Deny and Warn") != std::string::npos);
  CHECK(f.bind("x", "p", R"~({"paramRef":{}})~", 422)["message"].string().find(
            "spec.paramRef: Required value: one of name or selector must be specified") != std::string::npos);
}

TEST_CASE("webhooks: matchConditions decide in CEL whether one is asked") {
  Policed f;
  f.hooks.on["/v"] = [](const Json&) { return refused("no"); };
  f.validating("v", "/v", f.json(R"~({"matchConditions":[
    {"name":"not-system","expression":"!('system:nodes' in request.userInfo.groups)"},
    {"name":"only-b","expression":"object.metadata.name == 'b'"}]})~"));
  f.map("a");
  f.map("b", 400);
  CHECK(f.hooks.asked.size() == 1);
  f.send("DELETE", group + "validatingwebhookconfigurations/v", "", 200);
  f.validating("v", "/v", f.json(R"~({"matchConditions":[{"name":"x","expression":"object.data.missing == 'y'"}]})~"));
  CHECK(
      f.map("c", 403)["message"].string() ==
      "configmaps \"c\" is forbidden: expression 'object.data.missing == 'y'' resulted in error: no such key: missing");
  f.send("DELETE", group + "validatingwebhookconfigurations/v", "", 200);
  f.validating("v", "/v", f.json(R"~({"failurePolicy":"Ignore","matchConditions":[{"name":"x",
    "expression":"object.data.missing == 'y'"}]})~"));
  f.map("c");
  const Json bad =
      f.configure("validating", "w", "/v", f.json(R"~({"matchConditions":[{"name":"x","expression":"1"}]})~"), 422);
  CHECK(
      bad["message"].string().find("webhooks[0].matchConditions[0].expression: Invalid value: \"1\": must evaluate to "
                                   "bool") != std::string::npos);
}

}  // namespace
}  // namespace server

# ValidatingAdmissionPolicies and their bindings: what is refused of them, and what they refuse.
ns = namespace("policies")
maps = ns + "/configmaps"
group = "/apis/admissionregistration.k8s.io/v1"
policies, bindings = group + "/validatingadmissionpolicies", group + "/validatingadmissionpolicybindings"
rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}
here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "policies"}}}
def policy(name, *validations, **more):
    spec = dict({"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [rule]}, "validations": list(validations)}, **more)
    return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec}
def binding(name, of, **more):
    return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
            "spec": dict({"policyName": of, "validationActions": ["Deny"], "matchResources": here}, **more)}
small = {"expression": "size(object.data) < 3", "message": "too many keys"}
post("policy", policies, policy("policies-small", small, {"expression": "!('bad' in object.data)", "messageExpression": "'bad is ' + object.data['bad']", "reason": "Forbidden"},
                                {"expression": "object.metadata.name.startsWith('a') || object.metadata.name.startsWith('probe')"}))
get("policy, got", policies + "/policies-small")
post("binding", bindings, binding("policies-small", "policies-small"))
post("binding of a missing policy", bindings, binding("policies-none", "policies-none"))
post("in force", maps + "?dryRun=All", {"metadata": {"name": "probe"}, "data": {"a": "1", "b": "2", "c": "3"}}, until=lambda a: a.status == 422)
post("fits", maps, {"metadata": {"name": "a"}, "data": {"a": "1"}})
post("too many", maps, {"metadata": {"name": "a2"}, "data": {"a": "1", "b": "2", "c": "3"}})
post("bad", maps, {"metadata": {"name": "a3"}, "data": {"bad": "x"}})
post("without message", maps, {"metadata": {"name": "b"}, "data": {}})
post("no data at all", maps, {"metadata": {"name": "a4"}})
post("two faults", maps, {"metadata": {"name": "b2"}, "data": {"bad": "x"}})
put("update", maps + "/a", {"metadata": {"name": "a"}, "data": {"a": "1", "b": "2", "c": "3"}})
patch("patch", maps + "/a", {"data": {"b": "2", "c": "3"}})
apply("apply", maps + "/a", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"b": "2", "c": "3"}})
delete("delete is free", maps + "/a")
post("elsewhere it is free", "/api/v1/namespaces/default/configmaps?dryRun=All", {"metadata": {"name": "b"}})
bad = "policies-bad"
def refused(name, body):
    post(name, policies, body)
refused("no validations", policy(bad))
refused("no constraints", {"metadata": {"name": bad}, "spec": {"validations": [small]}})
refused("no spec", {"metadata": {"name": bad}})
refused("no rules", policy(bad, small, matchConstraints={}))
refused("empty rule", policy(bad, small, matchConstraints={"resourceRules": [{}]}))
refused("bad operation", policy(bad, small, matchConstraints={"resourceRules": [dict(rule, operations=["GET"])]}))
refused("star and more", policy(bad, small, matchConstraints={"resourceRules": [dict(rule, resources=["*", "pods"])]}))
refused("bad scope", policy(bad, small, matchConstraints={"resourceRules": [dict(rule, scope="Here")]}))
refused("bad selector", policy(bad, small, matchConstraints={"resourceRules": [rule], "objectSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}))
refused("bad failurePolicy", policy(bad, small, failurePolicy="Maybe"))
refused("no expression", policy(bad, {"message": "x"}))
refused("does not parse", policy(bad, {"expression": "object."}))
refused("not a boolean", policy(bad, {"expression": "'x'"}))
refused("unknown variable", policy(bad, {"expression": "thing.x == 1"}))
refused("message of two lines", policy(bad, {"expression": "true", "message": "a\nb"}))
refused("bad messageExpression", policy(bad, {"expression": "true", "messageExpression": "1 + 1"}))
refused("bad reason", policy(bad, {"expression": "true", "reason": "Because"}))
refused("bad variable name", policy(bad, small, variables=[{"name": "a-b", "expression": "true"}]))
refused("bad variable", policy(bad, small, variables=[{"name": "a", "expression": "x +"}]))
refused("bad condition", policy(bad, small, matchConditions=[{"name": "a", "expression": "1"}]))
refused("condition without name", policy(bad, small, matchConditions=[{"expression": "true"}]))
refused("bad annotation", policy(bad, small, auditAnnotations=[{"key": "a b", "valueExpression": "'x'"}]))
refused("annotation without value", policy(bad, small, auditAnnotations=[{"key": "a"}]))
refused("bad paramKind", policy(bad, small, paramKind={"kind": "X", "apiVersion": "a/b/c"}))
refused("paramKind without kind", policy(bad, small, paramKind={"apiVersion": "v1"}))
def unbound(name, body):
    post(name, bindings, body)
unbound("binding without policy", {"metadata": {"name": bad}, "spec": {"validationActions": ["Deny"]}})
unbound("binding without actions", {"metadata": {"name": bad}, "spec": {"policyName": "x"}})
unbound("binding with a bad action", binding(bad, "x", validationActions=["Explode"]))
unbound("binding with an action twice", binding(bad, "x", validationActions=["Deny", "Deny"]))
unbound("binding that denies and warns", binding(bad, "x", validationActions=["Deny", "Warn"]))
unbound("binding with a nameless param", binding(bad, "x", paramRef={}))
unbound("binding with a param by two ways", binding(bad, "x", paramRef={"name": "a", "selector": {}, "parameterNotFoundAction": "Deny"}))
unbound("binding without parameterNotFoundAction", binding(bad, "x", paramRef={"name": "a"}))
unbound("binding with bad policy name", binding(bad, "A_"))
post("warning policy", policies, policy("policies-warn", {"expression": "!('w' in object.data)", "message": "w is old"}))
post("warning binding", bindings, binding("policies-warn", "policies-warn", validationActions=["Warn", "Audit"]))
post("warned", maps + "?dryRun=All", {"metadata": {"name": "a"}, "data": {"w": "1"}}, until=lambda a: a.headers.get("Warning"))
put("warned off", bindings + "/policies-warn", binding("policies-warn", "policies-warn", validationActions=["Audit"]))
delete("binding gone", bindings + "/policies-small")
delete("policy gone", policies + "/policies-small")

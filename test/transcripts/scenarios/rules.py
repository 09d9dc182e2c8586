# CEL rules and other validation of custom objects, told in full; ratcheting on update.
use("_kinds.py")
G = "rules.example.com"
namespace("rules")
R = lambda *rules: [r if isinstance(r, dict) else {"rule": r} for r in rules]
text = {"type": "string", "maxLength": 10}
K = simple(G, "ruleds", "Ruled", {"type": "object", "x-kubernetes-validations": R({"rule": "self.metadata.name != 'never'", "message": "never"}), "properties": {
    "status": {"type": "object", "properties": {"n": {"type": "integer", "x-kubernetes-validations": R("self >= oldSelf")}}},
    "spec": {"type": "object", "properties": {
        "plain": {"type": "integer", "x-kubernetes-validations": R("self > 3")},
        "message": {"type": "integer", "x-kubernetes-validations": R({"rule": "self > 3", "message": "must be large"})},
        "expression": {"type": "integer", "x-kubernetes-validations": R({"rule": "self > 3", "messageExpression": "self > 0 ? 'is small' : 'is none'"})},
        "both": {"type": "integer", "x-kubernetes-validations": R({"rule": "self > 3", "message": "m", "messageExpression": "self / 0 > 1 ? 'x' : 'y'"})},
        "reason": dict(text, **{"x-kubernetes-validations": R({"rule": "self == 'a'", "reason": "FieldValueForbidden", "message": "only a"}, {"rule": "self.size() < 3", "reason": "FieldValueRequired"})}),
        "path": {"type": "object", "properties": {"b": text, "c": text}, "x-kubernetes-validations": R({"rule": "!has(self.b) || self.b == self.c", "fieldPath": ".c", "message": "b and c must be the same", "reason": "FieldValueDuplicate"})},
        "fixed": dict(text, **{"x-kubernetes-validations": R({"rule": "self == oldSelf", "message": "cannot be changed"})}),
        "optional": dict(text, **{"x-kubernetes-validations": R({"rule": "oldSelf.hasValue() || self == 'first'", "optionalOldSelf": True})}),
        "list": {"type": "array", "maxItems": 5, "items": {"type": "integer", "x-kubernetes-validations": R("self % 2 == 0")}, "x-kubernetes-validations": R("self.all(x, x < 10)")},
        "map": {"type": "object", "maxProperties": 5, "additionalProperties": dict(text, **{"x-kubernetes-validations": R("self.startsWith('a')")})},
        "keyed": {"type": "array", "maxItems": 5, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": {"type": "object", "required": ["k"], "properties": {"k": text, "v": {"type": "integer", "x-kubernetes-validations": R("self >= oldSelf")}}}},
        "fails": {"type": "integer", "x-kubernetes-validations": R("10 / self > 1")},
        "when": {"type": "string", "format": "date-time", "x-kubernetes-validations": R("self > timestamp('2020-01-01T00:00:00Z')")},
        "quantity": dict(text, **{"x-kubernetes-validations": R("quantity(self).isLessThan(quantity('1Gi'))")}),
        "either": {"x-kubernetes-int-or-string": True, "x-kubernetes-validations": R("type(self) == string || self < 100")},
        "strict": dict(text, pattern="^[a-z]+$"),
        "small": {"type": "integer", "maximum": 10},
        "choice": {"type": "string", "enum": ["a", "b"]},
        "need": {"type": "object", "required": ["x"], "properties": {"x": text}},
        "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": text},
    }, "x-kubernetes-validations": R({"rule": "!(has(self.plain) && has(self.message)) || self.plain == self.message", "message": "plain and message must agree"})}}},
    subresources={"status": {}})
crd(K)
rs = "/apis/%s/v1/namespaces/rules/ruleds" % G
def ruled(name, spec, **more):
    return dict({"apiVersion": G + "/v1", "kind": "Ruled", "metadata": {"name": name}, "spec": spec}, **more)
bad = {"plain": {"plain": 1}, "message": {"message": 1}, "expression": {"expression": 1}, "both": {"both": 1}, "reason": {"reason": "bcd"}, "path": {"path": {"b": "x", "c": "y"}}, "path without c": {"path": {"b": "x"}},
       "optional": {"optional": "second"}, "list": {"list": [1, 20, 3]}, "map": {"map": {"x": "b", "y.z": "c"}}, "fails": {"fails": 0}, "when": {"when": "2019-01-01T00:00:00Z"}, "quantity": {"quantity": "2Gi"}, "quantity nonsense": {"quantity": "x"},
       "either": {"either": 100}, "schema and rule": {"plain": 1, "small": 11}, "type and rule": {"plain": 1, "small": "x"}, "required and rule": {"plain": 1, "need": {}}, "agree": {"plain": 5, "message": 6}, "several": {"plain": 1, "message": 2, "list": [11]},
       "good": {"plain": 5, "message": 5, "fixed": "a", "optional": "first", "list": [2], "map": {"a": "ab"}, "either": "x"}}
for name, spec in bad.items():
    post("rule: " + name, rs + "?dryRun=All", ruled("a", spec))
post("rule: of the name", rs + "?dryRun=All", ruled("never", {}))
post("made", rs, ruled("a", {"plain": 5, "fixed": "a", "keyed": [{"k": "x", "v": 3}], "strict": "abc", "small": 5, "choice": "a", "list": [2, 4]}))
patch("fixed changes", rs + "/a", {"spec": {"fixed": "b"}})
patch("fixed goes", rs + "/a?dryRun=All", {"spec": {"fixed": None}})
patch("keyed lower", rs + "/a", {"spec": {"keyed": [{"k": "x", "v": 2}]}})
patch("keyed higher, and another", rs + "/a", {"spec": {"keyed": [{"k": "y", "v": 1}, {"k": "x", "v": 4}]}})
patch("status made", rs + "/a/status", {"status": {"n": 5}})
patch("status lower", rs + "/a/status", {"status": {"n": 4}})
apply("applied against a rule", rs + "/a", ruled("a", {"plain": 2}), manager="m", force=True)
apply("applied against a fixed one", rs + "/a", ruled("a", {"fixed": "z"}), manager="m", force=True)
# What became wrong by a stricter definition may stay as it is.
crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
at = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties"
patch("stricter", crds + "/ruleds." + G, [
    {"op": "replace", "path": at + "/strict/pattern", "value": "^[0-9]+$"}, {"op": "replace", "path": at + "/small/maximum", "value": 1}, {"op": "replace", "path": at + "/choice/enum", "value": ["b"]},
    {"op": "replace", "path": at + "/list/x-kubernetes-validations/0/rule", "value": "self.all(x, x < 3)"}, {"op": "replace", "path": at + "/plain/x-kubernetes-validations/0/rule", "value": "self > 30"}], type="json", only=[["kind"]])
pause(5)
patch("label", rs + "/a", {"metadata": {"labels": {"a": "b"}}})
patch("another field", rs + "/a", {"spec": {"tags": ["t"]}})
patch("strict changes", rs + "/a", {"spec": {"strict": "abd"}})
patch("small changes", rs + "/a", {"spec": {"small": 4}})
patch("choice changes", rs + "/a", {"spec": {"choice": "c"}})
patch("list grows", rs + "/a", {"spec": {"list": [2, 4, 6]}})
patch("plain changes", rs + "/a", {"spec": {"plain": 6}})
patch("tags twice", rs + "/a", {"spec": {"tags": ["t", "t"]}})
patch("all good again", rs + "/a", {"spec": {"strict": "12", "small": 1, "choice": "b", "list": [2], "plain": 40}})

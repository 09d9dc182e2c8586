# Life with definitions: more of what is refused, applying and patching them, objects in several versions.
use("_kinds.py")
G = "definitions.example.com"
crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
established = lambda c: any(x["type"] == "Established" and x["status"] == "True" for x in (c.get("status", {}).get("conditions") or []))
met = lambda c: len((c.get("status", {}).get("conditions") or [])) > 0
def of(spec, **version):
    return simple("bad." + G, "things", "Thing", {"type": "object", "properties": {"a": spec}}, **version)
T = {"type": "string"}
schemas = {
    "additional true and properties": {"type": "object", "additionalProperties": True, "properties": {"x": T}},
    "additional false and properties": {"type": "object", "additionalProperties": False, "properties": {"x": T}},
    "additional of text": {"type": "string", "additionalProperties": T},
    "type below anyOf": {"type": "object", "anyOf": [{"properties": {"b": T}}]},
    "items below allOf": {"type": "object", "allOf": [{"items": {"minLength": 1}}]},
    "format of a number": {"type": "integer", "format": "colour"},
    "known format": {"type": "string", "format": "date-time"},
    "unknown formats below": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string", "format": "ip"}}},
    "pattern: bracket": {"type": "string", "pattern": "[a"}, "pattern: repeat": {"type": "string", "pattern": "a**"},
    "pattern: count": {"type": "string", "pattern": "x{1001}"}, "pattern: perl": {"type": "string", "pattern": "(?z)"},
    "pattern: range": {"type": "string", "pattern": "[z-a]"}, "pattern: paren": {"type": "string", "pattern": ")"},
    "pattern: argument": {"type": "string", "pattern": "*"}, "pattern: escape": {"type": "string", "pattern": "\\8"},
    "default: member": {"type": "object", "default": {"x": "a"}, "properties": {"x": {"type": "integer"}}},
    "default: several unknown": {"type": "object", "default": {"x": 1, "y": {"z": 1}}, "properties": {"y": {"type": "object"}}},
    "default: too small": {"type": "integer", "minimum": 5, "default": 1},
    "default: not in enum": {"type": "string", "enum": ["x"], "default": "y"},
    "default: embedded": {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True, "default": {"x": 1}},
    "default: of null": {"type": "string", "nullable": True, "default": None},
    "enum without type match": {"type": "integer", "enum": ["a"]},
    "type a number": {"type": 5}, "items a number": {"type": "array", "items": 5}, "additional a number": {"type": "object", "additionalProperties": 5}, "properties a number": {"type": "object", "properties": 5},
    "type of items a number": {"type": "array", "items": {"type": 5}}, "anyOf a number": {"anyOf": 5}, "rule a number": {"type": "string", "x-kubernetes-validations": [{"rule": 5}]}, "required a number": {"type": "object", "required": [5]},
    "not a number": {"not": 5}, "maxItems text": {"type": "array", "maxItems": "5"}, "items untyped": {"type": "array", "items": {}}, "items a list": {"type": "array", "items": [T]},
    "unknown keys": {"type": "object", "x-foo": 1, "properties": {"b": {"type": "object", "foo": 1, "additionalProperties": {"type": "string", "bar": 1}}}, "anyOf": [{"www": 1}], "x-kubernetes-validations": [{"rule": "true", "zzz": 1}]},
    "zero values": {"type": "string", "nullable": False, "description": "", "enum": [], "x-kubernetes-preserve-unknown-fields": None, "properties": {}, "not": {}, "maxLength": None, "required": [], "minLength": 0},
    "several": {"type": "object", "properties": {"x": {}, "y": {"type": "array"}, "z": {"type": "string", "pattern": "("}}},
    "map keys without a list": {"type": "string", "x-kubernetes-list-map-keys": ["a"]},
    "nested list map": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "object"}}}},
    "cel: type": {"type": "string", "x-kubernetes-validations": [{"rule": "self + 1 > 2"}]},
    "cel: not a boolean": {"type": "string", "x-kubernetes-validations": [{"rule": "self"}]},
    "cel: paren": {"type": "string", "x-kubernetes-validations": [{"rule": "(self == 'a'"}]},
    "cel: two words": {"type": "string", "x-kubernetes-validations": [{"rule": "self size"}]},
    "cel: empty": {"type": "string", "x-kubernetes-validations": [{"rule": ""}]},
    "cel: reason": {"type": "string", "x-kubernetes-validations": [{"rule": "self == 'a'", "reason": "Nope"}]},
    "cel: field path": {"type": "object", "properties": {"b": T}, "x-kubernetes-validations": [{"rule": "self.b == 'a'", "fieldPath": ".c"}]},
    "cel: old in a list": {"type": "array", "items": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}},
    "cel: cost": {"type": "array", "items": {"type": "string", "x-kubernetes-validations": [{"rule": "self.matches('a*b')"}]}},
    "cel: message expression": {"type": "string", "x-kubernetes-validations": [{"rule": "self == 'a'", "messageExpression": "1"}]},
}
for name, spec in schemas.items():
    post("schema: " + name, crds + "?dryRun=All", of(spec))
post("schema: unknown keys, strict", crds + "?dryRun=All&fieldValidation=Strict", of(schemas["unknown keys"]))
for path in ["", ".", "a", ".a[0]", ".a.b", ".metadata.name", ".a"]:
    post("selectable: " + path, crds + "?dryRun=All", of({"type": "object"} if path == ".a" else T, selectableFields=[{"jsonPath": path}]))
post("column: nothing", crds + "?dryRun=All", of(T, additionalPrinterColumns=[{"name": "", "type": "", "jsonPath": "", "format": "x"}]))
post("column: path", crds + "?dryRun=All", of(T, additionalPrinterColumns=[{"name": "a", "type": "string", "jsonPath": ".a[["}]))
post("scale: paths", crds + "?dryRun=All", of(T, subresources={"scale": {"specReplicasPath": ".spec", "statusReplicasPath": ".status.a[0]", "labelSelectorPath": "x"}}))
d = of(T)
d["spec"]["versions"][0]["schema"] = None
post("no schema at all", crds + "?dryRun=All", d)
d = of(T)
d["spec"]["versions"].append(dict(d["spec"]["versions"][0], name="v2", storage=False, additionalPrinterColumns=[{"name": "A", "type": "z", "jsonPath": ".a"}], subresources={"scale": {}},
                                  schema={"openAPIV3Schema": {"type": "object", "properties": {"a": {}}}}))
post("wrong in one version", crds + "?dryRun=All", d)
d = simple("bad.k8s.io", "things", "Thing")
d["metadata"]["annotations"] = {"api-approved.kubernetes.io": "yes"}
post("approval: nonsense", crds + "?dryRun=All", d)
d = simple("definitions.k8s.io", "approveds", "Approved")
d["metadata"]["annotations"] = {"api-approved.kubernetes.io": "https://github.com/kubernetes/enhancements/pull/1111"}
post("approval: good", crds, d)
get("approval: told", crds + "/approveds.definitions.k8s.io", until=lambda c: established(c) and len(c["status"]["conditions"]) > 2)
d["metadata"] = {"name": "bypasseds.definitions.k8s.io", "annotations": {"api-approved.kubernetes.io": "unapproved, only a test"}}
d["spec"]["names"] = {"plural": "bypasseds", "kind": "Bypassed"}
post("approval: bypassed", crds, d)
get("approval: bypassed, told", crds + "/bypasseds.definitions.k8s.io", until=lambda c: established(c) and len(c["status"]["conditions"]) > 2)
hooks = {"no client": {"conversionReviewVersions": ["v1"]}, "empty client": {"clientConfig": {}, "conversionReviewVersions": ["v1"]}, "http": {"clientConfig": {"url": "http://x"}, "conversionReviewVersions": []},
         "both": {"clientConfig": {"url": "https://x", "service": {"name": "a", "namespace": "b"}}, "conversionReviewVersions": ["v2"]}, "user": {"clientConfig": {"url": "https://u:p@x/?a=b#c"}, "conversionReviewVersions": ["V1"]},
         "service": {"clientConfig": {"service": {"name": "", "namespace": "b", "port": 0, "path": "x"}}, "conversionReviewVersions": ["v1", "v1"]}, "good": {"clientConfig": {"service": {"name": "a", "namespace": "b"}}, "conversionReviewVersions": ["v1"]}}
for name, hook in hooks.items():
    d = of(T)
    d["spec"]["conversion"] = {"strategy": "Webhook", "webhook": hook}
    post("webhook: " + name, crds + "?dryRun=All", d)
d["spec"]["conversion"]["strategy"] = "None"
post("webhook: not wanted", crds + "?dryRun=All", d)
d = of(T)
d["metadata"]["resourceVersion"] = "5"
post("with a version", crds, d)
d["spec"]["scope"] = "Galaxy"
post("with a version and wrong", crds, d)
d = of(T)
d["metadata"] = {"generateName": "x"}
post("generated name", crds, d, only=[["code"]])
d = of(T)
del d["spec"]["versions"]
post("versions left out", crds, d)
d = of(T)
d["apiVersion"] = "apiextensions.k8s.io/v1beta1"
post("of a former version", crds, d)

# Applied by one, changed by another.
A = simple(G, "applieds", "Applied", {"type": "object", "properties": {"spec": {"type": "object", "properties": {"a": {"type": "integer"}}}}})
a = crds + "/applieds." + G
apply("applied", a, A, manager="flux")
get("applied, established", a, until=established)
apply("applied again", a, A, manager="flux")
A["spec"]["versions"][0]["additionalPrinterColumns"] = [{"name": "A", "type": "integer", "jsonPath": ".spec.a"}]
apply("applied with a column", a, A, manager="flux")
apply("applied by another", a, {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": A["metadata"]["name"]}, "spec": {"scope": "Cluster", "names": {"shortNames": ["ap"]}}}, manager="other")
apply("short name by another", a, {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": A["metadata"]["name"], "labels": {"x": "y"}}, "spec": {"names": {"shortNames": ["ap"]}}}, manager="other")
get("short name accepted", a, until=lambda c: "shortNames" in c["status"]["acceptedNames"])
apply("dry run", a + "?dryRun=All", dict(A, metadata={"name": A["metadata"]["name"], "annotations": {"a": "b"}}), manager="flux")
patch("strategic", a, {"metadata": {"labels": {"x": None, "z": "1"}}}, type="strategic")
patch("strategic versions", a + "?dryRun=All", {"spec": {"versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}]}}, type="strategic")
patch("json patch a column", a, [{"op": "add", "path": "/spec/versions/0/additionalPrinterColumns/-", "value": {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}}], type="json")
patch("merge: unknown field", a, {"spec": {"bogus": 1}})
patch("merge: unknown field, strict", a + "?fieldValidation=Strict", {"spec": {"bogus": 1}}, only=[["reason"], ["code"]])
patch("merge: nothing", a, {})
b = get("got", a)
put("put, nothing new", a, bare(b))
put("put without version", a, {k: v for k, v in dict(bare(b), metadata={"name": b["metadata"]["name"]}).items()})
put("put stale", a, dict(bare(b), metadata={"name": b["metadata"]["name"], "resourceVersion": "1"}))
get("list by name", crds + "?fieldSelector=metadata.name%3Dapplieds." + G)
get("list by label", crds + "?labelSelector=z%3D1", only=[["kind"]])
get("metadata", a, accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")
get("status", a + "/status", only=[["status", "storedVersions"]])

# Objects in two versions of one kind, nothing converted.
V = simple(G, "rods", "Rod", {"type": "object", "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}, "m": {"type": "integer"}, "l": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}}},
                                                               "status": {"type": "object", "properties": {"n": {"type": "integer"}}}}}, subresources={"status": {}})
one = V["spec"]["versions"][0]
old = dict(one, name="v1beta1", storage=False, deprecated=True)
V["spec"]["versions"] = [one, old]
crd(V)
namespace("definitions")
new, beta = "/apis/%s/v1/namespaces/definitions/rods" % G, "/apis/%s/v1beta1/namespaces/definitions/rods" % G
def rod(name, version, spec, **more):
    return dict({"apiVersion": G + "/" + version, "kind": "Rod", "metadata": {"name": name}, "spec": spec}, **more)
post("rod in the old version", beta + "?fieldManager=old", rod("r", "v1beta1", {"n": 1}))
patch("rod changed in the new", new + "/r?fieldManager=new", {"spec": {"m": 2}})
patch("rod changed in the new by the old", new + "/r?fieldManager=old", {"spec": {"l": ["a"]}})
apply("rod applied in the old", beta + "/r", rod("r", "v1beta1", {"n": 1, "l": ["b"]}), manager="ap")
apply("rod conflict with the new", beta + "/r", rod("r", "v1beta1", {"m": 3}), manager="ap")
apply("rod applied in the new by the same", new + "/r", rod("r", "v1", {"n": 1}), manager="ap")
patch("rod status in the old", beta + "/r/status?fieldManager=st", {"status": {"n": 1}})
get("rods in the old", beta)
get("rods as a table", beta, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
post("rod of another version", new, rod("s", "v1beta1", {"n": 1}))
post("rod with a generated name", new, {"apiVersion": G + "/v1", "kind": "Rod", "metadata": {"generateName": "A_"}, "spec": {}}, only=[["code"]])
put("rod put in the old without version", beta + "/r", rod("r", "v1beta1", {"n": 4}))
delete("rod deleted in the old", beta + "/r")
delete("rods, all of the rest", beta + "?labelSelector=a%3Db")

# Embedded objects and numbers that the scale reads.
E = simple(G, "embeds", "Embed", {"type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}, "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "e": {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}, "c": {"type": "object", "additionalProperties": False}, "m": {"type": "number", "multipleOf": 0.5, "maximum": 2.5}}},
    subresources={"status": {}, "scale": {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n", "labelSelectorPath": ".status.sel"}})
crd(E)
es = "/apis/%s/v1/namespaces/definitions/embeds" % G
def embed(**fields):
    return dict({"apiVersion": G + "/v1", "kind": "Embed", "metadata": {"name": "a"}}, **fields)
X = {"apiVersion": "v1", "kind": "X"}
values = {"nothing in it": {"e": {}}, "bad kind": {"e": dict(X, kind="A b")}, "bad version": {"e": dict(X, apiVersion="a/b/c")}, "version a number": {"e": dict(X, apiVersion=1)}, "empty": {"e": {"apiVersion": "", "kind": ""}},
          "metadata text": {"e": dict(X, metadata="x")}, "label a number": {"e": dict(X, metadata={"labels": {"a": 1}})}, "uid a number": {"e": dict(X, metadata={"name": "a", "uid": 5})},
          "bad metadata": {"e": dict(X, metadata={"name": "A/", "namespace": "A", "labels": {"a": "c d"}, "finalizers": ["a b"]})}, "unknown metadata": {"e": dict(X, metadata={"name": "a", "zzz": {}}, more=1)},
          "replicas text": {"spec": {"n": "3"}}, "replicas true": {"spec": {"n": True}}, "replicas null": {"spec": {"n": None}}, "replicas object": {"spec": {"n": {"b": 1, "a": [1]}}}, "replicas negative": {"spec": {"n": -1}},
          "replicas many": {"spec": {"n": 3000000000}}, "spec text": {"spec": "x"}, "closed": {"c": {"x": 1}}, "whole multiple": {"m": 1}, "whole and large": {"m": 3}, "multiple": {"m": 0.5}, "large": {"m": 3.5}}
for name, fields in values.items():
    post("value: " + name, es + "?dryRun=All", embed(**fields))
post("embed", es, embed(spec={"n": 1}))
patch("embed status text", es + "/a/status", {"status": {"n": "x"}})
patch("embed selector number", es + "/a/status", {"status": {"sel": 1}})
patch("embed status", es + "/a/status", {"status": {"n": 2, "sel": "a=b"}})
get("embed scale", es + "/a/scale")
patch("embed scale without a number", es + "/a/scale", {"spec": {"replicas": None}})
patch("embed scale text", es + "/a/scale", {"spec": {"replicas": "x"}}, only=[["code"]])
get("embed scale now", es + "/a/scale")
patch("kind gone", es + "/a", {"kind": None}, only=[["reason"], ["code"]])
patch("finalizer on update", es + "/a", {"metadata": {"finalizers": ["kubernetes", "x.example.com/y"]}})
apply("finalizer applied", es + "/f", embed(metadata={"name": "f", "finalizers": ["plain"]}))

# One that never comes to be.
post("clash", crds, simple(G, "clashes", "Rod"))
get("clash, told", crds + "/clashes." + G, until=met)
delete("clash deleted", crds + "/clashes." + G)
get("clash gone", crds + "/clashes." + G, until=lambda c: c.status == 404)
patch("rods take a name that is taken", crds + "/rods." + G, {"spec": {"names": {"shortNames": ["ap", "ro"]}}})
get("rods, told", crds + "/rods." + G, until=lambda c: c["status"]["conditions"][0]["status"] == "False")
get("rods as they are served", "/apis/%s/v1" % G, only=[["groupVersion"]])
patch("rods not served", crds + "/rods." + G, [{"op": "replace", "path": "/spec/versions/0/served", "value": False}, {"op": "replace", "path": "/spec/names/shortNames", "value": ["ro"]}], type="json")
get("rods not served, told", new, until=lambda a: a.status == 404)
get("rods still in the old", beta, until=lambda a: a.status == 200, only=[["kind"]])

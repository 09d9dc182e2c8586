# Definitions of kinds: defaults, validation, conditions, versions, going away.
use("_kinds.py")
G = "crds.example.com"
crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
established = lambda c: any(x["type"] == "Established" and x["status"] == "True" for x in (c.get("status", {}).get("conditions") or []))
post("minimal", crds, simple(G, "things", "Thing"))
get("minimal, established", crds + "/things." + G, until=established)
get("minimal, served", "/apis/%s/v1" % G, until=lambda a: a.status == 200)
post("widgets", crds, widget(G))
get("widgets, established", crds + "/widgets." + G, until=established)
get("as a table", crds + "/widgets." + G, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
post("exists", crds, simple(G, "things", "Thing"))
def change(base, *path, value):
    import copy
    out = copy.deepcopy(base)
    at = out
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return out
T = simple("bad." + G, "things", "Thing")
S = ("spec", "versions", 0, "schema", "openAPIV3Schema")
def schema(**props):
    return {"type": "object", "properties": props}
cases = {
    "name": change(T, "metadata", "name", value="other"),
    "no group": change(T, "spec", "group", value=""),
    "bad group": change(T, "spec", "group", value="A_"),
    "no scope": change(T, "spec", "scope", value=None),
    "bad scope": change(T, "spec", "scope", value="Galaxy"),
    "no plural": change(T, "spec", "names", value={"kind": "Thing"}),
    "no kind": change(T, "spec", "names", value={"plural": "things"}),
    "bad kind": change(T, "spec", "names", "kind", value="thing_A b"),
    "bad plural": change(T, "spec", "names", "plural", value="Things"),
    "bad short name": change(T, "spec", "names", "shortNames", value=["A b"]),
    "bad category": change(T, "spec", "names", "categories", value=["A b"]),
    "listKind is the kind": change(T, "spec", "names", "listKind", value="Thing"),
    "no versions": change(T, "spec", "versions", value=[]),
    "no storage version": change(T, "spec", "versions", 0, "storage", value=False),
    "two storage versions": change(T, "spec", "versions", value=T["spec"]["versions"] + [dict(T["spec"]["versions"][0], name="v2")]),
    "same version twice": change(T, "spec", "versions", value=T["spec"]["versions"] * 2),
    "bad version name": change(T, "spec", "versions", 0, "name", value="V_1"),
    "no schema": change(T, "spec", "versions", 0, "schema", value=None),
    "empty schema": change(T, *S, value={}),
    "root not an object": change(T, *S, value={"type": "string"}),
    "no type": change(T, *S, value=schema(a={"description": "x"})),
    "bad type": change(T, *S, value=schema(a={"type": "text"})),
    "array without items": change(T, *S, value=schema(a={"type": "array"})),
    "properties and additionalProperties": change(T, *S, value=schema(a={"type": "object", "properties": {"x": {"type": "string"}}, "additionalProperties": {"type": "string"}})),
    "additionalProperties false": change(T, *S, value=schema(a={"type": "object", "additionalProperties": False})),
    "additionalProperties at the root": change(T, *S, value={"type": "object", "additionalProperties": {"type": "string"}}),
    "type below allOf": change(T, *S, value=schema(a={"type": "string", "allOf": [{"type": "string"}]})),
    "property only below anyOf": change(T, *S, value=schema(a={"type": "object", "anyOf": [{"properties": {"b": {"minLength": 1}}}]})),
    "uniqueItems": change(T, *S, value=schema(a={"type": "array", "uniqueItems": True, "items": {"type": "string"}})),
    "ref": change(T, *S, value=schema(a={"type": "object", "$ref": "#/x"})),
    "patternProperties": change(T, *S, value=schema(a={"type": "object", "patternProperties": {"x": {"type": "string"}}})),
    "metadata restricted": change(T, *S, value=schema(metadata={"type": "object", "properties": {"labels": {"type": "object"}}})),
    "metadata name restricted": change(T, *S, value=schema(metadata={"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}}})),
    "bad default": change(T, *S, value=schema(a={"type": "integer", "default": "x"})),
    "default with unknown field": change(T, *S, value=schema(a={"type": "object", "properties": {}, "default": {"x": 1}})),
    "default in metadata": change(T, *S, value=schema(metadata={"type": "object", "properties": {"name": {"type": "string", "default": "x"}}})),
    "bad pattern": change(T, *S, value=schema(a={"type": "string", "pattern": "("})),
    "bad list type": change(T, *S, value=schema(a={"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "bag"})),
    "map list without keys": change(T, *S, value=schema(a={"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"})),
    "map list with unknown key": change(T, *S, value=schema(a={"type": "array", "items": {"type": "object", "properties": {}}, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]})),
    "map list with optional key": change(T, *S, value=schema(a={"type": "array", "items": {"type": "object", "properties": {"k": {"type": "string"}}}, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]})),
    "set of objects": change(T, *S, value=schema(a={"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "set"})),
    "list type on text": change(T, *S, value=schema(a={"type": "string", "x-kubernetes-list-type": "set"})),
    "map type on text": change(T, *S, value=schema(a={"type": "string", "x-kubernetes-map-type": "atomic"})),
    "int-or-string with type": change(T, *S, value=schema(a={"type": "integer", "x-kubernetes-int-or-string": True})),
    "preserve false": change(T, *S, value=schema(a={"type": "object", "x-kubernetes-preserve-unknown-fields": False})),
    "embedded text": change(T, *S, value=schema(a={"type": "string", "x-kubernetes-embedded-resource": True})),
    "embedded empty": change(T, *S, value=schema(a={"type": "object", "x-kubernetes-embedded-resource": True})),
    "unknown format": change(T, *S, value=schema(a={"type": "string", "format": "colour"})),
    "bad cel": change(T, *S, value=schema(a={"type": "string", "x-kubernetes-validations": [{"rule": "self.size() >"}]})),
    "column without path": change(T, "spec", "versions", 0, "additionalPrinterColumns", value=[{"name": "A", "type": "string"}]),
    "column bad type": change(T, "spec", "versions", 0, "additionalPrinterColumns", value=[{"name": "A", "type": "x", "jsonPath": ".a"}]),
    "column bad path": change(T, "spec", "versions", 0, "additionalPrinterColumns", value=[{"name": "A", "type": "string", "jsonPath": "a[["}]),
    "scale without paths": change(T, "spec", "versions", 0, "subresources", value={"scale": {}}),
    "scale bad paths": change(T, "spec", "versions", 0, "subresources", value={"scale": {"specReplicasPath": ".x", "statusReplicasPath": ".spec.x"}}),
    "selectable field unknown": change(T, "spec", "versions", 0, "selectableFields", value=[{"jsonPath": ".spec.x"}]),
    "preserveUnknownFields": change(T, "spec", "preserveUnknownFields", value=True),
    "webhook without config": change(T, "spec", "conversion", value={"strategy": "Webhook"}),
    "bad strategy": change(T, "spec", "conversion", value={"strategy": "Magic"}),
    "protected group": change(change(simple("bad.k8s.io", "things", "Thing"), "metadata", "labels", value={}), "spec", "scope", value="Cluster"),
    "unknown field": change(T, "spec", "bogus", value=1),
    "wrong type": change(T, "spec", "versions", value="x"),
}
for name, doc in cases.items():
    post("case: " + name, crds + "?dryRun=All", doc)
post("strict", crds + "?dryRun=All&fieldValidation=Strict", cases["unknown field"])
post("clashing names", crds, simple(G, "others", "Thing"))
get("clashing names, told", crds + "/others." + G, until=lambda c: len((c.get("status", {}).get("conditions") or [])) > 0)
clash = simple(G, "thirds", "Third")
clash["spec"]["names"]["shortNames"] = ["wd"]
post("clashing short name", crds, clash)
get("clashing short name, told", crds + "/thirds." + G, until=lambda c: len((c.get("status", {}).get("conditions") or [])) > 0)
patch("change the kind", crds + "/things." + G, {"spec": {"names": {"kind": "Other", "listKind": "OtherList"}}})
patch("change the scope", crds + "/things." + G, {"spec": {"scope": "Cluster"}})
patch("change the group", crds + "/things." + G, {"spec": {"group": "other.example.com"}})
v2 = simple(G, "multis", "Multi")
v2["spec"]["versions"] = [dict(v2["spec"]["versions"][0], name=n, storage=n == "v1", **m) for n, m in [
    ("v1", {}), ("v2", {}), ("v1beta1", {"deprecated": True}), ("v1alpha1", {"deprecated": True, "deprecationWarning": "gone soon"}), ("v3", {"served": False})]]
crd(v2)
get("multis", crds + "/multis." + G)
get("multis, group", "/apis/" + G)
ns = namespace("crds")
P = "/apis/%s/%s/namespaces/crds/multis"
post("made in v2", P % (G, "v2"), {"apiVersion": G + "/v2", "kind": "Multi", "metadata": {"name": "m"}, "spec": {"a": 1}})
for v in ["v1", "v2", "v1beta1", "v1alpha1", "v3"]:
    get("got in " + v, P % (G, v) + "/m")
patch("change the storage version", crds + "/multis." + G, [{"op": "replace", "path": "/spec/versions/0/storage", "value": False}, {"op": "replace", "path": "/spec/versions/1/storage", "value": True}], type="json")
patch("drop a stored version", crds + "/multis." + G, [{"op": "remove", "path": "/spec/versions/0"}], type="json")
patch("status by main", crds + "/multis." + G, {"status": {"storedVersions": ["v2"]}})
patch("status", crds + "/multis." + G + "/status", {"status": {"storedVersions": ["v2"]}})
patch("status without the stored one", crds + "/multis." + G + "/status", {"status": {"storedVersions": ["v1"]}})
multis = P % (G, "v2")
patch("hold", multis + "/m", {"metadata": {"finalizers": ["example.com/x"]}})
delete("delete", crds + "/multis." + G)
get("delete, waits for objects", crds + "/multis." + G, until=lambda c: any(x["type"] == "Terminating" and x["reason"] != "InstanceDeletionPending" for x in (c.get("status", {}).get("conditions") or [])))
get("resources while it goes", "/apis/%s/v2" % G)
post("create while it goes", multis, {"apiVersion": G + "/v2", "kind": "Multi", "metadata": {"name": "n"}})
patch("let the object go", multis + "/m", {"metadata": {"finalizers": None}})
get("deleted", crds + "/multis." + G, until=lambda c: c.status == 404)
get("served no more", multis, until=lambda c: c.status == 404)
delete("delete a missing one", crds + "/none." + G)
delete("delete things", crds + "/things." + G)

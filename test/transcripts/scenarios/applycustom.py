# Server-side apply on a user's kind.
use("_kinds.py")
G = "applycustom.example.com"
namespace("applycustom")
crd(widget(G))
ws = "/apis/%s/v1/namespaces/applycustom/widgets" % G
def doc(name, spec=None, status=None, **meta):
    out = {"apiVersion": G + "/v1", "kind": "Widget", "metadata": dict(name=name, **meta)}
    if spec is not None:
        out["spec"] = spec
    if status is not None:
        out["status"] = status
    return out
a = ws + "/a"
apply("creates", a, doc("a", {"size": 1, "tags": ["x", "y"], "ports": [{"port": 80, "note": "n"}, {"port": 443, "protocol": "UDP"}], "plain": [{"a": 1}], "atom": {"x": "1"}, "map": {"p": "q"}, "any": {"deep": {"er": [1, 2]}}, "child": {}}))
apply("no-op", a, doc("a", {"size": 1, "tags": ["x", "y"], "ports": [{"port": 80, "note": "n"}, {"port": 443, "protocol": "UDP"}], "plain": [{"a": 1}], "atom": {"x": "1"}, "map": {"p": "q"}, "any": {"deep": {"er": [1, 2]}}, "child": {}}))
apply("another adds", a, doc("a", {"size": 1, "tags": ["z", "x"], "ports": [{"port": 81}, {"port": 80, "protocol": "TCP"}], "map": {"r": "s"}}), manager="m2")
apply("conflict in a keyed list", a, doc("a", {"size": 1, "ports": [{"port": 80, "note": "other"}]}), manager="m3")
apply("conflict in an atomic map", a, doc("a", {"size": 1, "atom": {"y": "2"}}), manager="m3")
apply("conflict in a list", a, doc("a", {"size": 1, "plain": [{"a": 2}]}), manager="m3")
apply("conflict below any", a, doc("a", {"size": 1, "any": {"deep": {"er": [3]}}}), manager="m3")
apply("conflicts all over", a, doc("a", {"size": 2, "atom": {"y": "2"}, "ports": [{"port": 80, "note": "other"}]}), manager="m3")
apply("forced", a, doc("a", {"size": 2, "atom": {"y": "2"}, "ports": [{"port": 80, "note": "other"}]}), manager="m3", force=True)
apply("first gives most up", a, doc("a", {"size": 2, "tags": ["y"]}))
apply("set with duplicates", a, doc("a", {"size": 2, "tags": ["y", "y"]}))
apply("keyed list without key", a, doc("a", {"size": 2, "ports": [{"note": "x"}]}))
apply("keyed list twice the key", a, doc("a", {"size": 2, "ports": [{"port": 80}, {"port": 80, "protocol": "TCP"}]}))
apply("unknown field", a, doc("a", {"size": 2, "bogus": 1}))
apply("unknown field strict", a, doc("a", {"size": 2, "bogus": 1}), query="&fieldValidation=Strict")
apply("unknown field ignored", a, doc("a", {"size": 2, "bogus": 1}), query="&fieldValidation=Ignore")
apply("wrong type", a, doc("a", {"size": "x"}))
apply("wrong structure", a, doc("a", {"size": 2, "ports": "x"}))
apply("invalid", a, doc("a", {"size": 0}))
apply("null of a field", a, doc("a", {"size": 2, "color": None}))
apply("required missing", ws + "/b", doc("b", {"name": "abc"}))
apply("only metadata", a, doc("a", labels={"x": "y"}), manager="labels")
apply("status", a + "/status", doc("a", status={"size": 1, "conditions": [{"type": "Ready", "status": "True"}]}), manager="controller")
apply("status no-op", a + "/status", doc("a", status={"size": 1, "conditions": [{"type": "Ready", "status": "True"}]}), manager="controller")
apply("status of another", a + "/status", doc("a", status={"conditions": [{"type": "Other", "status": "True"}]}), manager="second")
apply("status with spec", a + "/status", doc("a", {"size": 77}, status={"size": 1}), manager="controller")
apply("status in main", a, doc("a", {"size": 2}, status={"size": 5}), manager="m1")
apply("status of a missing one", ws + "/missing/status", doc("missing", status={"size": 1}), manager="controller")
apply("scale", a + "/scale", {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a", "namespace": "applycustom"}, "spec": {"replicas": 4}}, manager="hpa", force=True)
patch("scale by update", a + "/scale?fieldManager=scaler", {"spec": {"replicas": 5}})
patch("merge by another", a + "?fieldManager=merger", {"spec": {"size": 6, "map": {"n": "m"}, "tags": ["q"]}})
post("created by update", ws + "?fieldManager=creator", doc("c", {"size": 1, "ports": [{"port": 1}], "tags": ["t"], "child": {"depth": 3}, "any": {"x": {"y": 1}}, "plain": [{}], "embedded": {"apiVersion": "v1", "kind": "K", "metadata": {"name": "n"}}}))
patch("status by update", ws + "/c/status?fieldManager=statuser", {"status": {"size": 1, "conditions": [{"type": "Ready"}]}})
patch("status by update again", ws + "/c/status?fieldManager=statuser", {"status": {"size": 2}})
apply("over updates", ws + "/c", doc("c", {"size": 2}))
apply("over updates, forced", ws + "/c", doc("c", {"size": 2}), force=True)
post("plain kind", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", simple(G, "plains", "Plain"), setup=True)
get("plain kind served", "/apis/%s/v1/plains" % G, until=lambda a: a.status == 200, only=[["kind"]])
pause(3)
ps = "/apis/%s/v1/namespaces/applycustom/plains" % G
apply("without a schema", ps + "/p", {"apiVersion": G + "/v1", "kind": "Plain", "metadata": {"name": "p"}, "spec": {"list": [{"a": 1}], "map": {"x": {"y": 1}}, "empty": {}, "none": None}})
apply("without a schema by another", ps + "/p", {"apiVersion": G + "/v1", "kind": "Plain", "metadata": {"name": "p"}, "spec": {"list": [{"a": 2}], "map": {"x": {"z": 1}}}}, manager="m2")
apply("without a schema, list goes", ps + "/p", {"apiVersion": G + "/v1", "kind": "Plain", "metadata": {"name": "p"}, "spec": {"map": {"x": {"y": 2}}}})

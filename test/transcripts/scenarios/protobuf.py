# Core kinds in the protobuf encoding, as components written in Go speak it.
ns = namespace("protobuf")
maps, accounts, leases = ns + "/configmaps", ns + "/serviceaccounts", "/apis/coordination.k8s.io/v1/namespaces/protobuf/leases"
proto = "application/vnd.kubernetes.protobuf"
both = proto + ",application/json"
def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])
def text(field, value):
    value = value if isinstance(value, bytes) else value.encode()
    return varint(field << 3 | 2) + varint(len(value)) + value
def number(field, value):
    return varint(field << 3) + varint(value)
def wrapped(version, kind, raw):
    return b"k8s\0" + text(1, text(1, version) + text(2, kind)) + text(2, raw)
def meta(name, namespace="protobuf", **more):
    return text(1, text(1, name) + text(3, namespace) + b"".join(text(11, text(1, k) + text(2, v)) for k, v in more.get("labels", {}).items()))
config = wrapped("v1", "ConfigMap", meta("a", labels={"x": "1"}) + text(2, text(1, "k") + text(2, "v")))
post("created", maps, config, type=proto, accept=both)
post("created again", maps, config, type=proto, accept=proto)
post("as json", maps, wrapped("v1", "ConfigMap", meta("b") + text(3, text(1, "bin") + text(2, b"\x00\xff"))), type=proto)
get("got", maps + "/a", accept=both)
get("json first", maps + "/a", accept="application/json," + proto)
get("listed", maps, accept=both)
get("listed in pages", maps + "?limit=1", accept=both)
get("metadata", maps + "/a", accept=proto + ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
get("metadata of the list", maps, accept=proto + ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1," + both)
get("missing", maps + "/none", accept=both)
put("updated", maps + "/a", wrapped("v1", "ConfigMap", meta("a") + text(2, text(1, "k") + text(2, "w"))), type=proto, accept=both)
patch("patched", maps + "/a", {"data": {"n": "1"}}, accept=both)
post("lease", leases, wrapped("coordination.k8s.io/v1", "Lease", meta("l") + text(2, text(1, "me") + number(2, 15) + text(3, number(1, 1700000000) + number(2, 5000)))), type=proto, accept=both)
get("lease in json", leases + "/l")
post("account", accounts, wrapped("v1", "ServiceAccount", meta("sa") + text(2, text(3, "s")) + number(4, 0)), type=proto, accept=both)
post("another kind", maps, wrapped("v1", "Secret", meta("x")), type=proto)
post("another version", maps, wrapped("v2", "ConfigMap", meta("x")), type=proto)
post("no magic", maps, b"nonsense", type=proto)
post("nothing", maps, b"", type=proto)
post("cut off", maps, config[:-3], type=proto)
post("only magic", maps, b"k8s\0", type=proto)
secret = {"metadata": {"name": "s"}, "data": {"a": "YQ=="}, "stringData": {"b": "c"}}
post("secret", ns + "/secrets", secret, accept=both)
pod = {"metadata": {"name": "p"}, "spec": {"automountServiceAccountToken": False, "containers": [
    {"name": "c", "image": "i", "ports": [{"containerPort": 80}], "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
     "livenessProbe": {"httpGet": {"port": 80, "path": "/"}}, "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}],
    "volumes": [{"name": "v", "configMap": {"name": "a", "optional": True}}, {"name": "e", "emptyDir": {}}]}}
setup("default account", accounts, {"metadata": {"name": "default"}})
post("pod", ns + "/pods", pod, accept=both)
get("pods", ns + "/pods", accept=both)
deployment = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
    "containers": [{"name": "c", "image": "i"}]}}}}
post("deployment", "/apis/apps/v1/namespaces/protobuf/deployments", deployment, accept=both)
post("service", ns + "/services", {"metadata": {"name": "s"}, "spec": {"clusterIP": "None", "ports": [{"port": 80, "targetPort": "web"}]}}, accept=both)
get("namespace", "/api/v1/namespaces/protobuf", accept=both)
post("node", "/api/v1/nodes", {"metadata": {"name": "protobuf-n"}, "spec": {"providerID": "x://y"}}, accept=both)
post("role", "/apis/rbac.authorization.k8s.io/v1/namespaces/protobuf/roles", {"metadata": {"name": "r"}, "rules": [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}, accept=both)
post("review", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}, accept=both)
post("token review", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": "alice-token"}}, accept=both)
post("myself", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, accept=both)
start = get("start", maps)["metadata"]["resourceVersion"]
now = watch("watched", maps + "?watch=true&allowWatchBookmarks=true&resourceVersion=" + start, accept=both)
streamed = watch("streamed list", maps + "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", accept=both)
partial = watch("watched metadata", maps + "?watch=true&resourceVersion=" + start, accept=proto + ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1," + both)
past = watch("too old", maps + "?watch=true&resourceVersion=abc", accept=both)
collect("events of the list", streamed, count=3, sort=True)
patch("changed", maps + "/b", {"data": {"n": "2"}})
post("new", maps, {"metadata": {"name": "c"}})
delete("away", maps + "/c", accept=both)
collect("events", now)
collect("events of metadata", partial)
delete("all away", maps, accept=both)

# Lists: selectors, pages, resource versions.
ns = namespace("lists")
maps = ns + "/configmaps"
get("empty", maps)
for i in range(5):
    last = setup("make %d" % i, maps, {"metadata": {"name": "m%d" % i, "labels": {"n": str(i), "parity": "odd" if i % 2 else "even", "all": ""}}})
names = [["kind"], ["metadata", "remainingItemCount"], ["items"]]
get("all", maps)
for s in ["n=1", "n==1", "n!=1", "n in (1,2)", "n notin (1,2)", "parity", "!parity", "missing", "!missing", "all=", "n=1,parity=odd",
          "n in (1),parity!=even", "n>2", "n<2", "parity=odd,", "parity =odd", "n in ()", "n in (1,,2)", "example.com/x", "x.y/z!=1", "n=a b"]:
    a = get("label selector " + s, maps + "?labelSelector=" + quote(s))
for s in ["metadata.name=m1", "metadata.name!=m1", "metadata.namespace=lists", "metadata.namespace=other", "metadata.name=m1,metadata.namespace=lists", "metadata.uid=x", "data.x=y", "metadata.name==m2", "metadata.name=", "metadata.name in (a)"]:
    get("field selector " + s, maps + "?fieldSelector=" + quote(s))
one = get("page 1", maps + "?limit=2")
get("page 2", maps + "?limit=2&continue=" + one["metadata"]["continue"])
two = get("page 2 with another limit", maps + "?limit=1&continue=" + one["metadata"]["continue"])
get("rest without limit", maps + "?continue=" + two["metadata"]["continue"])
setup("make late", maps, {"metadata": {"name": "m00"}})
delete("remove one", maps + "/m4")
get("page 2 is of the old time", maps + "?limit=5&continue=" + one["metadata"]["continue"])
get("page with selector", maps + "?limit=1&labelSelector=parity%3Dodd")
get("page with field selector", maps + "?limit=1&fieldSelector=metadata.name!%3Dm0")
get("bad continue", maps + "?limit=2&continue=nonsense")
get("bad continue in base64", maps + "?limit=2&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiJ4In0")
get("continue with version", maps + "?resourceVersion=5&continue=" + one["metadata"]["continue"])
get("limit larger than all", maps + "?limit=100", only=[["metadata", "continue"], ["metadata", "remainingItemCount"]])
get("limit zero", maps + "?limit=0", only=[["metadata", "continue"], ["metadata", "remainingItemCount"]])
rv = last.rv
cases = [("", ""), ("0", ""), (rv, ""), (rv, "NotOlderThan"), (rv, "Exact"), ("0", "NotOlderThan"), ("0", "Exact"), ("", "Exact"), ("", "NotOlderThan"), (rv, "Other"), ("abc", ""), ("-1", ""), ("99999999", ""), ("99999999", "Exact"), ("99999999", "NotOlderThan"), ("1", "Exact")]
for version, match in cases:
    for limit in ["", "2"]:
        query = "&".join(q for q in ["resourceVersion=" + version if version else "", "resourceVersionMatch=" + match if match else "", "limit=" + limit if limit else ""] if q)
        shown = "rv" if version == rv else version or "unset"
        get("version %s, match %s, limit %s" % (shown, match or "-", limit or "-"), maps + ("?" + query if query else ""))
get("match with continue", maps + "?resourceVersionMatch=Exact&continue=" + one["metadata"]["continue"])
get("one at version 0", maps + "/m0?resourceVersion=0", only=[["kind"]])
get("one at a version", maps + "/m0?resourceVersion=" + rv, only=[["kind"]])
get("one at a future version", maps + "/m0?resourceVersion=99999999")
get("one at nonsense", maps + "/m0?resourceVersion=abc")
get("sendInitialEvents without watch", maps + "?sendInitialEvents=true")
get("timeoutSeconds", maps + "?timeoutSeconds=5", only=[["kind"]])
get("pretty", maps + "/m0?pretty=true", only=[["kind"]])
get("all namespaces", "/api/v1/configmaps?labelSelector=parity", only=names)
get("all namespaces in pages", "/api/v1/configmaps?limit=1&labelSelector=parity", only=names)
get("leases, empty", "/apis/coordination.k8s.io/v1/namespaces/lists/leases")
get("secrets by type", ns + "/secrets?fieldSelector=type%3DOpaque")
get("namespaces by name", "/api/v1/namespaces?fieldSelector=metadata.name%3Dlists")

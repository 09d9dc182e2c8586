# What is said of bodies, patches, tokens and headers of many a wrong kind; the words of Go's decoders.
ns = namespace("verbs")
maps, accounts, services = ns + "/configmaps", ns + "/serviceaccounts", ns + "/services"
yaml, strategic = "application/yaml", "application/strategic-merge-patch+json"
post("map", maps, {"metadata": {"name": "a"}, "data": {"k": "v"}})
setup("account", accounts, {"metadata": {"name": "sa"}})
setup("service", services, {"metadata": {"name": "s"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}})
for body in ['{"data":{"k":1}}', '{"data":[1]}', '{"data":"x"}', '{"data":true}', '{"data":1.5}', '{"metadata":{"labels":{"a":1}}}',
             '{"metadata":"x"}', '{"metadata":{"name":5}}', '{"metadata":{"finalizers":"x"}}', '{"metadata":{"finalizers":[1]}}',
             '{"immutable":"x"}', '{"metadata":{"ownerReferences":[1]}}', '{"data":{"$patch":"explode"}}', '{"$patch":"explode"}',
             '{"$patch":"delete"}', '{"$retainKeys":"x"}', '{"$retainKeys":["metadata"],"data":{"a":"b"}}', 'null', '1', '"x"', '{x',
             '{"$setElementOrder/secrets":1}', '{"kind":"Secret"}', '{"apiVersion":"v2"}', '{"binaryData":{"$patch":"delete","x":"eA=="}}',
             '{"binaryData":{"$patch":"replace","x":"eA==","y":null}}', '{"metadata":{"labels":{"a":null,"b":"c"}}}']:
    patch("strategic " + body, maps + "/a?dryRun=All", body, type="strategic")
for body in ['{"spec":{"ports":[{"port":"x"}]}}', '{"spec":{"ports":"x"}}', '{"spec":{"ports":[1]}}', '{"spec":{"ports":[{"name":"x"}]}}',
             '{"spec":"x"}', '{"spec":{"ports":[{"$patch":"explode","port":80}]}}', '{"spec":{"sessionAffinityConfig":[1]}}',
             '{"spec":{"$setElementOrder/ports":[{"port":81}],"ports":[{"port":82}]}}', '{"spec":{"externalIPs":[1]}}']:
    patch("strategic service " + body, services + "/s?dryRun=All", body, type="strategic")
for body in ['{"secrets":[{"name":"x","$patch":"delete"},{"name":"y"}]}', '{"secrets":[{"$patch":"replace"},{"name":"y"}]}',
             '{"imagePullSecrets":[{"name":"y","$patch":"delete"},{"name":"z"}]}']:
    patch("strategic account " + body, accounts + "/sa?dryRun=All", body, type="strategic")
twice = "metadata:\n  name: yy\n  name: yz\nfoo: 1\ndata:\n  a: b\n  a: c\n"
post("yaml, warned", maps + "?dryRun=All", twice, type=yaml)
post("yaml, strict", maps + "?dryRun=All&fieldValidation=Strict", twice, type=yaml)
post("yaml, two documents", maps + "?dryRun=All", "metadata:\n  name: q1\n---\nmetadata:\n  name: q2\n", type=yaml)
post("yaml, a list", maps + "?dryRun=All", "- a\n", type=yaml)
post("yaml, nothing", maps + "?dryRun=All", "---\n", type=yaml)
post("yaml, scanner", maps + "?dryRun=All", "a: b: c\n", type=yaml)
post("yaml, tab", maps + "?dryRun=All", "a:\n\tb: c\n", type=yaml)
post("apiVersion a number", maps + "?dryRun=All", '{"apiVersion":5}')
post("kind a list", maps + "?dryRun=All", '{"kind":[5]}')
post("bad utf-8", maps + "?dryRun=All", b'{"metadata":{"name":"u"},"data":{"a":"\xff"}}')
post("a deployment", maps, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}})
for text in ['{"a":1,}', '{"a" 1}', '{"a":1 "b":2}', '[1 2]', '{"a":tru}', '{"a":01}', '{"a":1.x}', '{"a":"\n"}', '{"a":"\\x"}', '{} x', "'a'"]:
    post("json " + text, maps + "?dryRun=All", text)
for body in ['[1]', '{"op":"add"}', 'null', '"x"', '[{"op":"explode","path":"/data"}]', '[{"path":"/data"}]', '[{"op":"add","value":1}]',
             '[{"op":"remove","path":"/nope"}]', '[{"op":"test","path":"/data/k","value":"no"}]', '[{"op":"replace","path":"","value":{}}]',
             '[{"op":"replace","path":"/metadata/name","value":"z"}]', '[{"op":"add","path":"/data/x","value":[{"a":1}]}]']:
    patch("json " + body, maps + "/a?dryRun=All", body, type="json")
for body in ['{"metadata":null}', '{"metadata":{"name":null}}', '{"kind":null}', '{"immutable":"x"}', '{"metadata":{"labels":"x"}}',
             '{"binaryData":{"a":"a%"}}', '{"kind":"Deployment"}', '{"apiVersion":"apps/v1","kind":"Deployment"}', '{"apiVersion":5}',
             '{"data":{"a":{"b":1}}}', '{"metadata":{"annotations":{"a b":"c"}}}', '{"metadata":{"finalizers":["plain"]}}',
             '{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"X","name":"","uid":"u"}]}}', '{"metadata":{"generateName":"A_"}}']:
    patch("merge " + body, maps + "/a?dryRun=All", body)
patch("merge lease labels", "/apis/coordination.k8s.io/v1/namespaces/verbs/leases/none", {"metadata": {"labels": {"l": "b c"}}})
for body in ['{x', '[]', '"x"', '{"kind":"ConfigMap","apiVersion":"v1"}', '{"gracePeriodSeconds":"x"}', '{"propagationPolicy":5}',
             '{"preconditions":"x"}', '{"dryRun":"All"}', '{"dryRun":["All"],"orphanDependents":true,"propagationPolicy":"Orphan"}']:
    delete("delete " + body, maps + "/a?dryRun=All", body)
delete("delete by yaml", maps + "/a", "dryRun: [All]\n", type=yaml)
delete("delete by text", maps + "/a", "x", type="text/plain")
for version in ["v1", "v2", "apps/v1", "meta.k8s.io/v1", ""]:
    body = {"kind": "DeleteOptions", "dryRun": ["All"]}
    delete("delete options of " + version, maps + "/a", dict(body, apiVersion=version) if version else body)
delete("the body counts, not the query", maps + "/a?dryRun=All", {"bogus": 1})
get("so it is gone", maps + "/a")
for name, headers in [("group", {"Impersonate-Group": "g"}), ("uid", {"Impersonate-Uid": "u"}), ("extra", {"Impersonate-Extra-Foo": "v"}),
                      ("both", {"Impersonate-Group": "g", "Impersonate-Uid": "u"})]:
    get("impersonating a " + name, maps, headers=headers)
for accept in ["application/json;as=Foo;v=v1;g=meta.k8s.io", "application/xml, application/json;as=Table;v=v9;g=meta.k8s.io",
               "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io", "text/*", ""]:
    get("accepting " + accept, maps + "/a", accept=accept or "*/*")
    get("accepting for a list " + accept, maps + "?limit=1", accept=accept or "*/*")
for accept in ["text/plain, application/yaml", "application/json;as=Foo;v=v1;g=meta.k8s.io"]:
    watch("watching as " + accept, maps + "?watch=1&timeoutSeconds=1", accept=accept)
for token in ["nonsense", "@@@", "a", "ab=", "e30", "W10", "MQ", "eyJ2IjoidjIiLCJydiI6MSwic3RhcnQiOiJ4In0", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIifQ",
              "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi94In0", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6IngiLCJzdGFydCI6IngifQ",
              "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJ4In0="]:
    get("continue " + token, maps + "?limit=2&continue=" + token)
setup("secret", ns + "/secrets", {"metadata": {"name": "s", "labels": {"y": "n", "on": "1"}}, "stringData": {"b": "x" * 90}})
get("as yaml", ns + "/secrets/s", accept=yaml)
get("list as yaml", ns + "/secrets", accept=yaml)

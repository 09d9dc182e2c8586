"""What programs do with the Python client: typed and dynamic, create, list, patch in each way, watch, delete.

    client.py KUBECONFIG
"""
import base64
import sys
import threading
import time

from kubernetes import client, config, dynamic, watch

NS = "python"
config.load_kube_config(sys.argv[1])
core, apps, batch = client.CoreV1Api(), client.AppsV1Api(), client.BatchV1Api()
failures = 0


def check(what, good):
    global failures
    print("ok  " if good else "FAIL", what)
    failures += not good


def refused(code, act):
    try:
        act()
    except client.exceptions.ApiException as error:
        return error.status == code
    except dynamic.exceptions.DynamicApiError as error:
        return error.status == code
    return False


check("version", client.VersionApi().get_code().git_version.startswith("v1."))
core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NS)))
meta = client.V1ObjectMeta(name="a", labels={"x": "y"})
core.create_namespaced_config_map(NS, client.V1ConfigMap(metadata=meta, data={"k": "v"}))
check("a second creation is 409", refused(409, lambda: core.create_namespaced_config_map(
    NS, client.V1ConfigMap(metadata=meta))))
core.patch_namespaced_config_map("a", NS, {"data": {"l": "w"}})  # a dict: strategic merge
core.patch_namespaced_config_map("a", NS, [{"op": "add", "path": "/data/m", "value": "x"}])  # a list: JSON Patch
check("both patches took", core.read_namespaced_config_map("a", NS).data == {"k": "v", "l": "w", "m": "x"})
secret = core.create_namespaced_secret(NS, client.V1Secret(metadata=client.V1ObjectMeta(name="s"),
                                                           string_data={"p": "q"}))
check("stringData", base64.b64decode(secret.data["p"]) == b"q" and secret.type == "Opaque")
check("selectors", len(core.list_namespaced_config_map(NS, label_selector="x=y").items) == 1
      and not core.list_namespaced_config_map(NS, field_selector="metadata.name=b").items)

container = client.V1Container(name="c", image="i:1", ports=[client.V1ContainerPort(container_port=80)])
template = client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels={"a": "b"}),
                                    spec=client.V1PodSpec(containers=[container]))
deployment = client.V1Deployment(metadata=client.V1ObjectMeta(name="d"), spec=client.V1DeploymentSpec(
    selector=client.V1LabelSelector(match_labels={"a": "b"}), template=template))
made = apps.create_namespaced_deployment(NS, deployment)
check("defaults of a Deployment", made.spec.replicas == 1 and made.spec.strategy.rolling_update.max_surge == "25%")
scale = apps.read_namespaced_deployment_scale("d", NS)
scale.spec.replicas = 3
apps.replace_namespaced_deployment_scale("d", NS, scale)
check("scale", apps.read_namespaced_deployment("d", NS).spec.replicas == 3)
job_pod = client.V1PodTemplateSpec(spec=client.V1PodSpec(containers=[container], restart_policy="Never"))
batch.create_namespaced_job(NS, client.V1Job(metadata=client.V1ObjectMeta(name="j"),
                                             spec=client.V1JobSpec(template=job_pod)))
core.create_namespaced_pod(NS, client.V1Pod(metadata=client.V1ObjectMeta(name="p"),
                                            spec=client.V1PodSpec(containers=[container])))
pod = core.patch_namespaced_pod_status("p", NS, {"status": {"phase": "Running"}})
check("status of a pod", pod.status.phase == "Running")

seen = []


def follow():
    for event in watch.Watch().stream(core.list_namespaced_config_map, NS, timeout_seconds=30):
        seen.append((event["type"], event["object"].metadata.name))
        if event["type"] == "DELETED":
            return


follower = threading.Thread(target=follow)
follower.start()
time.sleep(0.5)
core.create_namespaced_config_map(NS, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="b")))
core.delete_namespaced_config_map("b", NS)
follower.join(40)
check("watch", [("ADDED", "b"), ("DELETED", "b")] == [one for one in seen if one[1] == "b"])

crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
       "metadata": {"name": "toys.python.example.com"},
       "spec": {"group": "python.example.com", "scope": "Namespaced",
                "names": {"plural": "toys", "kind": "Toy"},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                    "type": "object", "properties": {"spec": {"type": "object", "properties": {
                        "size": {"type": "integer", "minimum": 1}}}}}}}]}}
anything = dynamic.DynamicClient(client.ApiClient())
anything.resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition").create(body=crd)
for _ in range(50):
    found = client.ApiextensionsV1Api().read_custom_resource_definition("toys.python.example.com")
    if found.status and any(one.type == "Established" and one.status == "True" for one in found.status.conditions):
        break
    time.sleep(0.1)
toys = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="python.example.com/v1", kind="Toy")
toy = {"apiVersion": "python.example.com/v1", "kind": "Toy", "metadata": {"name": "t"}, "spec": {"size": 1}}
toys.create(body=toy, namespace=NS)
check("a bad custom object is 422", refused(422, lambda: toys.create(namespace=NS, body={
    **toy, "metadata": {"name": "u"}, "spec": {"size": 0}})))
toys.patch(name="t", namespace=NS, body={"spec": {"size": 2}}, content_type="application/merge-patch+json")
check("dynamic client", toys.get(name="t", namespace=NS).spec.size == 2)
applied = toys.server_side_apply(namespace=NS, body={**toy, "spec": {"size": 3}}, field_manager="py",
                                 force_conflicts=True)
check("server-side apply", applied.spec.size == 3)
core.delete_namespace(NS)
sys.exit(1 if failures else 0)

#include "workload/drain.h"

#include "base/time.h"
#include "sys/fiber.h"

namespace workload {

bool must_move(const Json& pod, bool unreachable_node, base::Time now) {
  const Json& meta = pod["metadata"];
  if (meta["annotations"].has("kubernetes.io/config.mirror")) return false;
  const std::string& phase = pod.path("status.phase").string();
  if (phase == "Succeeded" || phase == "Failed") return true;  // finished: free to go, whoever owned it
  if (meta["labels"]["cluster.x-k8s.io/drain"].string() == "skip") return false;
  for (const auto& owner : meta["ownerReferences"].items()) {
    if (owner["kind"].string() == "DaemonSet" && owner["controller"].boolean()) return false;
  }
  // A pod that was told to go on a node that nobody hears from will never confirm it.
  const auto deleted = base::parse_rfc3339(meta["deletionTimestamp"].string());
  return !(unreachable_node && deleted && now - *deleted > base::seconds(1));
}

namespace {

base::Result<void> evict(KubeClient& client, const Json& pod, bool unreachable_node) {
  const std::string& ns = pod.path("metadata.namespace").string();
  const std::string& name = pod.path("metadata.name").string();
  Json body = Json::object({{"apiVersion", "policy/v1"},
                            {"kind", "Eviction"},
                            {"metadata", Json::object({{"name", name}, {"namespace", ns}})}});
  if (unreachable_node) body.set("deleteOptions", Json::object({{"gracePeriodSeconds", 1}}));
  auto done = client.create("/api/v1/namespaces/" + ns + "/pods/" + name + "/eviction", body);
  if (!done && done.error().code != base::Code::not_found) return std::move(done).error();
  return {};
}

}  // namespace

base::Result<void> drain(sys::Loop& loop, KubeClient& client, const std::string& node, const DrainOptions& options,
                         const std::function<void(std::string)>& step) {
  auto cordoned =
      client.merge_patch("/api/v1/nodes/" + node, Json::object({{"spec", Json::object({{"unschedulable", true}})}}));
  if (!cordoned && cordoned.error().code == base::Code::not_found) return {};
  if (!cordoned) return std::move(cordoned).error().context("cordoning Node " + node);
  for (;;) {
    const Json pods = TRY(client.get("/api/v1/pods?fieldSelector=spec.nodeName%3D" + node));
    size_t left = 0;
    std::string first;
    for (const auto& pod : pods["items"].items()) {
      if (!must_move(pod, options.unreachable_node, loop.now())) continue;
      ++left;
      const std::string who = pod.path("metadata.namespace").string() + "/" + pod.path("metadata.name").string();
      const bool going = !pod.path("metadata.deletionTimestamp").is_null();
      const auto evicted = going ? base::Result<void>() : evict(client, pod, options.unreachable_node);
      if (first.empty())
        first = who + (going ? " is terminating" : evicted ? " was evicted" : ": " + evicted.error().message);
    }
    if (left == 0) return {};
    step(std::to_string(left) + " Pods still to move; " + first);
    TRY(sys::sleep(loop, options.retry));
  }
}

}  // namespace workload

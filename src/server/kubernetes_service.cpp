#include "server/kubernetes_service.h"

#include "base/log.h"

namespace server {
namespace {

using base::Json;

Json declared(uint16_t port) {
  Json out = Json::object({{"apiVersion", "v1"}, {"kind", "Service"}});
  out.set("metadata",
          Json::object({{"name", "kubernetes"},
                        {"namespace", "default"},
                        {"labels", Json::object({{"component", "apiserver"}, {"provider", "kubernetes"}})}}));
  const Json https =
      Json::object({{"name", "https"}, {"protocol", "TCP"}, {"port", 443}, {"targetPort", int64_t{port}}});
  out.set("spec", Json::object({{"type", "ClusterIP"}, {"clusterIP", "10.96.0.1"}, {"ports", Json::array({https})}}));
  return out;
}

base::Result<void> make(registry::Registry& registry, const meta::Kind& kind, uint16_t port) {
  const Json wanted = declared(port);
  const auto current = registry.get(kind, "default", "kubernetes");
  if (!current) {
    TRY(registry.create(kind, wanted));
    return {};
  }
  if (current->doc()["spec"]["ports"] == wanted["spec"]["ports"]) return {};
  TRY(registry.modify(kind, "default", "kubernetes", {.internal = true}, [&](const Json& doc) -> base::Result<Json> {
    Json out = doc;
    out.child("spec").set("ports", wanted["spec"]["ports"]);
    return out;
  }));
  return {};
}

}  // namespace

void make_kubernetes_service(registry::Registry& registry, uint16_t port) {
  const meta::Kind* kind = registry.scheme().by_resource("services");
  const meta::Kind* namespaces = registry.scheme().by_resource("namespaces");
  if (!kind || !namespaces || !registry.get(*namespaces, {}, "default")) return;
  const auto made = make(registry, *kind, port);
  if (!made) base::log::error("the Service of the API could not be made", {{"error", made.error().text()}});
}

}  // namespace server

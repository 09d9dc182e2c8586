#include "control/kubeadm/certificates.h"

#include "base/text.h"
#include "crypto/x509.h"
#include "wire/yaml.h"

namespace control::kubeadm {

namespace {

constexpr int ca_years = 10;

// Valid from five minutes ago: the clocks of new servers are rarely right.
crypto::CertificateRequest lifetime(Context& ctx, base::Duration span) {
  crypto::CertificateRequest request;
  request.not_before = ctx.now() - base::minutes(5);
  request.not_after = ctx.now() + span;
  request.serial_hex = base::hex(ctx.random().bytes(16));
  return request;
}

base::Duration years(int count) { return base::hours(24 * 365) * count; }

Result<KeyPair> make_authority(Context& ctx, std::string_view common_name) {
  KeyPair out;
  out.key = ctx.keys().rsa_2048_pem();
  auto request = lifetime(ctx, years(ca_years));
  request.common_name = common_name;
  request.is_ca = true;
  out.certificate = TRY(crypto::issue_certificate(request, out.key, "", out.key));
  return out;
}

Result<KeyPair> make_pair(Context& ctx, std::string_view purpose) {
  if (purpose == "ca") return make_authority(ctx, "kubernetes");
  if (purpose == "etcd") return make_authority(ctx, "etcd-ca");
  if (purpose == "proxy") return make_authority(ctx, "front-proxy-ca");
  KeyPair out;  // service accounts: a bare key pair
  out.key = ctx.keys().rsa_2048_pem();
  out.certificate = TRY(crypto::public_key_pem(out.key));
  return out;
}

Result<std::optional<KeyPair>> read_pair(const Context& ctx, std::string_view ns, std::string_view cluster,
                                         std::string_view purpose) {
  const std::string name = std::string(cluster) + "-" + std::string(purpose);
  const auto secret = ctx.find<api::Secret>(ns, name);
  if (!secret) return std::optional<KeyPair>();
  const auto certificate = secret->value("tls.crt"), key = secret->value("tls.key");
  if (!certificate || !key) {
    return base::Error{base::Code::invalid, "Secret " + name + " must have tls.crt and tls.key", base::Layer::bootstrap,
                       "complete the Secret, or delete it to have a new one made"};
  }
  return std::optional<KeyPair>(KeyPair{*certificate, *key});
}

Result<KeyPair> ensure_pair(Context& ctx, const Cluster& cluster, std::string_view purpose,
                            const api::OwnerReference& owner) {
  auto known = TRY(read_pair(ctx, cluster.meta.ns, cluster.meta.name, purpose));
  if (known) return std::move(*known);
  auto made = TRY(make_pair(ctx, purpose));
  api::Secret secret;
  secret.meta.name = cluster.meta.name + "-" + std::string(purpose);
  secret.meta.ns = cluster.meta.ns;
  secret.meta.labels[std::string(api::cluster_name_label)] = cluster.meta.name;
  secret.meta.owners = {owner};
  secret.type = secret_type;
  secret.set("tls.crt", made.certificate);
  secret.set("tls.key", made.key);
  TRY(ctx.create(secret));
  return made;
}

Result<std::string> kubeconfig_text(Context& ctx, const Cluster& cluster, const KeyPair& ca) {
  const std::string key = ctx.keys().rsa_2048_pem();
  auto request = lifetime(ctx, years(1));
  request.common_name = "kubernetes-admin";
  request.organizations = {"system:masters"};
  request.client_auth = true;
  const std::string certificate = TRY(crypto::issue_certificate(request, key, ca.certificate, ca.key));
  const std::string host = cluster.spec.endpoint.host.find(':') == std::string::npos
                               ? cluster.spec.endpoint.host
                               : "[" + cluster.spec.endpoint.host + "]";
  const std::string server = "https://" + host + ":" + std::to_string(cluster.spec.endpoint.port);
  const std::string user = cluster.meta.name + "-admin", context = user + "@" + cluster.meta.name;
  Json doc = Json::object(
      {{"apiVersion", "v1"}, {"kind", "Config"}, {"current-context", context}, {"preferences", Json::object()}});
  doc.set("clusters",
          Json::array({Json::object(
              {{"name", cluster.meta.name},
               {"cluster",
                Json::object({{"server", server}, {"certificate-authority-data", base::base64(ca.certificate)}})}})}));
  doc.set("contexts",
          Json::array({Json::object(
              {{"name", context}, {"context", Json::object({{"cluster", cluster.meta.name}, {"user", user}})}})}));
  doc.set("users",
          Json::array({Json::object({{"name", user},
                                     {"user", Json::object({{"client-certificate-data", base::base64(certificate)},
                                                            {"client-key-data", base::base64(key)}})}})}));
  return wire::to_yaml(doc);
}

// Whether the client certificate in the kubeconfig has half of its life behind it.
bool needs_renewal(const std::string& kubeconfig, Time now) {
  const auto docs = wire::parse_yaml(kubeconfig);
  if (!docs || docs->empty()) return true;
  const auto certificate = base::unbase64(docs->front()["users"].at(0)["user"]["client-certificate-data"].string());
  if (!certificate || certificate->empty()) return false;  // a user's own, by token or other means
  const auto info = crypto::inspect_certificate(*certificate);
  return !info || now > info->not_before + (info->not_after - info->not_before) / 2;
}

}  // namespace

Result<Certificates> ensure_certificates(Context& ctx, const Cluster& cluster, const api::OwnerReference& owner) {
  Certificates out;
  out.ca = TRY(ensure_pair(ctx, cluster, "ca", owner));
  out.etcd = TRY(ensure_pair(ctx, cluster, "etcd", owner));
  out.proxy = TRY(ensure_pair(ctx, cluster, "proxy", owner));
  out.service_account = TRY(ensure_pair(ctx, cluster, "sa", owner));
  return out;
}

Result<std::optional<Certificates>> read_certificates(const Context& ctx, std::string_view ns,
                                                      std::string_view cluster) {
  Certificates out;
  for (const auto& [purpose, place] : {std::pair<const char*, KeyPair*>{"ca", &out.ca},
                                       {"etcd", &out.etcd},
                                       {"proxy", &out.proxy},
                                       {"sa", &out.service_account}}) {
    auto pair = TRY(read_pair(ctx, ns, cluster, purpose));
    if (!pair) return std::optional<Certificates>();
    *place = std::move(*pair);
  }
  return std::optional<Certificates>(std::move(out));
}

Result<void> ensure_kubeconfig(Context& ctx, const Cluster& cluster, const KeyPair& ca,
                               const api::OwnerReference& owner) {
  const std::string name = cluster.meta.name + "-kubeconfig";
  const auto known = ctx.find<api::Secret>(cluster.meta.ns, name);
  if (!known) {
    api::Secret secret;
    secret.meta.name = name;
    secret.meta.ns = cluster.meta.ns;
    secret.meta.labels[std::string(api::cluster_name_label)] = cluster.meta.name;
    secret.meta.owners = {owner};
    secret.type = secret_type;
    secret.set("value", TRY(kubeconfig_text(ctx, cluster, ca)));
    TRY(ctx.create(secret));
    return {};
  }
  const auto text = known->value("value");
  const auto* controller = known->meta.controller();
  const bool ours = controller && controller->uid == owner.uid;  // a user's own kubeconfig is never replaced
  if (!ours || (text && !needs_renewal(*text, ctx.now()))) return {};
  const std::string renewed = TRY(kubeconfig_text(ctx, cluster, ca));
  TRY(ctx.update(*known, [&](api::Secret& secret) { secret.set("value", renewed); }));
  return {};
}

}  // namespace control::kubeadm

#include "cli/identity.h"

#include <functional>

#include "base/json.h"
#include "base/text.h"
#include "crypto/x509.h"
#include "server/server.h"

namespace cli {

using base::Json;
using base::Result;

namespace {

constexpr base::Duration ca_life = base::hours(24 * 3650);
constexpr base::Duration leaf_life = base::hours(24 * 365);
constexpr base::Duration clock_slack = base::hours(1);

crypto::CertificateRequest request(sys::Sys& sys, std::string common_name, base::Duration life) {
  crypto::CertificateRequest out;
  out.common_name = std::move(common_name);
  out.not_before = sys.loop.now() - clock_slack;
  out.not_after = sys.loop.now() + life;
  out.serial_hex = base::hex(sys.random.bytes(16));
  return out;
}

Result<void> make_ca(sys::Sys& sys, std::string name, std::string& certificate_pem, std::string& key_pem) {
  auto ca = request(sys, std::move(name), ca_life);
  ca.is_ca = true;
  key_pem = sys.keys.ec_p256_pem();
  certificate_pem = TRY(crypto::issue_certificate(ca, key_pem, {}, key_pem));
  return {};
}

Result<void> load_ca(sys::Sys& sys, const std::string& pki, Identity& out) {
  const std::string certificate = pki + "/ca.crt", key = pki + "/ca.key";
  if (sys.disk.exists(certificate) && sys.disk.exists(key)) {
    out.ca_certificate_pem = TRY(sys.disk.read(certificate));
    out.ca_key_pem = TRY(sys.disk.read(key));
    if (crypto::key_matches(out.ca_certificate_pem, out.ca_key_pem)) return {};
    return base::Error{base::Code::corrupt, certificate + " and " + key + " do not belong together", base::Layer::api,
                       "put back the pair that was there, or remove both: all kubeconfigs then have to be made anew"};
  }
  if (sys.disk.exists(certificate) || sys.disk.exists(key)) {
    const std::string& missing = sys.disk.exists(key) ? certificate : key;
    return base::Error{base::Code::corrupt, missing + " is missing beside its other half", base::Layer::api,
                       "put it back, or remove " + pki + ": all kubeconfigs then have to be made anew"};
  }
  TRY(make_ca(sys, "ingot-ca", out.ca_certificate_pem, out.ca_key_pem));
  TRY(sys.disk.write(key, out.ca_key_pem, 0600));
  return sys.disk.write(certificate, out.ca_certificate_pem);
}

}  // namespace

Result<Identity> load_identity(sys::Sys& sys, const std::string& data_dir, const std::vector<std::string>& names) {
  Identity out;
  const auto fix = [](base::Error error) {
    return std::move(error).context("--data-dir").with_fix("name a directory that this user may write to");
  };
  if (auto made = sys.disk.make_directories(data_dir, 0700); !made) return fix(std::move(made).error());
  TRY(sys.disk.make_directories(data_dir + "/pki", 0700));
  TRY(load_ca(sys, data_dir + "/pki", out));

  const std::string signer = data_dir + "/pki/sa.key";
  // RSA: its signatures repeat, so that a run of the simulation does, and they are quick to check.
  if (!sys.disk.exists(signer)) TRY(sys.disk.write(signer, sys.keys.rsa_2048_pem(), 0600));
  out.service_account_key_pem = TRY(sys.disk.read(signer));

  TRY(issue_serving(sys, names, out));

  const std::string secret = data_dir + "/boot.secret";
  if (!sys.disk.exists(secret)) TRY(sys.disk.write(secret, sys.random.bytes(32), 0600));
  out.boot_secret = TRY(sys.disk.read(secret));
  if (out.boot_secret.size() < 32) {
    return base::Error{base::Code::corrupt, secret + " is shorter than 32 bytes", base::Layer::controller,
                       "remove it; servers that are booting the deploy ramdisk now will be booted once more"};
  }
  return out;
}

Result<void> issue_serving(sys::Sys& sys, const std::vector<std::string>& names, Identity& out) {
  auto serving = request(sys, "ingot", leaf_life);
  serving.server_auth = true;
  for (const auto& name : names) crypto::add_subject_name(serving, name);
  out.serving_key_pem = sys.keys.ec_p256_pem();
  out.serving_certificate_pem =
      TRY(crypto::issue_certificate(serving, out.serving_key_pem, out.ca_certificate_pem, out.ca_key_pem));
  return {};
}

Result<Identity> fresh_identity(sys::Sys& sys, const std::string& data_dir) {
  Identity out;
  const auto read = [&](const std::string& path, std::string& into, const std::function<std::string()>& make) {
    if (!sys.disk.exists(path)) {
      into = make();
      return Result<void>();
    }
    auto bytes = sys.disk.read(path);
    if (bytes) into = std::move(*bytes);
    return bytes ? Result<void>() : Result<void>(bytes.error());
  };
  const std::string pki = data_dir + "/pki";
  if (sys.disk.exists(pki + "/ca.crt") || sys.disk.exists(pki + "/ca.key")) {
    TRY(load_ca(sys, pki, out));
  } else {
    TRY(make_ca(sys, "ingot-ca", out.ca_certificate_pem, out.ca_key_pem));
  }
  TRY(make_ca(sys, "ingot-peers", out.peer_ca_certificate_pem, out.peer_ca_key_pem));
  TRY(read(pki + "/sa.key", out.service_account_key_pem, [&] { return sys.keys.rsa_2048_pem(); }));
  TRY(read(data_dir + "/boot.secret", out.boot_secret, [&] { return sys.random.bytes(32); }));
  return out;
}

std::string common_part(const Identity& identity) {
  return Json::object({{"ca.crt", identity.ca_certificate_pem},
                       {"ca.key", identity.ca_key_pem},
                       {"peer-ca.crt", identity.peer_ca_certificate_pem},
                       {"peer-ca.key", identity.peer_ca_key_pem},
                       {"sa.key", identity.service_account_key_pem},
                       {"boot.secret", base::base64(identity.boot_secret)}})
      .dump();
}

Result<void> take_common_part(const std::string& text, Identity& out) {
  const auto doc = TRY(base::parse_json(text).context("the common identity"));
  out.ca_certificate_pem = doc["ca.crt"].string();
  out.ca_key_pem = doc["ca.key"].string();
  out.peer_ca_certificate_pem = doc["peer-ca.crt"].string();
  out.peer_ca_key_pem = doc["peer-ca.key"].string();
  out.service_account_key_pem = doc["sa.key"].string();
  out.boot_secret = base::unbase64(doc["boot.secret"].string()).value_or("");
  const bool complete = !out.ca_key_pem.empty() && !out.peer_ca_key_pem.empty() &&
                        !out.service_account_key_pem.empty() && out.boot_secret.size() >= 32;
  return complete ? Result<void>() : base::corrupt("the common identity is not complete");
}

Result<void> save_identity(sys::Sys& sys, const std::string& data_dir, const Identity& identity) {
  TRY(sys.disk.make_directories(data_dir + "/pki", 0700));
  TRY(sys.disk.write(data_dir + "/pki/ca.key", identity.ca_key_pem, 0600));
  TRY(sys.disk.write(data_dir + "/pki/ca.crt", identity.ca_certificate_pem));
  TRY(sys.disk.write(data_dir + "/pki/sa.key", identity.service_account_key_pem, 0600));
  return sys.disk.write(data_dir + "/boot.secret", identity.boot_secret, 0600);
}

Result<void> write_admin_kubeconfig(sys::Sys& sys, const std::string& data_dir, const Identity& identity,
                                    const std::string& server_url) {
  auto admin = request(sys, "ingot-admin", leaf_life);
  admin.organizations = {"system:masters"};
  admin.client_auth = true;
  const std::string key = sys.keys.ec_p256_pem();
  const auto certificate = TRY(crypto::issue_certificate(admin, key, identity.ca_certificate_pem, identity.ca_key_pem));
  return sys.disk.write(data_dir + "/admin.kubeconfig",
                        server::kubeconfig("ingot", server_url, identity.ca_certificate_pem, certificate, key), 0600);
}

}  // namespace cli

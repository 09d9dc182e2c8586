#include "cli/apiserver.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/log.h"
#include "base/text.h"
#include "cli/serve.h"
#include "cli/session.h"
#include "crypto/x509.h"
#include "sys/fiber.h"

namespace cli {

using base::Result;

namespace {

constexpr base::Duration certificate_life = base::hours(24 * 365);

// A self-signed certificate for the bind address, as kube-apiserver makes one where it finds none.
Result<void> make_certificate(sys::Sys& sys, const ApiServerFlags& flags, const std::string& certificate,
                              const std::string& key) {
  TRY(sys.disk.make_directories(flags.cert_dir, 0700));
  crypto::CertificateRequest request;
  request.common_name = flags.bind_address;
  request.server_auth = true;
  request.is_ca = true;
  for (const char* name : {"localhost", "127.0.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}) {
    crypto::add_subject_name(request, name);
  }
  if (flags.bind_address != "127.0.0.1") crypto::add_subject_name(request, flags.bind_address);
  request.not_before = sys.loop.now() - base::hours(1);
  request.not_after = sys.loop.now() + certificate_life;
  request.serial_hex = base::hex(sys.random.bytes(16));
  const std::string made_key = sys.keys.ec_p256_pem();
  TRY(sys.disk.write(key, made_key, 0600));
  return sys.disk.write(certificate, TRY(crypto::issue_certificate(request, made_key, {}, made_key)));
}

Result<Identity> identity(sys::Sys& sys, const ApiServerFlags& flags) {
  Identity out;
  const bool own = !flags.certificate.empty();
  const std::string certificate = own ? flags.certificate : flags.cert_dir + "/apiserver.crt";
  const std::string key = own ? flags.key : flags.cert_dir + "/apiserver.key";
  if (!own && !sys.disk.exists(certificate)) TRY(make_certificate(sys, flags, certificate, key).context("--cert-dir"));
  out.serving_certificate_pem = TRY(sys.disk.read(certificate).context("--tls-cert-file"));
  out.serving_key_pem = TRY(sys.disk.read(key).context("--tls-private-key-file"));
  if (!flags.client_ca.empty()) {
    out.ca_certificate_pem = TRY(sys.disk.read(flags.client_ca).context("--client-ca-file"));
  }
  if (!flags.signing_key.empty()) {
    out.service_account_key_pem = TRY(sys.disk.read(flags.signing_key).context("--service-account-signing-key-file"));
  }
  return out;
}

Result<void> run_apiserver(sys::Sys& sys, const ApiServerFlags& flags) {
  TRY(log_to_stderr(sys.loop, flags.log_level));
  Manager manager(sys, TRY(apiserver_options(sys, flags)));
  TRY(manager.start());
  std::printf("ingot serves the Kubernetes API at %s\n", manager.url().c_str());
  std::fflush(stdout);
  sys::Signal never(sys.loop);
  (void)never.wait();  // until a signal cancels this fiber
  manager.stop();
  sys.loop.shut();
  return {};
}

}  // namespace

Result<ManagerOptions> apiserver_options(sys::Sys& sys, const ApiServerFlags& flags) {
  ManagerOptions out;
  TRY(apply_api_flags(sys, flags.api, out));
  out.data_dir = flags.data_dir;
  out.listen = {flags.bind_address, flags.secure_port};
  out.api_only.emplace();
  out.api_only->identity = TRY(identity(sys, flags));
  out.api_only->issuer = flags.issuer;
  if (flags.data_dir.empty()) {
    out.open_engine = [&sys]() -> Result<std::unique_ptr<store::Engine>> {
      return store::make_memory_engine(sys.loop);
    };
  } else {
    TRY(sys.disk.make_directories(flags.data_dir, 0700).context("--data-dir"));
  }
  return out;
}

void add_apiserver(CLI::App& app, ApiServerFlags& flags) {
  auto* command = app.add_subcommand("apiserver", "Run the Kubernetes API alone, with kube-apiserver's flags");
  command->footer(
      "Nothing is reconciled but what --controllers names: no Cluster API, no bare metal. Test environments start it "
      "in\n"
      "the place of kube-apiserver and etcd.\n"
      "Example:\n  ingot apiserver --secure-port 6444 --client-ca-file ca.crt --cert-dir pki --data-dir data");
  command->add_option("--bind-address", flags.bind_address, "Address to listen on")->capture_default_str();
  command->add_option("--secure-port", flags.secure_port, "Port to listen on (HTTPS)")->capture_default_str();
  command->add_option("--data-dir", flags.data_dir, "Where everything durable lives; none: all is in memory");
  command
      ->add_option("--cert-dir", flags.cert_dir,
                   "Directory of apiserver.crt and apiserver.key, which are made when they are not there")
      ->capture_default_str();
  auto* certificate = command->add_option("--tls-cert-file", flags.certificate, "PEM file instead of the one there");
  auto* key = command->add_option("--tls-private-key-file", flags.key, "PEM file of its key");
  certificate->needs(key);
  key->needs(certificate);
  command->add_option("--client-ca-file", flags.client_ca,
                      "PEM file of the authority whose client certificates are users (CN) in groups (O)");
  command->add_option("--service-account-issuer", flags.issuer, "Issuer of the tokens of ServiceAccounts");
  command->add_option("--service-account-signing-key-file", flags.signing_key, "PEM file of the key that signs them");
  command->add_option("--service-account-key-file", flags.verification_keys,
                      "Accepted for kube-apiserver's sake: the signing key says which key checks them");
  command->add_option("--log-level", flags.log_level, "What goes to stderr, as JSON lines")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  flags.api.controllers.clear();  // kube-apiserver has none
  add_api_flags(*command, flags.api);
}

int apiserver(sys::RealSystem& system, const ApiServerFlags& flags) {
  const auto done = run_apiserver(system.sys(), flags);
  base::log::set_sink({});
  return done ? 0 : fail(done.error());
}

}  // namespace cli

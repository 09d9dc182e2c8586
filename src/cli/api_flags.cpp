#include "cli/api_flags.h"

#include <CLI/CLI.hpp>

namespace cli {

using base::Result;

namespace {

void add_front_proxy_flags(CLI::App& serve, ApiFlags& flags) {
  auto& proxy = flags.request_header;
  serve.add_option("--requestheader-client-ca-file", flags.request_header_ca,
                   "PEM file of the authority whose clients may say in headers whom they speak for");
  serve
      .add_option("--requestheader-allowed-names", proxy.allowed_names,
                  "Common names of the certificates that may; none: all of that authority")
      ->delimiter(',');
  serve.add_option("--requestheader-username-headers", proxy.username_headers, "Headers to take the user's name from")
      ->delimiter(',')
      ->capture_default_str();
  serve.add_option("--requestheader-uid-headers", proxy.uid_headers, "Headers to take the user's UID from")
      ->delimiter(',');
  serve.add_option("--requestheader-group-headers", proxy.group_headers, "Headers to take groups from")
      ->delimiter(',')
      ->capture_default_str();
  serve
      .add_option("--requestheader-extra-headers-prefix", proxy.extra_header_prefixes,
                  "Beginnings of the headers that hold more about the user")
      ->delimiter(',')
      ->capture_default_str();
}

Result<void> apply_authentication(sys::Sys& sys, const ApiFlags& flags, server::AuthenticationOptions& out) {
  out.anonymous = flags.anonymous;
  out.request_header = flags.request_header;
  if (flags.request_header_ca.empty()) return {};
  out.request_header.client_ca_pem =
      TRY(sys.disk.read(flags.request_header_ca).context("--requestheader-client-ca-file"));
  return {};
}

}  // namespace

void add_api_flags(CLI::App& serve, ApiFlags& flags) {
  serve.add_option("--anonymous-auth", flags.anonymous, "Whether requests without credentials are system:anonymous")
      ->capture_default_str();
  add_front_proxy_flags(serve, flags);
}

Result<void> apply_api_flags(sys::Sys& sys, const ApiFlags& flags, ManagerOptions& options) {
  return apply_authentication(sys, flags, options.authentication);
}

}  // namespace cli

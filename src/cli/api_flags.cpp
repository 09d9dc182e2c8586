#include "cli/api_flags.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/text.h"
#include "server/audit_log.h"
#include "server/token_lists.h"

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

void add_token_flags(CLI::App& serve, ApiFlags& flags) {
  serve.add_option("--token-auth-file", flags.token_file, "CSV file of tokens: token,user,uid,\"group1,group2\"");
  serve.add_flag("--enable-bootstrap-token-auth", flags.bootstrap_tokens,
                 "Whether Secrets of type bootstrap.kubernetes.io/token in kube-system are tokens");
  auto& oidc = flags.oidc;
  serve.add_option("--oidc-issuer-url", oidc.issuer_url,
                   "OpenID Connect provider whose ID tokens are believed (https)");
  serve.add_option("--oidc-client-id", oidc.client_id, "Client that its tokens must be for");
  serve.add_option("--oidc-ca-file", flags.oidc_ca, "PEM file of roots for the provider; default: the system's");
  serve.add_option("--oidc-username-claim", oidc.username_claim, "Claim that is the user's name")
      ->capture_default_str();
  serve.add_option("--oidc-username-prefix", oidc.username_prefix,
                   "Put in front of it; - is nothing; default: the issuer and #, or nothing before an e-mail address");
  serve.add_option("--oidc-groups-claim", oidc.groups_claim, "Claim that holds the user's groups");
  serve.add_option("--oidc-groups-prefix", oidc.groups_prefix, "Put in front of each");
  serve.add_option("--oidc-required-claim", flags.oidc_required_claims, "KEY=VALUE that must be there (repeatable)")
      ->delimiter(',');
  serve.add_option("--oidc-signing-algs", oidc.signing_algorithms, "Signatures that are accepted")
      ->delimiter(',')
      ->check(CLI::IsMember({"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"}))
      ->capture_default_str();
}

Result<void> apply_oidc(sys::Sys& sys, const ApiFlags& flags, server::AuthenticationOptions& out) {
  server::OidcOptions oidc = flags.oidc;
  if (oidc.issuer_url.empty() != oidc.client_id.empty()) {
    return base::invalid("--oidc-issuer-url and --oidc-client-id must be given together");
  }
  if (oidc.issuer_url.empty()) return {};
  if (!oidc.issuer_url.starts_with("https://")) return base::invalid("--oidc-issuer-url must begin with https://");
  if (!flags.oidc_ca.empty()) oidc.ca_pem = TRY(sys.disk.read(flags.oidc_ca).context("--oidc-ca-file"));
  if (oidc.username_prefix == "-") {
    oidc.username_prefix.clear();
  } else if (oidc.username_prefix.empty() && oidc.username_claim != "email") {
    oidc.username_prefix = oidc.issuer_url + "#";
  }
  for (const auto& claim : flags.oidc_required_claims) {
    const size_t sign = claim.find('=');
    if (sign == std::string::npos || sign == 0) return base::invalid("--oidc-required-claim must be KEY=VALUE");
    oidc.required_claims[claim.substr(0, sign)] = claim.substr(sign + 1);
  }
  out.oidc.push_back(std::move(oidc));
  return {};
}

Result<void> apply_authentication(sys::Sys& sys, const ApiFlags& flags, server::AuthenticationOptions& out) {
  out.anonymous = flags.anonymous;
  out.request_header = flags.request_header;
  out.bootstrap_tokens = flags.bootstrap_tokens;
  if (!flags.token_file.empty()) {
    out.token_file = TRY(sys.disk.read(flags.token_file).context("--token-auth-file"));
    TRY(server::StaticTokens::parse(out.token_file).context("--token-auth-file"));
  }
  TRY(apply_oidc(sys, flags, out));
  if (flags.request_header_ca.empty()) return {};
  out.request_header.client_ca_pem =
      TRY(sys.disk.read(flags.request_header_ca).context("--requestheader-client-ca-file"));
  return {};
}

void add_flow_flags(CLI::App& serve, ApiFlags& flags) {
  serve.add_flag("--enable-priority-and-fairness", flags.priorities,
                 "Share the server out by FlowSchemas and PriorityLevelConfigurations; =false for not");
  serve
      .add_option("--max-requests-inflight", flags.reads_max,
                  "Reads at a time; with priorities the sum of both limits is shared out; 0: no limit")
      ->capture_default_str();
  serve.add_option("--max-mutating-requests-inflight", flags.writes_max, "Writes at a time; 0: no limit")
      ->capture_default_str();
  serve
      .add_option("--request-timeout", flags.request_limit,
                  "How long a request other than a watch may take, as 60s or 1m")
      ->capture_default_str();
}

void add_audit_flags(CLI::App& serve, ApiFlags& flags) {
  serve.add_option("--audit-policy-file", flags.audit_policy, "Policy (audit.k8s.io/v1): what is written down");
  serve.add_option("--audit-log-path", flags.audit_path, "Where, as JSON lines; - is standard output");
  serve.add_option("--audit-log-maxsize", flags.audit_megabytes_max,
                   "Megabytes after which a new file is begun; 0: 100");
  serve.add_option("--audit-log-maxbackup", flags.audit_backups_max, "Old files to keep; 0: all");
  serve.add_option("--audit-log-maxage", flags.audit_days_max, "Days to keep old files; 0: for ever");
}

Result<void> apply_audit(sys::Sys& sys, const ApiFlags& flags, ManagerOptions& options) {
  if (flags.audit_policy.empty() && flags.audit_path.empty()) return {};
  if (flags.audit_policy.empty()) return base::invalid("--audit-log-path needs --audit-policy-file");
  if (flags.audit_path.empty()) return base::invalid("--audit-policy-file needs --audit-log-path");
  auto out = std::make_shared<server::AuditOptions>();
  const std::string text = TRY(sys.disk.read(flags.audit_policy).context("--audit-policy-file"));
  out->policy = TRY(server::AuditPolicy::parse(text).context("--audit-policy-file"));
  if (flags.audit_path == "-") {
    out->print = [](std::string_view lines) {
      std::fwrite(lines.data(), 1, lines.size(), stdout);
      std::fflush(stdout);
    };
  } else {
    out->path = flags.audit_path;
  }
  if (flags.audit_megabytes_max > 0) out->file_bytes_max = flags.audit_megabytes_max << 20;
  out->backups_max = flags.audit_backups_max;
  out->backup_age_max = base::hours(24) * flags.audit_days_max;
  options.audit = std::move(out);
  return {};
}

}  // namespace

void add_api_flags(CLI::App& serve, ApiFlags& flags) {
  std::vector<std::string> names(ControllerSet::names().begin(), ControllerSet::names().end());
  serve
      .add_option("--controllers", flags.controllers,
                  "Which controllers run: names, -NAME for not that one, * for all others; false: only the API and its "
                  "housekeeping. There are " +
                      base::join(names, ", "))
      ->delimiter(',')
      ->capture_default_str();
  serve.add_option("--event-ttl", flags.event_ttl, "How long Events are kept after their last change; 0s: for ever")
      ->capture_default_str();
  serve.add_flag("--anonymous-auth", flags.anonymous,
                 "Whether requests without credentials are system:anonymous; =false for not");
  add_front_proxy_flags(serve, flags);
  add_token_flags(serve, flags);
  add_flow_flags(serve, flags);
  add_audit_flags(serve, flags);
}

Result<void> apply_api_flags(sys::Sys& sys, const ApiFlags& flags, ManagerOptions& options) {
  options.controllers = flags.controllers != std::vector<std::string>{"false"};
  const bool all = !options.controllers || flags.controllers == std::vector<std::string>{"true"};
  if (!all) options.chosen = TRY(ControllerSet::parse(flags.controllers).context("--controllers"));
  const auto ttl = base::parse_go_duration(flags.event_ttl);
  if (!ttl) return base::invalid("--event-ttl must be a duration such as 1h or 30m");
  options.event_ttl = *ttl;
  TRY(apply_authentication(sys, flags, options.authentication));
  options.flow = {.reads_max = flags.reads_max, .writes_max = flags.writes_max, .priorities = flags.priorities};
  const auto limit = base::parse_go_duration(flags.request_limit);
  if (!limit || *limit <= base::Duration::zero()) {
    return base::invalid("--request-timeout must be a duration such as 60s or 1m");
  }
  options.request_limit = *limit;
  return apply_audit(sys, flags, options);
}

}  // namespace cli

// Who the manager is: its certificate authority, serving certificate, administrator's kubeconfig and boot secret, all
// in the data directory and made at the first start.
#pragma once

#include <string>
#include <vector>

#include "sys/sys.h"

namespace cli {

struct Identity {
  std::string ca_certificate_pem, ca_key_pem;
  std::string serving_certificate_pem, serving_key_pem;  // made anew at each start
  std::string boot_secret;
  std::string service_account_key_pem;  // signs the tokens of ServiceAccounts
  // Where several processes serve one store: signs the certificates that they know each other by.
  std::string peer_ca_certificate_pem, peer_ca_key_pem;
};

// Reads or makes pki/ca.crt, pki/ca.key, pki/sa.key and boot.secret below `data_dir`. `names` are the DNS names and IP
// addresses that the serving certificate is good for.
base::Result<Identity> load_identity(sys::Sys& sys, const std::string& data_dir, const std::vector<std::string>& names);

// For a process that shares its identity with others. What is in the data directory, or new where nothing is; nothing
// is written. Without a serving certificate.
base::Result<Identity> fresh_identity(sys::Sys& sys, const std::string& data_dir);
// All but the serving certificate, as text that holds private keys, and back. Errors: corrupt.
std::string common_part(const Identity& identity);
base::Result<void> take_common_part(const std::string& text, Identity& identity);
base::Result<void> issue_serving(sys::Sys& sys, const std::vector<std::string>& names, Identity& identity);
// Writes the common part as the files that load_identity reads.
base::Result<void> save_identity(sys::Sys& sys, const std::string& data_dir, const Identity& identity);

// Writes data_dir/admin.kubeconfig (mode 0600) with a new client certificate of group system:masters.
base::Result<void> write_admin_kubeconfig(sys::Sys& sys, const std::string& data_dir, const Identity& identity,
                                          const std::string& server_url);

}  // namespace cli

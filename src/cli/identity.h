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
};

// Reads or makes pki/ca.crt, pki/ca.key, pki/sa.key and boot.secret below `data_dir`. `names` are the DNS names and IP
// addresses that the serving certificate is good for.
base::Result<Identity> load_identity(sys::Sys& sys, const std::string& data_dir, const std::vector<std::string>& names);

// Writes data_dir/admin.kubeconfig (mode 0600) with a new client certificate of group system:masters.
base::Result<void> write_admin_kubeconfig(sys::Sys& sys, const std::string& data_dir, const Identity& identity,
                                          const std::string& server_url);

}  // namespace cli

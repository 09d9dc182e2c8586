// What admission is told about a request besides its documents.
#pragma once

#include <string>

#include "server/server.h"

namespace server {

struct AdmissionAttributes {
  std::string operation;  // CREATE, UPDATE, DELETE or CONNECT
  std::string group, version, kind;
  std::string resource, subresource;  // plural
  std::string ns, name;               // as in the request; a namespace is in itself
  User user;
  bool dry_run = false;
  base::Json options;  // CreateOptions and so on

  bool is_namespace() const { return group.empty() && resource == "namespaces"; }
};

}  // namespace server

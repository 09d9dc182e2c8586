// What the audit log says of one request: an Event of audit.k8s.io/v1 for each stage of it.
#pragma once

#include <string>

#include "server/audit_log.h"
#include "server/route.h"

namespace server {

class AuditRecord {
 public:
  AuditRecord(AuditLog& log, AuditDecision decision, std::string id, base::Time received);

  void set_request(const net::Request& request, const Route& route, const Attributes& asked, const sys::Address& peer);
  void set_user(const User& user);
  void set_impersonated(const User& user);
  // Kept only as far as the level asks; names that the path does not say are taken from it always.
  void set_request_object(const net::Request& request);
  void set_response(const net::Response& response);
  void set_response_code(int http_status);
  // Further facts about how it was decided. A key says one thing: later ones are dropped.
  void annotate(const std::string& key, std::string value);

  // Writes an event, unless the policy leaves the stage out.
  void reach(std::string_view stage, base::Time now);

 private:
  base::Json without_managed_fields(base::Json object) const;

  AuditLog& log_;
  AuditDecision decision_;
  bool is_resource_ = false;
  std::string received_;
  base::Json event_, annotations_;
  base::Json response_status_, request_object_, response_object_;
};

}  // namespace server

// What goes with one request through the server, whatever handles it: its ID, its time, its place among all requests
// and what the audit log says of it. Stands in front of the connection's exchange, so that every answer gets the
// headers that all have.
#pragma once

#include <optional>

#include "server/audit_record.h"
#include "server/call.h"
#include "server/flow_control.h"

namespace server {

class Passage final : public net::Exchange {
 public:
  Passage(Api& api, net::Exchange& inner);
  ~Passage() override;

  const net::Request& request() const override { return inner_.request(); }
  sys::Address peer() const override { return inner_.peer(); }
  const sys::TlsPeer* tls() const override { return inner_.tls(); }
  void respond(net::Response response) override;
  base::Result<void> start(int status, net::Headers headers) override;
  base::Result<void> write(std::string_view piece) override { return inner_.write(piece); }
  bool client_gone() const override { return inner_.client_gone(); }
  base::Result<std::unique_ptr<sys::Stream>> take_over() override { return inner_.take_over(); }

  // Watches last; all else has the server's limit, or what ?timeout= says when that is less. bad_request when it cannot
  // be read.
  Result<void> set_limit(const Route& route);
  base::Duration time_left() const;

  // From here on the request is audited, if the policy says so for that user.
  void begin_audit(const User& user, const Route& route, const Attributes& asked);
  AuditRecord* audit() { return audit_ ? &*audit_ : nullptr; }
  void annotate(const std::string& key, std::string value);
  // What is answered, before it is compressed.
  void note(const net::Response& response);
  void finish();  // the last stage, when everything is sent

  // Parks until it is the request's turn. unavailable when there are too many (429); cancelled.
  Result<void> admit(const Call& call, const Attributes& asked);
  void release_seats();

 private:
  Result<void> count(const Call& call);
  void add_headers(net::Headers& headers) const;

  Api& api_;
  net::Exchange& inner_;
  std::string id_;
  base::Time received_;
  std::optional<base::Time> deadline_;
  std::optional<FlowControl::Admission> admission_;
  uint32_t* counted_ = nullptr;
  std::optional<AuditRecord> audit_;
  bool noted_ = false, finished_ = false;
};

// The answer to a request that is turned away.
net::Response too_many_requests();
// 504 in upstream's words.
Error too_late();

}  // namespace server

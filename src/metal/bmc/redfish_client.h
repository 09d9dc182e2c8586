// One Redfish service over HTTP(S): authentication, retries, ETags and error bodies, so that redfish.cpp and
// redfish_media.cpp can speak of resources. Source: DSP0266 1.15 (sections 6, 7, 8.6, 13.3).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metal/bmc/bmc.h"
#include "metal/bmc/quirks.h"
#include "net/http.h"

namespace metal {

// One entry of @Message.ExtendedInfo. `id` is without registry and version: "InsufficientPrivilege".
struct RedfishMessage {
  std::string id;
  std::string text;
  std::string arguments;  // joined by spaces, with RelatedProperties: where property names hide
};

// What the service answered; status 400 and above are answers, too.
struct RedfishReply {
  int status = 0;
  net::Headers headers;
  base::Json body;  // null when it is no JSON
  std::vector<RedfishMessage> messages;

  bool ok() const { return status >= 200 && status < 300; }
  bool forgotten = false;  // the service no longer knows the task of this; what it was to change tells the outcome

  bool has_message(std::string_view id) const;  // in any case
  // Whether any message, id or argument contains this word, in any case.
  bool mentions(std::string_view word) const;
};
// Entries from an error body or an annotated success; an object in place of the array counts as one entry.
std::vector<RedfishMessage> parse_redfish_messages(const base::Json& body);

// The path of a link: "@odata.id" without a trailing slash, "" when there is none or it is not a path of this service.
std::string link_of(const base::Json& reference);
// Whether this is a task that goes on, and one that ended well (Task schema, TaskState and TaskStatus).
bool is_task(const base::Json& body);
BmcTask read_task(const base::Json& body);
// Unpacks gzip (RFC 1952) of at most `bytes_max`; nullopt when it is none, damaged or larger.
std::optional<std::string> gunzip(const std::string& packed, size_t bytes_max);

// Members of a collection as paths; references that are not links are left out.
std::vector<std::string> members_of(const base::Json& collection);

class RedfishClient {
 public:
  RedfishClient(sys::Sys& sys, sys::Net& net, const BmcAddress& address, BmcCredentials credentials,
                bool verify_certificate, BmcLimits limits);

  // Errors are those of the transport and of authentication; every other answer is a reply.
  base::Result<RedfishReply> get(const std::string& path);
  enum class Again : unsigned char { safe, never };  // may it be sent again when the first answer was lost
  base::Result<RedfishReply> post(const std::string& path, const std::optional<base::Json>& body, Again again);
  base::Result<RedfishReply> patch(const std::string& path, const base::Json& body);  // with the ladder of ETags
  // A body of another type than JSON, sent once.
  base::Result<RedfishReply> post_bytes(const std::string& path, const std::string& type, std::string body);

  // Waits for what a 202 began (DSP0266 section 12.2): the operation's own answer, or the task's failure as status 500
  // with its messages. Any other reply is returned as it is. Error: timeout.
  base::Result<RedfishReply> finished(RedfishReply reply);
  base::Result<RedfishReply> post_to_end(const std::string& path, const std::optional<base::Json>& body, Again again);
  base::Result<RedfishReply> patch_to_end(const std::string& path, const base::Json& body);
  // Where the progress of a 202 is told: the Location header, or the task in the body; "" when nowhere.
  std::string monitor_of(const RedfishReply& reply) const;

  base::Result<RedfishReply> remove(const std::string& path);
  // Reads a body that goes on, piece by piece, until `sink` says false, the service ends it (success), or nothing comes
  // for `idle_limit`. The first piece is empty: the service has begun.
  base::Result<void> stream(const std::string& path, base::Duration idle_limit,
                            const std::function<bool(std::string_view piece)>& sink);

  // The same, and a status of 400 or above is an error (see error_of).
  base::Result<base::Json> document(const std::string& path);
  base::Result<std::vector<std::string>> members(const std::string& collection);  // paths, of all pages
  base::Error error_of(std::string_view method, const std::string& path, const RedfishReply& reply) const;

  base::Result<base::Json> root();  // the service root; needs no credentials
  base::Result<void> pause(base::Duration span) const;
  const BmcLimits& limits() const { return limits_; }
  base::Time now() const { return sys_.loop.now(); }
  Quirks& quirks() { return quirks_; }
  std::string url(const std::string& path) const { return endpoint_ + path; }
  void close();  // deletes the session; parks

 private:
  struct Call {
    std::string method;
    std::string path;
    std::optional<base::Json> body = {};
    std::string bytes = {}, type = {};  // instead of body
    std::string if_match = {};
    Again again = Again::safe;
    bool credentials = true, login = false;
  };
  void make_client();
  net::Request request_of(const Call& call) const;
  base::Result<RedfishReply> call(Call call);                   // with credentials, one new session if they are refused
  base::Result<RedfishReply> call_patiently(const Call& call);  // repeats what is worth repeating
  base::Result<RedfishReply> call_once(const Call& call);
  base::Result<RedfishReply> follow(const Call& call, RedfishReply reply);
  base::Result<void> log_in();
  base::Result<RedfishReply> create_session(std::string& sessions_path);
  base::Error transport_error(const Call& call, base::Error error) const;
  base::Duration pause_after(const RedfishReply& reply) const;

  sys::Sys& sys_;
  sys::Net& net_;
  net::ClientOptions options_;
  std::string endpoint_;
  BmcCredentials credentials_;
  BmcLimits limits_;
  std::unique_ptr<net::HttpClient> client_;
  enum class Login : unsigned char { none, session, basic } login_ = Login::none;
  bool session_worked_ = false;  // then Basic is never tried
  bool answered_ = false;        // on the present connections
  bool reached_ = false;         // ever
  bool basic_for_want_of_sessions_ = false;
  Quirks quirks_;
  std::string token_, session_path_;
  std::optional<base::Json> root_;
};

}  // namespace metal

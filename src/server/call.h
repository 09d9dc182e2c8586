// What the parts of the server share: the server's state and one request on its way through it.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "meta/table.h"
#include "server/documents.h"
#include "server/route.h"
#include "server/server.h"
#include "server/turns.h"
#include "sys/fiber.h"

namespace server {

using base::Error;
using base::Json;
using base::Result;
using registry::Kind;
using store::Ref;

class AuditLog;
class AuditRecord;
class FlowControl;
class Oidc;
class Passage;
class Rbac;
class ServiceTokens;
class StaticTokens;
class WatchHub;
struct AdmissionControl;

// Lives as long as the last request: fibers hold it.
struct Api {
  Api(sys::Sys& s, registry::Registry& r, Options o);
  ~Api();

  sys::Sys& sys;
  registry::Registry& registry;
  Options options;
  Documents documents;
  std::unique_ptr<meta::Scheme> discovery;      // with the kinds that are only asked; null until wanted
  uint64_t discovery_of = 0;                    // the revision of the registry's scheme that it was made from
  Rbac* rbac = nullptr;                         // null where options.authorizer or the default decides
  std::unique_ptr<ServiceTokens> tokens;        // null when there is no key for them
  std::shared_ptr<AdmissionControl> admission;  // null where the scheme has no webhook configurations
  std::unique_ptr<StaticTokens> static_tokens;  // null without a file of them
  std::vector<std::unique_ptr<Oidc>> oidc;
  std::unique_ptr<FlowControl> flow;  // null where requests are only counted
  std::unique_ptr<AuditLog> audit;    // null when nothing is written down
  uint32_t reads = 0, writes = 0;     // that are under way, where requests are only counted
  std::string audit_prefix;           // with `requests` it makes the IDs of requests
  uint64_t requests = 0;
  bool stopping = false;
  std::set<sys::Signal*> watchers;  // woken by stop()
  std::unique_ptr<WatchHub> hub;    // brings changes to watches
  struct KnownCertificate {
    User user;           // "" when it is good for none
    bool proxy = false;  // of somebody who speaks for others
    bool peer = false;   // of another process that serves the same store
  };
  std::map<std::string, KnownCertificate> certificates;  // by PEM
  Turns turns{sys.loop};                                 // for work that takes long
  struct Count {
    uint64_t objects = 0;
    base::Time at;
  };
  std::map<std::string, Count> counts;  // by resource; how many there were a moment ago

  store::Store& store() { return registry.store(); }
  // Until the scheme changes.
  const meta::Table& table(const std::shared_ptr<const Kind>& kind, const meta::Version& version);

 private:
  struct CachedTable {
    std::shared_ptr<const Kind> held;  // so that the key, an address, is not taken by another kind
    std::unique_ptr<meta::Table> table;
  };
  std::map<const meta::Version*, CachedTable> tables_;
  uint64_t tables_of_ = 0;  // revision of the scheme
};

// How the client wants objects to be written, from Accept and the query.
struct View {
  enum class Form : unsigned char { object, table, metadata };
  Form form = Form::object;
  std::string meta_version = "v1";          // of meta.k8s.io, for Table and PartialObjectMetadata
  std::string include_object = "Metadata";  // None, Metadata or Object: what a table's rows carry
  bool metadata_list = false;               // metadata was asked for as a list of it
  bool yaml = false;
  bool protobuf = false;  // asked for, and the kind has a message
  bool pretty = false;
  bool operator==(const View&) const = default;
};

struct Call {
  Api& api;
  net::Exchange& exchange;
  const net::Request& request;
  Route route;
  User user = {};
  View view = {};
  std::vector<std::string> warnings = {};  // for Warning headers, each once
  std::optional<Json> refusal = {};        // the Status of an admission webhook that denied; goes before the error
  Passage* passage = nullptr;              // see passage.h; null in tests of handlers alone
  bool answered = false;                   // the handler has sent the answer itself

  const Kind& kind() const { return *route.kind; }
  const meta::Version& version() const { return *route.kind_version; }
  std::string api_version() const { return kind().api_version(version().name); }
  std::string field_manager() const;  // as asked, else the first word of the user agent
  void warn(std::string text);
  void add_warnings(net::Headers& headers) const;
  // A fact for the audit log, such as {"validation.policy.admission.k8s.io/x", "..."}; the first of a key counts. Does
  // nothing when this request is not audited.
  void annotate(const std::string& key, std::string value);
  bool is_audited() const;
  // What is left of the time that the request may take; zero when none is. Whatever waits for long waits no longer.
  base::Duration time_left() const;
  // A watch has sent what there was: from now on it only listens, and takes up nobody's seat.
  void seated_no_more();
};

// Parks until the change is on disk. Errors: the engine's, when the write was lost; timeout, when the request's time is
// up: then nobody knows.
Result<void> wait_durable(const Call& call, uint64_t revision);

}  // namespace server

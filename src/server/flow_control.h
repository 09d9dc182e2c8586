// Priority and fairness: FlowSchemas (flowcontrol.apiserver.k8s.io/v1) sort requests into flows and priority levels,
// PriorityLevelConfigurations give levels their part of the server; seat_pool.h decides who is next. Follows every
// write of both kinds at once. https://kubernetes.io/docs/concepts/cluster-administration/flow-control/ has the rules.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "registry/registry.h"
#include "registry/work_queue.h"
#include "server/seat_pool.h"
#include "server/server.h"

namespace server {

class FlowControl {
 public:
  // The kinds are in the scheme.
  static bool serves(const meta::Scheme& scheme);

  // `seats` are what all levels share. Objects of upstream's that are absent from the store count as if they were
  // there. `registry` must outlive this.
  FlowControl(sys::Loop& loop, registry::Registry& registry, uint32_t seats);
  ~FlowControl();
  // Makes the mandatory and suggested objects where they are absent, and from now on gives the mandatory ones their
  // specs back, follows upstream with suggested ones that still have the annotation apf.kubernetes.io/autoupdate-spec,
  // and keeps the conditions. For a process that may write: where several serve the same store, the one that leads.
  void maintain();
  void write_while(std::function<bool()> leads) { leads_ = std::move(leads); }
  void stop();  // looks at the registry no more; requests under way go on
  FlowControl(const FlowControl&) = delete;

  struct Admission {
    SeatPool::Held seats;
    std::string schema_uid, level_uid;  // what matched
  };
  // Parks until the request may go on. unavailable when it is turned away (429); cancelled. `limit` bounds the wait.
  base::Result<Admission> admit(const User& user, const Attributes& asked, uint32_t width, base::Duration limit);

  // For tests and people who look on.
  const SeatPool& pool() const { return pool_; }

 private:
  struct Schema;
  void take_all();
  void changed(const store::Event& event);
  base::Result<void> look_at(const store::Key& key);
  base::Result<void> look_at_status(const store::Ref& schema);
  const Schema* match(const User& user, const Attributes& asked) const;

  registry::Registry& registry_;
  SeatPool pool_;
  std::vector<Schema> schemas_;                // in the order in which they are tried
  std::map<std::string, std::string> levels_;  // name -> UID
  registry::WorkQueue queue_;
  store::Subscription subscription_ = 0;
  bool maintains_ = false, stopped_ = false;
  std::function<bool()> leads_;  // empty: always
};

// The objects that a server of this API always has. Mandatory ones cannot be changed for long.
struct FlowDefault {
  std::string resource;
  base::Json doc;
  bool mandatory = false;
};
const std::vector<FlowDefault>& flow_defaults();

inline constexpr std::string_view flow_schemas = "flowschemas.flowcontrol.apiserver.k8s.io";
inline constexpr std::string_view priority_levels = "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io";
inline constexpr const char* flow_autoupdate = "apf.kubernetes.io/autoupdate-spec";

}  // namespace server

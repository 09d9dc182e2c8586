// The event service of a simulated BMC (DSP0266 section 12.6): subscriptions that are pushed to, with retries, and a
// stream of Server-Sent Events. Both end with a restart of the BMC; subscriptions are kept.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/json.h"
#include "net/http.h"
#include "sim/bmc/redfish_changes.h"
#include "sys/fiber.h"
#include "sys/sys.h"

namespace sim {

class RedfishEvents {
 public:
  // Both must outlive this.
  RedfishEvents(sys::Sys& sys, sys::Net& net);
  ~RedfishEvents();

  static const std::string& service_path();
  static const std::string& stream_path();
  static const std::string& subscriptions_path();
  base::Json find(const std::string& path) const;  // null: nothing
  bool is_subscription(const std::string& path) const;

  RedfishProblem subscribe(const base::Json& body, std::string& path);
  bool unsubscribe(const std::string& path);

  // Answers a GET of the stream; returns when the client is gone or after stop().
  void stream(net::Exchange& exchange);
  void tell(const std::string& message_id, const std::string& text, const std::string& origin);
  void stop();   // ends streams and deliveries
  void start();  // after stop()
  size_t streams() const { return streams_; }

 private:
  struct Listener {
    std::string destination, context;
    std::map<std::string, std::string> headers;
  };
  base::Json subscription(const std::string& id, const Listener& listener) const;
  void push(const Listener& listener, const std::string& payload);

  sys::Sys& sys_;
  sys::Net& net_;
  std::map<std::string, Listener> listeners_;  // by id
  uint64_t made_ = 0, told_ = 0;
  std::string last_;  // payload of event number told_
  size_t streams_ = 0;
  // What running fibers look at: another one after each stop().
  struct Life {
    explicit Life(sys::Loop& loop) : news(loop) {}
    sys::Signal news;
    bool over = false;
  };
  std::shared_ptr<Life> life_;
  std::map<uint64_t, sys::Fiber> deliveries_;
  uint64_t delivery_ = 0;
};

}  // namespace sim

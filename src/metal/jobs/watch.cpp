// Listening to BMCs. An event is only a hint to look: what counts is what the BMC answers when it is asked, and polling
// goes on, rarely while a stream is open and as ever without one.
#include <algorithm>

#include "base/log.h"
#include "metal/jobs/bench.h"

namespace metal {

using base::Code;
using base::Result;

namespace {

// Several events in a row are one hint.
constexpr base::Duration hint_delay = base::milliseconds(500);
constexpr base::Duration firmware_gap = base::seconds(30);  // between readings of the firmware for events

// What a host shows of its firmware is read again at once only for what may have changed it: that takes many requests.
bool is_about_firmware(const BmcEvent& event) {
  for (const char* word : {"/Bios", "/UpdateService", "/TaskService", "/FirmwareInventory", "/Tasks/"})
    if (event.origin.find(word) != std::string::npos) return true;
  for (const char* word : {"Task", "Update", "Firmware", "Attribute"})
    if (event.message_id.find(word) != std::string::npos) return true;
  return false;
}

void hint(const std::shared_ptr<Bench>& bench, const std::shared_ptr<Worker>& worker,
          const std::vector<BmcEvent>& events = {}) {
  worker->hint_firmware = worker->hint_firmware || std::any_of(events.begin(), events.end(), is_about_firmware);
  if (worker->hint_due) return;
  worker->hint_due = true;
  bench->sys.loop.after(hint_delay, [bench, worker, alive = bench->alive] {
    worker->hint_due = false;
    if (!*alive) return;
    worker->power_reading.reset();
    const base::Time now = bench->sys.loop.now();
    if (std::exchange(worker->hint_firmware, false) && worker->firmware_read_at &&
        now - *worker->firmware_read_at >= firmware_gap)
      worker->firmware_read_at.reset();
    worker->bmc_event.set();  // whatever waits for the BMC asks it now
    bench->notify(*worker);
  });
}

Result<void> listen(const std::shared_ptr<Bench>& bench, const std::shared_ptr<Worker>& worker,
                    const HostAccess& host) {
  const auto bmc = TRY(connect_bmc(*bench, host));
  auto ended = bmc->watch_events(bench->options.limits.event_silence, [&](const std::vector<BmcEvent>& events) {
    if (!*bench->alive) return false;
    if (events.empty()) {
      worker->watched = true;
      base::log::debug("BMC is watched", {{"host", host.name}});
    }
    hint(bench, worker, events);  // also when it has begun: what was before was not seen
    return true;
  });
  if (ended || ended.error().code != Code::cancelled) bmc->close();
  return ended;
}

}  // namespace

void keep_watch(const std::shared_ptr<Bench>& bench, const std::shared_ptr<Worker>& worker, const HostAccess& host) {
  if (!bench->options.watch_events) return;
  const std::string key = bmc_key(host);
  const base::Time now = bench->sys.loop.now();
  if (worker->watch_key == key && (!worker->watch.done() || now < worker->watch_after)) return;
  worker->watch.cancel();
  worker->watch_key = key;
  worker->watched = false;
  worker->watch = sys::spawn(bench->sys.loop, "events of " + host.name, [bench, worker, host, key] {
    if (!*bench->alive) return;
    const auto ended = listen(bench, worker, host);
    if (!*bench->alive || worker->watch_key != key) return;
    worker->watched = false;
    const auto& limits = bench->options.limits;
    const bool never = !ended && ended.error().code == Code::unsupported;
    worker->watch_after = bench->sys.loop.now() + (never ? limits.watch_unsupported : limits.watch_again);
    if (!ended && ended.error().code == Code::cancelled) return;
    base::log::debug("BMC is not watched", {{"host", host.name}, {"error", ended ? "" : ended.error().text()}});
    hint(bench, worker);
  });
}

}  // namespace metal

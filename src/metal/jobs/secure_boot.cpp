// Secure Boot of what is deployed, whether it starts from its disk or as a live ISO. For the deploy agent it is
// switched off where its boot is ordered.
#include "metal/jobs/bench.h"

namespace metal {

using base::Code;
using base::Layer;
using base::Result;

Result<void> with_secure_boot(Run& run) {
  if (!run.host.secure_boot) return {};
  run.step("switching Secure Boot on", 94);
  return run.insist("switching Secure Boot on", [](Bmc& bmc) -> Result<void> {
    const auto state = TRY(bmc.secure_boot());
    if (state == SecureBootState::on || state == SecureBootState::coming) return {};
    return bmc.set_secure_boot(true);
  });
}

Result<SecureBootState> secure_boot_after(Run& run) {
  const auto& limits = run.bench.options.limits;
  const base::Time until = run.bench.sys.loop.now() + limits.secure_boot_shown;
  for (;;) {
    Bmc* const bmc = TRY(run.bmc());
    const auto state = bmc->secure_boot();
    if (!state && state.error().code == Code::cancelled) return base::cancelled();
    const bool last = run.bench.sys.loop.now() >= until;
    if (state && (*state != SecureBootState::coming || last)) return *state;
    if (last) return SecureBootState::unknown;
    run.step("waiting for Secure Boot to be in force", 98,
             Wait{Layer::bmc, "the BMC does not show a secure boot yet", "ask it again"});
    TRY(run.pause(limits.firmware_poll));
  }
}

}  // namespace metal

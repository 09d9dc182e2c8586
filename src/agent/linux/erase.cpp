#include "agent/linux/erase.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "base/text.h"
#include "fetch/off_loop.h"
#include "sys/fiber.h"
#include "wire/little_endian.h"

namespace agent {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;
using wire::load_le;

namespace {

constexpr size_t sample_bytes = 4096;
constexpr int samples_count = 64;
constexpr uint64_t overwrite_step = uint64_t{64} << 20;

bool bit(uint64_t value, int number) { return (value >> number & 1) != 0; }

bool is_zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

class Eraser {
 public:
  Eraser(sys::Sys& sys, std::shared_ptr<sys::BlockDevice> device, const DiskIdentity& disk,
         const std::function<void(int)>& progress)
      : sys_(sys), device_(std::move(device)), disk_(disk), progress_(progress) {}

  Result<Json> run() {
    TRY(take_samples());
    struct Method {
      const char* name;
      Result<void> (Eraser::*act)();
      bool leaves_zeros;
    };
    const std::array<Method, 5> methods = {{
        {"NVMe sanitize", &Eraser::nvme_sanitize, false},
        {"NVMe format", &Eraser::nvme_format, false},
        {"ATA secure erase", &Eraser::ata_secure_erase, false},
        {"discard", &Eraser::discard, true},
        {"overwrite with zeros", &Eraser::overwrite, true},
    }};
    std::string passed_over;
    for (const auto& method : methods) {
      auto done = (this->*method.act)();
      if (done) done = check(method.leaves_zeros);
      if (done) return proof(method.name, passed_over);
      if (done.error().code == Code::cancelled) return done.error();
      passed_over += (passed_over.empty() ? "" : "; ") + std::string(method.name) + ": " + done.error().message;
      base::log::info("an erase method was not used",
                      {{"disk", disk_.name}, {"method", method.name}, {"why", done.error().message}});
    }
    return Error{Code::unavailable, "no way to erase " + disk_.name + " worked: " + passed_over, Layer::agent,
                 "look at the disk's health; a frozen or locked drive needs a power cycle"};
  }

 private:
  struct Sample {
    uint64_t offset;
    std::string before;
  };

  Result<void> take_samples() {
    const uint64_t blocks = device_->size() / sample_bytes;
    if (blocks == 0) return base::invalid(disk_.name + " is smaller than a block");
    std::vector<uint64_t> at = {0, blocks - 1};
    for (int i = 0; i < samples_count; ++i) at.push_back(sys_.random.below(blocks));
    for (const uint64_t block : at) {
      samples_.push_back({block * sample_bytes, TRY(device_->read_at(block * sample_bytes, sample_bytes))});
    }
    return {};
  }

  // Nothing that was there before may be there still, and zeros must be zeros where the method promises them.
  Result<void> check(bool zeros) {
    for (const auto& sample : samples_) {
      const std::string now = TRY(device_->read_at(sample.offset, sample_bytes));
      if (is_zero(now)) continue;
      if (zeros || now == sample.before) {
        return Error{Code::corrupt, "block at byte " + std::to_string(sample.offset) + " still has data", Layer::agent};
      }
    }
    return {};
  }

  Json proof(const char* method, const std::string& passed_over) {
    Json out = Json::object({{"disk", disk_.name}, {"serial", disk_.serial}, {"method", method}});
    out.set("blocks_checked", static_cast<int64_t>(samples_.size()));
    if (!passed_over.empty()) out.set("not_used", passed_over);
    return out;
  }

  Result<std::string> nvme(sys::NvmeCommand command) {
    return fetch::off_loop<std::string>(sys_, [device = device_, command] { return device->nvme(command); });
  }
  Result<std::string> ata(sys::AtaCommand command) {
    return fetch::off_loop<std::string>(sys_, [device = device_, command] { return device->ata(command); });
  }

  // Also checks that the command would touch this disk alone: some act on all namespaces of a drive.
  Result<NvmeAbilities> abilities() {
    if (disk_.transport != "nvme") return Error{Code::unsupported, "not an NVMe disk"};
    NvmeAbilities can = nvme_abilities(TRY(nvme({.opcode = 0x06, .dword10 = 1, .data_bytes = 4096})));
    // Active namespace list (CNS 02h): their numbers in order, ended by zero.
    const std::string spaces = TRY(nvme({.opcode = 0x06, .dword10 = 2, .data_bytes = 4096}));
    const bool several = load_le(spaces, 4, 4) != 0;
    if (several) can.sanitize_crypto = can.sanitize_block = false;
    if (several && can.format_acts_on_all) can.format = false;
    return can;
  }

  Result<void> nvme_sanitize();
  Result<void> nvme_format();
  Result<void> ata_secure_erase();
  Result<void> discard();
  Result<void> overwrite();

  sys::Sys& sys_;
  std::shared_ptr<sys::BlockDevice> device_;
  const DiskIdentity& disk_;
  const std::function<void(int)>& progress_;
  std::vector<Sample> samples_;
};

// Opcode 84h; SANACT 4: crypto erase, 2: block erase (figure 380). Progress is in log page 81h.
Result<void> Eraser::nvme_sanitize() {
  const NvmeAbilities can = TRY(abilities());
  if (!can.sanitize_crypto && !can.sanitize_block)
    return Error{Code::unsupported, "the drive does not offer it for this disk alone"};
  TRY(nvme({.opcode = 0x84, .dword10 = can.sanitize_block ? 2u : 4u}));
  for (;;) {
    TRY(sys::sleep(sys_.loop, base::seconds(2)));
    // Get Log Page: number of dwords minus one in bits 16 up.
    const std::string log =
        TRY(nvme({.opcode = 0x02, .namespace_id = 0xffffffff, .dword10 = 0x81u | 127u << 16, .data_bytes = 512}));
    const uint64_t status = load_le(log, 2, 2) & 7;
    if (status == 1 || status == 4) return {};  // done; done, and nothing was deallocated
    if (status != 2) return Error{Code::unavailable, "the drive reports that the sanitize failed"};
    progress_(static_cast<int>(load_le(log, 0, 2) * 100 / 65536));
  }
}

// Opcode 80h; the LBA format stays what it is (identify namespace, FLBAS in byte 26).
Result<void> Eraser::nvme_format() {
  const NvmeAbilities can = TRY(abilities());
  if (!can.format) return Error{Code::unsupported, "the drive does not offer it for this disk alone"};
  const uint32_t own = TRY(device_->nvme_namespace());
  const std::string space = TRY(nvme({.opcode = 0x06, .namespace_id = own, .data_bytes = 4096}));
  const auto format = static_cast<uint32_t>(load_le(space, 26, 1) & 15);
  const uint32_t erase = can.format_crypto ? 2 : 1;
  TRY(nvme({.opcode = 0x80, .namespace_id = own, .dword10 = format | erase << 9, .limit = base::hours(12)}));
  return {};
}

// SECURITY SET PASSWORD (F1h), ERASE PREPARE (F3h), ERASE UNIT (F4h) with an empty user password; a finished erase
// takes the password away again.
Result<void> Eraser::ata_secure_erase() {
  if (disk_.transport != "sata") return Error{Code::unsupported, "not a SATA disk"};
  AtaSecurity security = ata_security(TRY(ata({.command = 0xec, .reads = true})));
  std::string order(512, '\0');
  if (security.locked) {
    // An erase that lost its power leaves our own, empty, password behind: SECURITY UNLOCK (F2h).
    (void)ata({.command = 0xf2, .data = order});
    security = ata_security(TRY(ata({.command = 0xec, .reads = true})));
  }
  if (!security.supported) return Error{Code::unsupported, "the drive does not offer it"};
  if (security.frozen) return Error{Code::unsupported, "firmware has frozen the drive's security"};
  if (security.locked) return Error{Code::unsupported, "the drive is locked with a password"};
  TRY(ata({.command = 0xf1, .data = order}));
  TRY(ata({.command = 0xf3}));
  order[0] = security.enhanced ? '\x02' : '\0';
  const base::Duration time = security.enhanced ? security.enhanced_erase_time : security.erase_time;
  const auto erased = ata({.command = 0xf4, .data = order, .limit = time * 2});
  if (!erased) {
    order[0] = '\0';
    (void)ata({.command = 0xf6, .data = order});  // a drive that keeps the password would be lost to its owner
    return erased.error();
  }
  return {};
}

Result<void> Eraser::discard() {
  const uint64_t bytes = device_->size();
  for (uint64_t at = 0; at < bytes; at += overwrite_step * 16) {
    const uint64_t span = std::min(bytes - at, overwrite_step * 16);
    const auto work = [device = device_, at, span]() -> Result<bool> {
      TRY(device->discard(at, span));
      return true;
    };
    TRY(fetch::off_loop<bool>(sys_, work));
    progress_(static_cast<int>((at + span) * 100 / bytes));
  }
  return {};
}

Result<void> Eraser::overwrite() {
  const uint64_t bytes = device_->size();
  for (uint64_t at = 0; at < bytes; at += overwrite_step) {
    const uint64_t span = std::min(bytes - at, overwrite_step);
    const auto work = [device = device_, at, span]() -> Result<bool> {
      TRY(device->write_zeroes(at, span));
      return true;
    };
    TRY(fetch::off_loop<bool>(sys_, work));
    progress_(static_cast<int>((at + span) * 100 / bytes));
  }
  TRY(device_->sync());
  return {};
}

}  // namespace

NvmeAbilities nvme_abilities(std::string_view identify) {
  NvmeAbilities out;
  const uint64_t sanitize = load_le(identify, 328, 4);
  out.sanitize_crypto = bit(sanitize, 0);
  out.sanitize_block = bit(sanitize, 1);
  out.format = bit(load_le(identify, 256, 2), 1);
  const uint64_t format = load_le(identify, 524, 1);
  out.format_acts_on_all = bit(format, 0) || bit(format, 1);
  out.format_crypto = bit(format, 2);
  return out;
}

AtaSecurity ata_security(std::string_view identify) {
  const auto word = [&](size_t number) { return load_le(identify, number * 2, 2); };
  AtaSecurity out;
  out.supported = bit(word(82), 1);
  out.enabled = bit(word(128), 1);
  out.locked = bit(word(128), 2);
  out.frozen = bit(word(128), 3);
  out.enhanced = bit(word(128), 5);
  const auto time = [](uint64_t units) {  // of 2 minutes; 0: not told
    return (units & 0xff) == 0 ? base::Duration(base::hours(12)) : base::Duration(base::minutes(2 * (units & 0xff)));
  };
  out.erase_time = time(word(89));
  out.enhanced_erase_time = time(word(90));
  return out;
}

Result<Json> erase_disk(sys::Sys& sys, sys::Machine& machine, const DiskIdentity& disk,
                        const std::function<void(int)>& progress) {
  std::shared_ptr<sys::BlockDevice> device = TRY(machine.open_block(disk.name, false));
  return Eraser(sys, std::move(device), disk, progress).run();
}

}  // namespace agent

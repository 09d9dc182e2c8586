#include "metal/boot/expected_boots.h"

#include <bit>

#include "base/text.h"
#include "crypto/hash.h"

namespace metal {

ExpectedBoots::ExpectedBoots(sys::Loop& loop, std::string secret) : loop_(loop), secret_(std::move(secret)) {
  CHECK_THAT(secret_.size() >= 32, "the boot secret must have at least 32 bytes");
}

std::string ExpectedBoots::derive(std::string_view purpose, const std::string& uid, const std::string& boot_id) const {
  std::string text(purpose);
  text += '\0';
  text += uid;
  text += '\0';
  text += boot_id;
  return base::base64_url(crypto::hmac_sha256(secret_, text));
}

ExpectedBoot& ExpectedBoots::expect(const std::string& uid, const std::string& boot_id, const std::string& host_name,
                                    const std::string& mac, BmcBootMethod method) {
  auto& slot = boots_[uid];
  if (slot && slot->boot_id == boot_id) {
    slot->mac = mac;
    slot->method = method;
    return *slot;
  }
  slot = std::make_unique<ExpectedBoot>();
  slot->uid = uid;
  slot->boot_id = boot_id;
  slot->host_name = host_name;
  slot->mac = mac;
  slot->method = method;
  slot->agent_token = derive("agent-token", uid, boot_id);
  slot->path_token = derive("boot-path", uid, boot_id);
  return *slot;
}

void ExpectedBoots::refuse(Refusal reason, ExpectedBoot* of, uint64_t times) {
  refused.*reason += times;
  if (!of) return;
  // What strangers send must not become work: the more there were, the more seldom it is news.
  uint64_t& count = of->refused.*reason;
  const auto before = std::bit_width(count);
  count += times;
  if (std::bit_width(count) != before) happened(*of);
}

bool ExpectedBoots::is_token_of(const std::string& uid, const std::string& boot_id, std::string_view token) const {
  return !boot_id.empty() && base::equal_constant_time(derive("agent-token", uid, boot_id), token);
}

void ExpectedBoots::drop(const std::string& uid) { boots_.erase(uid); }

ExpectedBoot* ExpectedBoots::find(const std::string& uid) {
  const auto found = boots_.find(uid);
  return found == boots_.end() ? nullptr : found->second.get();
}

const ExpectedBoot* ExpectedBoots::find(const std::string& uid) const {
  const auto found = boots_.find(uid);
  return found == boots_.end() ? nullptr : found->second.get();
}

ExpectedBoot* ExpectedBoots::by_mac(const std::string& mac) {
  if (mac.empty()) return nullptr;
  for (const auto& [uid, boot] : boots_) {
    if (boot->mac == mac) return boot.get();
  }
  return nullptr;
}

ExpectedBoot* ExpectedBoots::by_address(const std::string& address) {
  if (address.empty()) return nullptr;
  for (const auto& [uid, boot] : boots_) {
    if (boot->address == address) return boot.get();
  }
  return nullptr;
}

void ExpectedBoots::has_address(ExpectedBoot& boot, std::string address) {
  if (boot.address == address) return;
  if (ExpectedBoot* before = by_address(address)) before->address.clear();
  boot.address = std::move(address);
  happened(boot);
}

ExpectedBoot* ExpectedBoots::by_path_token(std::string_view token) {
  ExpectedBoot* found = nullptr;
  // Every token is compared, in constant time, so timing tells nothing about any of them.
  for (const auto& [uid, boot] : boots_) {
    if (base::equal_constant_time(boot->path_token, token)) found = boot.get();
  }
  return found;
}

}  // namespace metal

// Whatever is in an answer of etcd, or in the values that lie there, is read or refused. The first byte says as what.
#include <cstddef>
#include <cstdint>

#include "etcd/layout.h"
#include "etcd/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const auto sealer = *store::Sealer::parse("00000001 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
  static const etcd::Layout layout("/ingot");
  switch (data[0] % 10) {
    case 0:
      (void)etcd::decode_range(rest);
      break;
    case 1:
      (void)etcd::decode_txn(rest);
      break;
    case 2:
      (void)etcd::decode_watch(rest);
      break;
    case 3:
      (void)etcd::decode_lease(rest);
      break;
    case 4:
      (void)etcd::decode_version(rest);
      break;
    case 5:
      (void)etcd::decode_object({"secrets", "default", "one"}, rest, sealer);
      (void)etcd::sealed_with(rest);
      break;
    case 6:
      if (const auto head = etcd::decode_head(rest); head && !etcd::decode_head(etcd::encode(*head))) __builtin_trap();
      break;
    case 7:
      if (const auto leader = etcd::decode_leader(rest); leader) {
        const auto again = etcd::decode_leader(etcd::encode(*leader));
        if (!again || !(*again == *leader)) __builtin_trap();
      }
      break;
    case 8:
      (void)etcd::decode_term(rest);
      break;
    default:
      (void)layout.object_of(rest);
      (void)etcd::prefix_end(std::string(rest));
      break;
  }
  return 0;
}

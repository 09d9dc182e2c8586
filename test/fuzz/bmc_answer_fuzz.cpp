// What a BMC sends: its event stream, event payloads and packed answers.
//   clang++ -std=c++20 -fsanitize=fuzzer,address -Isrc test/fuzz/bmc_answer_fuzz.cpp ... libingot_metal.a ...
#include <cstddef>
#include <cstdint>
#include <string>

#include "metal/bmc/event_stream.h"
#include "metal/bmc/redfish_client.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  // However it is cut, the stream says the same.
  metal::EventStream whole, pieces;
  const size_t events = whole.take(bytes).size();
  size_t again = 0;
  for (size_t at = 0; at < size; at += 7) again += pieces.take(std::string_view(bytes).substr(at, 7)).size();
  if (events != again) __builtin_trap();
  (void)metal::read_events(bytes);
  constexpr size_t limit = 64u << 10;
  if (const auto unpacked = metal::gunzip(bytes, limit); unpacked && unpacked->size() > limit) __builtin_trap();
  if (const auto json = base::parse_json(bytes)) {
    (void)metal::parse_redfish_messages(*json);
    (void)metal::members_of(*json);
    if (metal::is_task(*json)) (void)metal::read_task(*json);
  }
  return 0;
}

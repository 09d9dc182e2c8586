// Reading and writing the little-endian fields of IPMI.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wire::ipmi {

inline uint8_t byte_at(std::string_view bytes, size_t at) { return uint8_t(bytes[at]); }
inline uint16_t read_u16(std::string_view bytes, size_t at) {
  return uint16_t(byte_at(bytes, at) | (unsigned(byte_at(bytes, at + 1)) << 8));
}
inline uint32_t read_u32(std::string_view bytes, size_t at) {
  return uint32_t(read_u16(bytes, at)) | (uint32_t(read_u16(bytes, at + 2)) << 16);
}
inline void put_u8(std::string& out, unsigned value) { out.push_back(char(uint8_t(value))); }
inline void put_u16(std::string& out, unsigned value) {
  put_u8(out, value & 0xFF);
  put_u8(out, (value >> 8) & 0xFF);
}
inline void put_u32(std::string& out, uint32_t value) {
  put_u16(out, value & 0xFFFF);
  put_u16(out, value >> 16);
}

}  // namespace wire::ipmi

// Identity by IPMI: the system GUID and the product area of the FRU information.
#include <algorithm>

#include "base/text.h"
#include "wire/ipmi_bytes.h"
#include "wire/ipmi_command.h"

namespace wire::ipmi {
namespace {

constexpr size_t field_bytes_max = 63;
constexpr uint8_t end_of_fields = 0xC1;

uint8_t zero_checksum(std::string_view bytes) {
  unsigned sum = 0;
  for (const char c : bytes) sum += uint8_t(c);
  return uint8_t(0x100 - (sum & 0xFF));
}

void put_field(std::string& out, std::string_view text) {
  // A length of one would read as "end of fields".
  std::string field(text.substr(0, field_bytes_max));
  if (field.size() == 1) field.push_back(' ');
  put_u8(out, 0xC0u | unsigned(field.size()));
  out += field;
}

// Only 8-bit text; packed encodings are rare in product areas and give an empty field.
std::string read_field(std::string_view area, size_t& at, bool& more) {
  if (!more || at >= area.size() || byte_at(area, at) == end_of_fields) {
    more = false;
    return {};
  }
  const unsigned head = byte_at(area, at);
  const size_t length = head & 0x3F;
  if (at + 1 + length > area.size()) {
    more = false;
    return {};
  }
  const auto bytes = area.substr(at + 1, length);
  at += 1 + length;
  if ((head >> 6) != 3) return {};
  const bool printable = std::all_of(bytes.begin(), bytes.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return printable ? std::string(base::trim(bytes)) : std::string();
}

}  // namespace

std::string encode_guid(std::string_view uuid) {
  auto bytes = base::unhex(base::replace_all(std::string(uuid), "-", ""));
  if (!bytes || bytes->size() != 16) return std::string(16, '\0');
  std::reverse(bytes->begin(), bytes->end());
  return *bytes;
}

std::string decode_guid(std::string_view bytes) {
  if (bytes.size() != 16 || bytes.find_first_not_of('\0') == std::string_view::npos) return {};
  std::string reversed(bytes.rbegin(), bytes.rend());
  const auto digits = base::hex(reversed);
  return digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-" + digits.substr(12, 4) + "-" + digits.substr(16, 4) +
         "-" + digits.substr(20);
}

std::string encode_fru(const FruProduct& product) {
  std::string area("\x01\x00\x19", 3);  // version, length (set below), language English
  put_field(area, product.manufacturer);
  put_field(area, product.name);
  put_field(area, product.part_number);
  put_field(area, product.version);
  put_field(area, product.serial);
  put_field(area, "");  // asset tag
  put_field(area, "");  // FRU file
  put_u8(area, end_of_fields);
  while (area.size() % 8 != 7) area.push_back('\0');
  area[1] = char((area.size() + 1) / 8);
  put_u8(area, zero_checksum(area));
  std::string head("\x01\x00\x00\x00\x01\x00\x00", 7);  // the product area starts at 1 * 8
  put_u8(head, zero_checksum(head));
  return head + area;
}

base::Result<FruProduct> decode_fru(std::string_view bytes) {
  const auto malformed = [] { return base::corrupt("IPMI: malformed FRU information"); };
  if (bytes.size() < 8 || (byte_at(bytes, 0) & 0x0F) != 1 || zero_checksum(bytes.substr(0, 8)) != 0) return malformed();
  const size_t start = size_t(byte_at(bytes, 4)) * 8;
  if (start == 0) return base::not_found("IPMI: no product area in the FRU information");
  if (bytes.size() < start + 8) return malformed();
  const size_t length = size_t(byte_at(bytes, start + 1)) * 8;
  if (length < 8 || bytes.size() < start + length) return malformed();
  const auto area = bytes.substr(start, length);
  if (zero_checksum(area) != 0) return malformed();
  size_t at = 3;
  bool more = true;
  FruProduct product;
  product.manufacturer = read_field(area, at, more);
  product.name = read_field(area, at, more);
  product.part_number = read_field(area, at, more);
  product.version = read_field(area, at, more);
  product.serial = read_field(area, at, more);
  return product;
}

}  // namespace wire::ipmi

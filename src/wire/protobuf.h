// Writing messages of Protocol Buffers (https://protobuf.dev/programming-guides/encoding), field by field. As proto3
// wants it, nothing is left out here: callers skip fields with zero values themselves.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace wire {

class ProtobufWriter {
 public:
  void text(int field, std::string_view value) {  // string, bytes
    key(field, 2);
    varint(value.size());
    out_.append(value);
  }
  void message(int field, const ProtobufWriter& value) { text(field, value.out_); }
  void boolean(int field, bool value) { integer(field, value ? 1 : 0); }
  void integer(int field, int64_t value) {  // int32, int64, enums: negative ones take ten bytes
    key(field, 0);
    varint(static_cast<uint64_t>(value));
  }
  void real(int field, double value) {  // double
    key(field, 1);
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    for (int shift = 0; shift < 64; shift += 8) out_.push_back(static_cast<char>(bits >> shift));
  }
  const std::string& bytes() const { return out_; }

 private:
  void key(int field, unsigned wire_type) { varint((static_cast<uint64_t>(field) << 3) | wire_type); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<char>(value | 0x80));
    out_.push_back(static_cast<char>(value));
  }

  std::string out_;
};

}  // namespace wire

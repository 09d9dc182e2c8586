// Reading messages of Protocol Buffers (https://protobuf.dev/programming-guides/encoding), field by field, for callers
// that know the message: while (reader.next()) switch (reader.field()) ...; then ok().
#pragma once

#include <cstdint>
#include <string_view>

namespace wire {

class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  // Goes to the next field; false at the end, and where the message is broken.
  bool next() {
    if (!good_ || rest_.empty()) return false;
    const uint64_t key = varint();
    if (!good_ || (key >> 3) == 0 || (key >> 3) > 0x1fffffff) return good_ = false;
    field_ = static_cast<int>(key >> 3);
    number_ = 0;
    bytes_ = {};
    switch (key & 7) {
      case 0:
        number_ = varint();
        break;
      case 1:
        number_ = fixed(8);
        break;
      case 2:
        bytes_ = take(varint());
        break;
      case 5:
        number_ = fixed(4);
        break;
      default:  // groups are not of proto3
        good_ = false;
    }
    return good_;
  }
  int field() const { return field_; }
  // Of the present field: a number when it is one, else bytes (string, bytes, message), which point into the message.
  uint64_t number() const { return number_; }
  int64_t signed_number() const { return static_cast<int64_t>(number_); }
  std::string_view bytes() const { return bytes_; }
  bool ok() const { return good_; }

 private:
  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    good_ = false;
    return 0;
  }
  std::string_view take(uint64_t size) {
    if (!good_ || size > rest_.size()) {
      good_ = false;
      return {};
    }
    const auto out = rest_.substr(0, static_cast<size_t>(size));
    rest_.remove_prefix(out.size());
    return out;
  }
  uint64_t fixed(unsigned size) {
    uint64_t value = 0;
    unsigned shift = 0;
    for (const char byte : take(size)) {
      value |= static_cast<uint64_t>(static_cast<unsigned char>(byte)) << shift;
      shift += 8;
    }
    return value;
  }

  std::string_view rest_, bytes_;
  uint64_t number_ = 0;
  int field_ = 0;
  bool good_ = true;
};

}  // namespace wire

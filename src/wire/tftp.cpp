#include "wire/tftp.h"

#include <optional>

#include "base/text.h"

namespace wire::tftp {

using base::Result;

namespace {

enum Opcode : uint16_t { read_request = 1, write_request = 2, data = 3, ack = 4, failure = 5, option_ack = 6 };

constexpr size_t name_bytes_max = 255;
constexpr size_t options_max = 16;

uint16_t number_at(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<unsigned char>(bytes[at]) << 8 | static_cast<unsigned char>(bytes[at + 1]));
}

void put(std::string& out, uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xff);
}

void put_text(std::string& out, std::string_view text) {
  out += text;
  out += '\0';
}

// Up to the next NUL; nullopt when there is none, or what lies before it is not printable.
std::optional<std::string> take_text(std::string_view& rest) {
  const size_t end = rest.find('\0');
  if (end == std::string_view::npos || end > name_bytes_max) return std::nullopt;
  std::string out(rest.substr(0, end));
  for (const char c : out) {
    if (c < ' ' || c > '~') return std::nullopt;
  }
  rest.remove_prefix(end + 1);
  return out;
}

Result<Options> take_options(std::string_view rest) {
  Options out;
  while (rest.find_first_not_of('\0') != std::string_view::npos) {
    const auto name = take_text(rest);
    const auto value = name ? take_text(rest) : std::nullopt;
    if (!value || name->empty()) return base::corrupt("TFTP option without a name or an end");
    if (out.size() >= options_max) return base::corrupt("TFTP packet with too many options");
    out.emplace(base::lower(*name), *value);  // the first one of a name counts
  }
  return out;
}

Result<Packet> parse_request(bool write, std::string_view rest) {
  const auto file = take_text(rest);
  const auto mode = file ? take_text(rest) : std::nullopt;
  if (!mode || file->empty()) return base::corrupt("TFTP request without a file name or mode");
  // Not inside the braces: an early return from there would never free the strings in front of it.
  auto options = TRY(take_options(rest));
  return Packet(Request{write, *file, base::lower(*mode), std::move(options)});
}

void put_options(std::string& out, const Options& options) {
  for (const auto& [name, value] : options) {
    put_text(out, name);
    put_text(out, value);
  }
}

struct Writer {
  std::string& out;
  void operator()(const Request& request) const {
    put(out, request.write ? write_request : read_request);
    put_text(out, request.file);
    put_text(out, request.mode);
    put_options(out, request.options);
  }
  void operator()(const Data& packet) const {
    put(out, data);
    put(out, packet.block);
    out += packet.bytes;
  }
  void operator()(const Ack& packet) const {
    put(out, ack);
    put(out, packet.block);
  }
  void operator()(const Failure& packet) const {
    put(out, failure);
    put(out, packet.code);
    put_text(out, packet.message);
  }
  void operator()(const OptionAck& packet) const {
    put(out, option_ack);
    put_options(out, packet.options);
  }
};

}  // namespace

Result<Packet> parse(std::string_view bytes) {
  if (bytes.size() < 2) return base::corrupt("TFTP packet is too short");
  const uint16_t opcode = number_at(bytes, 0);
  const std::string_view rest = bytes.substr(2);
  if (opcode == read_request || opcode == write_request) return parse_request(opcode == write_request, rest);
  if (opcode == option_ack) return Packet(OptionAck{TRY(take_options(rest))});
  if (opcode < read_request || opcode > option_ack) {
    return base::corrupt("TFTP packet with opcode " + std::to_string(opcode));
  }
  if (rest.size() < 2) return base::corrupt("TFTP packet is too short");
  const uint16_t number = number_at(bytes, 2);
  if (opcode == data) return Packet(Data{number, std::string(rest.substr(2))});
  if (opcode == ack) return Packet(Ack{number});
  // Some firmware leaves the text of an error out, with its end.
  const std::string_view message = rest.substr(2);
  return Packet(Failure{number, std::string(message.substr(0, std::min(message.find('\0'), name_bytes_max)))});
}

std::string serialize(const Packet& packet) {
  std::string out;
  std::visit(Writer{out}, packet);
  return out;
}

}  // namespace wire::tftp

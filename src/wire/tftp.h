// TFTP packets (RFC 1350) with options (RFC 2347), bytes to struct and back.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace wire::tftp {

// By lower-case name: blksize (RFC 2348), timeout and tsize (RFC 2349), windowsize (RFC 7440), and what else was asked.
using Options = std::map<std::string, std::string>;

enum class ErrorCode : uint16_t {
  undefined = 0,
  not_found = 1,
  access = 2,
  illegal = 4,
  unknown_transfer = 5,
  options = 8,
};

struct Request {
  bool write = false;
  std::string file, mode;  // mode in lower case: octet, netascii, mail
  Options options;
};
struct Data {
  uint16_t block = 0;
  std::string bytes;
};
struct Ack {
  uint16_t block = 0;
};
struct Failure {
  uint16_t code = 0;
  std::string message;
};
struct OptionAck {
  Options options;
};
using Packet = std::variant<Request, Data, Ack, Failure, OptionAck>;

// Errors: corrupt. A file name has at most 255 printable characters. NULs behind a request are padding of old firmware.
base::Result<Packet> parse(std::string_view bytes);
std::string serialize(const Packet& packet);

}  // namespace wire::tftp

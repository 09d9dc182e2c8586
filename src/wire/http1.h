// HTTP/1.1 messages on the wire (RFC 9112): an incremental parser that is strict about everything that request
// smuggling lives on, and the writing of heads. No I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace wire {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct Http1Limits {
  size_t head_bytes_max = 64u << 10;
  size_t target_bytes_max = 16u << 10;
  size_t fields_max = 256;
  uint64_t body_bytes_max = UINT64_MAX;
};

struct Http1Head {
  std::string method, target;  // requests
  int status = 0;              // responses
  bool http11 = true;          // else 1.0
  bool keep_alive = true;      // what version and Connection say; false also when only the end ends the body
  bool has_body = false;
  std::optional<uint64_t> content_length;
  HttpFields fields;
  const std::string* find(std::string_view name) const;  // the first, any case
};

// Parses one message after another. Both Content-Length and Transfer-Encoding, a folded field, a coding other than
// chunked, a missing or second Host, and bare line feeds are errors.
class Http1Parser {
 public:
  enum class Side { request, response };
  enum class State { head, body, done };

  explicit Http1Parser(Side side, Http1Limits limits = {});
  ~Http1Parser();
  Http1Parser(Http1Parser&&) noexcept;
  Http1Parser& operator=(Http1Parser&&) noexcept;

  void next();  // begins another message
  // The response has no body whatever its fields say (to HEAD, or to CONNECT). Before the first feed of a message.
  void expect_no_body();

  // Takes a prefix of `bytes` and returns its size. The rest has to be presented again with more behind it. It never
  // takes more than the current message, and nothing once done. Errors: bad_request, too_large (a limit), unsupported;
  // refusal() is then the status a server answers with, and the parser is of no more use.
  base::Result<size_t> feed(std::string_view bytes);
  // The stream ended in order: completes a body without length; an error in the middle of anything else.
  base::Result<void> feed_end();

  State state() const;
  bool started() const;  // a byte of this message was seen
  Http1Head& head();     // complete when state() is not head; the caller may move things out of it
  std::string& body();   // what has come since the caller last took or cleared it
  int refusal() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string_view reason_phrase(int status);  // "Not Found"; "Status" for unknown ones
// A field name is a token; a value has no control characters but tab (so nothing can end its line).
bool valid_field_name(std::string_view name);
bool valid_field_value(std::string_view value);
bool valid_target(std::string_view target);  // visible ASCII, not empty

void append_field(std::string& out, std::string_view name, std::string_view value);
void append_decimal(std::string& out, uint64_t number);
void append_chunk(std::string& out, std::string_view piece);  // nothing for an empty piece, which would end the body
void append_chunk_head(std::string& out, uint64_t bytes);     // the size line; the data and a CRLF follow
constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace wire

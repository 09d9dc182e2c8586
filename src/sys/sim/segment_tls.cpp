// TLS inside a segment: both ends say in messages what real TLS would prove, and judge it by the same rules. A record
// starts like one of real TLS (0x16) but goes on with letters, so that a server can tell the two apart and an end that
// speaks no TLS at all is noticed.
#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "sys/deadline.h"
#include "sys/real/tls_stream.h"
#include "sys/sim/segment.h"

namespace sys {

namespace {

constexpr std::string_view mark = "\x16SIM";
constexpr size_t header_bytes = 4 + 8;  // mark, length in hex
constexpr size_t message_bytes_max = 256 * 1024;
constexpr std::string_view closed_early = "the connection ended during the TLS handshake";

Error refused(const std::string& why) { return {base::Code::unauthenticated, why}; }

// Reads the messages of one handshake from a stream, which gets back what was read too much.
class Messages {
 public:
  Messages(SegmentStream& stream, Duration limit) : stream_(stream), deadline_(stream.loop(), limit) {}

  Result<void> fill(size_t bytes) {
    while (buffer_.size() < bytes) {
      const std::string more = TRY(stream_.read(64 * 1024, deadline_.left()));
      if (more.empty()) return base::unavailable(std::string(closed_early));
      buffer_ += more;
    }
    return {};
  }
  const std::string& buffer() const { return buffer_; }
  void give_back() { stream_.unread(std::exchange(buffer_, {})); }

  Result<base::Json> receive() {
    TRY(fill(mark.size()));
    if (!buffer_.starts_with(mark)) return base::unavailable("the other end does not speak TLS");
    TRY(fill(header_bytes));
    const auto raw = base::unhex(std::string_view(buffer_).substr(mark.size(), 8));
    size_t length = 0;
    if (!raw) return base::unavailable("malformed TLS handshake");
    for (const char byte : *raw) length = (length << 8) | uint8_t(byte);
    if (length > message_bytes_max) return base::unavailable("malformed TLS handshake");
    TRY(fill(header_bytes + length));
    auto message = base::parse_json(std::string_view(buffer_).substr(header_bytes, length));
    buffer_.erase(0, header_bytes + length);
    if (!message) return base::unavailable("malformed TLS handshake");
    if (message->has("alert")) return refused("the other end refused: " + (*message)["alert"].string());
    return message;
  }

  Result<void> send(const base::Json& message) {
    const std::string text = message.dump();
    std::string length;
    for (int shift = 24; shift >= 0; shift -= 8) length.push_back(char((text.size() >> shift) & 0xff));
    return stream_.write(std::string(mark) + base::hex(length) + text, deadline_.left());
  }
  // Tells the other end why and gives the same as the error.
  Error alert(std::string ours, const std::string& theirs) {
    (void)send(base::Json::object({{"alert", theirs}}));
    return refused(std::move(ours));
  }

 private:
  SegmentStream& stream_;
  Deadline deadline_;
  std::string buffer_;
};

std::vector<std::string> strings_of(const base::Json& list) {
  std::vector<std::string> made;
  for (const base::Json& item : list.items()) made.push_back(item.string());
  return made;
}

// The server's choice: its first protocol that the client wants.
std::string choose_alpn(const std::vector<std::string>& ours, const std::vector<std::string>& wanted) {
  for (const std::string& protocol : ours) {
    if (std::find(wanted.begin(), wanted.end(), protocol) != wanted.end()) return protocol;
  }
  return {};
}

Result<void> check_identity(SegmentStream& stream, const std::string& certificate_pem, const std::string& key_pem) {
  if (certificate_pem.empty() || stream.segment().certificates().key_matches(certificate_pem, key_pem)) return {};
  return base::invalid("the TLS certificate and its private key do not belong together");
}

// Only the first certificate of a chain.
std::string leaf_of(const std::string& chain_pem) {
  constexpr std::string_view end = "-----END CERTIFICATE-----";
  const size_t found = chain_pem.find(end);
  return found == std::string::npos ? std::string() : chain_pem.substr(0, found + end.size()) + "\n";
}

}  // namespace

Result<std::unique_ptr<Stream>> start_segment_tls(std::unique_ptr<SegmentStream> stream, const TlsClient& options,
                                                  Duration limit) {
  TRY(check_identity(*stream, options.certificate_pem, options.key_pem));
  Messages messages(*stream, limit);
  const std::string name = options.server_name.empty() ? stream->peer().host : options.server_name;
  TRY(messages.send(base::Json::object({{"serverName", name}, {"alpn", base::Json::strings(options.alpn)}})));
  const base::Json hello = TRY(messages.receive());
  const std::string chain = hello["certificate"].string();
  if (options.verify) {
    if (options.ca_pem.empty()) {
      return messages.alert("certificate of " + name + ": no trust roots (the simulation has no system roots)",
                            "unknown certificate authority");
    }
    const auto judged = stream->segment().certificates().verify(chain, options.ca_pem, name, stream->loop().now());
    if (!judged) {
      return messages.alert("certificate of " + name + ": " + judged.error().message, "bad certificate");
    }
  }
  const bool show = hello["request"].boolean() && !options.certificate_pem.empty();
  TRY(messages.send(base::Json::object({{"certificate", show ? options.certificate_pem : std::string()}})));
  TRY(messages.receive());
  messages.give_back();
  stream->set_tls({options.verify ? leaf_of(chain) : std::string(), hello["alpn"].string()});
  return std::unique_ptr<Stream>(std::move(stream));
}

Result<std::unique_ptr<Stream>> accept_segment_tls(std::unique_ptr<SegmentStream> stream, const TlsServer& options,
                                                   Duration limit) {
  const Deadline deadline(stream->loop(), limit);
  Messages messages(*stream, limit);
  TRY(messages.fill(2));
  if (messages.buffer()[0] == '\x16' && messages.buffer()[1] == '\x03') {
    messages.give_back();
    Loop& loop = stream->loop();
    return tls_server_over(loop, std::move(stream), options, deadline.left());
  }
  TRY(check_identity(*stream, options.certificate_pem, options.key_pem));
  const base::Json hello = TRY(messages.receive());
  const std::string alpn = choose_alpn(options.alpn, strings_of(hello["alpn"]));
  TRY(messages.send(base::Json::object(
      {{"certificate", options.certificate_pem}, {"alpn", alpn}, {"request", !options.client_ca_pem.empty()}})));
  const base::Json answer = TRY(messages.receive());
  const std::string shown = answer["certificate"].string();
  if (shown.empty() && options.client_certificate_required) {
    return messages.alert("the client showed no certificate", "certificate required");
  }
  if (!shown.empty()) {
    const auto judged = stream->segment().certificates().verify(shown, options.client_ca_pem, "", stream->loop().now());
    if (!judged) return messages.alert("client certificate: " + judged.error().message, "bad certificate");
  }
  TRY(messages.send(base::Json::object({{"done", true}})));
  messages.give_back();
  stream->set_tls({leaf_of(shown), alpn});
  return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace sys

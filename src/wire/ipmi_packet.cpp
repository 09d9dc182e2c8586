#include "wire/ipmi_packet.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "wire/ipmi_bytes.h"

namespace wire::ipmi {
namespace {

constexpr std::string_view rmcp_ipmi("\x06\x00\xFF\x07", 4);  // RMCP 1.0, no acknowledge wanted, class IPMI
constexpr uint8_t auth_none = 0x00, auth_rmcp_plus = 0x06;
constexpr uint8_t payload_encrypted = 0x80, payload_authenticated = 0x40;
constexpr size_t aes_block = 16;

base::Error malformed(std::string_view why) { return base::corrupt("IPMI packet: " + std::string(why)); }

size_t code_bytes(Suite suite) { return suite == Suite::sha1 ? 12 : 16; }

std::string integrity_code(const SessionKeys& keys, std::string_view bytes) {
  const auto full = keys.suite == Suite::sha1 ? crypto::hmac_sha1(keys.k1, bytes) : crypto::hmac_sha256(keys.k1, bytes);
  return full.substr(0, code_bytes(keys.suite));
}

base::Result<Packet> decode_v15(std::string_view bytes) {
  // authentication type, sequence (4), session id (4), length, message
  if (bytes.size() < 10) return malformed("short 1.5 header");
  Packet packet;
  packet.v15 = true;
  packet.sequence = read_u32(bytes, 1);
  packet.session_id = read_u32(bytes, 5);
  const size_t length = byte_at(bytes, 9);
  if (bytes.size() < 10 + length) return malformed("length beyond the end");
  packet.payload = bytes.substr(10, length);  // a pad byte may follow (13.6)
  return packet;
}

// The trailer: pad of FFh, pad length, next header 07h, integrity code up to the end (table 13-8).
base::Result<void> decode_trailer(std::string_view bytes, size_t payload_end, Packet& packet) {
  size_t at = payload_end;
  while (at < bytes.size() && byte_at(bytes, at) == 0xFF) ++at;
  if (at + 2 > bytes.size()) return malformed("no integrity trailer");
  const size_t pad = byte_at(bytes, at);
  if (pad != at - payload_end || pad > 3 || byte_at(bytes, at + 1) != 0x07) return malformed("integrity pad");
  packet.signed_bytes = bytes.substr(0, at + 2);
  packet.auth_code = bytes.substr(at + 2);
  return {};
}

// Confidentiality pad 01h 02h ... and its length (table 13-20).
base::Result<std::string> without_pad(std::string plain) {
  const size_t pad = byte_at(plain, plain.size() - 1);
  if (pad >= aes_block || pad + 1 > plain.size()) return malformed("confidentiality pad length");
  const size_t end = plain.size() - 1 - pad;
  for (size_t i = 0; i < pad; ++i)
    if (byte_at(plain, end + i) != i + 1) return malformed("confidentiality pad");
  plain.resize(end);
  return plain;
}

std::string with_pad(std::string_view payload) {
  std::string padded(payload);
  const size_t pad = (aes_block - (payload.size() + 1) % aes_block) % aes_block;
  for (size_t i = 1; i <= pad; ++i) put_u8(padded, unsigned(i));
  put_u8(padded, unsigned(pad));
  return padded;
}

}  // namespace

Algorithms algorithms_of(Suite suite) {
  return suite == Suite::sha1 ? Algorithms{0x01, 0x01, 0x01} : Algorithms{0x03, 0x04, 0x01};
}

base::Result<Packet> decode_packet(std::string_view datagram) {
  if (datagram.size() > datagram_bytes_max) return malformed("longer than " + std::to_string(datagram_bytes_max));
  if (datagram.size() < 5 || datagram[0] != 0x06 || (byte_at(datagram, 3) & 0x9F) != 0x07)
    return malformed("not RMCP of class IPMI");
  const auto bytes = datagram.substr(4);
  if (byte_at(bytes, 0) == auth_none) return decode_v15(bytes);
  if (byte_at(bytes, 0) != auth_rmcp_plus) return malformed("unsupported authentication type");
  if (bytes.size() < 12) return malformed("short RMCP+ header");
  Packet packet;
  const unsigned type = byte_at(bytes, 1);
  packet.encrypted = (type & payload_encrypted) != 0;
  packet.authenticated = (type & payload_authenticated) != 0;
  packet.type = PayloadType(type & 0x3F);
  if ((type & 0x3F) == 0x02) return malformed("OEM payload");
  packet.session_id = read_u32(bytes, 2);
  packet.sequence = read_u32(bytes, 6);
  const size_t end = 12 + size_t(read_u16(bytes, 10));
  if (bytes.size() < end) return malformed("length beyond the end");
  packet.payload = bytes.substr(12, end - 12);
  if (packet.authenticated) TRY(decode_trailer(bytes, end, packet));
  return packet;
}

base::Result<std::string> open_payload(const Packet& packet, const SessionKeys& keys) {
  if (!packet.authenticated || !packet.encrypted) return malformed("unprotected packet inside a session");
  if (!base::equal_constant_time(packet.auth_code, integrity_code(keys, packet.signed_bytes)))
    return malformed("integrity code does not match");
  const std::string_view sealed = packet.payload;
  if (sealed.size() < 2 * aes_block || sealed.size() % aes_block != 0) return malformed("encrypted length");
  return without_pad(TRY(crypto::aes128_cbc_decrypt(std::string_view(keys.k2).substr(0, aes_block),
                                                    sealed.substr(0, aes_block), sealed.substr(aes_block))));
}

std::string encode_v15(std::string_view message) {
  std::string out(rmcp_ipmi);
  put_u8(out, auth_none);
  put_u32(out, 0);
  put_u32(out, 0);
  put_u8(out, unsigned(message.size()));
  out += message;
  return out;
}

std::string encode_plain(PayloadType type, std::string_view payload) {
  std::string out(rmcp_ipmi);
  put_u8(out, auth_rmcp_plus);
  put_u8(out, unsigned(type));
  put_u32(out, 0);
  put_u32(out, 0);
  put_u16(out, unsigned(payload.size()));
  out += payload;
  return out;
}

std::string encode_sealed(PayloadType type, std::string_view payload, uint32_t session_id, uint32_t sequence,
                          const SessionKeys& keys, std::string_view iv) {
  const auto key = std::string_view(keys.k2).substr(0, aes_block);
  const auto sealed = std::string(iv) + crypto::aes128_cbc_encrypt(key, iv, with_pad(payload));
  std::string body;
  put_u8(body, auth_rmcp_plus);
  put_u8(body, unsigned(type) | payload_encrypted | payload_authenticated);
  put_u32(body, session_id);
  put_u32(body, sequence);
  put_u16(body, unsigned(sealed.size()));
  body += sealed;
  // Up to and including the next-header byte the length is a multiple of four.
  const size_t pad = (4 - (body.size() + 2) % 4) % 4;
  body.append(pad, '\xFF');
  put_u8(body, unsigned(pad));
  put_u8(body, 0x07);
  return std::string(rmcp_ipmi) + body + integrity_code(keys, body);
}

bool is_presence_ping(std::string_view datagram) {
  return datagram.size() >= 12 && datagram[0] == 0x06 && byte_at(datagram, 3) == 0x06 &&
         datagram.substr(4, 4) == std::string_view("\x00\x00\x11\xBE", 4) && byte_at(datagram, 8) == 0x80;
}

std::string encode_presence_pong(std::string_view ping) {
  std::string out("\x06\x00\xFF\x06\x00\x00\x11\xBE\x40", 9);
  out.push_back(ping[9]);  // message tag
  put_u8(out, 0);
  put_u8(out, 16);
  out += std::string_view("\x00\x00\x11\xBE\x00\x00\x00\x00", 8);
  put_u8(out, 0x81);  // IPMI supported, ASF 1.0
  out.append(7, '\0');
  return out;
}

bool SequenceWindow::accept(uint32_t sequence) {
  constexpr uint32_t reach = 16;
  if (sequence == 0) return false;
  const uint32_t ahead = sequence - highest_;  // wraps as the numbers do
  if (ahead != 0 && ahead <= reach) {
    seen_ = (seen_ << ahead) | 1;
    highest_ = sequence;
    return true;
  }
  const uint32_t behind = highest_ - sequence;
  if (behind >= reach || (seen_ >> behind & 1) != 0) return false;
  seen_ |= 1u << behind;
  return true;
}

}  // namespace wire::ipmi

#include "metal/boot/tftp_service.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "metal/boot/boot_loaders.h"
#include "sys/deadline.h"
#include "sys/fiber.h"

namespace metal {

using base::Code;
using base::Error;
using base::Result;
namespace tftp = wire::tftp;

namespace {

// A datagram that is not fragmented on Ethernet: 1500 bytes without the headers of IP, UDP and TFTP.
constexpr uint64_t block_bytes_v4 = 1468, block_bytes_v6 = 1428;
constexpr uint64_t block_bytes_plain = 512;
constexpr size_t request_bytes_max = 512;  // RFC 2347
// More helps little on a local network, and what firmware's buffer cannot hold is sent again.
constexpr uint64_t window_max = 16;

std::optional<uint64_t> option_of(const tftp::Request& request, const char* name, uint64_t least, uint64_t most) {
  const auto found = request.options.find(name);
  const auto value = found == request.options.end() ? std::nullopt : base::parse_uint(found->second);
  // RFC 2347: an option with a value that does not suit is left out of the answer.
  if (!value || *value < least || *value > most) return std::nullopt;
  return value;
}

}  // namespace

struct TftpService::Transfer {
  std::string uid, boot_id;  // of the ExpectedBoot
  std::string file_name;
  sys::Address client;
  std::unique_ptr<sys::Datagram> socket;
  std::unique_ptr<sys::File> file;
  uint64_t size = 0, block_bytes = block_bytes_plain, window = 1;
  base::Duration gap{};
  tftp::Options accepted;
  bool resent = false;   // the present window, because the client said that it misses all of it
  bool aborted = false;  // by the client: firmware that only asked for the size does so
  uint64_t last_block() const { return size / block_bytes + 1; }  // an empty one when the size is a multiple
};

TftpService::TftpService(sys::Sys& sys, ExpectedBoots& boots, TftpOptions options)
    : sys_(sys), boots_(boots), options_(std::move(options)) {}

TftpService::~TftpService() { stop(); }

Result<void> TftpService::start() {
  socket_ = TRY(sys_.net.open_udp(options_.listen, {}).context("TFTP service on " + options_.listen.text()));
  sys::spawn(sys_.loop, "tftp service", [this, alive = alive_] {
    if (*alive) serve();
  });
  return {};
}

void TftpService::stop() {
  *alive_ = false;
  if (socket_) socket_->close();
  for (const auto& [client, transfer] : transfers_) transfer->socket->close();
}

sys::Address TftpService::local() const { return socket_->local(); }

void TftpService::serve() {
  const auto alive = alive_;
  for (;;) {
    const auto packet = socket_->receive(sys::no_limit);
    if (!*alive || (!packet && packet.error().code != Code::unavailable)) return;
    if (packet) take(*packet);
  }
}

void TftpService::refuse(const sys::Address& to, tftp::ErrorCode code, const char* why) {
  (void)socket_->send(to, tftp::serialize(tftp::Failure{static_cast<uint16_t>(code), why}));
}

void TftpService::take(const sys::Packet& packet) {
  if (transfers_.count(packet.from)) return;  // asked again because our answer is late; it is sent again anyway
  ExpectedBoot* boot = boots_.by_address(packet.from.host);
  if (packet.bytes.size() > request_bytes_max) return boots_.refuse(&RefusedRequests::tftp_oversize, boot);
  const auto parsed = tftp::parse(packet.bytes);
  const auto* request = parsed ? std::get_if<tftp::Request>(&*parsed) : nullptr;
  if (!request) return boots_.refuse(&RefusedRequests::tftp_malformed, boot);
  if (!boot || boot->method != BmcBootMethod::ipxe || !boot->artefacts_open() || boot->script_fetched) {
    boots_.refuse(&RefusedRequests::tftp_unexpected, boot);
    return;
  }
  if (request->write) {
    boots_.refuse(&RefusedRequests::tftp_write, boot);
    return refuse(packet.from, tftp::ErrorCode::access, "writing is not allowed");
  }
  if (request->mode != "octet") {
    boots_.refuse(&RefusedRequests::tftp_malformed, boot);
    return refuse(packet.from, tftp::ErrorCode::illegal, "only mode octet is served");
  }
  if (request->file.find("..") != std::string::npos || request->file.find('\\') != std::string::npos ||
      request->file.starts_with("/")) {
    boots_.refuse(&RefusedRequests::tftp_path, boot);
    return refuse(packet.from, tftp::ErrorCode::access, "no such path");
  }
  if (!is_boot_loader(request->file)) {
    boots_.refuse(&RefusedRequests::tftp_unknown_file, boot);
    return refuse(packet.from, tftp::ErrorCode::not_found, "no such file");
  }
  const auto of_host = std::count_if(transfers_.begin(), transfers_.end(),
                                     [&](const auto& entry) { return entry.first.host == packet.from.host; });
  if (transfers_.size() >= options_.transfers_max || static_cast<size_t>(of_host) >= options_.transfers_per_host_max) {
    boots_.refuse(&RefusedRequests::tftp_busy, boot);
    return;  // the client asks again
  }
  auto transfer = make_transfer(packet.from, *request, *boot);
  if (!transfer) {
    base::log::error("a boot loader cannot be served",
                     {{"file", request->file}, {"host", boot->host_name}, {"error", transfer.error().text()}});
    return refuse(packet.from, tftp::ErrorCode::undefined, "the boot loader is not available");
  }
  boot->loader_file = request->file;
  boot->loader_bytes = 0;
  boot->loader_size = (*transfer)->size;
  boots_.happened(*boot);
  transfers_[packet.from] = *transfer;
  sys::spawn(sys_.loop, "tftp transfer", [this, alive = alive_, transfer = *transfer] {
    if (!*alive) return;
    run(*transfer);
    if (*alive) transfers_.erase(transfer->client);
  });
}

Result<std::shared_ptr<TftpService::Transfer>> TftpService::make_transfer(const sys::Address& from,
                                                                          const tftp::Request& request,
                                                                          const ExpectedBoot& boot) {
  auto out = std::make_shared<Transfer>();
  out->uid = boot.uid;
  out->boot_id = boot.boot_id;
  out->file_name = request.file;
  out->client = from;
  out->file = TRY(sys_.disk.open(options_.folder + "/" + request.file, false));
  out->size = out->file->size();
  out->gap = options_.retry_gap;
  if (const auto wanted = option_of(request, "blksize", 8, 65464)) {
    const bool v6 = from.host.find(':') != std::string::npos;
    out->block_bytes = std::min(*wanted, v6 ? block_bytes_v6 : block_bytes_v4);
    out->accepted["blksize"] = std::to_string(out->block_bytes);
  }
  if (const auto wanted = option_of(request, "windowsize", 1, 65535)) {
    out->window = std::min(*wanted, window_max);
    out->accepted["windowsize"] = std::to_string(out->window);
  }
  if (const auto wanted = option_of(request, "timeout", 1, 255)) {
    out->gap = base::seconds(*wanted);
    out->accepted["timeout"] = std::to_string(*wanted);
  }
  if (option_of(request, "tsize", 0, 0)) out->accepted["tsize"] = std::to_string(out->size);
  out->socket = TRY(sys_.net.open_udp({options_.listen.host, 0}, from));
  return out;
}

// Whose transfer it is: a new boot of the same host is none of its business.
void TftpService::progressed(const Transfer& transfer, uint64_t bytes) {
  ExpectedBoot* boot = boots_.find(transfer.uid);
  if (!boot || boot->boot_id != transfer.boot_id || boot->loader_file != transfer.file_name) return;
  const uint64_t tenth = transfer.size / 10 + 1;
  const bool visible = bytes / tenth != boot->loader_bytes / tenth;
  boot->loader_bytes = bytes;
  if (bytes >= transfer.size && !boot->loader_fetched) boot->loader_fetched = boots_.now();
  if (visible || bytes >= transfer.size) boots_.happened(*boot);
}

void TftpService::run(Transfer& transfer) {
  const auto alive = alive_;
  const auto sent = send_all(transfer);
  transfer.socket->close();
  if (!*alive) return;
  if (sent) {
    progressed(transfer, transfer.size);
    base::log::info("boot loader sent", {{"file", transfer.file_name}, {"to", transfer.client.text()}});
  } else if (!transfer.aborted) {
    base::log::warn("a TFTP transfer ended early",
                    {{"file", transfer.file_name}, {"to", transfer.client.text()}, {"error", sent.error().text()}});
  }
}

Result<void> TftpService::send_all(Transfer& transfer) {
  const auto alive = alive_;
  const uint64_t last = transfer.last_block();
  // Block 0 is the answer to the options, where there are any.
  uint64_t next = transfer.accepted.empty() ? 1 : 0;
  int tries = 0;
  while (next <= last) {
    const uint64_t end = next == 0 ? 0 : std::min(last, next + transfer.window - 1);
    if (next == 0) TRY(transfer.socket->send(transfer.client, tftp::serialize(tftp::OptionAck{transfer.accepted})));
    for (uint64_t block = std::max<uint64_t>(next, 1); block <= end; ++block) {
      const uint64_t offset = (block - 1) * transfer.block_bytes;
      const auto wanted = static_cast<size_t>(std::min(transfer.block_bytes, transfer.size - offset));
      auto bytes = wanted == 0 ? std::string() : TRY(transfer.file->read_at(offset, wanted));
      if (bytes.size() != wanted) return Error{Code::unavailable, "the file has become shorter"};
      const tftp::Data packet{static_cast<uint16_t>(block & 0xffff), std::move(bytes)};
      TRY(transfer.socket->send(transfer.client, tftp::serialize(packet)));
    }
    const auto acknowledged = await_ack(transfer, next, end);
    if (!*alive) return base::cancelled();
    if (acknowledged && *acknowledged >= next) {
      next = *acknowledged + 1;
      tries = 0;
      transfer.resent = false;
      if (next > 1) progressed(transfer, std::min((next - 1) * transfer.block_bytes, transfer.size));
      continue;
    }
    if (!acknowledged && acknowledged.error().code != Code::timeout) return acknowledged.error();
    if (++tries >= options_.tries) return Error{Code::timeout, "no acknowledgement of block " + std::to_string(next)};
  }
  return {};
}

// Parks until the client acknowledges something from `next` to `last`, or says by next - 1 that it has nothing of a
// window of several. With a window of one such a repetition is ignored: an answer to it would double every packet from
// then on (RFC 1123 4.2.3.1).
Result<uint64_t> TftpService::await_ack(Transfer& transfer, uint64_t next, uint64_t last) {
  const sys::Deadline deadline(sys_.loop, transfer.gap);
  for (;;) {
    const auto packet = TRY(transfer.socket->receive(deadline.left()));
    if (packet.from != transfer.client) continue;
    const auto parsed = tftp::parse(packet.bytes);
    if (!parsed) continue;
    if (const auto* failure = std::get_if<tftp::Failure>(&*parsed)) {
      transfer.aborted = true;
      return Error{Code::cancelled, "the client ended it: " + failure->message};
    }
    const auto* ack = std::get_if<tftp::Ack>(&*parsed);
    if (!ack) continue;
    for (uint64_t block = next; block <= last; ++block) {
      if ((block & 0xffff) == ack->block) return block;
    }
    if (next > 0 && transfer.window > 1 && !transfer.resent && ((next - 1) & 0xffff) == ack->block) {
      transfer.resent = true;
      return next - 1;
    }
  }
}

}  // namespace metal

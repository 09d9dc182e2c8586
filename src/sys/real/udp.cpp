#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "sys/real/real_net.h"
#include "sys/real/resolve.h"
#include "sys/real/watched.h"

namespace sys {

namespace {

constexpr size_t datagram_bytes_max = 65536;

class UdpSocket : public Datagram {
 public:
  UdpSocket(EpollDriver& driver, Loop& loop, Offload& offload, Descriptor socket, int family)
      : loop_(loop),
        offload_(offload),
        family_(family),
        socket_(driver, loop, std::move(socket)),
        names_(std::make_shared<Names>()) {
    SocketAddress found;
    found.bytes = sizeof found.storage;
    if (getsockname(socket_.number(), reinterpret_cast<sockaddr*>(&found.storage), &found.bytes) == 0) {
      local_ = found.address();
    }
  }

  Result<void> send(const Address& to, std::string_view bytes) override {
    if (socket_.is_closed()) return closed();
    auto target = socket_address(to);
    if (!target) target = known(to);
    if (!target) return {};  // being looked up
    if (target->family() != family_) {
      return Error{base::Code::unsupported, "this socket cannot send to the address family of " + to.text()};
    }
    const ssize_t sent =
        sendto(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL, target->raw(), target->bytes);
    // A full buffer drops, as the network may; an earlier refusal (ICMP) is the receiver's news.
    if (sent >= 0 || errno == EAGAIN || errno == ENOBUFS || errno == ECONNREFUSED) return {};
    return system_error(errno, "sending to " + to.text());
  }

  Result<Packet> receive(Duration limit) override {
    static thread_local std::array<char, datagram_bytes_max> buffer;  // not used across a wait
    const Deadline deadline(loop_, limit);
    for (;;) {
      if (socket_.is_closed()) return closed();
      SocketAddress from;
      from.bytes = sizeof from.storage;
      const ssize_t count = recvfrom(socket_.number(), buffer.data(), buffer.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from.storage), &from.bytes);
      if (count >= 0) return Packet{from.address(), std::string(buffer.data(), size_t(count))};
      if (errno == EINTR || errno == ECONNREFUSED) continue;
      if (errno != EAGAIN) return system_error(errno, "receiving at " + local_.text());
      if (auto waited = socket_.wait_readable(deadline.left()); !waited) {
        if (waited.error().code != base::Code::timeout) return std::move(waited).error();
        return base::timeout("no datagram arrived");
      }
    }
  }
  Address local() const override { return local_; }
  void close() override { socket_.close(); }

 private:
  using Names = std::map<Address, std::optional<SocketAddress>>;  // no value: being looked up
  static Error closed() { return base::unavailable("the datagram socket is closed"); }

  std::optional<SocketAddress> known(const Address& name) {
    const auto [entry, fresh] = names_->try_emplace(name);
    if (!fresh) return entry->second;
    auto found = std::make_shared<Result<std::vector<SocketAddress>>>(base::not_found(""));
    offload_.run([found, name] { *found = look_up(name); },
                 [names = names_, found, name, family = family_] {
                   (*names).erase(name);  // a failed look-up is tried again by the next send
                   if (!*found) return;
                   for (const SocketAddress& one : **found) {
                     if (one.family() == family) (*names)[name] = one;
                   }
                 });
    return std::nullopt;
  }

  Loop& loop_;
  Offload& offload_;
  int family_;
  Watched socket_;
  std::shared_ptr<Names> names_;
  Address local_;
};

}  // namespace

Result<std::unique_ptr<Datagram>> RealNet::open_udp(const Address& at, const Address& toward) {
  Address wanted = at;
  if (wanted.host.empty()) wanted.host = toward.host.find(':') == std::string::npos ? "0.0.0.0" : "::";
  if (wanted.host == "localhost") wanted.host = "127.0.0.1";
  const auto target = socket_address(wanted);
  if (!target) return base::invalid("a UDP socket is bound to an IP address, not to " + at.text());
  Descriptor socket(::socket(target->family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return system_error(errno, "opening a UDP socket");
  if (bind(socket.number(), target->raw(), target->bytes) != 0) return bind_error(errno, "binding " + at.text());
  return std::unique_ptr<Datagram>(
      std::make_unique<UdpSocket>(driver_, loop_, offload_, std::move(socket), target->family()));
}

}  // namespace sys

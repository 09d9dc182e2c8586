#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/log.h"
#include "sys/read_into.h"
#include "sys/real/real_net.h"
#include "sys/real/resolve.h"
#include "sys/real/tls_stream.h"
#include "sys/real/watched.h"
#include "sys/send_file.h"

namespace sys {

namespace {

constexpr size_t read_bytes_max = 64 * 1024;
constexpr int backlog_max = 4096;  // the kernel caps it; programs come back all at once after a restart
constexpr Duration out_of_descriptors_pause = base::milliseconds(100);

Address name_of_socket(int socket, int (*ask)(int, sockaddr*, socklen_t*)) {
  SocketAddress found;
  found.bytes = sizeof found.storage;
  if (ask(socket, reinterpret_cast<sockaddr*>(&found.storage), &found.bytes) != 0) return {};
  return found.address();
}
Address local_of(int socket) {
  return name_of_socket(socket, [](int s, sockaddr* a, socklen_t* n) { return getsockname(s, a, n); });
}
Address peer_of(int socket) {
  return name_of_socket(socket, [](int s, sockaddr* a, socklen_t* n) { return getpeername(s, a, n); });
}

void set_option(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof value);
}

class TcpStream : public Stream, public ReadsInto, public SendsFiles {
 public:
  // `named` is how the peer was asked for, for TLS names and messages; empty for accepted connections.
  TcpStream(std::unique_ptr<Watched> socket, Loop& loop, const Address& named)
      : socket_(std::move(socket)), loop_(loop), local_(local_of(socket_->number())), peer_(named) {
    if (peer_ == Address{}) peer_ = peer_of(socket_->number());
    set_option(socket_->number(), IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(socket_->number(), SOL_SOCKET, SO_KEEPALIVE, 1);
  }

  Result<std::string> read(size_t bytes_max, Duration limit) override {
    static thread_local std::array<char, read_bytes_max> buffer;  // not used across a wait
    const Deadline deadline(loop_, limit);
    const size_t count = TRY(receive(buffer.data(), std::min(bytes_max, buffer.size()), deadline));
    return std::string(buffer.data(), count);
  }
  Result<size_t> read_into(char* place, size_t bytes_max, Duration limit) override {
    return receive(place, bytes_max, Deadline(loop_, limit));
  }

  Result<void> write(std::string_view bytes, Duration limit) override {
    return send_all(bytes.size(), limit, [&] {
      const ssize_t count = send(socket_->number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count > 0) bytes.remove_prefix(size_t(count));
      return count;
    });
  }
  bool takes(const File& file) const override { return dynamic_cast<const HasDescriptor*>(&file) != nullptr; }
  Result<void> send_file(File& file, uint64_t offset, uint64_t bytes, Duration limit) override {
    const int source = dynamic_cast<HasDescriptor&>(file).number();
    return send_all(bytes, limit, [&, at = off_t(offset), left = bytes]() mutable {
      const ssize_t count = sendfile(socket_->number(), source, &at, left);
      if (count > 0) left -= size_t(count);
      return count;
    });
  }
  void close() override { socket_->close(); }
  void finish_writes() override {
    if (!socket_->is_closed()) shutdown(socket_->number(), SHUT_WR);
  }
  Address peer() const override { return peer_; }
  Address local() const override { return local_; }
  const TlsPeer* tls() const override { return nullptr; }

 private:
  // Calls `some`, which sends what it can and says how much that was, until all is sent.
  template <class Some>
  Result<void> send_all(uint64_t left, Duration limit, Some some) {
    const Deadline deadline(loop_, limit);
    while (left > 0) {
      if (socket_->is_closed()) return closed();
      const ssize_t count = some();
      if (count == 0) return base::unavailable("the file ends before what was to be sent to " + peer_.text());
      if (count > 0) {
        left -= size_t(count);
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return system_error(errno, "connection to " + peer_.text());
      if (auto waited = socket_->wait_writable(deadline.left()); !waited) {
        if (waited.error().code != base::Code::timeout) return std::move(waited).error();
        return base::timeout(peer_.text() + " does not take data");
      }
    }
    return {};
  }

  // Nothing is put into `place` before the last wait.
  Result<size_t> receive(char* place, size_t bytes_max, const Deadline& deadline) {
    for (;;) {
      if (socket_->is_closed()) return closed();
      const ssize_t count = recv(socket_->number(), place, bytes_max, 0);
      if (count >= 0) return size_t(count);
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return system_error(errno, "connection to " + peer_.text());
      if (auto waited = socket_->wait_readable(deadline.left()); !waited) {
        if (waited.error().code != base::Code::timeout) return std::move(waited).error();
        return base::timeout("no data from " + peer_.text());
      }
    }
  }

  Error closed() const { return base::unavailable("the connection to " + peer_.text() + " is closed"); }
  std::unique_ptr<Watched> socket_;
  Loop& loop_;
  Address local_;
  Address peer_;
};

class TcpListener : public Listener {
 public:
  TcpListener(EpollDriver& driver, Loop& loop, Descriptor socket)
      : driver_(driver), loop_(loop), socket_(driver, loop, std::move(socket)), local_(local_of(socket_.number())) {}

  Result<std::unique_ptr<Stream>> accept() override {
    for (;;) {
      if (socket_.is_closed()) return base::cancelled();
      Descriptor made(accept4(socket_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      const int problem = errno;
      if (made) {
        auto watched = std::make_unique<Watched>(driver_, loop_, std::move(made));
        return std::unique_ptr<Stream>(std::make_unique<TcpStream>(std::move(watched), loop_, Address{}));
      }
      if (problem == EAGAIN) {
        TRY(socket_.wait_readable(no_limit));
      } else if (problem == EMFILE || problem == ENFILE || problem == ENOBUFS || problem == ENOMEM) {
        base::log::warn("no descriptor for a new connection", {{"listener", local_.text()}});
        TRY(sleep(loop_, out_of_descriptors_pause));
      } else if (problem == EBADF || problem == EINVAL || problem == ENOTSOCK) {
        return system_error(problem, "accepting at " + local_.text());
      }  // else the connection died before it was accepted: the next one
    }
  }
  Address local() const override { return local_; }
  void close() override { socket_.close(); }

 private:
  EpollDriver& driver_;
  Loop& loop_;
  Watched socket_;
  Address local_;
};

Error connect_error(int problem, const Address& to) {
  if (problem == ECONNREFUSED) return base::unavailable("connection to " + to.text() + " refused");
  Error error = system_error(problem, "connecting to " + to.text());
  if (error.code != base::Code::timeout) error.code = base::Code::unavailable;
  return error;
}

// One attempt. Parks.
Result<std::unique_ptr<Watched>> connect_to(EpollDriver& driver, Loop& loop, const SocketAddress& target,
                                            const Address& to, Duration limit) {
  Descriptor socket(::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return connect_error(errno, to);
  const int status = ::connect(socket.number(), target.raw(), target.bytes);
  if (status != 0 && errno != EINPROGRESS) return connect_error(errno, to);
  auto watched = std::make_unique<Watched>(driver, loop, std::move(socket));
  if (status == 0) return watched;
  if (auto waited = watched->wait_writable(limit); !waited) {
    if (waited.error().code != base::Code::timeout) return std::move(waited).error();
    return base::timeout("connecting to " + to.text() + " took too long");
  }
  int problem = 0;
  socklen_t bytes = sizeof problem;
  getsockopt(watched->number(), SOL_SOCKET, SO_ERROR, &problem, &bytes);
  if (problem != 0) return connect_error(problem, to);
  return watched;
}

}  // namespace

std::unique_ptr<Stream> stream_over(EpollDriver& driver, Loop& loop, Descriptor socket, const Address& named) {
  auto watched = std::make_unique<Watched>(driver, loop, std::move(socket));
  return std::make_unique<TcpStream>(std::move(watched), loop, named);
}

Result<std::unique_ptr<Stream>> RealNet::connect(const Address& to, Duration limit) {
  const Deadline deadline(loop_, limit);
  const auto targets = TRY(resolve(loop_, offload_, to, limit));
  std::optional<Error> last;
  for (size_t i = 0; i < targets.size(); ++i) {
    // What is left is shared among the addresses left, so that one dead address does not use it up.
    const Duration left = deadline.left();
    const Duration share = left == no_limit ? left : left / int64_t(targets.size() - i);
    auto socket = connect_to(driver_, loop_, targets[i], to, share);
    if (socket) return std::unique_ptr<Stream>(std::make_unique<TcpStream>(std::move(*socket), loop_, to));
    if (socket.error().code == base::Code::cancelled) return std::move(socket).error();
    last = std::move(socket).error();
  }
  return std::move(*last);
}

Result<std::unique_ptr<Listener>> RealNet::listen(const Address& at) {
  Address wanted = at;
  if (wanted.host.empty()) wanted.host = "0.0.0.0";
  if (wanted.host == "localhost") wanted.host = "127.0.0.1";
  const SocketAddress target = TRY(look_up(wanted)).front();
  const std::string what = "listening at " + at.text();
  Descriptor socket(::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return system_error(errno, what);
  set_option(socket.number(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (bind(socket.number(), target.raw(), target.bytes) != 0) return bind_error(errno, what);
  if (::listen(socket.number(), backlog_max) != 0) return system_error(errno, what);
  return std::unique_ptr<Listener>(std::make_unique<TcpListener>(driver_, loop_, std::move(socket)));
}

Result<std::unique_ptr<Stream>> RealNet::start_tls(std::unique_ptr<Stream> stream, const TlsClient& options,
                                                   Duration limit) {
  return tls_client_over(loop_, std::move(stream), options, limit);
}

Result<std::unique_ptr<Stream>> RealNet::accept_tls(std::unique_ptr<Stream> stream, const TlsServer& options,
                                                    Duration limit) {
  return tls_server_over(loop_, std::move(stream), options, limit);
}

}  // namespace sys

// TCP, UDP and TLS of the operating system. Private to src/sys.
#pragma once

#include "sys/real/epoll_driver.h"
#include "sys/sys.h"

namespace sys {

class RealNet : public Net {
 public:
  RealNet(EpollDriver& driver, Loop& loop, Offload& offload) : driver_(driver), loop_(loop), offload_(offload) {}
  Result<std::unique_ptr<Stream>> connect(const Address& to, Duration limit) override;
  // Names other than "localhost" are looked up on the spot, so this may block: it is meant for the start.
  Result<std::unique_ptr<Listener>> listen(const Address& at) override;
  // Sending to a name looks it up in the background; datagrams sent meanwhile are dropped, as on a lossy network.
  Result<std::unique_ptr<Datagram>> open_udp(const Address& at, const Address& toward) override;
  Result<std::unique_ptr<Stream>> start_tls(std::unique_ptr<Stream> stream, const TlsClient& options,
                                            Duration limit) override;
  Result<std::unique_ptr<Stream>> accept_tls(std::unique_ptr<Stream> stream, const TlsServer& options,
                                             Duration limit) override;

 private:
  EpollDriver& driver_;
  Loop& loop_;
  Offload& offload_;
};

// A stream over any connected socket that does not block; `named` is what messages call the other end.
std::unique_ptr<Stream> stream_over(EpollDriver& driver, Loop& loop, Descriptor socket, const Address& named);

}  // namespace sys

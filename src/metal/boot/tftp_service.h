// TFTP for the first piece of software that firmware loads: iPXE. Serves a short list of boot loaders from one folder,
// to servers that are expected to boot from the network now, known by the address that DHCP gave them. Everybody else
// hears nothing, so forged requests find no amplifier here.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "metal/boot/expected_boots.h"
#include "wire/tftp.h"

namespace metal {

struct TftpOptions {
  sys::Address listen{"", 69};
  std::string folder = "/usr/lib/ipxe";
  size_t transfers_max = 256, transfers_per_host_max = 4;
  base::Duration retry_gap = base::seconds(1);  // unless the client asked for another (RFC 2349)
  int tries = 6;
};

class TftpService {
 public:
  TftpService(sys::Sys& sys, ExpectedBoots& boots, TftpOptions options);
  ~TftpService();
  base::Result<void> start();  // opens the socket and answers in fibers
  void stop();
  sys::Address local() const;
  size_t transfers() const { return transfers_.size(); }

 private:
  struct Transfer;
  void serve();
  void take(const sys::Packet& packet);
  base::Result<std::shared_ptr<Transfer>> make_transfer(const sys::Address& from, const wire::tftp::Request& request,
                                                        const ExpectedBoot& boot);
  void refuse(const sys::Address& to, wire::tftp::ErrorCode code, const char* why);
  void run(Transfer& transfer);
  base::Result<void> send_all(Transfer& transfer);
  base::Result<uint64_t> await_ack(Transfer& transfer, uint64_t next, uint64_t last);
  void progressed(const Transfer& transfer, uint64_t bytes);

  sys::Sys& sys_;
  ExpectedBoots& boots_;
  TftpOptions options_;
  std::unique_ptr<sys::Datagram> socket_;
  std::map<sys::Address, std::shared_ptr<Transfer>> transfers_;  // by the client's address and port
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace metal

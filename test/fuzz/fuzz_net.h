// A network whose one peer says bytes that were chosen beforehand, in pieces, and hears everything.
#pragma once

#include <algorithm>
#include <string>

#include "sys/fiber.h"
#include "sys/net.h"

namespace fuzz {

struct Script {
  std::string bytes;
  size_t piece = 1;  // bytes that one read gives at most
  std::string alpn;  // what the handshake chose; empty: there was none
};

class ScriptedStream : public sys::Stream {
 public:
  explicit ScriptedStream(Script script) : script_(std::move(script)) { tls_.alpn = script_.alpn; }
  base::Result<std::string> read(size_t bytes_max, base::Duration) override {
    if (closed_) return base::unavailable("closed");
    std::string out = script_.bytes.substr(used_, std::min(script_.piece, bytes_max));
    used_ += out.size();
    return out;
  }
  base::Result<void> write(std::string_view, base::Duration) override {
    if (closed_) return base::unavailable("closed");
    return {};
  }
  void close() override { closed_ = true; }
  sys::Address peer() const override { return {"10.0.0.2", 1}; }
  sys::Address local() const override { return {"10.0.0.1", 1}; }
  const sys::TlsPeer* tls() const override { return script_.alpn.empty() ? nullptr : &tls_; }

 private:
  Script script_;
  size_t used_ = 0;
  bool closed_ = false;
  sys::TlsPeer tls_;
};

// Every connection, to the peer or from it, has the same script; the peer comes once to each listener.
class FuzzNet : public sys::Net {
 public:
  FuzzNet(sys::Loop& loop, Script script) : loop_(loop), script_(std::move(script)) {}
  using Made = base::Result<std::unique_ptr<sys::Stream>>;
  Made connect(const sys::Address&, base::Duration) override { return make(); }
  base::Result<std::unique_ptr<sys::Listener>> listen(const sys::Address&) override {
    return std::unique_ptr<sys::Listener>(std::make_unique<OnePeer>(loop_, make()));
  }
  base::Result<std::unique_ptr<sys::Datagram>> open_udp(const sys::Address&, const sys::Address&) override {
    return base::unavailable("no");
  }
  Made start_tls(std::unique_ptr<sys::Stream> stream, const sys::TlsClient&, base::Duration) override { return stream; }
  Made accept_tls(std::unique_ptr<sys::Stream> stream, const sys::TlsServer&, base::Duration) override {
    return stream;
  }

 private:
  class OnePeer : public sys::Listener {
   public:
    OnePeer(sys::Loop& loop, std::unique_ptr<sys::Stream> peer) : peer_(std::move(peer)), closed_(loop) {}
    base::Result<std::unique_ptr<sys::Stream>> accept() override {
      if (peer_) return std::move(peer_);
      (void)closed_.wait();
      return base::cancelled();
    }
    sys::Address local() const override { return {"10.0.0.1", 1}; }
    void close() override { closed_.set(); }

   private:
    std::unique_ptr<sys::Stream> peer_;
    sys::Signal closed_;
  };

  std::unique_ptr<sys::Stream> make() const { return std::make_unique<ScriptedStream>(script_); }
  sys::Loop& loop_;
  Script script_;
};

}  // namespace fuzz

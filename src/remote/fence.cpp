#include "remote/fence.h"

namespace remote {

namespace {

using base::Duration;
using base::Result;
using MayAct = std::shared_ptr<const std::function<Result<void>()>>;

class FencedStream : public sys::Stream {
 public:
  FencedStream(std::unique_ptr<sys::Stream> below, MayAct may_act)
      : below_(std::move(below)), may_act_(std::move(may_act)) {}
  Result<std::string> read(size_t bytes_max, Duration limit) override { return below_->read(bytes_max, limit); }
  Result<void> write(std::string_view bytes, Duration limit) override {
    TRY((*may_act_)());
    return below_->write(bytes, limit);
  }
  void close() override { below_->close(); }
  void finish_writes() override { below_->finish_writes(); }
  sys::Address peer() const override { return below_->peer(); }
  sys::Address local() const override { return below_->local(); }
  const sys::TlsPeer* tls() const override { return below_->tls(); }
  std::unique_ptr<sys::Stream> take() { return std::move(below_); }

 private:
  std::unique_ptr<sys::Stream> below_;
  MayAct may_act_;
};

class FencedDatagram : public sys::Datagram {
 public:
  FencedDatagram(std::unique_ptr<sys::Datagram> below, MayAct may_act)
      : below_(std::move(below)), may_act_(std::move(may_act)) {}
  Result<void> send(const sys::Address& to, std::string_view bytes) override {
    TRY((*may_act_)());
    return below_->send(to, bytes);
  }
  Result<sys::Packet> receive(Duration limit) override { return below_->receive(limit); }
  sys::Address local() const override { return below_->local(); }
  void close() override { below_->close(); }

 private:
  std::unique_ptr<sys::Datagram> below_;
  MayAct may_act_;
};

class FencedListener : public sys::Listener {
 public:
  FencedListener(std::unique_ptr<sys::Listener> below, MayAct may_act)
      : below_(std::move(below)), may_act_(std::move(may_act)) {}
  Result<std::unique_ptr<sys::Stream>> accept() override {
    return std::unique_ptr<sys::Stream>(std::make_unique<FencedStream>(TRY(below_->accept()), may_act_));
  }
  sys::Address local() const override { return below_->local(); }
  void close() override { below_->close(); }

 private:
  std::unique_ptr<sys::Listener> below_;
  MayAct may_act_;
};

class FencedNet : public sys::Net {
 public:
  FencedNet(sys::Net& below, MayAct may_act) : below_(below), may_act_(std::move(may_act)) {}
  Result<std::unique_ptr<sys::Stream>> connect(const sys::Address& to, Duration limit) override {
    TRY((*may_act_)());
    return fenced(TRY(below_.connect(to, limit)));
  }
  Result<std::unique_ptr<sys::Listener>> listen(const sys::Address& at) override {
    return std::unique_ptr<sys::Listener>(std::make_unique<FencedListener>(TRY(below_.listen(at)), may_act_));
  }
  Result<std::unique_ptr<sys::Datagram>> open_udp(const sys::Address& at, const sys::Address& toward) override {
    return std::unique_ptr<sys::Datagram>(std::make_unique<FencedDatagram>(TRY(below_.open_udp(at, toward)), may_act_));
  }
  // The net below knows its own streams only.
  Result<std::unique_ptr<sys::Stream>> start_tls(std::unique_ptr<sys::Stream> stream, const sys::TlsClient& options,
                                                 Duration limit) override {
    return fenced(TRY(below_.start_tls(bare(std::move(stream)), options, limit)));
  }
  Result<std::unique_ptr<sys::Stream>> accept_tls(std::unique_ptr<sys::Stream> stream, const sys::TlsServer& options,
                                                  Duration limit) override {
    return fenced(TRY(below_.accept_tls(bare(std::move(stream)), options, limit)));
  }

 private:
  std::unique_ptr<sys::Stream> fenced(std::unique_ptr<sys::Stream> stream) const {
    return std::make_unique<FencedStream>(std::move(stream), may_act_);
  }
  static std::unique_ptr<sys::Stream> bare(std::unique_ptr<sys::Stream> stream) {
    auto* mine = dynamic_cast<FencedStream*>(stream.get());
    return mine ? mine->take() : std::move(stream);
  }
  sys::Net& below_;
  MayAct may_act_;
};

}  // namespace

std::unique_ptr<sys::Datagram> make_fenced_datagram(std::unique_ptr<sys::Datagram> below,
                                                    std::function<Result<void>()> may_act) {
  return std::make_unique<FencedDatagram>(std::move(below),
                                          std::make_shared<const std::function<Result<void>()>>(std::move(may_act)));
}

std::unique_ptr<sys::Net> make_fenced_net(sys::Net& below, std::function<Result<void>()> may_act) {
  return std::make_unique<FencedNet>(below, std::make_shared<const std::function<Result<void>()>>(std::move(may_act)));
}

}  // namespace remote

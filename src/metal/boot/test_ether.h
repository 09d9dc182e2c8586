// A socket on a network without addresses, for tests: packets are put in by hand, or by another such socket.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sys/fiber.h"
#include "sys/net.h"

namespace metal {

struct Ether {
  explicit Ether(sys::Loop& on) : loop(on), news(on) {}
  sys::Loop& loop;
  std::vector<sys::Packet> inbox;
  std::vector<std::pair<sys::Address, std::string>> sent;
  sys::Signal news;
  bool closed = false;

  void put(sys::Packet packet) {
    inbox.push_back(std::move(packet));
    news.set();
  }
  // What goes out when this has come in.
  std::vector<std::pair<sys::Address, std::string>> exchange(const std::string& bytes, const sys::Address& from) {
    sent.clear();
    put({from, bytes});
    bool over = false;
    loop.after(base::milliseconds(10), [&] { over = true; });
    loop.run_until([&] { return over; });
    return sent;
  }
};

class EtherSocket : public sys::Datagram {
 public:
  explicit EtherSocket(std::shared_ptr<Ether> ether) : ether_(std::move(ether)) {}
  base::Result<void> send(const sys::Address& to, std::string_view bytes) override {
    ether_->sent.emplace_back(to, bytes);
    return {};
  }
  base::Result<sys::Packet> receive(base::Duration limit) override {
    while (ether_->inbox.empty()) {
      if (ether_->closed) return base::unavailable("closed");
      ether_->news.clear();
      TRY(ether_->news.wait_for(limit));
    }
    auto out = std::move(ether_->inbox.front());
    ether_->inbox.erase(ether_->inbox.begin());
    return out;
  }
  sys::Address local() const override { return {}; }
  void close() override {
    ether_->closed = true;
    ether_->news.set();
  }

 private:
  std::shared_ptr<Ether> ether_;
};

}  // namespace metal

#include "sys/sim/segment.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sys/deadline.h"

namespace sys {

namespace {
constexpr size_t pipe_bytes_max = 256 * 1024;  // what a direction holds before the writer waits
constexpr uint16_t first_free_port = 32768;
}  // namespace

uint64_t Owner::add(const std::shared_ptr<Socket>& socket) {
  sockets.emplace(next_id, socket);
  return next_id++;
}

void Owner::end_all() {
  for (auto& [id, socket] : std::exchange(sockets, {})) {
    if (auto open = socket.lock()) open->end();
  }
}

bool is_wildcard(const std::string& host) { return host.empty() || host == "0.0.0.0" || host == "::"; }
std::string loopback_of(const std::string& own_host) { return own_host + "/loopback"; }

std::string host_key(const std::string& host, const std::string& own_host) {
  if (host.starts_with("127.") || host == "localhost" || host == "::1") return loopback_of(own_host);
  in6_addr parsed{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (host.find(':') != std::string::npos && inet_pton(AF_INET6, host.c_str(), &parsed) == 1 &&
      inet_ntop(AF_INET6, &parsed, text.data(), text.size()) != nullptr) {
    return text.data();
  }
  return base::lower(host);
}

Duration Segment::latency() {
  if (faults_ == nullptr) return Duration::zero();
  const Duration span = faults_->latency_max - faults_->latency_min;
  if (span <= Duration::zero()) return faults_->latency_min;
  return faults_->latency_min + Duration(random_.below(uint64_t(span.count()) + 1));
}

bool Segment::happens(double NetFaults::*fault) {
  return faults_ != nullptr && faults_->*fault > 0 && random_.unit() < faults_->*fault;
}

bool Segment::reachable(const std::string& host, const std::string& other_host) const {
  if (unreachable_.empty() || host == other_host || host.ends_with(loopback_of("")) ||
      other_host.ends_with(loopback_of(""))) {
    return true;
  }
  return !unreachable_.contains(host) && !unreachable_.contains(other_host);
}

void Segment::set_unreachable(const std::string& host, bool unreachable) {
  if (unreachable) {
    unreachable_.insert(host_key(host, ""));
    return;
  }
  unreachable_.erase(host_key(host, ""));
  for (const auto& weak : std::exchange(stalled_, {})) {
    auto connection = weak.lock();
    if (!connection) continue;
    connection->deliver(0);
    connection->deliver(1);
  }
}

void Segment::remove_host(const std::string& host) {
  const auto found = hosts_.find(host);
  if (found != hosts_.end() && --found->second == 0) hosts_.erase(found);
}

uint16_t Segment::free_port(const std::string& host) {
  uint16_t& last = last_port_.try_emplace(host, uint16_t{first_free_port - 1}).first->second;
  for (int tries = 0; tries <= 65535 - first_free_port; ++tries) {
    last = last == 65535 ? first_free_port : uint16_t(last + 1);
    if (!listeners.contains({host, last}) && !datagrams.contains({host, last})) return last;
  }
  return 0;
}

Connection::Connection(std::shared_ptr<Segment> segment, End from, End to)
    : segment_(std::move(segment)), ends_{std::move(from), std::move(to)} {
  for (auto& pipe : pipes_) pipe = std::make_unique<Pipe>(segment_->loop());
}

bool Connection::room(int side) const { return pipes_[1 - side]->bytes < pipe_bytes_max; }

void Connection::update(Pipe& pipe) {
  const bool over = reset_ || pipe.ended;
  if (over || !pipe.ready.empty()) {
    pipe.readable.set();
  } else {
    pipe.readable.clear();
  }
  if (over || pipe.bytes < pipe_bytes_max) {
    pipe.writable.set();
  } else {
    pipe.writable.clear();
  }
}

void Connection::send(int side, std::string bytes, bool end) {
  Pipe& pipe = outward(side);
  const Time due = std::max(pipe.last_due, segment_->loop().now() + segment_->latency());
  pipe.last_due = due;
  pipe.bytes += bytes.size();
  pipe.wire.push_back({due, std::move(bytes), end});
  deliver(1 - side);
}

void Connection::deliver(int to_side) {
  Pipe& pipe = inward(to_side);
  if (reset_) return;
  const Time now = segment_->loop().now();
  if (!pipe.wire.empty() && !segment_->reachable(ends_[0].host, ends_[1].host)) {
    segment_->stall(shared_from_this());
    update(pipe);
    return;
  }
  while (!pipe.wire.empty() && pipe.wire.front().due <= now) {
    Chunk chunk = std::move(pipe.wire.front());
    pipe.wire.pop_front();
    if (chunk.end) {
      pipe.ended = true;
      pipe.half = chunk.half;
      outward(to_side).writable.set();  // a waiting writer learns that nobody reads
    }
    if (closed_[to_side]) {
      pipe.bytes -= chunk.bytes.size();  // nobody reads it any more
    } else if (!chunk.bytes.empty()) {
      pipe.ready.push_back(std::move(chunk.bytes));
    }
  }
  update(pipe);
  if (pipe.wire.empty() || pipe.timer_set) return;
  pipe.timer_set = true;
  segment_->loop().after(pipe.wire.front().due - now, [self = shared_from_this(), to_side] {
    self->inward(to_side).timer_set = false;
    self->deliver(to_side);
  });
}

void Connection::reset() {
  reset_ = true;
  for (auto& pipe : pipes_) {
    pipe->wire.clear();
    pipe->ready.clear();
    pipe->front_used = 0;
    pipe->bytes = 0;
    update(*pipe);
  }
}

void Connection::close(int side) {
  if (std::exchange(closed_[side], true)) return;
  Pipe& in = inward(side);
  for (const std::string& bytes : in.ready) in.bytes -= bytes.size();
  in.bytes += in.front_used;
  in.ready.clear();
  in.front_used = 0;
  in.readable.set();
  outward(side).writable.set();
  if (!reset_) send(side, {}, true);
}

void Connection::finish(int side) {
  if (closed_[side] || reset_ || std::exchange(finished_[side], true)) return;
  send(side, {}, true);
  Pipe& out = outward(side);
  // The end may have been delivered at once; else it is the last thing on the wire.
  (out.wire.empty() ? out.half : out.wire.back().half) = true;
}

namespace {
class ConnectionSocket : public Socket {
 public:
  ConnectionSocket(std::shared_ptr<Connection> connection, int side)
      : connection_(std::move(connection)), side_(side) {}
  void end() override { connection_->close(side_); }

 private:
  std::shared_ptr<Connection> connection_;
  int side_;
};
}  // namespace

SegmentStream::SegmentStream(std::shared_ptr<Connection> connection, int side, std::shared_ptr<Owner> owner)
    : connection_(std::move(connection)),
      side_(side),
      owner_(std::move(owner)),
      socket_(std::make_shared<ConnectionSocket>(connection_, side)),
      id_(owner_->add(socket_)) {}

SegmentStream::~SegmentStream() { close(); }

void SegmentStream::close() {
  owner_->sockets.erase(id_);
  connection_->close(side_);
}

Result<void> SegmentStream::usable() const {
  if (owner_->dead) return base::cancelled();
  if (connection_->is_closed(side_)) return base::unavailable("the connection to " + peer().text() + " is closed");
  if (connection_->is_reset()) return base::unavailable("the connection to " + peer().text() + " was reset");
  return {};
}

Result<std::string> SegmentStream::read(size_t bytes_max, Duration limit) {
  Connection::Pipe& pipe = connection_->inward(side_);
  const Deadline deadline(loop(), limit);
  for (;;) {
    TRY(usable());
    if (!pipe.ready.empty()) break;
    if (pipe.ended) return std::string();
    pipe.readable.clear();
    if (auto waited = pipe.readable.wait_for(deadline.left()); !waited) {
      if (waited.error().code == base::Code::timeout) return base::timeout("no data from " + peer().text());
      return std::move(waited).error();
    }
  }
  std::string bytes;
  std::string& front = pipe.ready.front();
  if (pipe.front_used == 0 && front.size() <= bytes_max) {
    bytes = std::move(front);
    pipe.ready.pop_front();
  } else {
    bytes = front.substr(pipe.front_used, bytes_max);
    pipe.front_used += bytes.size();
    if (pipe.front_used == front.size()) {
      pipe.ready.pop_front();
      pipe.front_used = 0;
    }
  }
  pipe.bytes -= bytes.size();
  if (pipe.bytes < pipe_bytes_max) pipe.writable.set();
  return bytes;
}

void SegmentStream::unread(std::string bytes) {
  if (bytes.empty()) return;
  Connection::Pipe& pipe = connection_->inward(side_);
  if (pipe.front_used > 0) {
    pipe.ready.front().erase(0, std::exchange(pipe.front_used, 0));
  }
  pipe.bytes += bytes.size();
  pipe.ready.push_front(std::move(bytes));
  pipe.readable.set();
}

Result<void> SegmentStream::write(std::string_view bytes, Duration limit) {
  Connection::Pipe& pipe = connection_->outward(side_);
  const Deadline deadline(loop(), limit);
  while (!bytes.empty()) {
    TRY(usable());
    if (connection_->is_finished(side_)) return base::unavailable("this side has finished writing");
    if (connection_->inward(side_).ended && !connection_->inward(side_).half)
      return base::unavailable(peer().text() + " closed the connection");
    if (connection_->segment().happens(&NetFaults::stream_reset)) {
      connection_->reset();
      continue;
    }
    if (!connection_->room(side_)) {
      pipe.writable.clear();
      if (auto waited = pipe.writable.wait_for(deadline.left()); !waited) {
        if (waited.error().code == base::Code::timeout) return base::timeout(peer().text() + " does not take data");
        return std::move(waited).error();
      }
      continue;
    }
    const size_t count = std::min(bytes.size(), pipe_bytes_max - pipe.bytes);
    connection_->send(side_, std::string(bytes.substr(0, count)), false);
    bytes.remove_prefix(count);
  }
  return {};
}

}  // namespace sys

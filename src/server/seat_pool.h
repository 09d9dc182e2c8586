// Who is served next: seats shared out among priority levels, and inside a level among flows by shuffle-sharded fair
// queues, so that one flow with much to ask delays the others of its level little and other levels not at all. Knows
// nothing of requests; flow_control.h puts them here.
//
// A seat is held from the start of a request until it is answered, most of which is waiting (for the disk, a webhook, a
// slow client). What needs no waiting is bounded by turns: only a few requests start per round of the loop, and those
// that came meanwhile stand in the queues, from which the next turns are given out fairly.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sys/fiber.h"

namespace server {

struct QueueShape {
  uint32_t queues = 0;  // 0: nobody waits
  uint32_t hand_size = 1;
  uint32_t length_max = 0;  // of each queue
};

struct LevelShape {
  std::string name;
  bool exempt = false;  // never waits and takes nothing away from others
  uint32_t shares = 0;
  uint32_t lendable_percent = 0;
  std::optional<uint32_t> borrowing_percent = {};  // nullopt: as much as others lend
  QueueShape queue = {};
};

// Which `hand_size` of `queues` queues are a flow's: all different, decided by its hash. Two flows rarely share all.
std::vector<uint32_t> deal_hand(uint64_t hash, uint32_t queues, uint32_t hand_size);

class SeatPool {
  struct Level;
  struct Waiter;

 public:
  // `seats` are shared out among the levels by their shares.
  SeatPool(sys::Loop& loop, uint32_t seats);
  ~SeatPool();
  SeatPool(const SeatPool&) = delete;

  // Levels that are no longer named go when their last request has.
  void set_levels(const std::vector<LevelShape>& shapes);

  // Seats that are held until it dies. Movable; must not outlive the pool.
  class Held {
   public:
    Held() = default;
    Held(Held&& other) noexcept { *this = std::move(other); }
    Held& operator=(Held&& other) noexcept;
    ~Held() { release(); }
    void release();

   private:
    friend class SeatPool;
    SeatPool* pool_ = nullptr;
    std::shared_ptr<Level> level_;
    uint32_t queue_ = 0, width_ = 0;
    base::Time since_;
  };

  // Parks until `width` seats are free for that flow. unavailable when the queue is full or `limit` passed, or when
  // there is no such level; cancelled.
  base::Result<Held> enter(const std::string& level, uint64_t flow, uint32_t width, base::Duration limit);

  uint32_t seats_of(const std::string& level) const;  // its own, without borrowed ones
  uint32_t held_in(const std::string& level) const;
  size_t waiting_in(const std::string& level) const;

 private:
  struct Queue;

  Level* find(const std::string& name) const;
  bool can_start(const Level& level, uint32_t width) const;
  bool take_turn();
  uint32_t pick_queue(Level& level, uint64_t flow) const;
  void start(Level& level, uint32_t queue, uint32_t width);
  Held held(const std::shared_ptr<Level>& level, uint32_t queue, uint32_t width);
  void leave(const std::shared_ptr<Level>& level, uint32_t queue, uint32_t width, base::Time since);
  void next_round();
  void dispatch();
  Level* next_level();
  static Queue* next_queue(Level& level);
  void forget_empty();

  sys::Loop& loop_;
  uint32_t seats_;
  std::list<std::shared_ptr<Level>> levels_;
  double virtual_now_ = 0;  // tag of the level that started last
  uint32_t turns_left_;
  bool round_posted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace server

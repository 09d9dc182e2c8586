#include "server/seat_pool.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace server {
namespace {

// Requests that start in one round of the loop; I/O is looked at every few rounds.
constexpr uint32_t turns_per_round = 8;
// What a request is charged when it starts; the difference to what it took is settled when it ends.
constexpr double assumed_seconds = 0.003;

double seconds_of(base::Duration span) { return std::chrono::duration<double>(span).count(); }

}  // namespace

std::vector<uint32_t> deal_hand(uint64_t hash, uint32_t queues, uint32_t hand_size) {
  std::vector<uint32_t> hand;
  hand_size = std::min(hand_size, queues);
  for (uint32_t dealt = 0; dealt < hand_size; ++dealt) {
    // The card's place among those that are left; the places of the cards dealt before are stepped over.
    auto card = static_cast<uint32_t>(hash % (queues - dealt));
    hash /= queues - dealt;
    std::vector<uint32_t> taken = hand;
    std::sort(taken.begin(), taken.end());
    for (const uint32_t before : taken) card += card >= before ? 1 : 0;
    hand.push_back(card);
  }
  return hand;
}

struct SeatPool::Waiter {
  Waiter(sys::Loop& loop, uint32_t seats) : ready(loop), width(seats) {}
  sys::Signal ready;
  uint32_t width;
  bool started = false;
};

// Start-time fair queuing: the queue that has had least is next, and a queue that was empty does not collect credit.
struct SeatPool::Queue {
  std::deque<Waiter*> waiting;
  uint32_t held = 0;
  double tag = 0;  // seat-seconds it has had, in the level's virtual time

  uint32_t load() const {
    uint32_t sum = held;
    for (const auto* waiter : waiting) sum += waiter->width;
    return sum;
  }
  bool idle() const { return waiting.empty() && held == 0; }
};

struct SeatPool::Level {
  LevelShape shape;
  uint32_t seats = 0, lendable = 0, borrow_max = 0;
  uint32_t held = 0;
  size_t waiting = 0;
  bool removed = false;
  double tag = 0;          // turns it has had for each of its seats
  double virtual_now = 0;  // tag of the queue that started last
  std::vector<Queue> queues;

  uint32_t borrowed() const { return held > seats ? held - seats : 0; }
  uint32_t spare() const { return held >= seats ? 0 : std::min(lendable, seats - held); }
  bool has_queues() const { return !shape.exempt && shape.queue.queues > 0; }
};

SeatPool::SeatPool(sys::Loop& loop, uint32_t seats) : loop_(loop), seats_(seats), turns_left_(turns_per_round) {}
SeatPool::~SeatPool() { *alive_ = false; }

SeatPool::Held& SeatPool::Held::operator=(Held&& other) noexcept {
  release();
  pool_ = std::exchange(other.pool_, nullptr);
  level_ = std::move(other.level_);
  queue_ = other.queue_;
  width_ = other.width_;
  since_ = other.since_;
  return *this;
}

void SeatPool::Held::release() {
  if (auto* pool = std::exchange(pool_, nullptr)) pool->leave(level_, queue_, width_, since_);
  level_.reset();
}

void SeatPool::set_levels(const std::vector<LevelShape>& shapes) {
  double shares = 0;
  for (const auto& shape : shapes) shares += shape.shares;
  for (auto& level : levels_) level->removed = true;
  for (const auto& shape : shapes) {
    Level* level = find(shape.name);
    if (!level) level = levels_.emplace_back(std::make_shared<Level>()).get();
    // Queues are not taken away under those who wait in them.
    const size_t queues = std::max<size_t>(level->queues.size(), shape.queue.queues);
    level->shape = shape;
    level->removed = false;
    level->queues.resize(queues);
    const double part = shares > 0 ? 1.0 * seats_ * shape.shares / shares : 0;
    level->seats = static_cast<uint32_t>(std::ceil(part));
    level->lendable = static_cast<uint32_t>(std::lround(level->seats * (shape.lendable_percent / 100.0)));
    level->borrow_max = seats_;
    if (shape.borrowing_percent) {
      level->borrow_max = static_cast<uint32_t>(std::lround(level->seats * (*shape.borrowing_percent / 100.0)));
    }
  }
  forget_empty();
  dispatch();
}

void SeatPool::forget_empty() {
  std::erase_if(levels_, [](const auto& level) { return level->removed && level->held == 0 && level->waiting == 0; });
}

SeatPool::Level* SeatPool::find(const std::string& name) const {
  for (const auto& level : levels_) {
    if (level->shape.name == name) return level.get();
  }
  return nullptr;
}

// Beyond its own seats a level takes what others neither use nor keep for themselves. Who has lent may still fill its
// own seats at once: for as long as the borrower's requests take there are then more than the whole.
bool SeatPool::can_start(const Level& level, uint32_t width) const {
  if (level.shape.exempt || level.held + width <= level.seats) return true;
  const uint32_t wanted = level.held + width - level.seats;
  if (wanted > level.borrow_max) return false;
  uint32_t spare = 0, borrowed = 0;
  for (const auto& other : levels_) {
    if (other.get() == &level) continue;
    spare += other->spare();
    borrowed += other->borrowed();
  }
  return borrowed + wanted <= spare;
}

bool SeatPool::take_turn() {
  if (!round_posted_) {
    round_posted_ = true;
    loop_.post([this, alive = alive_] {
      if (*alive) next_round();
    });
  }
  if (turns_left_ == 0) return false;
  --turns_left_;
  return true;
}

void SeatPool::next_round() {
  round_posted_ = false;
  turns_left_ = turns_per_round;
  dispatch();
}

uint32_t SeatPool::pick_queue(Level& level, uint64_t flow) const {
  if (!level.has_queues()) return 0;
  uint32_t best = 0, best_load = UINT32_MAX;
  for (const uint32_t card : deal_hand(flow, level.shape.queue.queues, level.shape.queue.hand_size)) {
    const uint32_t load = level.queues[card].load();
    if (load < best_load) best = card, best_load = load;
  }
  return best;
}

void SeatPool::start(Level& level, uint32_t index, uint32_t width) {
  if (level.held == 0 && level.waiting == 0) level.tag = std::max(level.tag, virtual_now_);
  level.held += width;
  if (!level.has_queues()) return;
  virtual_now_ = std::max(virtual_now_, level.tag);
  level.tag += 1.0 * width / std::max(level.seats, 1u);
  Queue& queue = level.queues[index];
  if (queue.idle()) queue.tag = std::max(queue.tag, level.virtual_now);
  level.virtual_now = std::max(level.virtual_now, queue.tag);
  queue.tag += width * assumed_seconds;
  queue.held += width;
}

SeatPool::Held SeatPool::held(const std::shared_ptr<Level>& level, uint32_t queue, uint32_t width) {
  Held out;
  out.pool_ = this;
  out.level_ = level;
  out.queue_ = queue;
  out.width_ = width;
  out.since_ = loop_.now();
  return out;
}

void SeatPool::leave(const std::shared_ptr<Level>& level, uint32_t index, uint32_t width, base::Time since) {
  level->held -= width;
  if (index < level->queues.size() && level->queues[index].held >= width) {
    Queue& queue = level->queues[index];
    queue.held -= width;
    queue.tag += width * (seconds_of(loop_.now() - since) - assumed_seconds);
  }
  if (level->removed) forget_empty();
  dispatch();
}

SeatPool::Queue* SeatPool::next_queue(Level& level) {
  Queue* next = nullptr;
  for (auto& queue : level.queues) {
    if (!queue.waiting.empty() && (!next || queue.tag < next->tag)) next = &queue;
  }
  return next;
}

// Among the levels that can seat their next request, the one that has had least for its size. A wide request that is
// next waits for its seats, so that narrow ones do not pass it for ever.
SeatPool::Level* SeatPool::next_level() {
  Level* best = nullptr;
  for (const auto& level : levels_) {
    if (level->waiting == 0 || (best && best->tag <= level->tag)) continue;
    if (can_start(*level, next_queue(*level)->waiting.front()->width)) best = level.get();
  }
  return best;
}

void SeatPool::dispatch() {
  for (Level* level = next_level(); level; level = next_level()) {
    if (!take_turn()) return;
    Queue* next = next_queue(*level);
    Waiter* waiter = next->waiting.front();
    next->waiting.pop_front();
    start(*level, static_cast<uint32_t>(next - level->queues.data()), waiter->width);
    --level->waiting;
    waiter->started = true;
    waiter->ready.set();
  }
}

base::Result<SeatPool::Held> SeatPool::enter(const std::string& name, uint64_t flow, uint32_t width,
                                             base::Duration limit) {
  std::shared_ptr<Level> level;
  for (const auto& each : levels_) {
    if (each->shape.name == name) level = each;
  }
  if (!level) return base::unavailable("there is no priority level " + name);
  if (!level->shape.exempt) width = std::clamp(width, 1u, std::max(level->seats, 1u));
  const bool queues = level->has_queues();
  const uint32_t index = pick_queue(*level, flow);
  const bool at_once = can_start(*level, width) && level->waiting == 0 && (!queues || take_turn());
  if (at_once) {
    start(*level, index, width);
    return held(level, index, width);
  }
  if (!queues) return base::unavailable("all seats are taken");
  Queue& queue = level->queues[index];
  if (queue.waiting.size() >= level->shape.queue.length_max) return base::unavailable("the queue is full");
  if (level->held == 0 && level->waiting == 0) level->tag = std::max(level->tag, virtual_now_);
  if (queue.idle()) queue.tag = std::max(queue.tag, level->virtual_now);
  Waiter waiter(loop_, width);
  queue.waiting.push_back(&waiter);
  ++level->waiting;
  const auto waited = waiter.ready.wait_for(limit);
  if (waiter.started) {
    auto got = held(level, index, width);
    if (!waited && waited.error().code == base::Code::cancelled) return base::cancelled();
    return got;
  }
  auto& mine = level->queues[index].waiting;
  mine.erase(std::find(mine.begin(), mine.end(), &waiter));
  --level->waiting;
  if (level->removed) forget_empty();
  if (!waited && waited.error().code == base::Code::cancelled) return base::cancelled();
  return base::unavailable("it waited too long in its queue");
}

uint32_t SeatPool::seats_of(const std::string& level) const { return find(level) ? find(level)->seats : 0; }
uint32_t SeatPool::held_in(const std::string& level) const { return find(level) ? find(level)->held : 0; }
size_t SeatPool::waiting_in(const std::string& level) const { return find(level) ? find(level)->waiting : 0; }

}  // namespace server

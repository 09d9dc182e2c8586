// Inside store only: which entries of a Store hold their documents decoded. When these come to more than a limit, those
// that rest lose them again: nobody but the Store holds the entry, and nobody has read it since the last look. This
// happens in a function of the loop of its own, so that a reference taken by another function or fiber outlives its
// turn.
#pragma once

#include <deque>
#include <memory>

#include "store/store.h"

namespace store {

class DecodedDocuments : public std::enable_shared_from_this<DecodedDocuments> {
 public:
  DecodedDocuments(sys::Loop& loop, size_t bytes_max) : loop_(&loop), bytes_max_(bytes_max), trim_from_(bytes_max) {}
  // From now on the entry's document may go when it rests.
  void adopt(Entry& entry);
  // The entry's document has been decoded.
  void add(const Entry& entry);
  void let_go(const Entry& entry);
  void stop() { loop_ = nullptr; }  // the loop may end; entries stay as they are from now on

 private:
  struct Held {
    std::weak_ptr<const Entry> entry;
    size_t bytes;
  };
  void schedule();
  void trim();
  bool is_at_rest(const Entry& entry);

  sys::Loop* loop_;
  size_t bytes_max_, trim_from_;
  size_t bytes_ = 0;
  size_t to_look_at_ = 0;  // before the present pass has seen all
  bool scheduled_ = false;
  std::deque<Held> held_;  // whose turn it is first
};

}  // namespace store

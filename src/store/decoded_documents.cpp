#include "store/decoded_documents.h"

#include <algorithm>
#include <utility>

namespace store {
namespace {

constexpr size_t looked_at_once = 64;        // so that nobody waits for long
constexpr long holders_at_rest = 2;          // the table and who looks
constexpr size_t unknown_text_bytes = 2048;  // of a document whose text has not been made yet

}  // namespace

void DecodedDocuments::adopt(Entry& entry) {
  entry.keeper_ = shared_from_this();
  if (!entry.doc_.is_null()) add(entry);
}

void DecodedDocuments::add(const Entry& entry) {
  const size_t bytes = entry.bytes_.empty() ? unknown_text_bytes : entry.bytes_.size();
  held_.push_back({entry.weak_from_this(), bytes});
  bytes_ += bytes;
  schedule();
}

void DecodedDocuments::schedule() {
  if (bytes_ <= trim_from_ || scheduled_ || !loop_) return;
  scheduled_ = true;
  loop_->post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->trim();
  });
}

void DecodedDocuments::trim() {
  scheduled_ = false;
  if (to_look_at_ == 0) to_look_at_ = 2 * held_.size();  // each once more after it was passed over
  for (size_t i = 0; i < looked_at_once && to_look_at_ > 0 && bytes_ > bytes_max_; ++i, --to_look_at_) {
    Held first = std::move(held_.front());
    held_.pop_front();
    const auto entry = first.entry.lock();
    if (entry && !is_at_rest(*entry)) {
      held_.push_back(std::move(first));
      continue;
    }
    if (entry) let_go(*entry);
    bytes_ -= first.bytes;
  }
  if (bytes_ <= bytes_max_) to_look_at_ = 0;
  // When a pass is over, what is left is in use, and another one is worth its time when there is more.
  trim_from_ = to_look_at_ == 0 ? std::max(bytes_max_, bytes_ + bytes_max_ / 4) : bytes_max_;
  schedule();
}

bool DecodedDocuments::is_at_rest(const Entry& entry) {
  return !std::exchange(entry.read_, false) && entry.weak_from_this().use_count() <= holders_at_rest;
}

void DecodedDocuments::let_go(const Entry& entry) {
  entry.bytes();
  entry.outline();
  entry.doc_ = Json();
  entry.read_ = false;
}

}  // namespace store

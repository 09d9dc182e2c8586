// The text of a list, which can have tens of megabytes. It is not made as a whole: the objects' own texts are joined
// while they are sent, in turns, so that neither the control thread nor the memory has to hold it at once.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "server/handlers.h"
#include "server/view.h"

namespace server {

class ListText {
 public:
  // The page as `call` wants it, in JSON. Parks now and then when it is long; what it shows is the page all the same.
  static Result<ListText> of(Call& call, ListPage page);

  size_t bytes() const { return bytes_; }
  std::string whole();
  // Appends the next `bytes` or somewhat more; false when there is nothing left. Safe on any thread, one at a time.
  bool next(std::string& out, size_t bytes);

 private:
  struct Part {
    std::string_view text;
    std::string_view before;  // what stands before it
  };
  void add(std::string_view before, std::string_view text);
  const std::string& keep(std::string text) { return made_.emplace_back(std::move(text)); }

  std::vector<Ref> held_;         // whose texts are shown as they are
  std::deque<std::string> made_;  // the other texts; their addresses stay
  std::vector<Part> parts_;
  size_t at_ = 0;
  size_t bytes_ = 0;
};

// The answer to a list. A long one is sent here, and `call.answered` is set.
Answer answer_list(Call& call, ListPage page);
// The same as one answer, whatever its size.
Answer answer_whole_list(Call& call, ListPage page);

}  // namespace server

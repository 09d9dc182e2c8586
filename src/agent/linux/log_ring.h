// The newest of what the agent has said, as far as it fits.
#pragma once

#include <string>
#include <string_view>

namespace agent {

class LogRing {
 public:
  explicit LogRing(size_t bytes_max) : bytes_max_(bytes_max) {}
  void add(std::string_view line) {
    text_ += line;
    if (text_.size() < 2 * bytes_max_) return;  // so that the rest is moved rarely
    text_.erase(0, text_.find('\n', text_.size() - bytes_max_) + 1);
  }
  const std::string& text() const { return text_; }

 private:
  size_t bytes_max_;
  std::string text_;
};

}  // namespace agent

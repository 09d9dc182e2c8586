// Where in a document a walk is: "spec.ports[0].name". Only findings need the text, so it is made when one is reported;
// until then a path is a chain of places on the stack of the walk.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace base {

class FieldPath {
 public:
  FieldPath() = default;  // the document itself: ""
  // Both point to this path and to `name`, and must not outlive them.
  FieldPath member(std::string_view name) const { return {this, name, 0, false}; }
  FieldPath item(size_t index) const { return {this, {}, index, true}; }

  bool is_root() const { return !parent_; }
  std::string text() const {
    std::string out;
    append_to(out);
    return out;
  }

 private:
  FieldPath(const FieldPath* parent, std::string_view name, size_t index, bool item)
      : parent_(parent), name_(name), index_(index), item_(item) {}
  void append_to(std::string& out) const {
    if (!parent_) return;
    parent_->append_to(out);
    if (item_) {
      out += "[" + std::to_string(index_) + "]";
    } else {
      if (!out.empty()) out += '.';
      out += name_;
    }
  }

  const FieldPath* parent_ = nullptr;
  std::string_view name_;
  size_t index_ = 0;
  bool item_ = false;
};

}  // namespace base

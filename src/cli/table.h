// Columns of text for terminals.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace cli {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  // `style` is what a terminal is told before the line, such as red; "" for nothing.
  void add(std::vector<std::string> row, std::string style = {}) {
    rows_.push_back(std::move(row));
    styles_.push_back(std::move(style));
  }
  bool empty() const { return rows_.size() == 1; }
  // Leaves out columns without a single value, except the first.
  void drop_empty_columns();
  void drop_column(const std::string& title);
  // Columns as wide as their longest cell, three spaces apart. Lines are cut at `width` columns (0: never), counted in
  // code points.
  std::string text(size_t width) const;

 private:
  void erase_column(size_t at);
  std::vector<std::vector<std::string>> rows_;  // the first is the header
  std::vector<std::string> styles_ = {""};
};

}  // namespace cli

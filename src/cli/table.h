// Columns of text for terminals.
#pragma once

#include <string>
#include <vector>

namespace cli {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  // Columns as wide as their longest cell, three spaces apart. Lines are cut at `width` columns (0: never), counted in
  // code points.
  std::string text(size_t width) const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the first is the header
};

}  // namespace cli

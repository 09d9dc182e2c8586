// Kubernetes quantities ("500m", "1.5Gi", "1e3") as exact decimal numbers. Private to src/cel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cel {

__extension__ using Wide = __int128;

// A number of nanos: quantities have no finer part (what is finer is rounded up, away from zero).
struct Decimal {
  Wide nanos = 0;
  // Written with digits behind the point, or with more than 18 digits. A real server takes no such number for an
  // integer, even 1.0.
  bool wide = false;

  bool is_whole() const { return nanos % 1'000'000'000 == 0; }
  bool operator==(const Decimal& other) const { return nanos == other.nanos; }
  bool operator<(const Decimal& other) const { return nanos < other.nanos; }
};

// nullopt when it is no quantity, or is too large to be one (beyond 10^28).
std::optional<Decimal> parse_decimal(std::string_view text);
std::optional<int64_t> whole_part(const Decimal& number);  // of a whole number in range
double approximate(const Decimal& number);

}  // namespace cel

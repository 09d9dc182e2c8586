#include "meta/go_time.h"

#include "base/text.h"
#include "base/time.h"

namespace meta {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_of(int month, int year) {
  if (month == 2) return is_leap(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

class Reader {
 public:
  Reader(std::string_view text, bool micro) : text_(text), rest_(text), micro_(micro) {}

  std::string run() {
    int month = 0, day = 0, year = 0, other = 0;
    const bool fits =
        number("2006", 4, 4, 0, 9999, "year", year) && literal("-") && number("01", 2, 2, 1, 12, "month", month) &&
        literal("-") && number("02", 2, 2, 0, 99, "day", day) && literal("T") &&
        number("15", 1, 2, 0, 23, "hour", other) && literal(":") && number("04", 2, 2, 0, 59, "minute", other) &&
        literal(":") && number("05", 2, 2, 0, 59, "second", other) && fraction() && zone();
    if (!fits) return problem_;
    if (!rest_.empty()) return lead() + ": extra text: " + base::quoted(rest_);
    if (day < 1 || day > days_of(month, year)) return lead() + ": day out of range";
    return {};
  }

 private:
  std::string lead() const { return "parsing time " + base::quoted(text_); }

  bool cannot(std::string_view element) {
    const std::string layout = micro_ ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00";
    problem_ = lead() + " as " + base::quoted(layout) + ": cannot parse " + base::quoted(rest_) + " as " +
               base::quoted(element);
    return false;
  }

  bool literal(std::string_view text) {
    if (!rest_.starts_with(text)) return cannot(text);
    rest_.remove_prefix(text.size());
    return true;
  }

  bool number(std::string_view element, size_t fewest, size_t most, int low, int high, const char* name, int& out) {
    size_t digits = 0;
    while (digits < most && digits < rest_.size() && is_digit(rest_[digits])) ++digits;
    if (digits < fewest) return cannot(element);
    out = static_cast<int>(base::parse_int(rest_.substr(0, digits)).value_or(0));
    rest_.remove_prefix(digits);
    if (out >= low && out <= high) return true;
    problem_ = lead() + ": " + name + " out of range";
    return false;
  }

  // A fraction may follow the seconds where the layout has none.
  bool fraction() {
    size_t digits = 0;
    if (!rest_.empty() && (rest_[0] == '.' || rest_[0] == ',')) {
      while (digits + 1 < rest_.size() && is_digit(rest_[digits + 1])) ++digits;
    }
    constexpr size_t micro_digits = 6;
    if (micro_ && digits < micro_digits) return cannot(".000000");
    if (digits > 0) rest_.remove_prefix(1 + (micro_ ? micro_digits : digits));
    return true;
  }

  bool zone() {
    if (rest_.starts_with('Z')) {
      rest_.remove_prefix(1);
      return true;
    }
    const bool offset = rest_.size() >= 6 && (rest_[0] == '+' || rest_[0] == '-') && rest_[3] == ':' &&
                        is_digit(rest_[1]) && is_digit(rest_[2]) && is_digit(rest_[4]) && is_digit(rest_[5]);
    if (!offset) return cannot("Z07:00");
    rest_.remove_prefix(6);
    return true;
  }

  std::string_view text_, rest_;
  bool micro_;
  std::string problem_;
};

}  // namespace

std::string go_time_problem(std::string_view text, bool micro) { return Reader(text, micro).run(); }

}  // namespace meta

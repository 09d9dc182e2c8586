#include "base/result.h"

#include <cstdio>
#include <cstdlib>

namespace base {

void check_failed(const char* file, int line, const char* condition, const char* why) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s (%s)\n", file, line, why, condition);
  std::abort();
}

std::string_view name_of(Code code) {
  switch (code) {
    case Code::invalid:
      return "invalid";
    case Code::bad_request:
      return "bad request";
    case Code::unauthenticated:
      return "unauthenticated";
    case Code::forbidden:
      return "forbidden";
    case Code::not_found:
      return "not found";
    case Code::already_exists:
      return "already exists";
    case Code::conflict:
      return "conflict";
    case Code::expired:
      return "expired";
    case Code::too_large:
      return "too large";
    case Code::unsupported:
      return "unsupported";
    case Code::unavailable:
      return "unavailable";
    case Code::timeout:
      return "timeout";
    case Code::cancelled:
      return "cancelled";
    case Code::corrupt:
      return "corrupt";
    case Code::internal:
      return "internal";
  }
  return "unknown";
}

std::string_view name_of(Layer layer) {
  switch (layer) {
    case Layer::none:
      return "";
    case Layer::git:
      return "Git";
    case Layer::api:
      return "API";
    case Layer::controller:
      return "controller";
    case Layer::bmc:
      return "BMC";
    case Layer::network_boot:
      return "network boot";
    case Layer::agent:
      return "agent";
    case Layer::bootstrap:
      return "bootstrap";
    case Layer::node:
      return "node";
  }
  return "";
}

Error Error::context(std::string_view what) && {
  message.insert(0, std::string(what) + ": ");
  return std::move(*this);
}
Error Error::context(std::string_view what) const& { return Error(*this).context(what); }

Error Error::at(Layer where) && {
  if (layer == Layer::none) layer = where;
  return std::move(*this);
}

Error Error::with_fix(std::string_view step) && {
  if (fix.empty()) fix = step;
  return std::move(*this);
}

std::string Error::text() const {
  std::string out;
  if (layer != Layer::none) out.append(name_of(layer)).append(": ");
  out += message;
  if (!fix.empty()) out.append("; next: ").append(fix);
  return out;
}

Error invalid(std::string message) { return {Code::invalid, std::move(message)}; }
Error not_found(std::string message) { return {Code::not_found, std::move(message)}; }
Error conflict(std::string message) { return {Code::conflict, std::move(message)}; }
Error unavailable(std::string message) { return {Code::unavailable, std::move(message)}; }
Error timeout(std::string message) { return {Code::timeout, std::move(message)}; }
Error cancelled() { return {Code::cancelled, "cancelled"}; }
Error corrupt(std::string message) { return {Code::corrupt, std::move(message)}; }
Error internal(std::string message) { return {Code::internal, std::move(message)}; }

}  // namespace base

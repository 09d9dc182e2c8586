// Errors are values. An Error says where it happened (layer), what happened (message) and what to do about it (fix);
// its code alone decides how the runtime goes on (see runtime/queue.cpp).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"

namespace base {

// What kind of failure it is. Mirrors the reasons of a Kubernetes Status where one exists.
enum class Code : unsigned char {
  invalid,          // the input can never work: no retry (422 Invalid)
  bad_request,      // undecodable or contradictory request (400)
  unauthenticated,  // credentials missing or refused (401)
  forbidden,        // authenticated but not allowed (403)
  not_found,        // 404
  already_exists,   // 409 AlreadyExists
  conflict,         // changed meanwhile: read again and retry at once (409 Conflict)
  expired,          // the revision asked for is compacted (410)
  too_large,        // a limit was exceeded (413)
  unsupported,      // the peer cannot do that (405/415)
  unavailable,      // try again later: refused connection, 5xx, throttled
  timeout,          // no answer in time
  cancelled,        // the waiting fiber was told to stop
  corrupt,          // bytes do not match their checksum or grammar
  internal,         // our fault or an unexpected answer
};
std::string_view name_of(Code code);

// Where a problem sits, from Git down to the node. Users read it in conditions and events.
enum class Layer : unsigned char { none, git, api, controller, bmc, network_boot, agent, bootstrap, node };
std::string_view name_of(Layer layer);

// One finding about one field, as in Status.details.causes. `reason` is the Kubernetes cause reason, such as
// FieldValueRequired; `message` is the text without the field path in front.
struct FieldError {
  std::string field;
  std::string reason;
  std::string message;
  bool operator==(const FieldError&) const = default;
};

struct Error {
  Code code = Code::internal;
  std::string message;
  Layer layer = Layer::none;
  std::string fix = {};                 // the next step for a person; may be empty
  std::vector<FieldError> causes = {};  // for Code::invalid answers of the API

  // Puts "what: " in front of the message, innermost cause last.
  Error context(std::string_view what) &&;
  Error context(std::string_view what) const&;
  // Names the layer unless an inner one already did.
  Error at(Layer where) &&;
  Error with_fix(std::string_view step) &&;
  // "BMC: connection refused; next: check the BMC address": one line, as users read it everywhere.
  std::string text() const;
};

template <class T>
class [[nodiscard]] Result {
 public:
  using Value = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  explicit operator bool() const { return state_.index() == 0; }
  bool ok() const { return state_.index() == 0; }
  T& value() & {
    CHECK_THAT(ok(), "value() of a failed Result");
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    CHECK_THAT(ok(), "value() of a failed Result");
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    CHECK_THAT(ok(), "value() of a failed Result");
    return std::move(*std::get_if<0>(&state_));
  }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T value_or(T other) && { return ok() ? std::move(*this).value() : std::move(other); }
  Error& error() & {
    CHECK_THAT(!ok(), "error() of a good Result");
    return *std::get_if<1>(&state_);
  }
  const Error& error() const& {
    CHECK_THAT(!ok(), "error() of a good Result");
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    CHECK_THAT(!ok(), "error() of a good Result");
    return std::move(*std::get_if<1>(&state_));
  }
  Result context(std::string_view what) && {
    if (ok()) return std::move(*this);
    return std::move(error()).context(what);
  }

 private:
  std::variant<T, Error> state_;
};

// Result<void> holds nothing on success; `return {};` is success.
struct Done {};
template <>
class [[nodiscard]] Result<void> {
 public:
  using Value = void;
  Result() = default;
  Result(Done) {}                                    // NOLINT
  Result(Error error) : error_(std::move(error)) {}  // NOLINT
  explicit operator bool() const { return !error_; }
  bool ok() const { return !error_; }
  Done value() const { return {}; }
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }
  Result context(std::string_view what) && {
    if (ok()) return {};
    return std::move(*error_).context(what);
  }

 private:
  std::optional<Error> error_;
};

// Short makers for the usual codes: return invalid("replicas must be odd").
Error invalid(std::string message);
Error not_found(std::string message);
Error conflict(std::string message);
Error unavailable(std::string message);
Error timeout(std::string message);
Error cancelled();
Error corrupt(std::string message);
Error internal(std::string message);

}  // namespace base

// The one control-flow macro: gives the value, or returns the error from the calling function.
// Use as `auto x = TRY(f());` or `TRY(g());`. GCC and clang only (statement expression).
#define TRY(...)                            \
  __extension__({                           \
    auto try_result = (__VA_ARGS__);        \
    if (!try_result) [[unlikely]]           \
      return std::move(try_result).error(); \
    std::move(try_result).value();          \
  })

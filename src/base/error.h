// How set-up fails: an exception that carries the exit code product users rely on; and Result for the data path.
// Set-up throws, traffic returns (docs/decisions/0001-errors.md).
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace sidelock {

// The process's exit codes; part of the interface (README, "Exit codes").
enum class ExitCode : int {
  kOk = 0,
  kFailure = 1,             // address in use, a second SIGTERM, anything without a class of its own
  kUsage = 2,               // unknown, malformed or contradictory settings
  kMissingPermission = 3,   // EACCES, EPERM: a capability is missing
  kNoBackend = 4,           // the kernel offers no usable capture backend
  kVerificationFailed = 5,  // the rules are not what they must be, or do not work
  kCredentialUnusable = 6,  // certificate or key missing, unparsable or mismatched
};

// A set-up failure. what() is one line for a person: what was tried on what, why it failed, and what would help.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& message) : std::runtime_error{message}, code_{code} {}
  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

// A value or an error, for the data path, where a peer's misbehaviour is ordinary control flow.
// Reading value() of an error, or error() of a value, throws std::bad_variant_access.
template <class T, class E>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}  // NOLINT(google-explicit-constructor)
  Result(E error) : state_{std::in_place_index<1>, std::move(error)} {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const noexcept { return state_.index() == 0; }
  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const E& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, E> state_;
};

}  // namespace sidelock

// Does something when a scope is left by an exception, and only then: what scope_fail of the library extensions does.
#pragma once

#include <exception>
#include <utility>

namespace sidelock {

// `const OnException when_it_fails{[&] { ... }};` The action may not throw.
template <class Action>
class OnException {
 public:
  explicit OnException(Action action) noexcept : action_{std::move(action)} {}
  OnException(const OnException&) = delete;
  OnException& operator=(const OnException&) = delete;
  ~OnException() {
    if (std::uncaught_exceptions() > before_) action_();
  }

 private:
  Action action_;
  const int before_ = std::uncaught_exceptions();
};

}  // namespace sidelock

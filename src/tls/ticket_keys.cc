// See ticket_keys.h.
#include "tls/ticket_keys.h"

#include <algorithm>
#include <stdexcept>

#include <openssl/crypto.h>
#include <openssl/rand.h>

namespace sidelock {

namespace {

TicketKey make_key() {
  TicketKey key{};
  if (::RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1 ||
      ::RAND_priv_bytes(key.encryption.data(), static_cast<int>(key.encryption.size())) != 1 ||
      ::RAND_priv_bytes(key.authentication.data(), static_cast<int>(key.authentication.size())) != 1) {
    throw std::runtime_error{"no randomness for session ticket keys"};
  }
  return key;
}

bool is_named(const TicketKey& key, const unsigned char* name) {
  return std::equal(key.name.begin(), key.name.end(), name);
}

}  // namespace

TicketKeys::TicketKeys(std::chrono::steady_clock::time_point now) : current_{make_key()}, made_{now} {}

TicketKeys::~TicketKeys() {
  ::OPENSSL_cleanse(&current_, sizeof current_);
  if (former_) ::OPENSSL_cleanse(&*former_, sizeof *former_);
}

TicketKey TicketKeys::current(std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock{mutex_};
  rotate(now);
  return current_;
}

std::optional<TicketKeys::Found> TicketKeys::find(const unsigned char* name,
                                                  std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock{mutex_};
  rotate(now);
  if (is_named(current_, name)) return Found{current_, true};
  if (former_ && is_named(*former_, name)) return Found{*former_, false};
  return std::nullopt;
}

void TicketKeys::replace_all(std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock{mutex_};
  current_ = make_key();
  former_.reset();
  made_ = now;
}

void TicketKeys::rotate(std::chrono::steady_clock::time_point now) {
  if (now - made_ < kLife) return;
  if (now - made_ < 2 * kLife) {
    former_ = current_;
  } else {
    former_.reset();  // nobody asked for a whole life: the present key is too old to open anything
  }
  current_ = make_key();
  made_ = now;
}

}  // namespace sidelock

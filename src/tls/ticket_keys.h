// The keys of stateless session tickets (RFC 5077, RFC 8446 4.6.1): made in memory, shared by all workers, replaced
// every twelve hours; the former ones still open tickets, so a ticket lives for at least twelve and at most 24 hours.
#pragma once

#include <array>
#include <chrono>
#include <mutex>
#include <optional>

namespace sidelock {

struct TicketKey {
  std::array<unsigned char, 16> name;
  std::array<unsigned char, 32> encryption;      // AES-256-CBC
  std::array<unsigned char, 32> authentication;  // HMAC-SHA256
};

// Any thread. Throws std::runtime_error when there is no randomness.
class TicketKeys {
 public:
  static constexpr std::chrono::hours kLife{12};

  explicit TicketKeys(std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now());
  ~TicketKeys();  // wipes the keys
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // The key for new tickets.
  TicketKey current(std::chrono::steady_clock::time_point now);

  struct Found {
    TicketKey key;
    bool is_current;  // false: answer with a new ticket
  };
  // The key of that name, while it may open tickets.
  std::optional<Found> find(const unsigned char* name, std::chrono::steady_clock::time_point now);

  // Forgets all keys: tickets made so far open no more (the credential or who may connect has changed).
  void replace_all(std::chrono::steady_clock::time_point now);

 private:
  void rotate(std::chrono::steady_clock::time_point now);

  std::mutex mutex_;
  TicketKey current_{};
  std::optional<TicketKey> former_;
  std::chrono::steady_clock::time_point made_;
};

}  // namespace sidelock

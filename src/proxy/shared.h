// What the workers of one process share, all of it safe for any thread: which ports our own upstream sockets use, and
// how many connections each client address has.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/address.h"

namespace sidelock {

// The local ports of our connections to the app. A client that comes from one of this pod's own addresses and such a
// port is ourselves: a loop.
class UpstreamPorts {
 public:
  void add(std::uint16_t port) noexcept { ++counts_[port]; }
  void remove(std::uint16_t port) noexcept { --counts_[port]; }
  [[nodiscard]] bool contains(std::uint16_t port) const noexcept { return counts_[port].load(std::memory_order_relaxed) > 0; }

 private:
  // Counted, because one port serves several connections to different destinations.
  std::array<std::atomic<std::uint16_t>, 65536> counts_{};
};

// Connections of each client address, for --max-connections-per-client; unused while that is off.
class ClientCounts {
 public:
  // One counted connection, until it is destroyed; the counts outlive it.
  class Place {
   public:
    Place() noexcept = default;
    Place(ClientCounts& counts, const IpAddress& client) noexcept : counts_{&counts}, client_{client} {}
    Place(Place&& other) noexcept : counts_{std::exchange(other.counts_, nullptr)}, client_{other.client_} {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (counts_ != nullptr) counts_->remove(client_);
    }

   private:
    ClientCounts* counts_ = nullptr;
    IpAddress client_;
  };

  // False, and nothing counted, when the address has `limit` connections already; else a Place must take it over.
  bool try_add(const IpAddress& client, std::uint32_t limit) {
    const std::lock_guard lock{mutex_};
    std::uint32_t& count = counts_[client];
    if (count >= limit) return false;
    ++count;
    return true;
  }

 private:
  void remove(const IpAddress& client) {
    const std::lock_guard lock{mutex_};
    const auto found = counts_.find(client);
    if (found != counts_.end() && --found->second == 0) counts_.erase(found);
  }

  std::mutex mutex_;
  std::unordered_map<IpAddress, std::uint32_t> counts_;
};

struct Shared {
  UpstreamPorts upstream_ports;
  ClientCounts client_counts;
};

}  // namespace sidelock

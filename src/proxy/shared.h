// What the workers of one process share, all of it safe for any thread: which connections to the app are our own, and
// how many connections each client address has.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/address.h"
#include "proxy/advice.h"

namespace sidelock {

// Our connections to the app, by both ends. One that arrives at our own listeners with the same two ends is ourselves:
// a loop. Both ends, because an ordinary client of this pod may well use the same port number towards us.
class UpstreamConnections {
 public:
  struct Ends {
    Endpoint local;
    Endpoint remote;
    friend bool operator==(const Ends&, const Ends&) noexcept = default;
  };

  // Remembers one connection until it is destroyed; the set outlives it.
  class Place {
   public:
    Place() noexcept = default;
    Place(UpstreamConnections& set, const Ends& ends) : set_{&set}, ends_{ends} { set.change(ends, true); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      if (set_ != nullptr) set_->change(ends_, false);
    }

   private:
    UpstreamConnections* set_ = nullptr;
    Ends ends_;
  };

  [[nodiscard]] bool contains(const Ends& ends) {
    Part& part = parts_[ends.local.port % kParts];
    const std::lock_guard lock{part.mutex};
    return part.ends.contains(ends);
  }

 private:
  static constexpr std::size_t kParts = 64;  // so that workers hardly ever meet at a lock
  struct Hash {
    std::size_t operator()(const Ends& ends) const noexcept {
      return std::hash<IpAddress>{}(ends.remote.address) ^ (std::size_t{ends.local.port} << 16U | ends.remote.port);
    }
  };
  struct Part {
    std::mutex mutex;
    // The kernel may give the same ends anew before the connection that had them is forgotten here.
    std::unordered_multiset<Ends, Hash> ends;
  };

  void change(const Ends& ends, bool is_added) {
    Part& part = parts_[ends.local.port % kParts];
    const std::lock_guard lock{part.mutex};
    if (is_added) {
      part.ends.insert(ends);
    } else {
      const auto found = part.ends.find(ends);
      if (found != part.ends.end()) part.ends.erase(found);
    }
  }

  std::array<Part, kParts> parts_;
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
  AdviceGiven advice_given;
  UpstreamConnections upstream_connections;
  ClientCounts client_counts;
};

}  // namespace sidelock

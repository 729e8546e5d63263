// Talking to nf_tables over netlink: whole batches in, dumps out. Main thread only; needs NET_ADMIN and nothing else.
// Source: Linux' net/netfilter/nfnetlink.c; a batch is one transaction, in which either every message holds or none.
#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" {
#include <libmnl/libmnl.h>
}

#include "base/error.h"

namespace sidelock::nftables {

// What the kernel refused, with its errno.
class NetlinkError : public std::runtime_error {
 public:
  NetlinkError(int number, const std::string& message) : std::runtime_error{message}, number_{number} {}
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
};

// The error as the program's: which class it has, and what would help.
Failure to_failure(const NetlinkError& error);

// Messages of one transaction.
class Batch {
 public:
  Batch();

  // `fill` gets a header that it may add attributes to. `what` is for the error message: "add a rule to nat_in".
  void add(std::uint16_t type, std::uint16_t flags, const std::string& what,
           const std::function<void(nlmsghdr*)>& fill);

 private:
  friend void send(Batch batch);
  void append(const std::function<void(char* buffer, std::uint32_t sequence)>& build, const std::string& what);

  std::vector<char> bytes_;
  std::vector<std::string> whats_;  // by sequence number
};

// Each call has a socket of its own, so that what one of them leaves unread cannot confuse the next.

// Throws NetlinkError for the first message that the kernel refused; then nothing was changed.
void send(Batch batch);

// Calls `each` for every object of `type` (NFT_MSG_GETRULE, ...) in `family`. `fill` narrows the request down. Throws
// NetlinkError, with EINTR when the rules changed meanwhile.
void dump(std::uint16_t type, std::uint16_t family, const std::function<void(nlmsghdr*)>& fill,
          const std::function<void(const nlmsghdr*)>& each);

}  // namespace sidelock::nftables

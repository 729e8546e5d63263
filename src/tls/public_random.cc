// See public_random.h.
#include "tls/public_random.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include <openssl/rand.h>

namespace sidelock {

namespace {

// Each time that OpenSSL is asked costs as much as a hundred bytes, and a system call, by which it looks for a fork; we
// never fork.
struct Stock {
  std::array<unsigned char, 512> bytes;
  std::size_t left = 0;
};

constinit thread_local Stock stock{};

}  // namespace

bool fill_with_public_random(std::span<unsigned char> into) noexcept {
  for (unsigned char& byte : into) {
    if (stock.left == 0) {
      if (::RAND_bytes(stock.bytes.data(), static_cast<int>(stock.bytes.size())) != 1) return false;
      stock.left = stock.bytes.size();
    }
    byte = stock.bytes[--stock.left];
  }
  return true;
}

}  // namespace sidelock

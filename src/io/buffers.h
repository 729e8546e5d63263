// The large buffers of one worker thread, shared by all its connections, so that a quiet connection owns none.
// Contents are valid until the next co_await; what must survive is moved to memory of the connection's own, and that
// is accounted here, so that many slow readers cannot hold much.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/freed.h"
#include "base/pool.h"

namespace sidelock {

class Buffers {
 public:
  static constexpr std::size_t kReceive = std::size_t{256} * 1024;
  // Holds the plain text of a whole receive buffer and of one record begun before it (RFC 8446, 5.2: 2^14 + 256).
  static constexpr std::size_t kPlain = kReceive + std::size_t{20} * 1024;
  // Holds the records made of a whole plain buffer: 16 KiB records grow by at most 85 bytes, plus alerts and tickets.
  static constexpr std::size_t kSend = kPlain + std::size_t{24} * 1024;

  // What one connection may take in a turn: little at first and when memory is short, more when its peer keeps up.
  static constexpr std::size_t kSmallestWindow = std::size_t{16} * 1024;
  static constexpr std::size_t kLargestWindow = kReceive;
  // Bytes kept for slow readers, in all connections of this worker, from which on windows stop growing.
  static constexpr std::size_t kKeptBytesLimit = std::size_t{16} * 1024 * 1024;

  std::span<std::byte> receive() noexcept { return {receive_.get(), kReceive}; }
  std::span<std::byte> plain() noexcept { return {plain_.get(), kPlain}; }
  std::span<std::byte> send() noexcept { return {send_.get(), kSend}; }

  // What the running connection has in receive() and not yet consumed, and how much it has gathered in send(). Both are
  // empty again before it waits; the owner is checked, so that a mistake here can never mix two connections' bytes.
  std::span<const std::byte> received;
  const void* received_by = nullptr;
  std::size_t gathered = 0;
  const void* gathered_by = nullptr;

  void keep(std::size_t bytes) noexcept { kept_ += bytes; }
  void release(std::size_t bytes) noexcept { kept_ -= bytes; }
  [[nodiscard]] bool is_short_of_memory() const noexcept { return kept_ > kKeptBytesLimit; }

 private:
  // Uninitialised on purpose: pages that no connection needs are never touched.
  std::unique_ptr<std::byte[]> receive_ = std::make_unique_for_overwrite<std::byte[]>(kReceive);
  std::unique_ptr<std::byte[]> plain_ = std::make_unique_for_overwrite<std::byte[]>(kPlain);
  std::unique_ptr<std::byte[]> send_ = std::make_unique_for_overwrite<std::byte[]>(kSend);
  std::size_t kept_ = 0;
};

// Bytes that a connection must hold across a wait, oldest first, accounted to its worker's Buffers.
class KeptBytes {
 public:
  explicit KeptBytes(Buffers& buffers) noexcept : buffers_{&buffers} {}
  KeptBytes(const KeptBytes&) = delete;
  KeptBytes& operator=(const KeptBytes&) = delete;
  ~KeptBytes() { clear(); }

  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {memory_.get() + begin_, size()}; }

  void append(std::span<const std::byte> more);
  void drop_front(std::size_t count) noexcept;  // gives the memory back when nothing is left
  void clear() noexcept;

 private:
  Buffers* buffers_;
  std::unique_ptr<std::byte, Freed<pool::release>> memory_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace sidelock

// See buffers.h.
#include "io/buffers.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sidelock {

namespace {

// Few sizes, so that the pool has one: what is left of a record may have any.
std::size_t rounded_up(std::size_t size) noexcept {
  constexpr std::size_t kSmallest = 256;
  constexpr std::size_t kLargeFrom = 4096;
  constexpr std::size_t kWholeRecord = std::size_t{17} * 1024;
  if (size <= kLargeFrom) return std::bit_ceil(std::max(size, kSmallest));
  return std::max(size, kWholeRecord);
}

}  // namespace

void KeptBytes::append(std::span<const std::byte> more) {
  if (more.empty()) return;
  if (end_ + more.size() > capacity_) {
    const std::size_t wanted = rounded_up(size() + more.size());
    decltype(memory_) larger{static_cast<std::byte*>(pool::allocate_or_throw(wanted))};
    if (!empty()) std::memcpy(larger.get(), memory_.get() + begin_, size());
    buffers_->keep(wanted);
    buffers_->release(capacity_);
    end_ = size();
    begin_ = 0;
    capacity_ = wanted;
    memory_ = std::move(larger);
  }
  std::memcpy(memory_.get() + end_, more.data(), more.size());
  end_ += more.size();
}

void KeptBytes::drop_front(std::size_t count) noexcept {
  begin_ += count;
  if (empty()) clear();
}

void KeptBytes::clear() noexcept {
  buffers_->release(capacity_);
  memory_.reset();
  begin_ = end_ = capacity_ = 0;
}

}  // namespace sidelock

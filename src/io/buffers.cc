// See buffers.h.
#include "io/buffers.h"

#include <cstring>

namespace sidelock {

void KeptBytes::append(std::span<const std::byte> more) {
  if (more.empty()) return;
  if (end_ + more.size() > capacity_) {
    const std::size_t wanted = size() + more.size();
    auto larger = std::make_unique_for_overwrite<std::byte[]>(wanted);
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

// See transport.h.
#include "tls/transport.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "tls/callback.h"

namespace sidelock {

// The BIO's methods (BIO_meth_new(3)); its data is the Transport.
struct Transport::Bio {
  static Transport& of(BIO* bio) { return *static_cast<Transport*>(::BIO_get_data(bio)); }

  static int read(BIO* bio, char* data, std::size_t size, std::size_t* done) noexcept {
    BIO_clear_retry_flags(bio);
    *done = 0;
    return or_fail(0, [&] { return take(bio, {reinterpret_cast<std::byte*>(data), size}, *done); });
  }

  static int take(BIO* bio, std::span<std::byte> into, std::size_t& done) {
    Transport& self = of(bio);
    if (!self.may_take()) {
      // OpenSSL never hears of ends and errors: it would refuse to write any more, but a client that has ended its
      // stream still wants its answer. TlsStream asks for them itself.
      BIO_set_retry_read(bio);
      return 0;
    }
    done = self.take(into);
    return 1;
  }

  static int write(BIO* bio, const char* data, std::size_t size, std::size_t* done) noexcept {
    Transport& self = of(bio);
    *done = 0;
    if (self.has_lost_output_) return 0;
    self.has_lost_output_ = or_fail(true, [&] {
      self.gather({reinterpret_cast<const std::byte*>(data), size});
      *done = size;
      return false;
    });
    return self.has_lost_output_ ? 0 : 1;
  }

  static long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) noexcept {
    return command == BIO_CTRL_FLUSH ? 1 : 0;  // flush() is ours: OpenSSL's flushes would cut records apart
  }

  static const BIO_METHOD* method() {
    static const BioMethodPtr method = [] {
      BioMethodPtr made{::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sidelock transport")};
      if (!made) throw std::bad_alloc{};
      ::BIO_meth_set_read_ex(made.get(), read);
      ::BIO_meth_set_write_ex(made.get(), write);
      ::BIO_meth_set_ctrl(made.get(), control);
      return made;
    }();
    return method.get();
  }
};

Transport::Transport(Socket& socket, Buffers& buffers) noexcept
    : socket_{socket}, buffers_{buffers}, input_{buffers}, output_{buffers} {}

Transport::~Transport() {
  if (buffers_.received_by == this) buffers_.received = {};
  if (buffers_.gathered_by == this) buffers_.gathered = 0;
}

BIO* Transport::make_bio() {
  BIO* const bio = ::BIO_new(Bio::method());
  if (bio == nullptr) throw std::bad_alloc{};
  ::BIO_set_data(bio, this);
  ::BIO_set_init(bio, 1);
  return bio;
}

IoResult Transport::receive(std::size_t window) {
  park();
  const std::size_t kept = input_.size();
  const std::span<std::byte> space = buffers_.receive();
  const IoResult result = socket_.read(space.subspan(kept, std::min(window, Buffers::kReceive - kept)));
  if (result.state == Io::kEnd) is_at_end_ = true;
  if (result.state != Io::kDone) return result;
  if (kept > 0) std::memcpy(space.data(), input_.bytes().data(), kept);
  input_.clear();
  buffers_.received = space.first(kept + result.bytes);
  buffers_.received_by = this;
  return result;
}

std::span<const std::byte> Transport::unread() const noexcept {
  if (!input_.empty()) return input_.bytes();
  return buffers_.received_by == this ? buffers_.received : std::span<const std::byte>{};
}

void Transport::park() {
  if (buffers_.received_by != this || buffers_.received.empty()) return;
  input_.append(buffers_.received);
  buffers_.received = {};
}

// Whether there is something to take, after the one receive that is allowed.
bool Transport::may_take() {
  if (is_stopped_) return false;
  if (!unread().empty()) return true;
  if (window_ == 0) {
    is_held_back_ = socket_.may_read();
    return false;
  }
  return receive(std::exchange(window_, 0)).state == Io::kDone;
}

std::size_t Transport::take(std::span<std::byte> into) {
  const std::span<const std::byte> from = unread();
  const std::size_t count = std::min(from.size(), into.size());
  std::memcpy(into.data(), from.data(), count);
  track(into.first(count));
  drop(count);
  return count;
}

void Transport::drop(std::size_t count) noexcept {
  if (input_.empty()) {
    buffers_.received = buffers_.received.subspan(count);
  } else {
    input_.drop_front(count);
  }
}

void Transport::gather(std::span<const std::byte> bytes) {
  if (bytes.size() > Buffers::kSend) {
    reserve(Buffers::kSend);
    output_.append(bytes);
    return;
  }
  if (!bytes.empty()) std::memcpy(reserve(bytes.size()).data(), bytes.data(), bytes.size());
  commit(bytes.size());
}

std::span<std::byte> Transport::reserve(std::size_t count) {
  if (buffers_.gathered > 0 && buffers_.gathered_by != this) std::abort();  // never one client's bytes to another
  buffers_.gathered_by = this;
  if (buffers_.gathered + count > Buffers::kSend) flush();
  return buffers_.send().subspan(buffers_.gathered, count);
}

std::span<const std::byte> Transport::take_gathered() noexcept {
  if (buffers_.gathered_by != this) return {};
  return buffers_.send().first(std::exchange(buffers_.gathered, 0));
}

bool Transport::flush() {
  // Within a callback OpenSSL alone could be told; here everybody can be. Nothing may follow what is missing.
  if (has_lost_output_) throw std::bad_alloc{};
  if (buffers_.gathered == 0 && output_.empty()) return !socket_.is_aborted();
  if (buffers_.gathered > 0 && buffers_.gathered_by != this) std::abort();
  std::span<const std::byte> fresh = buffers_.send().first(std::exchange(buffers_.gathered, 0));
  bool is_alive = true;
  while (is_alive && !output_.empty()) {
    const IoResult sent = socket_.write(output_.bytes());
    is_alive = sent.state != Io::kError;
    if (sent.state != Io::kDone) break;
    output_.drop_front(sent.bytes);
  }
  while (is_alive && output_.empty() && !fresh.empty()) {
    const IoResult sent = socket_.write(fresh);
    is_alive = sent.state != Io::kError;
    if (sent.state != Io::kDone) break;
    fresh = fresh.subspan(sent.bytes);
    if (!fresh.empty()) break;  // a short write: the socket's buffer is full
  }
  if (is_alive) output_.append(fresh);
  return is_alive;
}

void Transport::track(std::span<const std::byte> bytes) noexcept {
  constexpr std::uint8_t kHeader = 5;
  while (!bytes.empty()) {
    if (record_bytes_left_ > 0) {
      const std::size_t count = std::min<std::size_t>(record_bytes_left_, bytes.size());
      record_bytes_left_ = static_cast<std::uint16_t>(record_bytes_left_ - count);
      bytes = bytes.subspan(count);
      continue;
    }
    const auto byte = std::to_integer<std::uint8_t>(bytes.front());
    bytes = bytes.subspan(1);
    ++header_bytes_;
    if (header_bytes_ == kHeader - 1) length_high_ = byte;
    if (header_bytes_ == kHeader) {
      header_bytes_ = 0;
      record_bytes_left_ = static_cast<std::uint16_t>(length_high_ << 8U | byte);
    }
  }
}

}  // namespace sidelock

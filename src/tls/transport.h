// What OpenSSL reads from and writes to: a BIO over the worker's large buffers, so that one recv() serves many records
// and many records leave in one send(). Never makes OpenSSL wait for a write. One thread; no OpenSSL type in sight of
// others.
#pragma once

#include <cstddef>
#include <cstdint>

#include "io/buffers.h"
#include "io/socket.h"
#include "tls/handles.h"

namespace sidelock {

class Transport {
 public:
  Transport(Socket& socket, Buffers& buffers) noexcept;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  ~Transport();

  // A BIO for SSL_set_bio(), which takes it over. This object outlives the SSL and stays where it is.
  BIO* make_bio();

  // Takes at most `window` bytes from the socket into the worker's buffer, behind what is left, such as a record that
  // is not whole yet: unread() is all of it in one piece. When nothing comes, what is left survives a wait.
  IoResult receive(std::size_t window);
  // All bytes received and not consumed; kept ones, or those in the worker's buffer.
  [[nodiscard]] std::span<const std::byte> unread() const noexcept;
  // Makes what is unread survive a wait. Called before every co_await.
  void park();

  // Copies unread bytes, and counts them as handed to OpenSSL; nothing when there are none.
  std::size_t take(std::span<std::byte> into);
  // Forgets the first of the unread bytes, as if they had never come. There are so many.
  void drop(std::size_t count) noexcept;
  // Copies bytes to be sent with the next flush(), or when the buffer is full.
  void gather(std::span<const std::byte> bytes);
  // The same without a copy: room for so many bytes, at most kSend, to be written to until the next call; then how many
  // have been.
  std::span<std::byte> reserve(std::size_t count);
  void commit(std::size_t count) noexcept { buffers_.gathered += count; }
  // Takes back what was gathered and not sent, until the next call.
  std::span<const std::byte> take_gathered() noexcept;
  // Sends what was gathered. What the socket does not take is kept: has_output() stays true. False when it is broken.
  bool flush();
  [[nodiscard]] bool has_output() const noexcept { return !output_.empty(); }

  // Allows OpenSSL one receive of at most `window` bytes; called before each of its operations. One receive for each
  // keeps a fast peer from starving the others, and bounds what is decrypted.
  void allow_receive(std::size_t window) noexcept {
    window_ = window;
    is_held_back_ = false;
  }
  // True when OpenSSL wanted more than that and the socket may have it.
  [[nodiscard]] bool is_held_back() const noexcept { return is_held_back_; }

  // Gives OpenSSL no more input, so that a call that works through a flood returns.
  void stop_input() noexcept { is_stopped_ = true; }

  [[nodiscard]] bool is_at_end() const noexcept { return is_at_end_; }
  // True when the stream so far ends inside a TLS record.
  [[nodiscard]] bool is_inside_record() const noexcept { return header_bytes_ != 0 || record_bytes_left_ != 0; }

  [[nodiscard]] Socket& socket() const noexcept { return socket_; }
  [[nodiscard]] Buffers& buffers() const noexcept { return buffers_; }

 private:
  struct Bio;
  bool may_take();
  void track(std::span<const std::byte> bytes) noexcept;

  Socket& socket_;
  Buffers& buffers_;
  KeptBytes input_;
  KeptBytes output_;
  std::size_t window_ = 0;
  // Where in the record layer the bytes handed to OpenSSL end (RFC 8446, 5.1: a header of five bytes, the last two its
  // length).
  std::uint16_t record_bytes_left_ = 0;
  std::uint8_t header_bytes_ = 0;
  std::uint8_t length_high_ = 0;
  bool is_at_end_ = false;
  bool is_stopped_ = false;
  bool is_held_back_ = false;
  bool has_lost_output_ = false;
};

}  // namespace sidelock

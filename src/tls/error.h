// OpenSSL's error queue as text, and errors of our own in it.
#pragma once

#include <string>
#include <string_view>

namespace sidelock {

// Why a callback of ours has made OpenSSL end a handshake.
enum class OwnError {
  kNone,
  kUnknownName,  // with --sni-strict
  kClientInvalid,
  kClientNotAllowed,
};

// Queues an error of ours with a detail (untrusted; what follows a NUL byte is lost).
void raise_error(OwnError error, std::string_view detail);

// Which of our own errors an error code (ERR_get_error(3)) is.
OwnError own_error(unsigned long code) noexcept;

// The reason of the oldest queued error ("key values mismatch"), with its detail when there is one; "unknown error" for
// an empty queue. Empties the calling thread's queue. Throws std::bad_alloc when the reason is that there was no
// memory.
std::string take_openssl_error();

// Empties the calling thread's queue, which SSL_get_error(3) needs before each operation. Cheap when it is empty, as it
// nearly always is: ERR_clear_error() goes through all sixteen places.
void forget_openssl_errors() noexcept;

}  // namespace sidelock

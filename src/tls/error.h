// OpenSSL's error queue as text.
#pragma once

#include <string>

namespace sidelock {

// The reason of the oldest queued error ("key values mismatch"), with its detail when there is one; "unknown error" for
// an empty queue. Empties the calling thread's queue.
std::string take_openssl_error();

// Empties the calling thread's queue, which SSL_get_error(3) needs before each operation. Cheap when it is empty, as it
// nearly always is: ERR_clear_error() goes through all sixteen places.
void forget_openssl_errors() noexcept;

}  // namespace sidelock

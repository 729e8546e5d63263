// OpenSSL's error queue as text.
#pragma once

#include <string>

namespace sidelock {

// The reason of the oldest queued error ("key values mismatch"), with its detail when there is one; "unknown error" for
// an empty queue. Empties the calling thread's queue.
std::string take_openssl_error();

}  // namespace sidelock

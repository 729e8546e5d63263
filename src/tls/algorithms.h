// The algorithms that handshakes look up by name.
#pragma once

namespace sidelock {

// OpenSSL makes all algorithms of a kind known when it is first asked for one. Where memory runs out in the midst of
// that, it goes without them for good: OpenSSL 3.0 then has no HMAC, and no handshake succeeds any more. So this asks
// before there are any. `query`: as for SSL_CTX_new_ex(3). Leaves no error behind.
void make_algorithms_known(const char* query) noexcept;

}  // namespace sidelock

// How strong keys and signatures must be, our own and those of clients.
#pragma once

namespace sidelock {

constexpr int kSecurityLevel = 2;  // 112 bits (SSL_CTX_set_security_level(3))

}  // namespace sidelock

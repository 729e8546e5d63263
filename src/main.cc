// Chooses the command, and turns an exception into one line and an exit code.
#include <string>

#include <fmt/format.h>
#include <openssl/crypto.h>

int main() {
  fmt::print("sidelock {} ({})\n", SIDELOCK_VERSION, OpenSSL_version(OPENSSL_VERSION));
  return 0;
}

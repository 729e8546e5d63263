// How reading from a client went on.
#pragma once

#include <cstddef>

namespace sidelock {

// How a read ended, beside the bytes it brought.
enum class ReadEnd {
  kMore,            // the window is full, there may be more at once
  kWouldBlock,      // await the socket's readable()
  kCleanEnd,        // close_notify; without TLS, the end of the TCP stream
  kBareEnd,         // a TCP end on a record boundary, without close_notify
  kTruncated,       // a TCP end inside a record
  kReset,           // ECONNRESET and its like
  kAborted,         // by Socket::abort()
  kRecordError,     // a forged or malformed record, an alert of the client's
  kKeyUpdateFlood,  // more handshake messages after the handshake than allowed
};

struct ReadResult {
  std::size_t bytes = 0;
  ReadEnd end = ReadEnd::kWouldBlock;
};

}  // namespace sidelock

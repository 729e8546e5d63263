// See postgres_request.h.
#include "tls/postgres_request.h"

#include <algorithm>
#include <array>

namespace sidelock {

namespace {

using Bytes = std::array<unsigned char, kPostgresRequestSize>;  // the packet's length, then its code

constexpr struct {
  PostgresRequest request;
  Bytes bytes;
} kRequests[] = {
    {PostgresRequest::kTls, {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}},
    {PostgresRequest::kGss, {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30}},
    {PostgresRequest::kCancel, {0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e}},
};

}  // namespace

PostgresRequest inspect_postgres_request(std::span<const std::byte> bytes) {
  const std::span<const std::byte> head = bytes.first(std::min(bytes.size(), kPostgresRequestSize));
  const auto is_same = [](std::byte byte, unsigned char expected) { return byte == std::byte{expected}; };
  for (const auto& [request, expected] : kRequests) {
    if (!std::equal(head.begin(), head.end(), expected.begin(), is_same)) continue;
    return head.size() == kPostgresRequestSize ? request : PostgresRequest::kIncomplete;
  }
  return PostgresRequest::kNone;
}

}  // namespace sidelock

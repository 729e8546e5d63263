// The packets of PostgreSQL clients that may come before TLS.
#include "tls/postgres_request.h"

#include <string_view>

#include <gtest/gtest.h>

namespace sidelock {
namespace {

using namespace std::string_view_literals;

PostgresRequest inspected(std::string_view text) {
  return inspect_postgres_request(std::as_bytes(std::span{text.data(), text.size()}));
}

TEST(PostgresRequest, IsKnownByItsEightBytes) {
  EXPECT_EQ(inspected("\0\0\0\x08\x04\xd2\x16\x2f"sv), PostgresRequest::kTls);
  EXPECT_EQ(inspected("\0\0\0\x08\x04\xd2\x16\x30"sv), PostgresRequest::kGss);
  EXPECT_EQ(inspected("\0\0\0\x10\x04\xd2\x16\x2eprocess+"sv), PostgresRequest::kCancel);
  EXPECT_EQ(inspected("\0\0\0\x08\x04\xd2\x16\x2f\x16\x03\x01"sv), PostgresRequest::kTls);
}

TEST(PostgresRequest, MayComeInPieces) {
  constexpr std::string_view kTls = "\0\0\0\x08\x04\xd2\x16\x2f"sv;
  for (std::size_t size = 0; size < kTls.size(); ++size) {
    EXPECT_EQ(inspected(kTls.substr(0, size)), PostgresRequest::kIncomplete) << size;
  }
}

TEST(PostgresRequest, IsNothingElse) {
  for (const std::string_view text :
       {"\x16\x03\x01"sv, "G"sv, "\0\0\0\x09"sv, "\0\0\0\x08\x04\xd2\x16\x2e"sv, "\0\0\0\x10\x04\xd2\x16\x2f"sv,
        "\0\0\0\x08\0\x03\0\0"sv, "\0\0\0\x29\0\x03\0\0user\0me"sv}) {
    EXPECT_EQ(inspected(text), PostgresRequest::kNone) << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace sidelock

// Addresses: parsing, mapping, blocks and text.
#include "base/address.h"

#include <gtest/gtest.h>

namespace sidelock {
namespace {

TEST(IpAddress, AMappedIpv4AddressEqualsThePlainOne) {
  EXPECT_EQ(IpAddress::parse("::ffff:192.0.2.1"), IpAddress::parse("192.0.2.1"));
  EXPECT_TRUE(IpAddress::parse("::ffff:192.0.2.1")->is_ipv4());
}

TEST(IpAddress, BracketsAreTakenForIpv6Only) {
  EXPECT_EQ(IpAddress::parse("[2001:db8::1]"), IpAddress::parse("2001:db8::1"));
  for (const char* text :
       {"[192.0.2.1]", "[2001:db8::1", "localhost", "192.0.2.1:80", "", "192.0.2.256", "fe80::1%eth0"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, KnowsItsKind) {
  EXPECT_TRUE(IpAddress::parse("127.9.9.9")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("128.0.0.1")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::")->is_unspecified());
  EXPECT_TRUE(IpAddress{}.is_unspecified());
  EXPECT_TRUE(IpAddress::parse("239.1.1.1")->is_multicast());
  EXPECT_TRUE(IpAddress::parse("ff02::1")->is_multicast());
  EXPECT_TRUE(IpAddress::parse("fe80::1")->is_link_local());
  EXPECT_TRUE(IpAddress::parse("169.254.1.1")->is_link_local());
}

TEST(Cidr, HostBitsAreClearedAndALoneAddressIsAWholePrefix) {
  EXPECT_EQ(Cidr::parse("10.1.2.3/8")->to_string(), "10.0.0.0/8");
  EXPECT_EQ(Cidr::parse("10.1.2.3")->to_string(), "10.1.2.3/32");
  EXPECT_EQ(Cidr::parse("fd00:1:2::3/33")->to_string(), "fd00:1::/33");
  for (const char* text : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "fd00::/129", "/8"}) {
    EXPECT_FALSE(Cidr::parse(text)) << text;
  }
}

TEST(Cidr, ContainsItsOwnFamilyOnly) {
  EXPECT_TRUE(Cidr::parse("10.0.0.0/9")->contains(*IpAddress::parse("10.127.0.1")));
  EXPECT_FALSE(Cidr::parse("10.0.0.0/9")->contains(*IpAddress::parse("10.128.0.1")));
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("::1")));
}

TEST(Endpoint, SurvivesTheWayThroughASockaddr) {
  for (const char* text : {"192.0.2.1", "2001:db8::1"}) {
    const Endpoint endpoint{*IpAddress::parse(text), 443};
    for (const SocketAddress& address : {SocketAddress{endpoint}, SocketAddress::as_ipv6(endpoint)}) {
      EXPECT_EQ(Endpoint::from_sockaddr(*reinterpret_cast<const sockaddr_storage*>(address.get())), endpoint);
    }
  }
}

TEST(Endpoint, PutsIpv6IntoBrackets) {
  EXPECT_EQ((Endpoint{*IpAddress::parse("::1"), 80}.to_string()), "[::1]:80");
  EXPECT_EQ((Endpoint{*IpAddress::parse("127.0.0.1"), 80}.to_string()), "127.0.0.1:80");
}

}  // namespace
}  // namespace sidelock

// The PROXY protocol headers, byte for byte as the specification has them.
#include "policy/proxy_header.h"

#include <gtest/gtest.h>

namespace sidelock {
namespace {

using namespace std::string_literals;

Endpoint endpoint(const char* address, unsigned port) {
  return {*IpAddress::parse(address), static_cast<std::uint16_t>(port)};
}

ProxiedConnection over_ipv4() {
  return {{endpoint("192.0.2.9", 56324)}, {endpoint("192.0.2.2", 443)}, std::nullopt, ""};
}

ProxiedConnection over_ipv6() {
  return {{endpoint("2001:db8::9", 56324)}, {endpoint("2001:db8::2", 443)}, std::nullopt, ""};
}

const std::string kSignature = "\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A"s;
const std::string kIpv4Block = "\xC0\x00\x02\x09\xC0\x00\x02\x02\xDC\x04\x01\xBB"s;

// What the TLS part of a header holds, cut out of the whole.
std::string ssl_part(const ProxiedTls& tls) {
  ProxiedConnection connection = over_ipv4();
  connection.tls = tls;
  return proxy_header(ProxyProtocol::kV2, connection).substr(28);
}

TEST(ProxyHeader, IsNothingWhenOff) { EXPECT_EQ(proxy_header(ProxyProtocol::kOff, over_ipv4()), ""); }

TEST(ProxyHeaderV1, IsOneLineOfAddressesAndPorts) {
  EXPECT_EQ(proxy_header(ProxyProtocol::kV1, over_ipv4()), "PROXY TCP4 192.0.2.9 192.0.2.2 56324 443\r\n");
  EXPECT_EQ(proxy_header(ProxyProtocol::kV1, over_ipv6()), "PROXY TCP6 2001:db8::9 2001:db8::2 56324 443\r\n");
}

TEST(ProxyHeaderV1, OfTheLongestAddressesFitsInWhatReceiversTake) {
  const Endpoint longest = endpoint("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
  EXPECT_EQ(proxy_header(ProxyProtocol::kV1, {{longest}, {longest}, std::nullopt, ""}).size(), 104U);
}

TEST(ProxyHeaderV1, SaysUnknownWhenTheFamiliesDiffer) {
  const ProxiedConnection mixed{{endpoint("192.0.2.9", 1)}, {endpoint("2001:db8::2", 2)}, std::nullopt, ""};
  EXPECT_EQ(proxy_header(ProxyProtocol::kV1, mixed), "PROXY UNKNOWN\r\n");
}

TEST(ProxyHeaderV2, HoldsTheAddressesInNetworkOrder) {
  EXPECT_EQ(proxy_header(ProxyProtocol::kV2, over_ipv4()), kSignature + "\x21\x11\x00\x0C"s + kIpv4Block);
  EXPECT_EQ(proxy_header(ProxyProtocol::kV2, over_ipv6()), kSignature +
                                                               "\x21\x21\x00\x24"
                                                               "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x09"
                                                               "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x02"
                                                               "\xDC\x04\x01\xBB"s);
}

TEST(ProxyHeaderV2, IsUnspecifiedWhenTheFamiliesDiffer) {
  const ProxiedConnection mixed{{endpoint("192.0.2.9", 1)}, {endpoint("2001:db8::2", 2)}, std::nullopt, ""};
  EXPECT_EQ(proxy_header(ProxyProtocol::kV2, mixed), kSignature + "\x21\x00\x00\x00"s);
}

TEST(ProxyHeaderV2, TellsWhatTlsAgreedOn) {
  ProxiedConnection connection = over_ipv4();
  connection.unique_id = "id-1";
  connection.tls = ProxiedTls{"1.3", "TLS_AES_128_GCM_SHA256", "h2", "app.example", std::nullopt};
  EXPECT_EQ(proxy_header(ProxyProtocol::kV2, connection),
            kSignature + "\x21\x11\x00\x51"s + kIpv4Block +  //
                "\x01\x00\x02h2"s                            //
                "\x02\x00\x0B"s
                "app.example"
                "\x05\x00\x04id-1"s
                "\x20\x00\x28\x01\x00\x00\x00\x01"s
                "\x21\x00\x07TLSv1.3"s
                "\x23\x00\x16TLS_AES_128_GCM_SHA256"s);
}

TEST(ProxyHeaderV2, NamesAVerifiedClient) {
  EXPECT_EQ(ssl_part({"1.2", "ECDHE-RSA-AES128-GCM-SHA256", "", "", ProxiedCertificate{"alice", 0, false}}),
            "\x20\x00\x35\x07\x00\x00\x00\x00\x21\x00\x07TLSv1.2\x22\x00\x05"s
            "alice\x23\x00\x1B"s
            "ECDHE-RSA-AES128-GCM-SHA256");
}

TEST(ProxyHeaderV2, SaysWhenTheCertificateWasShownOnAnEarlierConnection) {
  const std::string part = ssl_part({"1.3", "", "", "", ProxiedCertificate{"", 0, true}});
  EXPECT_EQ(part, "\x20\x00\x0F\x05\x00\x00\x00\x00\x21\x00\x07TLSv1.3"s);
}

TEST(ProxyHeaderV2, NeverCallsAnythingElseVerified) {
  // X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN is 19.
  EXPECT_EQ(ssl_part({"1.3", "", "", "", ProxiedCertificate{"", 19, false}}).substr(3, 5), "\x07\x00\x00\x00\x13"s);
  EXPECT_EQ(ssl_part({"1.3", "", "", "", std::nullopt}).substr(3, 5), "\x01\x00\x00\x00\x01"s);
}

TEST(ProxyHeaderV2, LeavesOutANameThatIsTooLongRatherThanCutIt) {
  const std::string part = ssl_part({"1.3", "", "", "", ProxiedCertificate{std::string(257, 'a'), 0, false}});
  EXPECT_EQ(part, "\x20\x00\x0F\x07\x00\x00\x00\x00\x21\x00\x07TLSv1.3"s);
}

TEST(ProxyHeaderV2, OfTheLongestValuesFitsInOneSegment) {
  ProxiedConnection connection = over_ipv6();
  connection.unique_id = std::string(128, 'i');
  const std::string name(255, 'n');
  connection.tls = ProxiedTls{"1.3", std::string(40, 'c'), name, name, ProxiedCertificate{name, 0, false}};
  EXPECT_LT(proxy_header(ProxyProtocol::kV2, connection).size(), 1220U);  // what IPv6 leaves of 1280 bytes
}

}  // namespace
}  // namespace sidelock

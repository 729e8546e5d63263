// See record_layer.h.
#include "tls/record_layer.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sidelock {

namespace {

// As many as OpenSSL allows, in a row.
constexpr int kMostEmptyRecords = 32;
constexpr int kMostWarnings = 4;

// RFC 8446, 4.6.3: the message's type, the length of its only field, and whether it is to be answered.
constexpr std::array<std::byte, 4> kKeyUpdate{std::byte{24}, std::byte{0}, std::byte{0}, std::byte{1}};
constexpr std::byte kNotRequested{0};
constexpr std::byte kRequested{1};

// What every protected record says outside: its type, and twice this for TLS 1.2.
constexpr ContentType kProtected = ContentType::kApplicationData;
constexpr std::byte kVersion{3};
// From this much in one receive on a client is taken to send more without a pause: a full record.
constexpr std::size_t kBulk = std::size_t{16} * 1024;

}  // namespace

RecordLayer::RecordLayer(Transport& transport, Inheritance inheritance, const MessageLimit& limit,
                         std::uint64_t records_of_one_key)
    : transport_{transport},
      reading_{RecordProtection::Direction::kOpen, inheritance.suite, inheritance.secrets.client, 0},
      writing_{RecordProtection::Direction::kSeal, inheritance.suite, inheritance.secrets.server,
               inheritance.sealed_records},
      limit_{limit},
      records_of_one_key_{records_of_one_key},
      first_records_{std::move(inheritance.records)} {}

ReadResult RecordLayer::read(std::span<std::byte> into, std::size_t window) {
  std::size_t bytes = open_records(into);
  if (!end_ && bytes == 0) {
    const IoResult received = transport_.receive(window);
    if (received.state == Io::kEnd || received.state == Io::kError) return {0, end_of_input(received.state)};
    bytes = open_records(into);
    if (received.bytes >= kBulk) bytes += open_what_came_meanwhile(into.subspan(bytes), window - received.bytes);
  }
  if (end_) {
    transport_.drop(transport_.unread().size());
    return {bytes, *end_};
  }
  const bool is_more_there = next_record() || transport_.socket().may_read();
  return {bytes, is_more_there ? ReadEnd::kMore : ReadEnd::kWouldBlock};
}

// A client that sends much has sent more while its records were opened. Relayed together they wake the app once. Where
// the stream ends is told again by the next read.
std::size_t RecordLayer::open_what_came_meanwhile(std::span<std::byte> into, std::size_t window) {
  std::size_t bytes = 0;
  for (bool is_bulk = true; is_bulk && !end_ && window >= kBulk;) {
    transport_.socket().look_again();
    const std::size_t received = transport_.receive(window).bytes;
    window -= received;
    bytes += open_records(into.subspan(bytes));
    is_bulk = received >= kBulk;
  }
  return bytes;
}

ReadEnd RecordLayer::end_of_input(Io state) const noexcept {
  if (transport_.socket().is_aborted()) return ReadEnd::kAborted;
  if (state == Io::kError) return ReadEnd::kReset;
  return transport_.unread().empty() ? ReadEnd::kBareEnd : ReadEnd::kTruncated;
}

// Once it is whole. What its header says is judged as soon as that is there: nobody waits for a record that is too
// long.
std::optional<std::span<const std::byte>> RecordLayer::next_record() {
  const std::span<const std::byte> unread = transport_.unread();
  if (unread.size() < RecordProtection::kHeader) return std::nullopt;
  const std::size_t size = RecordProtection::record_size(unread);
  if (unread[0] != static_cast<std::byte>(kProtected)) {
    fail(SSL_AD_UNEXPECTED_MESSAGE, "a record that is not protected");
  } else if (unread[1] != kVersion || unread[2] != kVersion) {
    fail(SSL_AD_DECODE_ERROR, "a record of another version");
  } else if (size > RecordProtection::kHeader + RecordProtection::kMostSealed) {
    fail(SSL_AD_RECORD_OVERFLOW, "a record that is too long");
  } else if (unread.size() >= size) {
    return unread.first(size);
  }
  return std::nullopt;
}

// All that are whole and that there is room for; how many bytes for the app they have brought.
std::size_t RecordLayer::open_records(std::span<std::byte> into) {
  std::size_t bytes = 0;
  while (!end_) {
    const auto record = next_record();
    const std::span<std::byte> room = into.subspan(bytes);
    if (!record || room.size() < record->size()) break;
    const RecordProtection::Opening opening = reading_.open(*record, room);
    transport_.drop(record->size());
    switch (opening.fault) {
      case RecordProtection::Fault::kNone: bytes += accept(opening.type, room.first(opening.size)); break;
      case RecordProtection::Fault::kForged: fail(SSL_AD_BAD_RECORD_MAC, "bad record MAC"); break;
      case RecordProtection::Fault::kNoType: fail(SSL_AD_UNEXPECTED_MESSAGE, "a record of padding alone"); break;
      case RecordProtection::Fault::kTooLong: fail(SSL_AD_RECORD_OVERFLOW, "a record that is too long"); break;
    }
  }
  return bytes;
}

// How many bytes of it are for the app: all or none.
std::size_t RecordLayer::accept(ContentType type, std::span<const std::byte> content) {
  // RFC 8446, 5.1: nothing comes between the parts of a handshake message.
  if (message_bytes_ > 0 && type != ContentType::kHandshake) {
    fail(SSL_AD_UNEXPECTED_MESSAGE, "a record inside a handshake message");
    return 0;
  }
  // A record with something in it ends a row of those without, and, unless it is an alert itself, one of warnings.
  if (!content.empty()) empty_records_ = 0;
  if (!content.empty() && type != ContentType::kAlert) warnings_ = 0;
  switch (type) {
    case ContentType::kApplicationData:
      if (content.empty() && ++empty_records_ > kMostEmptyRecords)
        fail(SSL_AD_UNEXPECTED_MESSAGE, "too many empty records");
      return content.size();
    case ContentType::kAlert: accept_alert(content); return 0;
    case ContentType::kHandshake: accept_handshake(content); return 0;
    case ContentType::kChangeCipherSpec: break;
  }
  fail(SSL_AD_UNEXPECTED_MESSAGE, "a record of a kind that nobody sends");
  return 0;
}

// RFC 8446, 6: a level, which no longer means anything, and a description.
void RecordLayer::accept_alert(std::span<const std::byte> alert) {
  if (alert.size() != 2) return fail(SSL_AD_UNEXPECTED_MESSAGE, "an alert of a wrong size");
  const int description = std::to_integer<int>(alert[1]);
  if (description == SSL_AD_CLOSE_NOTIFY) {
    end_ = ReadEnd::kCleanEnd;
  } else if (description == SSL_AD_USER_CANCELLED) {
    if (++warnings_ > kMostWarnings) fail(SSL_AD_UNEXPECTED_MESSAGE, "too many warnings");
  } else {
    failure_ = ::SSL_alert_desc_string_long(description);
    alert_ = description;
    is_write_closed_ = true;
    end_ = ReadEnd::kRecordError;
  }
}

// A client has nothing else to say than that it has new keys.
void RecordLayer::accept_handshake(std::span<const std::byte> fragment) {
  if (fragment.empty()) return fail(SSL_AD_UNEXPECTED_MESSAGE, "an empty handshake record");
  const std::size_t taken = std::min(fragment.size(), kMessage - message_bytes_);
  std::ranges::copy(fragment.first(taken), message_.begin() + message_bytes_);
  message_bytes_ = static_cast<std::uint8_t>(message_bytes_ + taken);
  const std::size_t known = std::min<std::size_t>(message_bytes_, kKeyUpdate.size());
  if (!std::equal(kKeyUpdate.begin(), kKeyUpdate.begin() + known, message_.begin())) {
    if (message_[0] == kKeyUpdate[0]) return fail(SSL_AD_DECODE_ERROR, "a KeyUpdate of a wrong length");
    return fail(SSL_AD_UNEXPECTED_MESSAGE, "a handshake message other than KeyUpdate");
  }
  // RFC 8446, 5.1: what comes next is under the new key, so nothing may be in the same record.
  if (taken < fragment.size()) return fail(SSL_AD_UNEXPECTED_MESSAGE, "bytes behind a KeyUpdate");
  if (message_bytes_ < kMessage) return;
  message_bytes_ = 0;
  update_keys(message_.back());
}

void RecordLayer::update_keys(std::byte request) {
  if (request != kNotRequested && request != kRequested) {
    return fail(SSL_AD_ILLEGAL_PARAMETER, "a KeyUpdate that asks for something unknown");
  }
  const Clock::time_point now = transport_.socket().reactor().now();
  if (!limit_.count(now, request == kRequested, transport_.has_output())) {
    end_ = ReadEnd::kKeyUpdateFlood;
    return;
  }
  reading_.update_key();
  if (request == kRequested) send_key_update();
}

void RecordLayer::send_key_update() {
  std::array<std::byte, kMessage> message{};
  std::ranges::copy(kKeyUpdate, message.begin());
  message.back() = kNotRequested;
  if (send(ContentType::kHandshake, message)) writing_.update_key();
}

bool RecordLayer::write(std::span<const std::byte> from) {
  while (!from.empty()) {
    if (writing_.sequence() >= records_of_one_key_) send_key_update();
    const std::size_t count = std::min(from.size(), RecordProtection::kMostPlain);
    if (!send(ContentType::kApplicationData, from.first(count))) return false;
    from = from.subspan(count);
  }
  return true;
}

void RecordLayer::close_notify() {
  constexpr std::array<std::byte, 2> kCloseNotify{std::byte{SSL3_AL_WARNING}, std::byte{SSL_AD_CLOSE_NOTIFY}};
  send(ContentType::kAlert, kCloseNotify);
  is_write_closed_ = true;
}

void RecordLayer::fail(int alert, const char* why) {
  const std::array<std::byte, 2> message{std::byte{SSL3_AL_FATAL}, static_cast<std::byte>(alert)};
  send(ContentType::kAlert, message);
  is_write_closed_ = true;
  failure_ = why;
  end_ = ReadEnd::kRecordError;
}

bool RecordLayer::send(ContentType type, std::span<const std::byte> content) {
  if (is_write_closed_) return false;
  if (!first_records_.empty()) transport_.gather(std::exchange(first_records_, {}));
  const std::size_t size = content.size() + RecordProtection::kOverhead;
  if (!writing_.seal(type, content, transport_.reserve(size))) {
    is_write_closed_ = true;
    throw std::runtime_error{"OpenSSL cannot seal a record"};
  }
  transport_.commit(size);
  return true;
}

std::string RecordLayer::failure() const {
  if (!alert_) return failure_;
  return std::string{"the client sent the alert "} + std::to_string(*alert_) + ", " + failure_;
}

}  // namespace sidelock

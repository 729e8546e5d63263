// See record_layer_check.h.
#include "fuzz/record_layer_check.h"

#include <array>
#include <optional>
#include <stdexcept>

#include <fcntl.h>
#include <sys/socket.h>

#include "fuzz/client_script.h"
#include "tls/record_layer.h"

namespace sidelock {

namespace {

using End = Verdict::End;

constexpr std::size_t kRoom = std::size_t{20} * 1024;  // beside the window
constexpr std::size_t kLongestRecord = RecordProtection::kHeader + RecordProtection::kMostSealed;
constexpr std::uint32_t kNoKeyUpdates = 0;
constexpr std::uint32_t kAllKeyUpdates = 1000000;

TrafficSecret secret_of(const std::string& bytes) {
  return TrafficSecret{{reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()}};
}

void expect(bool is_so, const char* what) {
  if (!is_so) throw std::runtime_error{what};
}

End end_of(ReadEnd end, const std::string& failure) {
  switch (end) {
    case ReadEnd::kCleanEnd: return End::kClean;
    case ReadEnd::kBareEnd: return End::kBare;
    case ReadEnd::kTruncated: return End::kTruncated;
    case ReadEnd::kKeyUpdateFlood: return End::kFlood;
    case ReadEnd::kRecordError: return failure.starts_with("the client sent") ? End::kTold : End::kRefused;
    default: throw std::runtime_error{"it ended as no script can make it end"};
  }
}

bool is_alive(ReadEnd end) { return end == ReadEnd::kMore || end == ReadEnd::kWouldBlock; }

class Check {
 public:
  Check(Choices& choices, std::uint16_t suite)
      : suite_{suite_of(suite).value()},
        client_secret_(suite_.hash_size, 'c'),
        server_secret_(suite_.hash_size, 's'),
        window_{1 + choices.below(Buffers::kSmallestWindow)},
        may_update_keys_{choices.byte() % 16 != 0},
        script_{make_script(choices, Sealer{suite, client_secret_})},
        opening_{RecordProtection::Direction::kOpen, suite_, secret_of(server_secret_), 0} {
    std::array<int, 2> sockets{};
    sidelock::check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets.data()),
                    "make sockets");
    wire_.reset(sockets[1]);
    socket_.emplace(Fd{sockets[0]}, reactor());
    transport_.emplace(*socket_, buffers());
    records_.emplace(*transport_,
                     Inheritance{suite_, {{}, secret_of(client_secret_), secret_of(server_secret_)}, {}, 0},
                     MessageLimit{may_update_keys_ ? kAllKeyUpdates : kNoKeyUpdates});
  }

  void run() {
    const Verdict wanted = judge(script_, may_update_keys_);
    std::string_view left = script_.wire;
    for (const std::size_t cut : script_.cuts) {
      const std::size_t size = cut - (script_.wire.size() - left.size());
      const ssize_t sent = ::send(wire_.get(), left.data(), size, MSG_NOSIGNAL);
      // After the end nobody takes anything out of the socket, which may become full.
      expect(end_ || sent == static_cast<ssize_t>(size), "it does not read");
      left.remove_prefix(size);
      hear();
    }
    if (script_.has_end) {
      ::shutdown(wire_.get(), SHUT_WR);
      hear();
    }
    expect(heard_ == wanted.heard, "it heard something else");
    expect(end_.value_or(End::kOpen) == wanted.end, "it ended differently");
    expect(answers() == wanted.answers, "it answered something else");
  }

 private:
  // Both as a worker has them: for many connections, one after the other.
  static Reactor& reactor() {
    static Reactor one;
    return one;
  }
  static Buffers& buffers() {
    static Buffers one;
    return one;
  }

  void hear() {
    reactor().stop();
    reactor().run();
    const std::span<std::byte> into = buffers().plain().first(window_ + kRoom);
    for (std::size_t round = 0;; ++round) {
      expect(round <= 2 * script_.wire.size() / window_ + 2, "it never waits");
      const ReadResult result = records_->read(into, window_);
      expect(result.bytes == 0 || !end_, "it heard something after the end");
      expect(result.bytes <= window_ + kLongestRecord, "it heard more than its window");
      heard_.append(reinterpret_cast<const char*>(into.data()), result.bytes);
      transport_->park();
      transport_->flush();
      expect(transport_->unread().size() < kLongestRecord, "it keeps a whole record");
      expect(is_alive(result.end) || transport_->unread().empty() || end_of(result.end, "") == End::kTruncated,
             "it keeps what nobody wants any more");
      if (result.end == ReadEnd::kMore) continue;
      if (result.end == ReadEnd::kWouldBlock) {
        expect(!end_, "it lives again");
        return;
      }
      const End end = end_of(result.end, records_->failure());
      expect(!end_ || end_ == end, "it ended twice");
      end_ = end;
      return;
    }
  }

  std::vector<std::string> answers() {
    // Few and short: a KeyUpdate for each of the client's, and an alert.
    std::string wire(std::size_t{16} * 1024, '\0');
    const ssize_t size = ::recv(wire_.get(), wire.data(), wire.size(), 0);
    std::span<const std::byte> left =
        std::as_bytes(std::span{wire}).first(size < 0 ? 0 : static_cast<std::size_t>(size));
    std::vector<std::string> found;
    while (!left.empty()) {
      const std::span<const std::byte> record = left.first(RecordProtection::record_size(left));
      std::string plain(record.size(), '\0');
      const auto opened = opening_.open(record, std::as_writable_bytes(std::span{plain}));
      expect(opened.fault == RecordProtection::Fault::kNone, "its answer cannot be opened");
      found.push_back(plain.substr(0, opened.size + 1));
      if (opened.type == ContentType::kHandshake) opening_.update_key();
      left = left.subspan(record.size());
    }
    return found;
  }

  Suite suite_;
  std::string client_secret_;
  std::string server_secret_;
  std::size_t window_;
  bool may_update_keys_;
  Script script_;
  RecordProtection opening_;
  Fd wire_;
  std::optional<Socket> socket_;
  std::optional<Transport> transport_;
  std::optional<RecordLayer> records_;
  std::string heard_;
  std::optional<End> end_;
};

}  // namespace

std::string check_record_layer(std::span<const std::uint8_t> bytes) {
  constexpr std::array<std::uint16_t, 4> kSuites{0x1301, 0x1301, 0x1302, 0x1303};
  Choices choices{bytes};
  const std::uint16_t suite = kSuites[choices.below(kSuites.size())];
  Check check{choices, suite};
  try {
    check.run();
  } catch (const std::exception& difference) {
    return difference.what();
  }
  return {};
}

}  // namespace sidelock

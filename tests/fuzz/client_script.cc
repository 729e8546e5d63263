// See client_script.h.
#include "fuzz/client_script.h"

#include <algorithm>
#include <optional>
#include <set>

namespace sidelock {

namespace {

constexpr std::size_t kHeader = 5;
constexpr std::size_t kMostPlain = 16384;
constexpr std::size_t kMostSealed = kMostPlain + 256;
constexpr std::size_t kMostActions = 64;
constexpr std::size_t kLongestWire = 60000;
constexpr std::size_t kMostCuts = 500;

const std::string kKeyUpdate{"\x18\0\0\x01\0", 5};

class Writer {
 public:
  Writer(Choices& choices, Sealer& sealer) : choices_{choices}, sealer_{sealer} {}

  Script write() {
    const std::uint8_t manner = choices_.byte();
    for (std::size_t i = 0; i < kMostActions && !choices_.empty() && script_.wire.size() < kLongestWire; ++i) act();
    script_.has_end = (manner & 1) != 0;
    if ((manner & 2) != 0 && script_.wire.size() < kMostCuts) {
      for (std::size_t place = 1; place < script_.wire.size(); ++place) cuts_.insert(place);
    }
    if (!script_.wire.empty()) cuts_.insert(script_.wire.size());
    script_.cuts.assign(cuts_.begin(), cuts_.end());
    return std::move(script_);
  }

 private:
  void put(const std::string& inner) {
    const std::uint64_t sequence = sealer_.sequence;
    std::string record = sealer_.seal(inner);
    script_.records.push_back({script_.wire.size(), record, inner, key_, sequence});
    script_.wire += record;
  }
  void put(int type, const std::string& content, std::size_t padding = 0) {
    put(content + static_cast<char>(type) + std::string(padding, '\0'));
  }
  void advance() {
    sealer_.advance();
    ++key_;
  }
  std::string text(std::size_t size) {
    std::string made(size, static_cast<char>(choices_.byte()));
    for (std::size_t i = 0; i < std::min<std::size_t>(size, 8); ++i) made[i] = static_cast<char>(choices_.byte());
    return made;
  }

  void act() {
    switch (choices_.byte() % 20) {
      case 0:
      case 1:
      case 2: put(SSL3_RT_APPLICATION_DATA, text(choices_.below(200)), choices_.byte() % 4); break;
      case 3: put(SSL3_RT_APPLICATION_DATA, text(choices_.below(kMostPlain + 2))); break;
      case 4: put(SSL3_RT_APPLICATION_DATA, text(choices_.below(300)), choices_.below(kMostPlain + 200)); break;
      case 5:
      case 6: update_key(); break;
      case 7: put(SSL3_RT_HANDSHAKE, kKeyUpdate.substr(0, choices_.below(6)) + text(choices_.below(4))); break;
      case 8: put(SSL3_RT_ALERT, {static_cast<char>(choices_.byte()), static_cast<char>(choices_.byte())}); break;
      case 9: put(SSL3_RT_ALERT, text(choices_.below(5))); break;
      case 10:
        for (std::size_t left = choices_.below(40); left > 0; --left) put(SSL3_RT_APPLICATION_DATA, "", left % 3);
        break;
      case 11:
        for (std::size_t left = choices_.below(7); left > 0; --left) put(SSL3_RT_ALERT, "\x01\x5a");
        break;
      case 12: script_.wire += text(choices_.below(40)); break;
      case 13: put_header(); break;
      case 14: forge(); break;
      case 15: put(choices_.byte(), text(choices_.below(40)), choices_.below(3)); break;
      case 16: put(std::string(choices_.below(kMostPlain + 300), '\0')); break;
      case 17:
        if (!script_.records.empty()) script_.wire += script_.records.back().bytes;
        break;
      case 18:
        if (choices_.byte() % 2 == 0) {
          ++sealer_.sequence;
        } else {
          advance();
        }
        break;
      default:
        if (!script_.wire.empty()) cuts_.insert(script_.wire.size() - choices_.below(script_.wire.size()));
        break;
    }
    if (choices_.byte() % 4 == 0 && !script_.wire.empty()) cuts_.insert(script_.wire.size());
  }

  // In up to three records.
  void update_key() {
    std::string message = kKeyUpdate;
    message.back() = static_cast<char>(choices_.byte() % 2);
    for (std::size_t cuts = choices_.byte() % 3; cuts > 0 && message.size() > 1; --cuts) {
      const std::size_t size = 1 + choices_.below(message.size() - 1);
      put(SSL3_RT_HANDSHAKE, message.substr(0, size));
      message.erase(0, size);
    }
    put(SSL3_RT_HANDSHAKE, message);
    advance();
  }

  void put_header() {
    std::string header{"\x17\x03\x03\0\0", 5};
    header[choices_.below(3)] = static_cast<char>(choices_.byte());
    header[3] = static_cast<char>(choices_.byte() % 70);
    header[4] = static_cast<char>(choices_.byte());
    script_.wire += header;
  }

  void forge() {
    if (script_.records.empty()) return;
    const Script::Record& record = script_.records.back();
    const std::size_t place = record.offset + choices_.below(record.bytes.size());
    script_.wire[place] = static_cast<char>(script_.wire[place] ^ static_cast<char>(1U << choices_.byte() % 8));
  }

  Choices& choices_;
  Sealer& sealer_;
  Script script_;
  std::set<std::size_t> cuts_;
  int key_ = 0;
};

class Judge {
 public:
  Judge(const Script& script, bool may_update_keys) : script_{script}, may_update_keys_{may_update_keys} {}

  Verdict judge() {
    std::size_t place = 0;
    while (verdict_.end == Verdict::End::kOpen) {
      const std::string_view left = std::string_view{script_.wire}.substr(place);
      if (left.size() < kHeader) return finish(left.empty());
      const std::size_t size = kHeader + static_cast<std::size_t>(static_cast<std::uint8_t>(left[3])) * 256 +
                               static_cast<std::uint8_t>(left[4]);
      if (left[0] != '\x17') {
        refuse(SSL_AD_UNEXPECTED_MESSAGE);
      } else if (left.substr(1, 2) != "\x03\x03") {
        refuse(SSL_AD_DECODE_ERROR);
      } else if (size > kHeader + kMostSealed) {
        refuse(SSL_AD_RECORD_OVERFLOW);
      } else if (left.size() < size) {
        return finish(false);
      } else {
        take(place, left.substr(0, size));
      }
      place += size;
    }
    return std::move(verdict_);
  }

 private:
  Verdict finish(bool is_between_records) {
    using End = Verdict::End;
    if (script_.has_end) verdict_.end = is_between_records ? End::kBare : End::kTruncated;
    return std::move(verdict_);
  }

  void refuse(int alert) {
    verdict_.answers.push_back({'\x02', static_cast<char>(alert), static_cast<char>(SSL3_RT_ALERT)});
    verdict_.end = Verdict::End::kRefused;
  }

  void take(std::size_t place, std::string_view bytes) {
    const auto record = std::find_if(script_.records.begin(), script_.records.end(), [&](const Script::Record& made) {
      return made.offset == place && made.bytes == bytes && made.key == key_ && made.sequence == sequence_;
    });
    if (record == script_.records.end() || record->inner.empty()) return refuse(SSL_AD_BAD_RECORD_MAC);
    ++sequence_;
    if (record->inner.size() > kMostPlain + 1) return refuse(SSL_AD_RECORD_OVERFLOW);
    const std::size_t last = record->inner.find_last_not_of('\0');
    if (last == std::string::npos) return refuse(SSL_AD_UNEXPECTED_MESSAGE);
    accept(record->inner[last], record->inner.substr(0, last));
  }

  void accept(int type, const std::string& content) {
    if (type != SSL3_RT_HANDSHAKE && !message_.empty()) return refuse(SSL_AD_UNEXPECTED_MESSAGE);
    if (!content.empty()) empties_ = 0;
    if (!content.empty() && type != SSL3_RT_ALERT) warnings_ = 0;
    if (type == SSL3_RT_APPLICATION_DATA) {
      verdict_.heard += content;
      if (content.empty() && ++empties_ == 33) refuse(SSL_AD_UNEXPECTED_MESSAGE);
    } else if (type == SSL3_RT_ALERT && content.size() == 2) {
      accept_alert(static_cast<std::uint8_t>(content[1]));
    } else if (type == SSL3_RT_HANDSHAKE && !content.empty()) {
      accept_handshake(content);
    } else {
      refuse(SSL_AD_UNEXPECTED_MESSAGE);
    }
  }

  void accept_alert(int description) {
    if (description == SSL_AD_CLOSE_NOTIFY) {
      verdict_.end = Verdict::End::kClean;
    } else if (description != SSL_AD_USER_CANCELLED) {
      verdict_.end = Verdict::End::kTold;
    } else if (++warnings_ == 5) {
      refuse(SSL_AD_UNEXPECTED_MESSAGE);
    }
  }

  void accept_handshake(const std::string& part) {
    message_ += part;
    const std::string head = message_.substr(0, 4);
    if (head[0] != kKeyUpdate[0]) return refuse(SSL_AD_UNEXPECTED_MESSAGE);
    if (!kKeyUpdate.starts_with(head)) return refuse(SSL_AD_DECODE_ERROR);
    if (message_.size() > 5) return refuse(SSL_AD_UNEXPECTED_MESSAGE);
    if (message_.size() < 5) return;
    const char request = message_[4];
    if (request != 0 && request != 1) return refuse(SSL_AD_ILLEGAL_PARAMETER);
    message_.clear();
    if (!may_update_keys_) {
      verdict_.end = Verdict::End::kFlood;
      return;
    }
    ++key_;
    sequence_ = 0;
    if (request == 1) verdict_.answers.push_back(kKeyUpdate + static_cast<char>(SSL3_RT_HANDSHAKE));
  }

  const Script& script_;
  bool may_update_keys_;
  Verdict verdict_;
  std::string message_;
  int key_ = 0;
  std::uint64_t sequence_ = 0;
  int empties_ = 0;
  int warnings_ = 0;
};

}  // namespace

Script make_script(Choices& choices, Sealer sealer) { return Writer{choices, sealer}.write(); }

Verdict judge(const Script& script, bool may_update_keys) { return Judge{script, may_update_keys}.judge(); }

}  // namespace sidelock

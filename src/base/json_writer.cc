// See json_writer.h.
#include "base/json_writer.h"

#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/utf8.h"

namespace sidelock {

namespace {

void escape(std::string& to, char32_t point) {
  constexpr char32_t kBeyondOneUnit = 0x10000;
  if (point < kBeyondOneUnit) {
    fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<std::uint32_t>(point));
    return;
  }
  const auto beyond = static_cast<std::uint32_t>(point - kBeyondOneUnit);
  fmt::format_to(std::back_inserter(to), "\\u{:04x}\\u{:04x}", 0xd800U + (beyond >> 10U), 0xdc00U + (beyond & 0x3ffU));
}

}  // namespace

void JsonWriter::open(char bracket) {
  written_ += bracket;
  is_first_ = true;
}

void JsonWriter::close(char bracket) {
  written_ += bracket;
  is_first_ = false;
}

void JsonWriter::separate() {
  if (!std::exchange(is_first_, false)) written_ += ',';
}

void JsonWriter::key(std::string_view name) {
  separate();
  put(name);
  written_ += ':';
}

void JsonWriter::begin_object(std::string_view name) {
  key(name);
  open('{');
}

void JsonWriter::begin_array(std::string_view name) {
  key(name);
  open('[');
}

void JsonWriter::begin_object() {
  separate();
  open('{');
}

std::string JsonWriter::take() {
  close('}');
  return std::move(written_);
}

void JsonWriter::put(std::string_view text) {
  written_ += '"';
  while (!text.empty()) {
    const auto [length, point] = first_character(text);
    if (length == 0) {
      written_ += text_ == Text::kAscii ? "\\ufffd" : "\xef\xbf\xbd";
    } else if (point == '"' || point == '\\') {
      written_ += '\\';
      written_ += static_cast<char>(point);
    } else if (point < 0x20 || (point >= 0x7f && text_ == Text::kAscii)) {
      escape(written_, point);
    } else {
      written_ += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  written_ += '"';
}

void JsonWriter::put(bool value) { written_ += value ? "true" : "false"; }

void JsonWriter::put(double value) { fmt::format_to(std::back_inserter(written_), "{}", value); }

void JsonWriter::put_number(std::uint64_t value) { fmt::format_to(std::back_inserter(written_), "{}", value); }

}  // namespace sidelock

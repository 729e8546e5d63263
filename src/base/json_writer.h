// JSON written from front to back. A library's tree of values takes memory even while it is destroyed, and the process
// ends when there is none: what is written while connections are served is written by this.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace sidelock {

// An object; others and arrays may be inside. May throw std::bad_alloc, and is destroyed without memory.
class JsonWriter {
 public:
  enum class Text { kUtf8, kAscii };  // what is not valid UTF-8 becomes U+FFFD

  explicit JsonWriter(Text text = Text::kUtf8) : text_{text} { open('{'); }

  // One member of an object: its name and a value, or what then follows in begin_...() and end_...().
  template <class T>
  void add(std::string_view name, const T& value) {
    key(name);
    put(value);
  }
  void begin_object(std::string_view name);
  void begin_array(std::string_view name);
  // One element of an array.
  template <class T>
  void add(const T& value) {
    separate();
    put(value);
  }
  void begin_object();
  void end_object() { close('}'); }
  void end_array() { close(']'); }

  // Ends the object that it is, and gives it away.
  std::string take();

 private:
  void open(char bracket);
  void close(char bracket);
  void separate();
  void key(std::string_view name);
  void put(std::string_view text);
  void put(const std::string& text) { put(std::string_view{text}); }
  void put(const char* text) { put(std::string_view{text}); }
  void put(bool value);
  void put(double value);
  void put(std::unsigned_integral auto value) requires(!std::same_as<decltype(value), bool>) { put_number(value); }
  void put_number(std::uint64_t value);

  std::string written_;
  Text text_;
  bool is_first_ = true;  // of its object or array
};

}  // namespace sidelock

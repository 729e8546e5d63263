// Sockets on a real reactor: waiting, half-close, aborts by time limits, and errors that never look like an end.
#include "io/socket.h"

#include <array>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "io/buffers.h"
#include "io/deadline.h"
#include "io/task.h"
#include "proxy/window.h"

namespace sidelock {
namespace {

struct Pair {
  Pair() {
    std::array<int, 2> fds{};
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), "make a socket pair");
    ours.reset(fds[0]);
    theirs.reset(fds[1]);
  }
  Fd ours;
  Fd theirs;
};

std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span{text}); }

Detached read_all(Reactor& reactor, Socket& socket, std::string& into, Io& end) {
  std::array<std::byte, 16> buffer{};
  for (;;) {
    co_await socket.readable();
    const IoResult got = socket.read(buffer);
    if (got.state == Io::kDone) into.append(reinterpret_cast<const char*>(buffer.data()), got.bytes);
    if (got.state == Io::kEnd || got.state == Io::kError) {
      end = got.state;
      reactor.stop();
      co_return;
    }
  }
}

TEST(Socket, ReadsWhatComesUntilTheCleanEnd) {
  Reactor reactor;
  Pair pair;
  Socket socket{std::move(pair.ours), reactor};
  std::string text;
  Io end = Io::kDone;
  read_all(reactor, socket, text, end);
  std::thread peer{[&] {
    for (int i = 0; i < 100; ++i) ASSERT_EQ(::send(pair.theirs.get(), "0123456789abcdefXYZ", 19, 0), 19);
    ::shutdown(pair.theirs.get(), SHUT_WR);
  }};
  reactor.run();
  peer.join();
  EXPECT_EQ(text.size(), 1900U);
  EXPECT_EQ(end, Io::kEnd);
}

TEST(Socket, ADeadlineEndsAWaitAsAnErrorAndNotAsAnEnd) {
  Reactor reactor;
  Pair pair;
  Socket socket{std::move(pair.ours), reactor};
  const Deadline deadline{socket, std::chrono::milliseconds{5}};
  std::string text;
  Io end = Io::kDone;
  read_all(reactor, socket, text, end);
  reactor.run();
  EXPECT_EQ(end, Io::kError);
  EXPECT_EQ(socket.error(), ETIMEDOUT);
  EXPECT_TRUE(deadline.has_expired());
}

TEST(Socket, AnEndAfterAnErrorIsAnError) {
  Reactor reactor;
  Pair pair;
  Socket socket{std::move(pair.ours), reactor};
  pair.theirs.reset();
  EXPECT_EQ(socket.write(bytes("nobody reads this")).state, Io::kError);
  std::array<std::byte, 16> buffer{};
  EXPECT_EQ(socket.read(buffer).state, Io::kError);
  EXPECT_EQ(socket.error(), EPIPE);
}

Detached write_all(Reactor& reactor, Socket& socket, std::size_t total, std::size_t& written) {
  const std::string block(8192, 'x');
  while (written < total) {
    const IoResult sent = socket.write(bytes(block).first(std::min(block.size(), total - written)));
    written += sent.bytes;
    if (sent.state == Io::kWouldBlock) co_await socket.writable();
  }
  reactor.stop();
}

TEST(Socket, AWriterWaitsForASlowReaderAndLosesNothing) {
  Reactor reactor;
  Pair pair;
  Socket socket{std::move(pair.ours), reactor};
  constexpr std::size_t kTotal = std::size_t{8} << 20U;
  std::size_t written = 0;
  write_all(reactor, socket, kTotal, written);
  EXPECT_LT(written, kTotal);
  std::size_t received = 0;
  std::thread peer{[&] {
    std::array<char, 3001> buffer{};
    while (received < kTotal) {
      const ssize_t count = ::recv(pair.theirs.get(), buffer.data(), buffer.size(), 0);
      if (count > 0) received += static_cast<std::size_t>(count);
    }
  }};
  reactor.run();
  peer.join();
  EXPECT_EQ(written, kTotal);
  EXPECT_EQ(received, kTotal);
}

TEST(Reactor, RunsPostedWorkInOrderInItsOwnThread) {
  Reactor reactor;
  std::vector<int> order;
  std::thread::id thread;
  std::thread other{[&] {
    for (int i = 0; i < 100; ++i) reactor.post([&, i] { order.push_back(i); });
    reactor.post([&] { thread = std::this_thread::get_id(); });
    reactor.stop();
  }};
  reactor.run();
  other.join();
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(thread, std::this_thread::get_id());
}

TEST(KeptBytes, KeepTheirOrderAndAreAccounted) {
  Buffers buffers;
  {
    KeptBytes kept{buffers};
    kept.append(bytes("hello "));
    kept.drop_front(2);
    kept.append(bytes("world"));
    const auto all = kept.bytes();
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(all.data()), all.size()), "llo world");
    const std::string large(Buffers::kKeptBytesLimit, 'x');
    kept.append(bytes(large));
    EXPECT_TRUE(buffers.is_short_of_memory());
    kept.drop_front(kept.size());
    EXPECT_FALSE(buffers.is_short_of_memory());
    kept.append(bytes(large + "y"));
  }
  EXPECT_FALSE(buffers.is_short_of_memory());
}

TEST(Window, GrowsWhileThePeerKeepsUpAndStaysSmallWhenMemoryIsShort) {
  Buffers buffers;
  Window window{buffers};
  EXPECT_EQ(window.size(), Buffers::kSmallestWindow);
  for (int i = 0; i < 10; ++i) window.learn(window.size(), true);
  EXPECT_EQ(window.size(), Buffers::kLargestWindow);
  window.learn(100, true);
  EXPECT_EQ(window.size(), Buffers::kLargestWindow);
  window.learn(window.size(), false);
  EXPECT_EQ(window.size(), Buffers::kLargestWindow / 2);
  buffers.keep(Buffers::kKeptBytesLimit + 1);
  EXPECT_EQ(window.size(), Buffers::kSmallestWindow);
}

}  // namespace
}  // namespace sidelock

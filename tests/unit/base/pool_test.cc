// Blocks come back to who freed them, hold what they were asked for, and what a thread keeps has bounds.
#include "base/pool.h"

#include <csignal>
#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <malloc.h>

namespace sidelock::pool {
namespace {

// Sanitizers' builds keep nothing: there a freed block never comes back at once.
bool keeps_blocks() {
  release(allocate(100));
  const bool keeps = kept_bytes() > 0;
  give_back();
  return keeps;
}

// malloc may give more than it must, when what is left of a free block would be too small: such a block has its place
// among larger ones.
void* allocate_exactly(std::size_t size, std::size_t usable, std::vector<void*>& larger) {
  for (;;) {
    void* const block = allocate(size);
    if (::malloc_usable_size(block) == usable) return block;
    larger.push_back(block);
  }
}

class Pool : public testing::Test {
 protected:
  void SetUp() override { give_back(); }
  void TearDown() override { give_back(); }
};

TEST_F(Pool, GivesTheBlockThatWasFreedLast) {
  if (!keeps_blocks()) GTEST_SKIP() << "a sanitizer's build keeps nothing";
  std::vector<void*> larger;
  void* const first = allocate_exactly(500, 504, larger);
  void* const second = allocate_exactly(500, 504, larger);
  release(first);
  release(second);
  EXPECT_EQ(allocate(500), second);
  EXPECT_EQ(allocate(496), first) << "sizes are malloc's: this one is the same block";
  release(first);
  release(second);
  for (void* const block : larger) release(block);
}

TEST_F(Pool, EverySizeHasItsPlace) {
  for (std::size_t size = 1; size < 20'000; ++size) {
    auto* const block = static_cast<char*>(allocate(size));
    ASSERT_NE(block, nullptr);
    block[0] = block[size - 1] = 'x';
    release(block);
    auto* const same = static_cast<char*>(allocate(size));
    same[0] = same[size - 1] = 'y';
    release(same);
  }
}

TEST_F(Pool, NeverGivesABlockThatIsTooSmall) {
  std::mt19937 random{1};
  std::uniform_int_distribution<std::size_t> sizes{1, 20'000};
  struct Block {
    unsigned char* bytes;
    std::size_t size;
  };
  std::vector<Block> live;
  const auto check_and_release = [](const Block& block) {
    for (const std::size_t place : {std::size_t{0}, block.size / 2, block.size - 1})
      ASSERT_EQ(block.bytes[place], static_cast<unsigned char>(block.size));
    release(block.bytes);
  };
  for (int turn = 0; turn < 20'000; ++turn) {
    if (live.size() > 200 || (!live.empty() && random() % 2 == 0)) {
      const std::size_t place = random() % live.size();
      check_and_release(live[place]);
      live[place] = live.back();
      live.pop_back();
      continue;
    }
    const std::size_t size = sizes(random);
    Block block{static_cast<unsigned char*>(allocate(size)), size};
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block.bytes) % alignof(std::max_align_t), 0U);
    std::memset(block.bytes, static_cast<unsigned char>(size), size);
    live.push_back(block);
  }
  for (const Block& block : live) check_and_release(block);
}

TEST_F(Pool, KeepsItsBounds) {
  // A bound is looked at before a block is added: one block may pass it.
  constexpr std::size_t kBound = std::size_t{2} * 1024 * 1024;
  constexpr std::size_t kBoundOfOneSize = std::size_t{24} * 1024;
  std::vector<void*> blocks;
  for (std::size_t size = 24; size < 18'000; size += 16) {
    for (int i = 0; i < 20; ++i) blocks.push_back(allocate(size));
  }
  for (void* const block : blocks) release(block);
  EXPECT_LE(kept_bytes(), kBound + std::size_t{18} * 1024) << "in all";

  give_back();
  EXPECT_EQ(kept_bytes(), 0U);
  blocks.clear();
  for (int i = 0; i < 1000; ++i) blocks.push_back(allocate(1016));
  for (void* const block : blocks) release(block);
  // malloc may give a block that is a step or two larger, and such a block counts for that size.
  EXPECT_LE(kept_bytes(), 2 * kBoundOfOneSize) << "of one size";
}

TEST_F(Pool, KnowsABlockThatWasGivenBackFromOneThatIsFreedTwice) {
  // Neighbours that are given back become one piece of memory, and leave in it what stood in them.
  std::vector<void*> blocks;
  for (int i = 0; i < 20; ++i) blocks.push_back(allocate(1016));
  for (int turn = 0; turn < 3; ++turn) {
    for (void* const block : blocks) release(block);
    give_back();
    for (void*& block : blocks) block = allocate(1016);
  }
  for (void* const block : blocks) release(block);
}

TEST_F(Pool, ResizesAsReallocDoes) {
  auto* block = static_cast<char*>(resize(nullptr, 10));
  std::memcpy(block, "123456789", 10);
  for (const std::size_t size : {30U, 3000U, 300'000U, 100U, 10U}) {
    block = static_cast<char*>(resize(block, size));
    ASSERT_STREQ(block, "123456789") << size;
  }
  release(block);
  // The block is as large as its place says, although it came from realloc.
  auto* const other = static_cast<char*>(allocate(24));
  std::memset(other, 1, 24);
  release(other);
  EXPECT_EQ(resize(allocate(10), 0), nullptr);
  EXPECT_EQ(allocate(0), nullptr);
  release(nullptr);
}

TEST_F(Pool, BlocksMayBeFreedInAnotherThread) {
  std::vector<void*> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(allocate(200));
  std::thread{[&] {
    for (void* const block : blocks) release(block);
    close_thread();
    EXPECT_EQ(kept_bytes(), 0U);
    // As OpenSSL does in the destructors of a thread's keys.
    release(allocate(200));
    EXPECT_EQ(kept_bytes(), 0U) << "a closed thread keeps none";
  }}.join();
}

using PoolDeathTest = Pool;

TEST_F(PoolDeathTest, ABlockFreedTwiceEndsTheProcess) {
  if (!keeps_blocks()) GTEST_SKIP() << "a sanitizer notices it by itself";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        void* const block = allocate(300);
        release(block);
        release(block);
      },
      testing::KilledBySignal(SIGABRT), "");
}

TEST_F(PoolDeathTest, ABlockFreedTwiceInTwoThreadsEndsTheProcess) {
  if (!keeps_blocks()) GTEST_SKIP() << "a sanitizer notices it by itself";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        void* const block = allocate(300);
        std::thread other{[&] {
          release(block);
          std::thread{[&] { release(block); }}.join();
        }};
        other.join();
      },
      testing::KilledBySignal(SIGABRT), "");
}

}  // namespace
}  // namespace sidelock::pool

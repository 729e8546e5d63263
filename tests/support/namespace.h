// A network namespace for each test, and a /run of its own, so that tests share neither rules nor the xtables lock.
// The main thread moves in and out again: libiptc and /proc/net look at the namespace of the main thread.
#pragma once

#include <gtest/gtest.h>

#include "base/fd.h"

namespace sidelock::test {

// Skips the test where the process may not make namespaces; fails it rather than let it run in the initial one.
class NamespaceTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

 private:
  Fd outer_network_;
  Fd outer_mounts_;
};

}  // namespace sidelock::test

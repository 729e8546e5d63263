// libFuzzer's target for the record layer: record_layer_fuzz -runs=N -seed=N [DIRECTORY]. An empty directory is filled
// with seeds first.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "fuzz/record_layer_check.h"

namespace {

// Scripts of ten actions each, of all kinds: what follows is the fuzzer's.
void fill(const std::filesystem::path& directory) {
  constexpr int kSeeds = 40;
  constexpr int kSize = 60;
  std::mt19937 random{1};
  for (int i = 0; i < kSeeds; ++i) {
    std::ofstream seed{directory / std::to_string(i), std::ios::binary};
    for (int byte = 0; byte < kSize; ++byte) seed.put(static_cast<char>(random()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  for (int i = 1; i < *count; ++i) {
    const std::filesystem::path path{(*arguments)[i]};
    if (std::filesystem::is_directory(path) && std::filesystem::is_empty(path)) fill(path);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string difference = sidelock::check_record_layer({data, size});
  if (difference.empty()) return 0;
  std::fprintf(stderr, "The record layer is wrong: %s.\n", difference.c_str());
  std::abort();
}

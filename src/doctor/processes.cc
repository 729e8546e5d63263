// See processes.h.
#include "doctor/processes.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "base/log.h"

namespace sidelock {

namespace {

namespace fs = std::filesystem;

// "socket:[4711]" -> 4711.
std::optional<std::uint64_t> socket_inode(std::string_view link) {
  constexpr std::string_view kPrefix = "socket:[";
  if (!link.starts_with(kPrefix)) return std::nullopt;
  std::uint64_t inode = 0;
  const auto [end, error] = std::from_chars(link.data() + kPrefix.size(), link.data() + link.size(), inode);
  return error == std::errc{} && *end == ']' ? std::optional{inode} : std::nullopt;
}

SocketOwner owner_from(const fs::path& process) {
  std::string name;
  std::getline(std::ifstream{process / "comm"}, name);
  std::error_code none;
  // The same file under any name, or another version of it under its own.
  const bool is_this_file = fs::equivalent(process / "exe", "/proc/self/exe", none);
  return {fmt::format("{} (pid {})", log::printable(name), process.filename().string()),
          is_this_file || name == "sidelock"};
}

}  // namespace

SocketOwners socket_owners() {
  SocketOwners owners;
  std::error_code error;  // processes come and go, and many are not ours to look at
  for (fs::directory_iterator process{"/proc", error}, end; !error && process != end; process.increment(error)) {
    if (process->path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code unseen;
    for (fs::directory_iterator file{process->path() / "fd", unseen}; !unseen && file != end; file.increment(unseen)) {
      std::error_code gone;
      const auto inode = socket_inode(fs::read_symlink(file->path(), gone).string());
      if (inode) owners.emplace(*inode, owner_from(process->path()));
    }
  }
  return owners;
}

std::string holder_of(const WaitingSocket& socket, const SocketOwners& owners) {
  const auto owner = owners.find(socket.inode);
  return owner == owners.end() ? fmt::format("a process of uid {}", socket.uid) : owner->second.name;
}

}  // namespace sidelock

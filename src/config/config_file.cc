// See config_file.h. Which names exist is not known here.
#include "config/config_file.h"

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"

namespace sidelock {

namespace {

constexpr std::size_t kLargestFile = std::size_t{1} << 20U;
constexpr std::string_view kBlanks = " \t\r";

[[noreturn]] void cannot_read(const std::string& path, int error) {
  const bool is_permission = error == EACCES || error == EPERM;
  throw Failure{
      is_permission ? ExitCode::kMissingPermission : ExitCode::kUsage,
      fmt::format("--config: cannot read \"{}\": {}", log::printable(path), std::generic_category().message(error))};
}

std::string contents(const std::string& path) {
  const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) cannot_read(path, errno);
  std::string text;
  std::array<char, 4096> chunk{};
  for (;;) {
    const ssize_t size = ::read(file.get(), chunk.data(), chunk.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) cannot_read(path, errno);
    if (size == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(size));
    if (text.size() > kLargestFile) cannot_read(path, EFBIG);
  }
}

std::string_view without_comment(std::string_view line) {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at == 0 || kBlanks.find(line[at - 1]) != std::string_view::npos) return line.substr(0, at);
  }
  return line;
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return std::string{text.substr(first, text.find_last_not_of(kBlanks) - first + 1)};
}

}  // namespace

std::vector<ConfigLine> read_config_file(const std::string& path) {
  const std::string text = contents(path);
  std::vector<ConfigLine> lines;
  std::string_view rest = text;
  for (unsigned number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string line = trimmed(without_comment(rest.substr(0, end)));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.empty()) continue;
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Failure{ExitCode::kUsage, fmt::format("{}:{}: \"{}\" is not a setting; allowed: name = value, # comment",
                                                  log::printable(path), number, log::printable(line))};
    }
    lines.push_back({number, trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1))});
  }
  return lines;
}

}  // namespace sidelock

// See repetition.h.
#include "base/repetition.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/grouped.h"

namespace sidelock {

namespace {

bool is_digit(char letter) { return std::isdigit(static_cast<unsigned char>(letter)) != 0; }

}  // namespace

std::string kind_of(std::string_view message) {
  std::string kind;
  for (const char letter : message) {
    if (!is_digit(letter)) {
      kind += letter;
    } else if (!kind.ends_with('#')) {
      kind += '#';
    }
  }
  return kind;
}

bool RepetitionLimit::admit(const std::string& kind, std::uint64_t first, Time now) {
  auto found = kinds_.find(kind);
  if (found == kinds_.end() && kinds_.size() >= kMostKinds) {
    std::erase_if(kinds_, [now](const auto& each) { return each.second.ends_at <= now && each.second.withheld == 0; });
    if (kinds_.size() >= kMostKinds) found = kinds_.try_emplace("messages of many kinds").first;
  }
  if (found == kinds_.end()) found = kinds_.try_emplace(kind).first;
  Kind& state = found->second;
  // What is withheld keeps its window until it has been told.
  if (state.ends_at <= now && state.withheld == 0) state = {now + kWindow};
  if (++state.seen <= first) return true;
  ++state.withheld;
  return false;
}

std::optional<RepetitionLimit::Time> RepetitionLimit::next_due() const {
  std::optional<Time> due;
  for (const auto& [name, kind] : kinds_) {
    if (kind.withheld > 0 && (!due || kind.ends_at < *due)) due = kind.ends_at;
  }
  return due;
}

std::vector<RepetitionLimit::Withheld> RepetitionLimit::take(Time by) {
  const auto is_due = [by](const Kind& kind) { return kind.withheld > 0 && kind.ends_at <= by; };
  std::vector<Withheld> told;
  for (const auto& [name, kind] : kinds_) {
    if (is_due(kind)) told.push_back({name, kind.withheld});
  }
  // Only now, when nothing can fail any more: what is forgotten has been told.
  for (auto& [name, kind] : kinds_) {
    if (is_due(kind)) kind = {};
  }
  return told;
}

std::string in_words(const RepetitionLimit::Withheld& withheld) {
  return fmt::format("{} more like this within {} s: {}", grouped(withheld.count), RepetitionLimit::kWindow.count(),
                     withheld.kind);
}

}  // namespace sidelock

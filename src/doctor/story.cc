// See story.h.
#include "doctor/story.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sidelock {

std::string story_as_text(const Story& story) {
  std::string text;
  for (const Step& step : story.steps) text += fmt::format("{:<12} {}\n", step.name, step.text);
  return text + fmt::format("{:<12} {}: {}\n", "=>", story.result, story.meaning);
}

std::string story_as_json(const Story& story) {
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const Step& step : story.steps) steps.push_back({{"name", step.name}, {"text", step.text}});
  const nlohmann::ordered_json all{
      {"version", SIDELOCK_VERSION}, {"result", story.result}, {"meaning", story.meaning}, {"steps", std::move(steps)}};
  return all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace sidelock

// The steps of an explanation and how it ends, for people and for machines. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace sidelock {

struct Step {
  std::string name;  // "rule"
  std::string text;
};

struct Story {
  std::vector<Step> steps;
  std::string result;  // one word; docs/operations.md lists them
  std::string meaning;
  ExitCode code = ExitCode::kOk;

  void tell(std::string name, std::string text) { steps.push_back({std::move(name), std::move(text)}); }
  // Returns itself, so that an explanation can end with it.
  Story& end(std::string how, std::string what) {
    result = std::move(how);
    meaning = std::move(what);
    return *this;
  }
};

std::string story_as_text(const Story& story);
std::string story_as_json(const Story& story);

}  // namespace sidelock

// What the kernel holds of routing rules and of routes outside its own tables, as values, through libnl. Each has a
// text as `ip` prints it, in which everything stands that decides about a packet: equal texts do the same. Main thread
// only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/settings.h"
#include "netsetup/rule.h"

namespace sidelock::rtnetlink {

struct LiveRule {
  Family family = Family::kIpv4;
  std::uint32_t preference = 0;
  std::uint32_t table = 0;
  std::uint8_t protocol = 0;
  std::string text;           // "101: from 127.0.0.0/8 iif lo lookup 19132 proto 93"
  std::vector<char> message;  // as the kernel sent it, for remove()
};

struct LiveRoute {
  Family family = Family::kIpv4;
  std::uint32_t table = 0;
  std::uint8_t protocol = 0;
  std::string text;  // "local default dev lo table 19132 proto 93"
  std::vector<char> message;
};

struct Routing {
  bool is_supported = false;  // the kernel has the family, and rules for it; else there is nothing
  std::vector<LiveRule> rules;
  std::vector<LiveRoute> routes;  // without the tables local, main and default
};

// Needs no privilege. Throws Failure.
Routing read(Family family);

// `from source iif lo lookup table`. All that follow need NET_ADMIN and throw Failure; so does what is there already.
struct NewRule {
  Family family = Family::kIpv4;
  std::uint32_t preference = 0;
  std::uint32_t table = 0;
  std::uint8_t protocol = 0;
  std::string source;
};
void add(const NewRule& wanted);

// `local default dev lo table`.
struct NewRoute {
  Family family = Family::kIpv4;
  std::uint32_t table = 0;
  std::uint8_t protocol = 0;
};
void add(const NewRoute& wanted);

// What is gone already is no error.
void remove(const LiveRule& rule);
void remove(const LiveRoute& route);

}  // namespace sidelock::rtnetlink

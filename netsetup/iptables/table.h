// One table of one family as libiptc hands it out: a snapshot that is changed and committed as a whole.
// libiptc keeps static state: one thread of one process.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "netsetup/rule.h"

namespace sidelock::iptables {

// A rule as read: ours when it decodes to one of ours.
struct LiveRule {
  std::optional<Rule> rule;    // nothing when a Rule cannot say it
  std::string target;          // chain, verdict or extension; empty: the rule only counts
  bool is_ours = false;
  bool may_match_ports = true; // false: surely no TCP to the asked ports
};

class LiveTable {
 public:
  virtual ~LiveTable() = default;

  // Reads the table (iptc_init), which makes it exist in this namespace. Throws TableError.
  static std::unique_ptr<LiveTable> open(Family family, Table table);

  virtual std::vector<std::string> chains() = 0;
  virtual std::vector<LiveRule> rules(const std::string& chain, const std::vector<PortRange>& ports) = 0;

  // Changes of the snapshot. Throw TableError.
  virtual void create_chain(const std::string& chain) = 0;
  virtual void delete_chain(const std::string& chain) = 0;  // empty and unreferenced
  virtual void flush_chain(const std::string& chain) = 0;
  virtual void append(const std::string& chain, const Rule& rule) = 0;
  virtual void insert(const std::string& chain, const Rule& rule, unsigned position) = 0;  // from 0
  virtual void remove(const std::string& chain, unsigned position) = 0;

  // Hands the snapshot to the kernel in one transaction. False when somebody else changed the table meanwhile: open again.
  virtual bool commit() = 0;
};

// What libiptc refused: its words, and errno for telling the cases apart.
class TableError : public std::runtime_error {
 public:
  TableError(const std::string& what, int error) : std::runtime_error{what}, error_{error} {}
  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  int error_;
};

}  // namespace sidelock::iptables

// One x_tables table opened through libiptc: a copy of its rules that is read, edited, and written back in one step.
// Main thread only: libiptc keeps static state, and calls abort() when the kernel answers what it cannot understand.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/error.h"
#include "netsetup/iptables/entry.h"
#include "netsetup/rule.h"

namespace sidelock::iptables {

// Whether the namespace has tables of iptables, anybody's, of either family. Nothing when this process may not know.
std::optional<bool> is_in_use();

// Whether it has this one.
std::optional<bool> is_listed(Family family, Table table);

struct Operations;  // libiptc's functions of one family

// What libiptc refused, with its errno.
class TableError : public std::runtime_error {
 public:
  TableError(int number, const std::string& message) : std::runtime_error{message}, number_{number} {}
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
};

// The error as the program's: which class it has, and what would help.
Failure to_failure(const TableError& error);

class TableHandle {
 public:
  // Throws TableError. Opening a table that the namespace does not have yet creates it.
  TableHandle(Family family, Table table);

  // Nothing when the namespace has no such table or the kernel no such family; does not create one where it can tell.
  static std::optional<TableHandle> open_if_present(Family family, Table table);

  [[nodiscard]] std::vector<std::string> chains() const;
  [[nodiscard]] std::vector<Decoded> rules(const std::string& chain) const;

  // All throw TableError.
  void create_chain(const std::string& chain);
  void append(const std::string& chain, const Rule& rule);
  void insert(const std::string& chain, const Rule& rule, unsigned position);  // 0 is the front
  void erase(const std::string& chain, unsigned position);
  void flush(const std::string& chain);
  void delete_chain(const std::string& chain);
  void commit();  // throws with EAGAIN when somebody else changed the table since it was opened

 private:
  void check(int result, const std::string& what) const;

  struct Close {
    const Operations* operations;
    void operator()(void* handle) const noexcept;
  };
  Family family_;
  Table table_;
  const Operations* operations_;
  std::unique_ptr<void, Close> handle_;
};

}  // namespace sidelock::iptables

// See table.h.
#include "netsetup/iptables/table.h"

#include <algorithm>
#include <cerrno>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

#include "netsetup/capabilities.h"

// libip6tc.h forgets to say that its functions are C's.
extern "C" {
#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
}

namespace sidelock::iptables {

// libiptc has the same functions twice, under two names and for two types of entry.
struct Operations {
  xtc_handle* (*open)(const char* table);
  void (*close)(xtc_handle*);
  const char* (*first_chain)(xtc_handle*);
  const char* (*next_chain)(xtc_handle*);
  const void* (*first_rule)(const char* chain, xtc_handle*);
  const void* (*next_rule)(const void* rule, xtc_handle*);
  const char* (*target)(const void* rule, xtc_handle*);
  int (*create_chain)(const char* chain, xtc_handle*);
  int (*append)(const char* chain, const void* rule, xtc_handle*);
  int (*insert)(const char* chain, const void* rule, unsigned position, xtc_handle*);
  int (*erase)(const char* chain, unsigned position, xtc_handle*);
  int (*flush)(const char* chain, xtc_handle*);
  int (*delete_chain)(const char* chain, xtc_handle*);
  int (*commit)(xtc_handle*);
  const char* (*error_text)(int number);
};

namespace {

constexpr Operations kIpv4Operations{
    iptc_init,
    iptc_free,
    iptc_first_chain,
    iptc_next_chain,
    [](const char* chain, xtc_handle* table) -> const void* { return iptc_first_rule(chain, table); },
    [](const void* rule, xtc_handle* table) -> const void* {
      return iptc_next_rule(static_cast<const ipt_entry*>(rule), table);
    },
    [](const void* rule, xtc_handle* table) { return iptc_get_target(static_cast<const ipt_entry*>(rule), table); },
    iptc_create_chain,
    [](const char* chain, const void* rule, xtc_handle* table) {
      return iptc_append_entry(chain, static_cast<const ipt_entry*>(rule), table);
    },
    [](const char* chain, const void* rule, unsigned position, xtc_handle* table) {
      return iptc_insert_entry(chain, static_cast<const ipt_entry*>(rule), position, table);
    },
    iptc_delete_num_entry,
    iptc_flush_entries,
    iptc_delete_chain,
    iptc_commit,
    iptc_strerror};

constexpr Operations kIpv6Operations{
    ip6tc_init,
    ip6tc_free,
    ip6tc_first_chain,
    ip6tc_next_chain,
    [](const char* chain, xtc_handle* table) -> const void* { return ip6tc_first_rule(chain, table); },
    [](const void* rule, xtc_handle* table) -> const void* {
      return ip6tc_next_rule(static_cast<const ip6t_entry*>(rule), table);
    },
    [](const void* rule, xtc_handle* table) { return ip6tc_get_target(static_cast<const ip6t_entry*>(rule), table); },
    ip6tc_create_chain,
    [](const char* chain, const void* rule, xtc_handle* table) {
      return ip6tc_append_entry(chain, static_cast<const ip6t_entry*>(rule), table);
    },
    [](const char* chain, const void* rule, unsigned position, xtc_handle* table) {
      return ip6tc_insert_entry(chain, static_cast<const ip6t_entry*>(rule), position, table);
    },
    ip6tc_delete_num_entry,
    ip6tc_flush_entries,
    ip6tc_delete_chain,
    ip6tc_commit,
    ip6tc_strerror};

xtc_handle* as_handle(void* handle) { return static_cast<xtc_handle*>(handle); }

// The tables that the namespace has already. Nothing when this process may not know (the file is for root). A kernel
// that has /proc but no such file has not loaded the family's tables, so there are none.
std::optional<std::vector<std::string>> listed_tables(Family family) {
  const char* const path = family == Family::kIpv4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names";
  std::ifstream names{path};
  const bool is_absent = !names && ::access(path, F_OK) != 0 && ::access("/proc/net/dev", F_OK) == 0;
  if (is_absent) return std::vector<std::string>{};
  if (!names) return std::nullopt;
  std::vector<std::string> tables;
  for (std::string name; std::getline(names, name);) tables.push_back(name);
  return tables;
}

// libiptc's text hangs on its last call, so it is fetched before anything else is called.
TableError table_error(const Operations& operations, Family family, Table table, const std::string& what) {
  const int number = errno;
  return {number,
          fmt::format("{} table {}: {}: {}", name_of(family), name_of(table), what, operations.error_text(number))};
}

std::string permission_advice() {
  const std::string missing = missing_network_capabilities();
  if (missing.empty()) {
    return "NET_ADMIN and NET_RAW are both effective, so a user namespace without rights on this network namespace, a "
           "seccomp profile or a security module is in the way";
  }
  return fmt::format(
      "missing: {}; give `sidelock init` the capabilities NET_ADMIN and NET_RAW "
      "(securityContext.capabilities.add)",
      missing);
}

}  // namespace

std::optional<bool> is_in_use() {
  std::optional<bool> answer = false;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const auto tables = listed_tables(family);
    if (tables && !tables->empty()) return true;
    if (!tables) answer.reset();
  }
  return answer;
}

std::optional<bool> is_listed(Family family, Table table) {
  const auto tables = listed_tables(family);
  if (!tables) return std::nullopt;
  return std::ranges::find(*tables, name_of(table)) != tables->end();
}

Failure to_failure(const TableError& error) {
  const std::string message = error.what();
  switch (error.number()) {
    case EPERM:
    case EACCES: return {ExitCode::kMissingPermission, message + "; " + permission_advice()};
    case ENOENT:
    case ENOPROTOOPT:
    case EPROTONOSUPPORT:
    case EOPNOTSUPP:
      return {ExitCode::kNoBackend, message +
                                        "; this kernel lacks the legacy iptables tables, "
                                        "matches or targets that the rules need"};
    case EAFNOSUPPORT:
      return {ExitCode::kNoBackend, message + "; --ip-family auto leaves out a family that the kernel does not have"};
    case EAGAIN: return {ExitCode::kFailure, message + "; another program kept changing the table; try again"};
    default: return {ExitCode::kFailure, message + "; the kernel log may say more"};
  }
}

void TableHandle::Close::operator()(void* handle) const noexcept { operations->close(as_handle(handle)); }

TableHandle::TableHandle(Family family, Table table)
    : family_{family},
      table_{table},
      operations_{family == Family::kIpv4 ? &kIpv4Operations : &kIpv6Operations},
      handle_{operations_->open(std::string{name_of(table)}.c_str()), Close{operations_}} {
  if (!handle_) throw table_error(*operations_, family, table, "open");
}

std::optional<TableHandle> TableHandle::open_if_present(Family family, Table table) {
  if (is_listed(family, table) == false) return std::nullopt;
  try {
    return TableHandle{family, table};
  } catch (const TableError& error) {
    const int number = error.number();
    if (number == EAFNOSUPPORT || number == ENOENT || number == ENOPROTOOPT) return std::nullopt;
    throw;
  }
}

std::vector<std::string> TableHandle::chains() const {
  std::vector<std::string> names;
  xtc_handle* table = as_handle(handle_.get());
  for (const char* name = operations_->first_chain(table); name != nullptr; name = operations_->next_chain(table))
    names.emplace_back(name);
  return names;
}

std::vector<Decoded> TableHandle::rules(const std::string& chain) const {
  std::vector<Decoded> decoded;
  xtc_handle* table = as_handle(handle_.get());
  for (const void* rule = operations_->first_rule(chain.c_str(), table); rule != nullptr;
       rule = operations_->next_rule(rule, table)) {
    decoded.push_back(decode(static_cast<const unsigned char*>(rule), family_, operations_->target(rule, table)));
  }
  return decoded;
}

void TableHandle::check(int result, const std::string& what) const {
  if (result == 0) throw table_error(*operations_, family_, table_, what);
}

void TableHandle::create_chain(const std::string& chain) {
  check(operations_->create_chain(chain.c_str(), as_handle(handle_.get())), "create chain " + chain);
}

void TableHandle::append(const std::string& chain, const Rule& rule) {
  const auto entry = encode(rule, family_);
  check(operations_->append(chain.c_str(), entry.data(), as_handle(handle_.get())), "append to " + chain);
}

void TableHandle::insert(const std::string& chain, const Rule& rule, unsigned position) {
  const auto entry = encode(rule, family_);
  check(operations_->insert(chain.c_str(), entry.data(), position, as_handle(handle_.get())), "insert into " + chain);
}

void TableHandle::erase(const std::string& chain, unsigned position) {
  check(operations_->erase(chain.c_str(), position, as_handle(handle_.get())), "delete a rule of " + chain);
}

void TableHandle::flush(const std::string& chain) {
  check(operations_->flush(chain.c_str(), as_handle(handle_.get())), "flush " + chain);
}

void TableHandle::delete_chain(const std::string& chain) {
  check(operations_->delete_chain(chain.c_str(), as_handle(handle_.get())), "delete chain " + chain);
}

void TableHandle::commit() { check(operations_->commit(as_handle(handle_.get())), "write"); }

}  // namespace sidelock::iptables

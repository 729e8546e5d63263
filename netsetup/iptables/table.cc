// See table.h. The two families differ only in the names of libiptc's functions.
#include "netsetup/iptables/table.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

extern "C" {
#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
}

#include <fmt/format.h>

#include "base/freed.h"
#include "netsetup/iptables/entry.h"

namespace sidelock::iptables {

namespace {

struct Ipv4 {
  static constexpr Family kFamily = Family::kIpv4;
  using Entry = ipt_entry;
  using Handle = std::unique_ptr<xtc_handle, Freed<iptc_free>>;
  static constexpr auto init = iptc_init;
  static constexpr auto first_chain = iptc_first_chain;
  static constexpr auto next_chain = iptc_next_chain;
  static constexpr auto first_rule = iptc_first_rule;
  static constexpr auto next_rule = iptc_next_rule;
  static constexpr auto get_target = iptc_get_target;
  static constexpr auto create_chain = iptc_create_chain;
  static constexpr auto delete_chain = iptc_delete_chain;
  static constexpr auto flush = iptc_flush_entries;
  static constexpr auto append = iptc_append_entry;
  static constexpr auto insert = iptc_insert_entry;
  static constexpr auto remove = iptc_delete_num_entry;
  static constexpr auto commit = iptc_commit;
  static constexpr auto text = iptc_strerror;
};

struct Ipv6 {
  static constexpr Family kFamily = Family::kIpv6;
  using Entry = ip6t_entry;
  using Handle = std::unique_ptr<xtc_handle, Freed<ip6tc_free>>;
  static constexpr auto init = ip6tc_init;
  static constexpr auto first_chain = ip6tc_first_chain;
  static constexpr auto next_chain = ip6tc_next_chain;
  static constexpr auto first_rule = ip6tc_first_rule;
  static constexpr auto next_rule = ip6tc_next_rule;
  static constexpr auto get_target = ip6tc_get_target;
  static constexpr auto create_chain = ip6tc_create_chain;
  static constexpr auto delete_chain = ip6tc_delete_chain;
  static constexpr auto flush = ip6tc_flush_entries;
  static constexpr auto append = ip6tc_append_entry;
  static constexpr auto insert = ip6tc_insert_entry;
  static constexpr auto remove = ip6tc_delete_num_entry;
  static constexpr auto commit = ip6tc_commit;
  static constexpr auto text = ip6tc_strerror;
};

template <class Api>
class TableOf final : public LiveTable {
 public:
  explicit TableOf(Table table) : table_{table} {
    handle_.reset(Api::init(name(table).c_str()));
    if (!handle_) fail("read the table");
  }

  std::vector<std::string> chains() override {
    std::vector<std::string> names;
    for (const char* chain = Api::first_chain(handle_.get()); chain != nullptr; chain = Api::next_chain(handle_.get())) {
      names.emplace_back(chain);
    }
    return names;
  }

  std::vector<LiveRule> rules(const std::string& chain, const std::vector<PortRange>& ports) override {
    std::vector<LiveRule> found;
    for (const typename Api::Entry* entry = Api::first_rule(chain.c_str(), handle_.get()); entry != nullptr;
         entry = Api::next_rule(entry, handle_.get())) {
      const auto* const bytes = reinterpret_cast<const unsigned char*>(entry);
      LiveRule live;
      live.target = Api::get_target(entry, handle_.get());
      live.rule = decode(bytes, live.target, Api::kFamily);
      // A jump into our chains is ours even with matches that we never wrote: the chain cannot be removed under it.
      live.is_ours = live.target.starts_with(kChainPrefix) || (live.rule && is_ours(*live.rule));
      live.may_match_ports = may_match_tcp(bytes, Api::kFamily, ports);
      found.push_back(std::move(live));
    }
    return found;
  }

  void create_chain(const std::string& chain) override { require(Api::create_chain(chain.c_str(), handle_.get()), "create " + chain); }
  void delete_chain(const std::string& chain) override { require(Api::delete_chain(chain.c_str(), handle_.get()), "delete " + chain); }
  void flush_chain(const std::string& chain) override { require(Api::flush(chain.c_str(), handle_.get()), "flush " + chain); }

  void append(const std::string& chain, const Rule& rule) override {
    const std::vector<unsigned char> bytes = encode(rule, Api::kFamily);
    require(Api::append(chain.c_str(), as_entry(bytes), handle_.get()), to_text(chain, rule));
  }
  void insert(const std::string& chain, const Rule& rule, unsigned position) override {
    const std::vector<unsigned char> bytes = encode(rule, Api::kFamily);
    require(Api::insert(chain.c_str(), as_entry(bytes), position, handle_.get()), to_text(chain, rule));
  }
  void remove(const std::string& chain, unsigned position) override {
    require(Api::remove(chain.c_str(), position, handle_.get()), fmt::format("delete rule {} of {}", position, chain));
  }

  bool commit() override {
    if (Api::commit(handle_.get()) != 0) return true;
    if (errno == EAGAIN) return false;
    fail("commit the table");
  }

 private:
  static const typename Api::Entry* as_entry(const std::vector<unsigned char>& bytes) {
    return reinterpret_cast<const typename Api::Entry*>(bytes.data());
  }
  void require(int succeeded, const std::string& what) {
    if (succeeded == 0) fail(what);
  }
  // libiptc explains an errno by the function that failed last, so ask before anything else is called.
  [[noreturn]] void fail(const std::string& what) {
    const int error = errno;
    const std::string reason = Api::text(error);
    throw TableError{fmt::format("{} table {}: {}: {}", name(Api::kFamily), name(table_), what, reason), error};
  }

  Table table_;
  typename Api::Handle handle_;
};

}  // namespace

std::unique_ptr<LiveTable> LiveTable::open(Family family, Table table) {
  if (family == Family::kIpv4) return std::make_unique<TableOf<Ipv4>>(table);
  return std::make_unique<TableOf<Ipv6>>(table);
}

}  // namespace sidelock::iptables

// Owners of libnftnl's objects.
#pragma once

#include <memory>

extern "C" {
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
}

#include "base/freed.h"

namespace sidelock::nftables {

using TablePtr = std::unique_ptr<nftnl_table, Freed<nftnl_table_free>>;
using ChainPtr = std::unique_ptr<nftnl_chain, Freed<nftnl_chain_free>>;
using RulePtr = std::unique_ptr<nftnl_rule, Freed<nftnl_rule_free>>;
using SetPtr = std::unique_ptr<nftnl_set, Freed<nftnl_set_free>>;
using ExpressionPtr = std::unique_ptr<nftnl_expr, Freed<nftnl_expr_free>>;

}  // namespace sidelock::nftables

// Which application protocol is chosen from a client's ALPN offer (RFC 7301). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"

namespace sidelock {

enum class AlpnAnswer { kNone, kChosen, kRefuse };  // ignore the extension; select; alert no_application_protocol

struct AlpnChoice {
  AlpnAnswer answer = AlpnAnswer::kNone;
  std::string_view protocol;  // a part of `offer`
};

// `offer` is the extension's ProtocolNameList without its outer length: length-prefixed names. A malformed offer is
// refused.
AlpnChoice choose_alpn(AlpnMode mode, const std::vector<std::string>& ours, std::string_view offer);

}  // namespace sidelock

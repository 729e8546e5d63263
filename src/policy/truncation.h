// What a client's bare TCP end, without close_notify, means for the app. Pure.
#pragma once

#include <string_view>

#include "config/settings.h"

namespace sidelock {

struct StreamSoFar {
  bool has_app_ended = false;
  bool has_client_sent = false;           // at least one application byte
  bool did_app_send_last = false;         // the last application bytes went from the app to the client
  std::string_view application_protocol;  // ALPN, empty when none
};

// True: the app sees a clean end. False: it sees a reset, because whoever cut the stream may have cut off its end.
bool is_bare_end_clean(OnTruncation setting, const StreamSoFar& stream);

}  // namespace sidelock

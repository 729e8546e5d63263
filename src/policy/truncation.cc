// See truncation.h.
#include "policy/truncation.h"

namespace sidelock {

bool is_bare_end_clean(OnTruncation setting, const StreamSoFar& stream) {
  if (setting != OnTruncation::kAuto) return setting == OnTruncation::kFin;
  // Most clients never send close_notify. A cut can go unnoticed only where the end of the stream is the end of the
  // message: not when the app has answered or ended already, and not in a protocol that delimits its own messages.
  const std::string_view protocol = stream.application_protocol;
  // "grpc-exp" is what gRPC called h2 before it was registered; its clients still offer it first.
  const bool delimits_messages =
      protocol == "http/1.0" || protocol == "http/1.1" || protocol == "h2" || protocol == "grpc-exp";
  return stream.has_app_ended || !stream.has_client_sent || stream.did_app_send_last || delimits_messages;
}

}  // namespace sidelock

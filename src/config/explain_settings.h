// What explain is asked; apart from the other settings, which it has in common with all commands.
#pragma once

#include <string>

#include "base/address.h"

namespace sidelock {

struct ExplainSettings {
  Endpoint source;  // port 0: any; of the same family as the destination
  Endpoint destination;
  std::string via;                 // the interface; empty: by the route back to the source
  std::string server_name;         // what the client asks for (SNI); empty: nothing
  std::string client_certificate;  // the file with what the client shows; empty: nothing
};

}  // namespace sidelock

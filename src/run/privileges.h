// Gives up what run does not need, before any client is served.
#pragma once

namespace sidelock {

// Drops every capability from all sets of the calling thread and sets no_new_privs (capabilities(7), prctl(2)). Call
// before threads are made: both are per thread and inherited. Throws std::system_error.
void drop_privileges();

}  // namespace sidelock

// See make.h: a build without libnftnl.
#include "base/error.h"
#include "netsetup/nftables/make.h"

namespace sidelock::nftables {

std::unique_ptr<Backend> make_backend(std::chrono::milliseconds /*patience*/) { return nullptr; }

bool is_built_in() { return false; }

bool is_in_use() { throw Failure{ExitCode::kNoBackend, "this build has no nftables backend"}; }

}  // namespace sidelock::nftables

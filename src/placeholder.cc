// Until the capture wing is merged: init says that it is not there.
#include "base/error.h"
#include "netsetup/init.h"

namespace sidelock {

void install_capture(const CaptureSettings& /*settings*/) { throw Failure{ExitCode::kNoBackend, "init is not built yet"}; }
std::string dry_run_text(const CaptureSettings& /*settings*/) { throw Failure{ExitCode::kNoBackend, "init is not built yet"}; }
void remove_capture(const CaptureSettings& /*settings*/) { throw Failure{ExitCode::kNoBackend, "init is not built yet"}; }

}  // namespace sidelock

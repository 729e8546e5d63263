// The status page with a @place@ for each part that is rendered; embed.py makes both from page.html, page.css and
// page.js.
#pragma once

#include <string_view>

namespace sidelock {

extern const std::string_view kStatusPage;
// The Content-Security-Policy under which the page's own style and script run, and nothing else.
extern const std::string_view kStatusPagePolicy;

}  // namespace sidelock

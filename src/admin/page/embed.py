"""embed.py PAGE.html PAGE.css PAGE.js OUT.cc: the status page as one text of C++, and the policy that lets only its own
script and style run."""

import base64
import hashlib
import pathlib
import sys

page, css, script, out = map(pathlib.Path, sys.argv[1:])
texts = {"@CSS@": css.read_text(), "@SCRIPT@": script.read_text()}


def allowed(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


whole = page.read_text()
for place, text in texts.items():
    assert whole.count(place) == 1
    whole = whole.replace(place, text)
policy = (f"default-src 'none'; script-src {allowed(texts['@SCRIPT@'])}; style-src {allowed(texts['@CSS@'])}; img-src data:; "
          "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
assert ')page"' not in whole
out.write_text(
    f'// Made by {pathlib.Path(__file__).name}.\n#include "admin/page/page.h"\n\nnamespace sidelock {{\n\n'
    f'const std::string_view kStatusPage = R"page({whole})page";\nconst std::string_view kStatusPagePolicy = "{policy}";\n\n}}  // namespace sidelock\n')

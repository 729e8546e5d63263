"""Who may include whom. A layer that starts to know another one is a decision, and this table is where it is made."""

import re

import pytest

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)

# Unit of the table: a folder, or a file without its suffix. Everybody may include base/, config/settings.h and itself.
MAY_INCLUDE = {
    "main": {"run", "netsetup/init", "doctor", "config/options", "tls/features", "tls/memory"},
    "run": {"proxy", "policy", "tls", "io", "admin", "config/capture_contract"},
    "base": set(),
    "config": set(),
    "io": set(),
    "tls": {"io", "policy/allow_list"},
    "policy": {"config/capture_contract", "config/port_ranges"},
    "proxy": {"policy", "tls", "io", "config/capture_contract"},
    "admin": set(),
    "netsetup": {"config/capture_contract", "config/port_ranges"},
    "doctor": {"netsetup", "policy", "tls", "config/capture_contract", "config/explain_settings", "config/port_ranges"},
}

# Headers of libraries and of the kernel, and the only files that may include them.
ONLY_IN = [
    (r"openssl/", r"src/tls/"),
    (r"libiptc/|linux/netfilter", r"netsetup/(iptables|nftables)/[^/]+$|src/proxy/original_destination\.cc$"),
    (r"libnftnl/|libmnl/", r"netsetup/nftables/"),
    (r"netlink/", r"netsetup/rtnetlink\.cc$|src/doctor/"),
    (r"boost/", r"src/config/options\.cc$|src/admin/http_server\.cc$"),
    (r"prometheus/", r"src/admin/metrics\.cc$"),
    # Not where connections are served: see base/json_writer.h.
    (r"nlohmann/", r"src/doctor/"),
    (r"sys/(epoll|eventfd|timerfd)\.h$", r"src/io/"),
]
# libiptc itself is for implementation files: its headers clash with each other.
NEVER_IN_HEADERS = re.compile(r"libiptc/|openssl/ssl3|boost/")


def sources(root):
    for folder in ("src", "netsetup"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path.relative_to(root).as_posix(), INCLUDE.findall(path.read_text())


def unit_of(path):
    """src/proxy/relay.cc -> proxy; src/run.h -> run; netsetup/iptables/table.cc -> netsetup."""
    parts = path.removeprefix("src/").split("/")
    return parts[0].rsplit(".", 1)[0] if len(parts) == 1 else parts[0]


def is_allowed(unit, header):
    target = unit_of(header)
    if target in (unit, "base") or header == "config/settings.h":
        return True
    allowed = MAY_INCLUDE.get(unit, set())
    return target in allowed or header.rsplit(".", 1)[0] in allowed


def test_the_layers_include_only_what_lies_below_them(root):
    wrong = [
        f"{path} includes {header}"
        for path, includes in sources(root)
        for header, _ in includes
        if header and not is_allowed(unit_of(path), header)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_folder_has_its_line_in_the_table(root):
    units = {unit_of(path) for path, _ in sources(root)}
    assert units <= MAY_INCLUDE.keys()


@pytest.mark.parametrize("header_pattern, file_pattern", ONLY_IN, ids=[header for header, _ in ONLY_IN])
def test_a_library_is_known_only_where_it_is_wrapped(root, header_pattern, file_pattern):
    wrong = [
        f"{path} includes <{header}>"
        for path, includes in sources(root)
        for quoted, angled in includes
        for header in [quoted or angled]
        if re.match(header_pattern, header) and not re.match(file_pattern, path)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_header_hands_on_the_libraries_it_hides(root):
    wrong = [
        f"{path} includes {quoted or angled}"
        for path, includes in sources(root)
        for quoted, angled in includes
        if path.endswith(".h") and NEVER_IN_HEADERS.match(quoted or angled)
    ]
    assert not wrong, "\n".join(wrong)

"""Capture rules written by hand, as `init` writes them: for what the kernel does with them, apart from who wrote them."""

import re

FAMILIES = (("iptables-legacy", "0.0.0.0"), ("ip6tables-legacy", "::"))


def probe_port(sidelock):
    """The probe port of a run that has found no rules yet."""
    return re.search(r"a probe to \S+:(\d+) ", sidelock.wait_for_message("a probe to")).group(1)


def redirect(pod, sidelock, ports):
    """Every port of the iptables list `ports` to the first capture port."""
    for iptables, _ in FAMILIES:
        for each in ports.split(","):
            pod.run(iptables, "-t", "nat", "-A", "PREROUTING", "!", "-i", "lo", "-p", "tcp", "--dport", each,
                    "-m", "addrtype", "--dst-type", "LOCAL", "-j", "REDIRECT", "--to-ports", "19100")
        pod.run(iptables, "-t", "nat", "-A", "OUTPUT", "-o", "lo", "-p", "tcp", "--dport", probe_port(sidelock),
                "-j", "REDIRECT", "--to-ports", "19100")


def tproxy(pod, sidelock, ports):
    for iptables, any_address in FAMILIES:
        target = ["-m", "addrtype", "--dst-type", "LOCAL", "-j", "TPROXY", "--on-port", "19100", "--on-ip", any_address,
                  "--tproxy-mark", "0x0/0x0"]
        for each in ports.split(","):
            pod.run(iptables, "-t", "mangle", "-A", "PREROUTING", "!", "-i", "lo", "-p", "tcp", "--dport", each, *target)
        pod.run(iptables, "-t", "mangle", "-A", "PREROUTING", "-i", "lo", "-p", "tcp", "--dport", probe_port(sidelock), *target)


def source_routes(pod):
    """What brings the app's answers to a client's address back to us."""
    for family, loopback in (("-4", "127.0.0.0/8"), ("-6", "::1/128")):
        pod.run("ip", family, "rule", "add", "pref", "101", "from", loopback, "iif", "lo", "lookup", "19132")
        pod.run("ip", family, "route", "replace", "local", "default", "dev", "lo", "table", "19132")

"""scripts/bench --rules: how long it takes to apply capture rules and to verify them, by backend and number of ports.
Prints a table, or writes it into docs/capture.md. Under half a minute; wants an otherwise idle machine."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess

DOCUMENT = pathlib.Path(__file__).resolve().parents[1] / "docs" / "capture.md"
BEGIN = "<!-- Figures: written by scripts/bench --rules --docs. -->"
END = "<!-- End of the figures. -->"
PORTS = (1, 10, 1000, 9000)
ROUNDS = 11


def rounds_of(program, backend, ports):
    done = subprocess.run([program, backend, str(ports), str(ROUNDS)], check=True, stdout=subprocess.PIPE, text=True)
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rounds) == ROUNDS, done
    return rounds


def table(program):
    lines = ["| backend | ports | apply | verify |", "|---|---|---|---|"]
    for backend in ("iptables", "nftables"):
        for ports in PORTS:
            rounds = rounds_of(program, backend, ports)
            apply, verify = (statistics.median(each[name] for each in rounds) for name in ("apply_ms", "verify_ms"))
            lines.append(f"| {backend} | {ports:,} | {apply:.1f} ms | {verify:.1f} ms |")
    release = ".".join(platform.release().split("-")[0].split(".")[:2])
    place = f"{os.cpu_count()} virtual CPUs, Linux {release}, {datetime.date.today()}"
    return "\n".join([*lines, "", f"Medians of {ROUNDS} rounds; {place}."])


def write(text):
    before, rest = DOCUMENT.read_text().split(BEGIN)
    _, after = rest.split(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--docs", action="store_true")
    given = parser.parse_args()
    text = table(given.build / "bench" / "bench-rules")
    if given.docs:
        write(text)
    print(text)


main()

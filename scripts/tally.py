#!/usr/bin/python3
"""Sums up the results of scripts/test: tally.py DIRECTORY

DIRECTORY holds for each step NAME.status (its exit code) and NAME.json (GoogleTest) or NAME.xml (pytest's junit).
A step that failed without a failed test in its report, such as a crash, counts as one failed test.
"""

import json
import pathlib
import sys
import xml.etree.ElementTree


def googletest(report):
    """Yields (name, outcome) for each test that ran."""
    for suite in json.loads(report.read_text())["testsuites"]:
        for case in suite["testsuite"]:
            name = f"{suite['name']}.{case['name']}"
            if case["status"] == "NOTRUN":
                continue
            if case.get("failures"):
                yield name, "failed"
            else:
                yield name, "skipped" if case.get("result") == "SKIPPED" else "passed"


def junit(report):
    """Yields (name, outcome) for each test."""
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            yield name, "failed"
        else:
            yield name, "skipped" if "skipped" in kinds else "passed"


def results_of(status):
    """The (name, outcome) list of one step."""
    results = []
    try:
        for suffix, reader in ((".json", googletest), (".xml", junit)):
            report = status.with_suffix(suffix)
            if report.exists():
                results += reader(report)
    except (ValueError, KeyError, xml.etree.ElementTree.ParseError) as error:
        results.append((f"the report cannot be read: {error}", "failed"))
    code = status.read_text().strip()
    if code != "0" and not any(outcome == "failed" for _, outcome in results):
        results.append((f"it ended with exit code {code}", "failed"))
    return results


def main(directory):
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    for status in sorted(directory.glob("*.status"), key=lambda path: path.stat().st_mtime_ns):
        results = results_of(status)
        counts = {kind: sum(outcome == kind for _, outcome in results) for kind in totals}
        print(f"  {status.stem:<28} " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))
        for name, outcome in results:
            totals[outcome] += 1
            if outcome == "failed":
                print(f"    failed: {name}")
    print(", ".join(f"{count} {kind}" for kind, count in totals.items()))
    return 0 if totals["failed"] == 0 and totals["passed"] > 0 else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1])))

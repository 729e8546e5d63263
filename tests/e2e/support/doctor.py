"""sidelock doctor in a pod's namespace, and what it found."""

import json

from .process import clean_environment, run_command


class Report:
    """The JSON report of one run of doctor."""

    def __init__(self, done):
        assert done.stdout.startswith("{"), done
        self.code = done.returncode
        self.report = json.loads(done.stdout)
        assert self.report["exit_code"] == self.code
        self.checks = {check["name"]: check for check in self.report["checks"]}

    def status(self, name):
        return self.checks[name]["status"]

    def wrong(self):
        """The names of what is not ok."""
        return {name for name, check in self.checks.items() if check["status"] != "ok"}

    def expect(self, name, status, detail="", remedy="", code=None):
        """That this check came out so; `detail` and `remedy` are parts of its texts."""
        check = self.checks[name]
        assert check["status"] == status, self.report
        assert detail in check["detail"], check
        if status in ("failed", "warning"):
            assert check["remedy"] and remedy in check["remedy"], check
        if code is not None:
            assert check.get("exit_code") == code, check
            assert self.code == code, self.report


def doctor(pod, *settings, prefix=(), environment=None):
    """Runs `sidelock doctor --output json` in the pod."""
    return Report(run_command(["doctor", "--output", "json", *settings], prefix=(*pod.prefix, *prefix),
                              environment=environment or clean_environment()))

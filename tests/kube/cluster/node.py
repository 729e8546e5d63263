"""A node: podman in namespaces of its own. Leaving it ends everything in it, whatever happened there."""

import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
DEADLINE = 60


def _namespace_init(parent):
    """The process below `parent` that is the first one of a pid namespace, or None."""
    for task in pathlib.Path(f"/proc/{parent}/task").iterdir():
        for child in (task / "children").read_text().split():
            status = pathlib.Path(f"/proc/{child}/status").read_text()
            ids = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
            if len(ids) > 1 and ids[-1] == "1":
                return int(child)
            found = _namespace_init(child)
            if found:
                return found
    return None


class Node:
    """Context manager. `share` is a folder of ours that the node sees as /share; `pid` is its first process, out here."""

    def __init__(self, share):
        self.share = pathlib.Path(share)
        self._process = subprocess.Popen(
            [ROOT / "scripts" / "node", "--share", self.share, "sh", "-c", "echo up; exec sleep infinity"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            assert self._process.stdout.readline() == "up\n", "the node did not start; its messages are above"
            self.pid = _namespace_init(self._process.pid)
        except BaseException:
            self.stop()
            raise

    def run(self, *command, check=True, timeout=DEADLINE, **options):
        """Runs a command in the node; the CompletedProcess has text output."""
        prefix = ["nsenter", "--target", str(self.pid), "--all", "--root", "--wd", "env", "-i", "HOME=/root", "LANG=C.UTF-8",
                  "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "PODMAN_IGNORE_CGROUPSV1_WARNING=1"]
        # Never our own standard input: a runtime gives it to the container's user, even when it is this machine's /dev/null.
        options.setdefault("input", "")
        done = subprocess.run([*prefix, *command], check=False, capture_output=True, text=True, timeout=timeout, **options)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def podman(self, *arguments, **options):
        return self.run("podman", *arguments, **options)

    def inspect(self, kind, name):
        return json.loads(self.podman(kind, "inspect", name).stdout)

    def signal(self, number):
        """To the script that holds the node."""
        self._process.send_signal(number)

    def stop(self):
        self._process.terminate()
        self._process.wait(DEADLINE)
        self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

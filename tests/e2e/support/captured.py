"""sidelock init and run in a pod's namespace."""

import contextlib

from .namespaces import CLIENT4, CLIENT6, POD4, POD6  # noqa: F401  (re-exported for the tests)
from .process import Sidelock, ended_at_last, run_command


def init(pod, *settings, **options):
    """Runs `sidelock init` in the pod; returns the finished process."""
    return run_command(["init", *settings], prefix=(*pod.prefix, *options.pop("prefix", ())), **options)


def init_and_run(pod, tls_folder, log_path, *settings, **options):
    """`sidelock run` after an init with the same settings; wait_until_ready() is the caller's."""
    done = init(pod, *settings)
    assert done.returncode == 0, done
    return run_captured(pod, tls_folder, log_path, *settings, **options)


@contextlib.contextmanager
def captured_runs(pod, tls_folder, folder, *always):
    """start(*settings) -> a ready run in the pod, after an init with the same settings; each has a log in `folder`."""
    with ended_at_last() as started:
        def start(*settings, **options):
            log = folder / f"run-{len(started)}.log"
            started.append(init_and_run(pod, tls_folder, log, *always, *settings, **options))
            return started[-1].wait_until_ready()
        yield start


def cleanup(pod):
    return run_command(["cleanup"], prefix=pod.prefix)


def run_captured(pod, tls_folder, log_path, *settings, prefix=(), **options):
    """`sidelock run` in the pod, not waited for."""
    return Sidelock(["--tls-dir", str(tls_folder), "--log-format", "json", "--drain-delay", "0", *settings], log_path,
                    prefix=(*pod.prefix, *prefix), **options)


def saved_rules(pod):
    """The legacy rules of both families, without what changes by itself."""
    text = ""
    for program in ("iptables-legacy-save", "ip6tables-legacy-save"):
        text += pod.run(program).stdout
    return "".join(line + "\n" for line in text.splitlines() if not line.startswith("#")).replace("[0:0]", "")

"""A Pod that podman plays in the node."""

import base64
import json
import signal

import yaml

from support.waiting import wait_until

from .documents import for_podman


def tls_secret(name, folder, files=("tls.crt", "tls.key")):
    """A Secret of the type kubernetes.io/tls from these files in `folder`."""
    data = {file: base64.b64encode((folder / file).read_bytes()).decode() for file in files}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/tls", "data": data}


class Pod:
    """Context manager. `secrets` are played before it and removed after it."""

    def __init__(self, node, pod, secrets=()):
        self.node = node
        self.name = pod["metadata"]["name"]
        self._spec = for_podman(pod)["spec"]
        self._text = "---\n".join(yaml.safe_dump(document) for document in (*secrets, pod))

    def __enter__(self):
        try:
            self.node.podman("kube", "play", "--network", "pods", "-", input=self._text, timeout=120)
        except BaseException:
            self.remove()
            raise
        network = self.node.inspect("container", f"{self._infra()}")[0]["NetworkSettings"]["Networks"]["pods"]
        self.ipv4, self.ipv6 = network["IPAddress"], network["GlobalIPv6Address"]
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        self.node.podman("kube", "down", "--force", "-", input=self._text, check=False, timeout=120)

    def _infra(self):
        pod = self.node.inspect("pod", self.name)
        return (pod[0] if isinstance(pod, list) else pod)["InfraContainerID"]

    def inspect(self, container):
        return self.node.inspect("container", f"{self.name}-{container}")[0]

    def process(self, container):
        """The container's first process, as a dict of /proc/PID/status."""
        text = self.node.run("cat", f"/proc/{self.inspect(container)['State']['Pid']}/status").stdout
        return dict(line.split(":", 1) for line in text.splitlines())

    def log(self, container):
        """The container's JSON log lines so far."""
        text = self.node.podman("logs", f"{self.name}-{container}").stdout
        return [json.loads(line) for line in text.splitlines()]

    def messages(self, container):
        return [line["message"] for line in self.log(container)]

    def wait_until_ready(self, container="sidelock"):
        def is_ready():
            state = self.inspect(container)["State"]
            assert state["Status"] in ("created", "running"), f"{state['Status']}: {self.messages(container)}"
            return any(message.startswith("ready") for message in self.messages(container))
        wait_until(is_ready, f"{container} to be ready")
        return self

    def probe(self, kind, container="sidelock", address=None):
        """Asks what a kubelet's httpGet probe asks, from outside; returns the status code."""
        found = next(each for each in self._spec["containers"] if each["name"] == container)
        get = found[kind]["httpGet"]
        port = {each.get("name"): each["containerPort"] for each in found["ports"]}.get(get["port"], get["port"])
        url = f"{get.get('scheme', 'HTTP').lower()}://{address or self.ipv4}:{port}{get['path']}"
        return int(self.node.run("curl", "--silent", "--insecure", "--max-time", "10", "--output", "/dev/null", "--write-out",
                                 "%{http_code}", url, check=False).stdout)

    def signal(self, container, number=signal.SIGTERM):
        self.node.podman("kill", "--signal", str(int(number)), f"{self.name}-{container}")

    def exit_code(self, container):
        """Waits for its end."""
        return int(self.node.podman("wait", f"{self.name}-{container}").stdout)

"""The manifests as data, and what of them podman can play."""

import pathlib

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
MANIFESTS = ROOT / "manifests"
SIDELOCK_IMAGE = "localhost/sidelock:0.1.0"
# As a Pod's is: lo is up.
IN_A_NETWORK_OF_ITS_OWN = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def load(path):
    return [document for document in yaml.safe_load_all(pathlib.Path(path).read_text()) if document]


def every_manifest():
    """The files that `kubectl apply -f` takes. Kustomize's own files are inputs, tested by what kustomize makes of them."""
    return [path for path in sorted(MANIFESTS.rglob("*.yaml")) if "components" not in path.relative_to(MANIFESTS).parts]


def of_kind(documents, kind):
    """The only document of this kind."""
    found = [document for document in documents if document["kind"] == kind]
    assert len(found) == 1, f"{len(found)} documents of the kind {kind}"
    return found[0]


def pod_spec(document):
    """The Pod's spec in a Pod or in whatever makes Pods; None for other kinds."""
    spec = document.get("spec", {})
    if document["kind"] == "Pod":
        return spec
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec.get("template", {}).get("spec")


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


def variant(file, name, kind="Deployment"):
    """A Pod of this name as the variant's Deployment, or what else it has, would make it; its Secret is NAME-tls."""
    template = of_kind(load(MANIFESTS / "variants" / file), kind)["spec"]["template"]
    template["spec"]["volumes"][0]["secret"]["secretName"] = f"{name}-tls"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": template["spec"]}


def for_podman(pod):
    """Changes a Pod to what podman plays: it hangs on native sidecars and refuses the Pod's address in an environment.

    An init container that has ended stays, to be looked at.
    """
    pod["metadata"]["annotations"] = {"io.podman.annotations.init.container.type": "always"}
    spec = pod["spec"]
    native = [each for each in spec.get("initContainers", []) if each.get("restartPolicy") == "Always"]
    spec["initContainers"] = [each for each in spec.get("initContainers", []) if each not in native]
    for container in native:
        del container["restartPolicy"]
    spec["containers"] = native + spec["containers"]
    for container in containers(spec):
        container["env"] = [variable for variable in container.get("env", []) if "fieldRef" not in variable.get("valueFrom", {})]
    return pod

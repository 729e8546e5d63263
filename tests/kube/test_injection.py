"""The admission policy on Pods of many shapes, evaluated with the CEL implementation that Kubernetes uses."""

import copy
import json
import subprocess

import pytest

from cluster import documents
from cluster.schema import errors
from support.process import binary, clean_environment

FOLDER = documents.MANIFESTS / "injection"


@pytest.fixture(scope="module", params=["policy.yaml", "v1beta1.yaml"])
def inject(request, evaluator):
    """inject(pod) -> the Pod as the policy makes it, or None when it does not match."""
    spec = documents.of_kind(documents.load(FOLDER / request.param), "MutatingAdmissionPolicy")["spec"]

    def evaluate(pod):
        done = subprocess.run([evaluator], input=json.dumps({"spec": spec, "object": pod}), capture_output=True, text=True,
                              timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        return patched(pod, result["patch"]) if result["matched"] else None
    return evaluate


def patched(pod, patch):
    """The operations that the policy uses, of RFC 6902: add to an object, to a list before an item, and at its end."""
    pod = copy.deepcopy(pod)
    for operation in patch:
        assert operation["op"] == "add"
        *parents, last = operation["path"].strip("/").split("/")
        target = pod
        for key in parents:
            target = target[int(key) if isinstance(target, list) else key]
        if isinstance(target, list):
            target.insert(len(target) if last == "-" else int(last), operation["value"])
        else:
            target[last] = operation["value"]
    return pod


def pod(*containers, annotations=None, **spec):
    metadata = {"name": "web", "labels": {"sidelock.io/inject": "true"}}
    if annotations:
        metadata["annotations"] = {f"sidelock.io/{key}": value for key, value in annotations.items()}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**spec, "containers": list(containers)}}


def container(*ports, name="app", **more):
    listed = {"ports": list(ports)} if ports else {}
    return {"name": name, "image": "app:1", **listed, **more}


def tcp(number, name=None):
    return {"containerPort": number, "protocol": "TCP", **({"name": name} if name else {})}


def probe(port):
    return {"httpGet": {"path": "/", "port": port, "scheme": "HTTP"}}


def environment(pod, name):
    found = next(each for each in pod["spec"]["initContainers"] if each["name"] == name)
    return {variable["name"]: variable.get("value") for variable in found["env"]}


def capabilities(pod, name):
    return next(each for each in pod["spec"]["initContainers"] if each["name"] == name)["securityContext"]["capabilities"]


def scheme(pod, kind, index=0):
    return pod["spec"]["containers"][index][kind]["httpGet"]["scheme"]


def test_a_pod_without_anything_gets_what_the_manifest_has(inject, schema):
    made = inject(pod(container(tcp(80))))
    assert errors(schema, made) == []
    written = documents.of_kind(documents.load(documents.MANIFESTS / "nginx-sidecar.yaml"), "Pod")["spec"]
    for ours, theirs in zip(made["spec"]["initContainers"], written["initContainers"], strict=True):
        ours["env"] = [variable for variable in ours["env"] if variable["name"] != "SIDELOCK_PORTS"]
        if not ours["env"]:
            del ours["env"]
        theirs["args"] = [argument for argument in theirs["args"] if not argument.startswith("--ports=")]
        assert ours == theirs
    assert made["spec"]["volumes"] == [{"name": "sidelock-tls", "secret": {"secretName": "sidelock-tls"}}]
    assert made["spec"]["containers"] == pod(container(tcp(80)))["spec"]["containers"]


def test_it_comes_before_the_pods_own_init_containers_and_keeps_its_volumes(inject, schema):
    own = {"name": "data", "emptyDir": {}}
    made = inject(pod(container(tcp(80)), initContainers=[container(name="prepare")], volumes=[own]))
    assert errors(schema, made) == []
    assert [each["name"] for each in made["spec"]["initContainers"]] == ["sidelock-init", "sidelock", "prepare"]
    assert [each["name"] for each in made["spec"]["volumes"]] == ["data", "sidelock-tls"]


def test_it_is_added_once(inject):
    assert inject(inject(pod(container(tcp(80))))) is None


@pytest.mark.parametrize("name", ["sidelock", "sidelock-init"])
def test_a_pod_with_a_container_of_ours_is_left_alone(inject, name):
    assert inject(pod(container(tcp(80)), container(name=name))) is None
    assert inject(pod(container(tcp(80)), initContainers=[container(name=name)])) is None
    explicit = documents.of_kind(documents.load(documents.MANIFESTS / "variants" / "explicit.yaml"), "Deployment")
    assert inject({"apiVersion": "v1", "kind": "Pod", **explicit["spec"]["template"]}) is None


def test_a_volume_of_the_pod_with_our_name_is_used(inject, schema):
    own = {"name": "sidelock-tls", "secret": {"secretName": "own"}}
    made = inject(pod(container(tcp(80)), volumes=[own]))
    assert errors(schema, made) == []
    assert made["spec"]["volumes"] == [own] and len(made["spec"]["initContainers"]) == 2


def test_a_pod_in_the_network_of_its_node_is_left_alone(inject):
    assert inject(pod(container(tcp(80)), hostNetwork=True)) is None
    assert inject(pod(container(tcp(80)), hostNetwork=False)) is not None


def test_without_an_annotation_the_tcp_ports_of_all_containers_are_protected(inject):
    made = inject(pod(container(tcp(80), {"containerPort": 53, "protocol": "UDP"}, {"containerPort": 81}), container(name="none"),
                      container(tcp(9000), name="other")))
    for name in ("sidelock-init", "sidelock"):
        assert environment(made, name)["SIDELOCK_PORTS"] == "80,81,9000"


def test_a_pod_that_names_no_port_is_left_for_init_to_refuse(inject):
    assert environment(inject(pod(container())), "sidelock-init")["SIDELOCK_PORTS"] == ""


def test_annotations_become_settings_of_both_containers(inject):
    made = inject(pod(container(tcp(80)), annotations={"ports": "8443", "secret": "own-tls", "exclude-ports": "9000",
                                                       "tls-min-version": "1.3", "inject": "true", "no-such-thing": "x"}))
    for name in ("sidelock-init", "sidelock"):
        settings = {key: value for key, value in environment(made, name).items() if key.startswith("SIDELOCK_")}
        assert settings == {"SIDELOCK_PORTS": "8443", "SIDELOCK_EXCLUDE_PORTS": "9000", "SIDELOCK_TLS_MIN_VERSION": "1.3",
                            "SIDELOCK_NO_SUCH_THING": "x"}
    assert made["spec"]["volumes"][0]["secret"]["secretName"] == "own-tls"


@pytest.mark.parametrize(("annotations", "added"), [
    ({"capture": "redirect"}, None),
    ({"capture": "tproxy"}, ["NET_RAW"]),
    ({"preserve-source": "prefer"}, ["NET_RAW"]),
    ({"preserve-source": "off"}, None),
    ({"port-policy": "80:preserve-source=require"}, ["NET_RAW"]),
    ({"port-policy": "80:preserve-source=off"}, None),
    ({"port-policy": "80:upstream=loopback"}, None),
])
def test_the_sidecar_has_a_capability_where_a_setting_needs_it_and_only_there(inject, schema, annotations, added):
    made = inject(pod(container(tcp(80)), annotations=annotations))
    assert errors(schema, made) == []
    assert capabilities(made, "sidelock").get("add") == added
    assert capabilities(made, "sidelock-init")["add"] == ["NET_ADMIN", "NET_RAW"]


def test_without_capture_no_port_is_named_no_capability_is_added_and_probes_stay_plain(inject, schema):
    made = inject(pod(container(tcp(80), livenessProbe=probe(80)), annotations={"capture": "none", "listen": "8443=80"}))
    assert errors(schema, made) == []
    for name in ("sidelock-init", "sidelock"):
        settings = {key: value for key, value in environment(made, name).items() if key.startswith("SIDELOCK_")}
        assert settings == {"SIDELOCK_CAPTURE": "none", "SIDELOCK_LISTEN": "8443=80"}
        assert capabilities(made, name) == {"drop": ["ALL"]}
    assert scheme(made, "livenessProbe") == "HTTP"


def test_without_capture_ports_that_the_pod_names_are_left_for_sidelock_to_refuse(inject):
    made = inject(pod(container(tcp(80)), annotations={"capture": "none", "listen": "8443=80", "ports": "80"}))
    assert environment(made, "sidelock-init")["SIDELOCK_PORTS"] == "80"


def test_what_is_made_of_annotations_are_settings_that_the_program_takes(inject, tmp_path):
    for annotations in ({"capture": "none", "listen": "8443=80"}, {"capture": "tproxy", "preserve-source": "require"}):
        made = environment(inject(pod(container(tcp(80)), annotations=annotations)), "sidelock-init")
        given = {name: value for name, value in made.items() if name.startswith("SIDELOCK_")}
        done = subprocess.run([*documents.IN_A_NETWORK_OF_ITS_OWN, binary(), "init"], env=clean_environment(**given),
                              capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
        assert done.returncode == 0, done


def test_other_annotations_are_nothing_to_it(inject):
    asked = pod(container(tcp(80)))
    asked["metadata"]["annotations"] = {"example.com/ports": "1", "sidelock.example/ports": "2"}
    assert environment(inject(asked), "sidelock") == {"SIDELOCK_PORTS": "80"}


@pytest.mark.parametrize(("annotations", "port", "expected"), [
    ({"ports": "80"}, 80, "HTTPS"),
    ({"ports": "80"}, "http", "HTTPS"),
    ({"ports": "80"}, 8080, "HTTP"),
    ({"ports": "80"}, "metrics", "HTTP"),
    ({"ports": "80"}, "unknown", "HTTP"),
    ({"ports": "70-90, 9000"}, 80, "HTTPS"),
    ({"ports": "70-79,9000"}, "metrics", "HTTPS"),
    ({"ports": "*"}, 80, "HTTPS"),
    ({"ports": "*"}, 19080, "HTTP"),
    ({"ports": "*"}, 19081, "HTTPS"),
    ({"ports": "*"}, 19100, "HTTP"),
    ({"ports": "*"}, 32767, "HTTPS"),
    ({"ports": "*"}, 32768, "HTTP"),
    ({"ports": "*"}, 61000, "HTTPS"),
    ({"ports": "40000"}, 40000, "HTTPS"),
    ({"ports": "*", "exclude-ports": "80,9000-9010"}, "metrics", "HTTP"),
    ({"ports": "1-90", "exclude-ports": "80"}, 80, "HTTP"),
    ({}, "http", "HTTPS"),
    ({"ports": "eighty,-,80-"}, 80, "HTTP"),
])
def test_probes_on_protected_ports_speak_tls(inject, annotations, port, expected):
    kinds = ("startupProbe", "readinessProbe", "livenessProbe")
    made = inject(pod(container(tcp(80, "http"), tcp(9000, "metrics"), **{kind: probe(port) for kind in kinds}), annotations=annotations))
    assert {scheme(made, kind) for kind in kinds} == {expected}


def test_probes_of_every_container_are_looked_at_and_other_kinds_are_kept(inject, schema):
    made = inject(pod(container(name="first", livenessProbe={"tcpSocket": {"port": 80}}),
                      container(name="second", readinessProbe={"grpc": {"port": 80}}),
                      container(tcp(80, "http"), name="third", livenessProbe=probe("http"))))
    assert errors(schema, made) == []
    assert scheme(made, "livenessProbe", 2) == "HTTPS"
    assert made["spec"]["containers"][0]["livenessProbe"] == {"tcpSocket": {"port": 80}}
    assert made["spec"]["containers"][1]["readinessProbe"] == {"grpc": {"port": 80}}


def test_hooks_on_protected_ports_speak_tls(inject, schema):
    made = inject(pod(container(tcp(80, "http"), lifecycle={"postStart": probe("http"), "preStop": probe(8080)}),
                      container(name="other", lifecycle={"preStop": probe(80)}),
                      container(name="third", lifecycle={"preStop": {"sleep": {"seconds": 1}}})))
    assert errors(schema, made) == []
    first, other, third = (each["lifecycle"] for each in made["spec"]["containers"])
    assert first["postStart"]["httpGet"]["scheme"] == other["preStop"]["httpGet"]["scheme"] == "HTTPS"
    assert first["preStop"] == probe(8080) and third == {"preStop": {"sleep": {"seconds": 1}}}


def test_the_two_versions_differ_in_nothing_but_the_version_of_the_api():
    new, old = ((FOLDER / name).read_text() for name in ("policy.yaml", "v1beta1.yaml"))
    rest = [text[text.index("apiVersion:"):] for text in (new, old)]
    assert rest[1] == rest[0].replace("admissionregistration.k8s.io/v1\n", "admissionregistration.k8s.io/v1beta1\n")


def test_pods_are_chosen_by_their_own_label_and_by_their_namespaces():
    bindings = [document["spec"] for document in documents.load(FOLDER / "policy.yaml") if document["kind"].endswith("Binding")]
    assert {binding["policyName"] for binding in bindings} == {"sidelock"}
    by_pod, by_namespace = (binding["matchResources"] for binding in bindings)
    assert by_pod == {"objectSelector": {"matchLabels": {"sidelock.io/inject": "true"}}}
    assert by_namespace["namespaceSelector"] == {"matchLabels": {"sidelock.io/inject": "true"}}
    assert by_namespace["objectSelector"]["matchExpressions"] == [
        {"key": "sidelock.io/inject", "operator": "NotIn", "values": ["false"]}]

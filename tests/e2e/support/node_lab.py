"""A pod behind a node, as in a cluster: an outside client, the node's own connections, NodePorts and Services."""

from .namespaces import Namespace, ip

CLIENT = {4: "10.66.0.9", 6: "fd66::9"}
NODE_OUTSIDE = {4: "10.66.0.1", 6: "fd66::1"}
NODE = {4: "10.77.0.1", 6: "fd77::1"}
POD = {4: "10.77.0.2", 6: "fd77::2"}
SERVICE = {4: "10.96.0.1", 6: "fd96::1"}
NODE_PORT = 30080
_NETWORK_LENGTH = {4: "/24", 6: "/64"}
_IPTABLES = {4: "iptables-legacy", 6: "ip6tables-legacy"}


class NodeLab:
    """client - node - pod, the node with rules as kube-proxy has them for port 80 of the pod. Context manager."""

    def __init__(self):
        self.namespaces = []
        try:
            self.client, self.node, self.pod = (self._make(role) for role in ("client", "node", "pod"))
            self._join(self.client, CLIENT, "outside", NODE_OUTSIDE)
            self._join(self.pod, POD, "pod0", NODE)
            self.node.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
            for family in (4, 6):
                self._act_as_kube_proxy(family)
        except BaseException:
            self.remove()
            raise

    def _make(self, role):
        self.namespaces.append(Namespace(role))
        return self.namespaces[-1]

    def _join(self, leaf, addresses, interface, node_addresses):
        ip("link", "add", "eth0", "netns", leaf.name, "type", "veth", "peer", "name", interface, "netns", self.node.name)
        for namespace, device, own in ((leaf, "eth0", addresses), (self.node, interface, node_addresses)):
            for family in (4, 6):
                nodad = ["nodad"] if family == 6 else []
                ip("-n", namespace.name, "address", "add", own[family] + _NETWORK_LENGTH[family], "dev", device, *nodad)
            ip("-n", namespace.name, "link", "set", device, "up")
        for family in (4, 6):
            ip("-n", leaf.name, f"-{family}", "route", "add", "default", "via", node_addresses[family])

    def _act_as_kube_proxy(self, family):
        def nat(*rule):
            self.node.run(_IPTABLES[family], "-t", "nat", *rule)

        target = f"{POD[family]}:80" if family == 4 else f"[{POD[family]}]:80"
        nat("-A", "PREROUTING", "-d", NODE_OUTSIDE[family], "-p", "tcp", "--dport", str(NODE_PORT), "-j", "DNAT", "--to", target)
        nat("-A", "PREROUTING", "-d", SERVICE[family], "-p", "tcp", "--dport", "80", "-j", "DNAT", "--to", target)
        # externalTrafficPolicy: Cluster, and a pod that is its own backend.
        nat("-A", "POSTROUTING", "-m", "conntrack", "--ctorigdstport", str(NODE_PORT), "-j", "MASQUERADE")
        nat("-A", "POSTROUTING", "-s", POD[family], "-d", POD[family], "-j", "MASQUERADE")

    def remove(self):
        for namespace in self.namespaces:
            namespace.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

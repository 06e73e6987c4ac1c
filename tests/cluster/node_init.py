"""The first process of a node, in namespaces of its own: when it ends, everything in them ends.

    python -m tests.cluster.node_init NAME API_SOCKET < programs as JSON

API_SOCKET is the number of a listening socket that was opened outside of the network namespace: what connects to it is
passed on to the API server inside.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from .layout import API_PORT, API_SERVICE, NODE, NODE_ADDRESS, POD_NETWORK, SERVICE_NETWORK, Layout

if TYPE_CHECKING:
    from collections.abc import Mapping

# Not of a namespace, and so not to be changed: the kubelet is shown what it wants to see.
_SHOWN = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
_ETCD = "http://127.0.0.1:2379"
_PEERS = "http://127.0.0.1:2380"


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _files(layout: Layout) -> None:
    """Make a view of the file system that nothing outside sees."""
    socket.sethostname(NODE)
    _run("mount", "-n", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for place in ("lib", "log"):
        own = layout.folder / "var" / place
        own.mkdir(parents=True, exist_ok=True)
        _run("mount", "--bind", str(own), f"/var/{place}")
    for folder in ("pods", "containers"):
        Path("/var/log", folder).mkdir(exist_ok=True)
    nameservers = layout.folder / "resolv.conf"
    nameservers.touch()
    _run("mount", "--bind", str(nameservers), "/etc/resolv.conf")
    shown = layout.folder / "sysctl"
    shown.mkdir(exist_ok=True)
    for name, value in _SHOWN.items():
        file = shown / name.replace("/", "_")
        file.write_text(f"{value}\n")
        _run("mount", "--bind", str(file), f"/proc/sys/{name}")
    _run("mount", "--make-rshared", "/")


def _network() -> None:
    """Give the node an address and a default route that leads nowhere."""
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "node0", "type", "bridge")
    _run("ip", "address", "add", f"{NODE_ADDRESS}/32", "dev", "node0")
    _run("ip", "link", "set", "node0", "up")
    _run("ip", "route", "add", "default", "dev", "node0", "src", NODE_ADDRESS)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    Path("/proc/sys/net/bridge/bridge-nf-call-iptables").write_text("1")


def _commands(layout: Layout, programs: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the command lines of the node's programs, the API server and what it stands on first."""
    pki, settings = layout.pki, layout.settings
    unhurried = ["--kube-api-qps=500", "--kube-api-burst=1000", "--leader-elect=false", "--profiling=false"]
    return {
        "etcd": [
            programs["etcd"],
            f"--data-dir={layout.folder}/etcd",
            f"--listen-client-urls={_ETCD}",
            f"--advertise-client-urls={_ETCD}",
            f"--listen-peer-urls={_PEERS}",
            f"--initial-advertise-peer-urls={_PEERS}",
            f"--initial-cluster=default={_PEERS}",
            "--unsafe-no-fsync",
        ],
        "containerd": [programs["containerd"], f"--config={settings}/containerd.toml"],
        "kube-apiserver": [
            programs["kube-apiserver"],
            f"--advertise-address={NODE_ADDRESS}",
            "--bind-address=0.0.0.0",
            f"--secure-port={API_PORT}",
            f"--etcd-servers={_ETCD}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            "--allow-privileged=true",
            f"--client-ca-file={pki}/ca.crt",
            f"--tls-cert-file={pki}/kube-apiserver.crt",
            f"--tls-private-key-file={pki}/kube-apiserver.key",
            f"--kubelet-client-certificate={pki}/kube-apiserver-kubelet.crt",
            f"--kubelet-client-key={pki}/kube-apiserver-kubelet.key",
            f"--kubelet-certificate-authority={pki}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki}/sa.pub",
            f"--service-account-signing-key-file={pki}/sa.key",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--profiling=false",
            # Debian's etcd 3.4 has no progress requests.
            "--feature-gates=SizeBasedListCostEstimate=false",
        ],
        "kube-controller-manager": [
            programs["kube-controller-manager"],
            f"--kubeconfig={pki}/kube-controller-manager.kubeconfig",
            "--bind-address=127.0.0.1",
            # Without the rates of `unhurried` the first pod takes six seconds longer.
            *unhurried,
            f"--root-ca-file={pki}/ca.crt",
            f"--service-account-private-key-file={pki}/sa.key",
            "--use-service-account-credentials=true",
            f"--cluster-cidr={POD_NETWORK}",
            "--allocate-node-cidrs=false",
            f"--flex-volume-plugin-dir={layout.folder}/volume-plugins",
            "--feature-gates=WatchListClient=false",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            f"--cluster-signing-cert-file={pki}/ca.crt",
            f"--cluster-signing-key-file={pki}/ca.key",
        ],
        "kube-scheduler": [
            programs["kube-scheduler"],
            f"--kubeconfig={pki}/kube-scheduler.kubeconfig",
            "--bind-address=127.0.0.1",
            *unhurried,
        ],
        "kubelet": [
            programs["kubelet"],
            f"--config={settings}/kubelet.json",
            f"--kubeconfig={pki}/kubelet.kubeconfig",
            f"--hostname-override={NODE}",
            f"--node-ip={NODE_ADDRESS}",
            "--v=2",
        ],
        "kube-proxy": [
            programs["kube-proxy"],
            f"--config={settings}/kube-proxy.json",
            f"--hostname-override={NODE}",
        ],
        # Enforces NetworkPolicies; routes and Services are the bridge's and kube-proxy's. It ends where the node is not
        # registered yet.
        "kube-router": [
            *("/bin/sh", "-c", 'until "$@"; do sleep 0.5; done', "sh"),
            programs["kube-router"],
            "--run-firewall=true",
            "--run-router=false",
            "--run-service-proxy=false",
            "--enable-cni=false",
            f"--kubeconfig={pki}/kube-router.kubeconfig",
            f"--hostname-override={NODE}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            "--health-port=0",
        ],
    }


def servers() -> list[str]:
    """Return the names and addresses that the API server's certificate holds."""
    service = "kubernetes.default.svc.cluster.local"
    parts = service.split(".")
    return ["127.0.0.1", NODE_ADDRESS, API_SERVICE, "localhost", *(".".join(parts[: n + 1]) for n in range(len(parts)))]


def _start(layout: Layout, name: str, command: list[str]) -> None:
    with (layout.logs / f"{name}.log").open("ab") as log:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)


def _api_answers(layout: Layout) -> None:
    import ssl

    context = ssl.create_default_context(cafile=str(layout.pki / "ca.crt"))
    context.load_cert_chain(layout.pki / "admin.crt", layout.pki / "admin.key")
    while True:
        try:
            with urllib.request.urlopen(f"https://127.0.0.1:{API_PORT}/readyz", context=context, timeout=2):
                return
        except OSError:
            time.sleep(0.1)


def _pass_on(listener: socket.socket) -> None:
    """Pass connections from outside on to the API server, for ever."""
    while True:
        outside, _ = listener.accept()
        threading.Thread(target=_join, args=(outside,), daemon=True).start()


def _join(outside: socket.socket) -> None:
    try:
        inside = socket.create_connection(("127.0.0.1", API_PORT), timeout=5)
    except OSError:
        outside.close()
        return
    inside.settimeout(None)
    threading.Thread(target=_copy, args=(inside, outside), daemon=True).start()
    _copy(outside, inside)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, target):
            end.close()


def main(name: str, api_socket: int) -> None:
    """Start everything, and reap what ends."""
    programs = json.load(sys.stdin)
    layout = Layout(name)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    _files(layout)
    _network()
    commands = _commands(layout, programs)
    threading.Thread(target=_pass_on, args=(socket.socket(fileno=api_socket),), daemon=True).start()
    for program in ("etcd", "containerd", "kube-apiserver"):
        _start(layout, program, commands.pop(program))
    _api_answers(layout)
    for program, command in commands.items():
        _start(layout, program, command)
    while True:
        pid, status = os.wait()
        print(f"process {pid} ended with {os.waitstatus_to_exitcode(status)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

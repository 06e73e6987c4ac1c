"""A cluster for tests: python -m tests.cluster up | down | mesh | with COMMAND..."""

from __future__ import annotations

import argparse
import dataclasses
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from xscaler_istio.system.errors import SetupError

from . import catalogue, kind, kubectl, mesh, node
from .authority import IMAGES
from .layout import NODE, Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .images import Image

HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--name", default="", help="clusters of different names live beside each other")
    parser.add_argument(
        "--kubernetes", default="", help="another than the usual: a minor, as 1.37; with kind, as v1.35.0"
    )
    parser.add_argument(
        "--on", choices=_PLACES, default="node", help="where it runs: as a node of this machine, in Docker"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a node, with DNS and the images of the chart")
    up.add_argument("--mesh", action="store_true", help="and what the command mesh installs")
    commands.add_parser("mesh", help="install Istio, an application and a local xScaler in the current cluster")
    commands.add_parser("down", help="end the node and remove all that it had")
    within = commands.add_parser("with", help="run a command with a cluster and a mesh, which go when it ends")
    within.add_argument("argument", nargs=argparse.REMAINDER)
    commands.add_parser("guard", help="wait for the end of standard input, then do as down does")
    arguments = parser.parse_args()
    layout = Layout(arguments.name or _PLACES[arguments.on].name)
    try:
        return _COMMANDS[arguments.command](arguments, layout)
    except SetupError as error:
        print(f"error: {error}\n  fix: {error.fix}", file=sys.stderr)
        return 3


def _up(arguments: argparse.Namespace, layout: Layout) -> int:
    start = time.monotonic()
    _PLACES[arguments.on].start(layout, arguments.kubernetes)
    _say(f"cluster with DNS and images after {time.monotonic() - start:.0f} s")
    if arguments.mesh:
        _mesh(arguments, layout)
    print(f"export KUBECONFIG={layout.kubeconfig}")
    return 0


def _node(layout: Layout, kubernetes: str) -> None:
    node.up(layout, kubernetes)
    os.environ.update(layout.environment())
    _say("the API answers")
    load(layout, map(catalogue.image, catalogue.OF_THE_NODE))
    kubectl.run("apply", "-f", HERE / "manifests/dns.yaml")
    node.wait_until(lambda: NODE in kubectl.run("get", "nodes", "-o", "name"), "the node does not register")
    kubectl.run("wait", "--for=condition=Ready", f"node/{NODE}", f"--timeout={kubectl.PATIENCE}")
    _say("the node is ready")
    load(layout, map(catalogue.image, catalogue.OF_THE_TESTS))
    kubectl.rolled_out("deployment/coredns", "kube-system")


def _kind(layout: Layout, kubernetes: str) -> None:
    kind.up(layout, kubernetes)
    os.environ.update(layout.environment())
    kind.load(layout, (catalogue.image(name).archive(IMAGES) for name in catalogue.OF_THE_TESTS))


def _mesh(arguments: argparse.Namespace, layout: Layout) -> int:  # noqa: ARG001 - one shape
    start = time.monotonic()
    own = {"cniBinDir": str(layout.cni_plugins), "cniConfDir": str(layout.cni)} if node.is_up(layout) else None
    mesh.install(_say, own)
    _say(f"mesh and xScaler after {time.monotonic() - start:.0f} s")
    return 0


def _down(arguments: argparse.Namespace, layout: Layout) -> int:
    _PLACES[arguments.on].end(layout)
    for place in _PLACES.values():
        if not arguments.name and Layout(place.name).kubeconfig.exists():
            _say(f"the cluster {place.name} is still there: {place.ended_by}")
    return 0


def _with(arguments: argparse.Namespace, layout: Layout) -> int:
    with node.guarded(layout):
        _up(argparse.Namespace(mesh=True, kubernetes=arguments.kubernetes, on="node"), layout)
        return subprocess.run(arguments.argument, check=False, env={**os.environ, "CLUSTER": layout.name}).returncode


def _guard(arguments: argparse.Namespace, layout: Layout) -> int:  # noqa: ARG001 - one shape
    node.guard(layout)
    return 0


def load(layout: Layout, images: Iterable[Image]) -> None:
    """Import images into the node, two at a time."""

    def one(image: Image) -> None:
        command = node.inside(layout, "ctr", "--namespace=k8s.io", "images", "import", image.archive(IMAGES))
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SetupError(f"{image.name} cannot be loaded: {done.stderr.strip()}", "run make cluster-down")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, images))


def _say(text: str) -> None:
    print(f"cluster: {text}", file=sys.stderr, flush=True)


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where a cluster can run: the name that it has unless told otherwise, how it starts and ends, by what command."""

    name: str
    start: Callable[[Layout, str], None]
    end: Callable[[Layout], None]
    ended_by: str


_PLACES = {
    "node": _Place("default", _node, node.down, "make cluster-down"),
    "kind": _Place("kind", _kind, kind.down, "CLUSTER=kind make cluster-down"),
}
_COMMANDS = {
    "up": _up,
    "mesh": _mesh,
    "down": _down,
    "with": _with,
    "guard": _guard,
}

if __name__ == "__main__":
    sys.exit(main())

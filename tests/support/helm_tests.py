"""A pod of `helm test` without a cluster: its rendered script, with a DNS and a wget that answer what a test says."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from .rendering import of_kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The one pod that the script finds.
ADDRESS = "10.0.0.7"
_NSLOOKUP = f"#!/bin/sh\necho 'Name: pod'; echo 'Address: {ADDRESS}'\n"
# Prints the file that is named after the last part of the URL, or `root`. The file `errors` has push URLs, each with an
# error in words of busybox.
_WGET = r"""#!/bin/sh
for url; do :; done
case "$url" in
  https:*) sed -n "s|^$url ||p" "$RESPONSES/errors" >&2; exit 1 ;;
esac
name=${url##*/}
exec cat "$RESPONSES/${name:-root}"
"""


def verdict(rendered: str, component: str, folder: Path, responses: Mapping[str, str]) -> tuple[int, str]:
    """Run the script of a component's test pod, for one look; return its exit code and what it prints.

    `responses` are what the pod answers, by the last part of the path, `root` for none; of `errors` each line is a push
    URL and the error that wget prints for it.
    """
    (container,) = next(
        pod["spec"]["containers"]
        for pod in of_kind(rendered, "Pod")
        if pod["metadata"]["name"].endswith(f"-test-{component}")
    )
    programs, work, answers = (folder / name for name in ("bin", "work", "responses"))
    for made in (programs, work, answers):
        made.mkdir(parents=True)
    for name, text in (("nslookup", _NSLOOKUP), ("wget", _WGET)):
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    for name, text in {"errors": "", **responses}.items():
        (answers / name).write_text(text, encoding="utf-8")
    environment = {
        **{item["name"]: item["value"] for item in container["env"]},
        "PATH": f"{programs}:{os.environ['PATH']}",
        "RESPONSES": str(answers),
        "SECONDS_LEFT": "0",
    }
    script = container["args"][0].replace("cd /tmp ", f"cd {work} ")
    done = subprocess.run(
        [*container["command"], script], env=environment, check=False, capture_output=True, text=True, timeout=60
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout

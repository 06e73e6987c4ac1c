"""Container images from programs on this machine, without a registry: archives that containerd and kind load.

An image has one layer. Programs of Go stand alone; for others the shared libraries come along.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import re
import subprocess
import tarfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_KEPT_SECONDS = 3600


@dataclasses.dataclass(frozen=True, kw_only=True)
class Image:
    """What an image holds: files by their path in it, links by theirs, and the configuration of its containers."""

    name: str
    files: Mapping[str, Path | bytes]
    entry_point: Sequence[str] = ()
    links: Mapping[str, str] = dataclasses.field(default_factory=dict)
    user: str = ""
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    folder: str = "/"

    def key(self) -> str:
        """Return a digest of what went in: sizes and times of files stand for their content."""
        parts: list[object] = [dataclasses.replace(self, files={}), sorted(self.files)]
        for source in self.files.values():
            parts.append(source if isinstance(source, bytes) else (source.stat().st_size, source.stat().st_mtime_ns))
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def archive(self, cache: Path) -> Path:
        """Return an archive in the form of `docker save`, made when it is not in the cache."""
        target = cache / f"{re.sub('[^a-z0-9.]+', '-', self.name)}-{self.key()}.tar"
        if not target.exists():
            cache.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_suffix(f".{hashlib.sha256(str(target).encode()).hexdigest()[:6]}")
            self._write(unfinished)
            unfinished.rename(target)
            self._forget_older(target)
        return target

    @staticmethod
    def _forget_older(target: Path) -> None:
        """Remove archives that earlier programs made of this image, unless someone may still be loading them."""
        for file in target.parent.glob(f"{target.stem.rpartition('-')[0]}-*.tar"):
            if file != target and time.time() - file.stat().st_mtime > _KEPT_SECONDS:
                file.unlink(missing_ok=True)

    def _write(self, target: Path) -> None:
        layer = target.with_suffix(".layer")
        with tarfile.open(layer, "w", format=tarfile.GNU_FORMAT) as tar:
            folders: set[str] = set()
            _folder(tar, "tmp", folders, 0o1777)
            for name, source in sorted(self.files.items()):
                _add(tar, name, source, folders)
            for name, link in self.links.items():
                _folder(tar, str(Path(name.lstrip("/")).parent), folders)
                entry = tarfile.TarInfo(name.lstrip("/"))
                entry.type, entry.linkname = tarfile.SYMTYPE, link
                tar.addfile(entry)
        with layer.open("rb") as file:
            digest = _digest(file)
        config = json.dumps(self._config(digest)).encode()
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = [{"Config": config_name, "RepoTags": [self.name], "Layers": ["layer.tar"]}]
        with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
            _bytes(tar, config_name, config)
            tar.add(layer, "layer.tar")
            _bytes(tar, "manifest.json", json.dumps(manifest).encode())
        layer.unlink()

    def _config(self, digest: str) -> dict[str, Any]:
        variables = [f"{name}={value}" for name, value in {"PATH": "/usr/local/bin:/bin", **self.environment}.items()]
        container = {
            "Entrypoint": list(self.entry_point),
            "Env": variables,
            "User": self.user,
            "WorkingDir": self.folder,
        }
        layers = {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
        return {"architecture": "amd64", "os": "linux", "config": container, "rootfs": layers}


def libraries(programs: Iterable[Path]) -> dict[str, Path]:
    """Return the shared libraries that these programs and libraries load, by the path at which they look."""
    found: dict[str, Path] = {}
    for program in programs:
        done = subprocess.run(["ldd", program], check=False, capture_output=True, text=True)
        for path in re.findall(r"(/\S+) \(0x", done.stdout):
            found[path] = Path(path).resolve()
    return found


def tree(folder: Path, leave_out: Sequence[str] = (), at: str = "") -> dict[str, Path]:
    """Return the files below a folder by their path in the image, which is the same unless `at` is given."""
    chosen = {}
    for file in folder.rglob("*"):
        below = file.relative_to(folder)
        if file.is_file() and not any(part in leave_out or part == "__pycache__" for part in below.parts):
            chosen[str(Path(at or folder) / below)] = file.resolve()
    return chosen


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := file.read(2**20):
        digest.update(block)
    return digest.hexdigest()


def _folder(tar: tarfile.TarFile, name: str, known: set[str], mode: int = 0o755) -> None:
    if name in ("", ".") or name in known:
        return
    _folder(tar, str(Path(name).parent), known)
    known.add(name)
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)


def _add(tar: tarfile.TarFile, name: str, source: Path | bytes, folders: set[str]) -> None:
    inside = name.lstrip("/")
    _folder(tar, str(Path(inside).parent), folders)
    if isinstance(source, bytes):
        _bytes(tar, inside, source)
        return
    entry = tarfile.TarInfo(inside)
    entry.size = source.stat().st_size
    entry.mode = 0o755 if source.stat().st_mode & 0o111 else 0o644
    with source.open("rb") as file:
        tar.addfile(entry, file)


def _bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))

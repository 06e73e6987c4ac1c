"""Log files as container runtimes write them: framing, rotation, and the truth about what went in."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio.local import container_log
from xscaler_istio.local.container_log import PIECE_BYTES, ContainerLog

if TYPE_CHECKING:
    from pathlib import Path

MOMENT = 1_700_000_000_000_000_001


def log(root: Path, *, docker: bool = False) -> ContainerLog:
    return ContainerLog(root, "shop", "cart-0", "uid", "istio-proxy", docker=docker)


def test_a_line_is_framed_as_containerd_does(tmp_path: Path) -> None:
    written = log(tmp_path)
    written.write(b"hello", "stderr", MOMENT)
    assert written.path == tmp_path / "shop_cart-0_uid/istio-proxy/0.log"
    assert written.path.read_bytes() == b"2023-11-14T22:13:20.000000001Z stderr F hello\n"
    assert [(line.text, line.stream, line.nanoseconds) for line in written.written] == [(b"hello", "stderr", MOMENT)]


def test_long_lines_are_cut_and_only_the_last_piece_is_full(tmp_path: Path) -> None:
    written = log(tmp_path)
    written.write(b"x" * (2 * PIECE_BYTES + 1), nanoseconds=MOMENT)
    tags = [line.split(b" ", 3)[2] for line in written.path.read_bytes().splitlines()]
    assert tags == [b"P", b"P", b"F"]
    assert len(written.written) == 1


def test_docker_ends_the_last_piece_with_a_newline(tmp_path: Path) -> None:
    written = log(tmp_path, docker=True)
    written.write(b"y" * (PIECE_BYTES + 1), nanoseconds=MOMENT)
    first, last = map(json.loads, written.path.read_text().splitlines())
    assert (first["log"], last["log"]) == ("y" * PIECE_BYTES, "y\n")
    assert last["time"] == "2023-11-14T22:13:20.000000001Z"


def test_rotation_keeps_what_was_written_and_packs_the_one_before(tmp_path: Path) -> None:
    written = log(tmp_path)
    for text in (b"one", b"two", b"three"):
        written.write(text, nanoseconds=MOMENT)
        written.rotate()
    packed = sorted(written.folder.glob("0.log.*.gz"))
    plain = [file for file in written.folder.glob("0.log.*") if file not in packed]
    assert [gzip.decompress(file.read_bytes())[-4:] for file in packed] == [b"one\n", b"two\n"]
    assert [file.read_bytes()[-6:] for file in plain] == [b"three\n"]
    assert written.size() == 0


def test_a_restart_begins_another_file(tmp_path: Path) -> None:
    written = log(tmp_path)
    written.restart()
    written.write(b"again")
    assert [file.name for file in sorted(written.folder.iterdir())] == ["0.log", "1.log"]


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_times_have_nine_digits(nanoseconds: int) -> None:
    text = container_log.timestamp(nanoseconds)
    assert len(text) == len("2023-11-14T22:13:20.000000001Z")
    assert int(text[20:29]) == nanoseconds % 10**9

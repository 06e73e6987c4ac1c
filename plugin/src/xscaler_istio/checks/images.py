"""Which programs run: tags, digests, and versions that were tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.checks.case import Case

_MOVING = frozenset(("latest", "main", "master", "edge", "nightly", "dev"))


@check("XS250", Severity.WARNING)
def moving_tag(case: Case) -> Iterator[Issue]:
    """An image's tag moves.

    Why: `latest` is another program tomorrow: pods of one release run different versions, and a restart may
    bring one that no longer understands its configuration.

    Fix: the default tag, which the test suite runs, or a digest.

    Example:
        prometheus:
          image:
            tag: v3.16.0
    """
    for block, image in case.settings.images.items():
        if not image.digest and image.tag in _MOVING:
            fix = f"set {case.defaults.all_images[block].tag}, which was tested"
            yield Issue(f"{block}.tag", f"{block}.tag is {image.tag}: what runs changes without an upgrade", fix)


@check("XS251", Severity.INFO)
def no_digest(case: Case) -> Iterator[Issue]:
    """Images are named by tag alone.

    Why: a tag can be moved by whoever may push to the registry; a digest names exactly one image.

    Fix: set the digest of the image that you checked.

    Example:
        prometheus:
          image:
            digest: sha256:<64 hexadecimal digits>
    """
    without = [block for block, image in case.settings.images.items() if not image.digest]
    if without:
        yield Issue(
            f"{without[0]}.digest", f"no digest: {', '.join(without)}", "set it, where your policy asks for one"
        )


@check("XS252", Severity.WARNING)
def untested_version(case: Case) -> Iterator[Issue]:
    """A program of another version than the tested one.

    Why: the rendered configuration uses keys and flags of the default tag's version, and the series were compared with
    that one. Older programs refuse unknown keys at their start; newer ones may have renamed some.

    Fix: the default tag; with another, `helm xscaler lint` has the program on your PATH judge the configuration, and
    `helm xscaler test --local` runs it.

    Example:
        alloy:
          image:
            tag: v1.18.1
    """
    for block, image in case.settings.images.items():
        tested = case.defaults.all_images[block].tag
        if image.tag and image.tag not in (_MOVING | {tested}) and block != "tests.image":
            yield Issue(
                f"{block}.tag",
                f"{block}.tag is {image.tag}, and {tested} is what was tested",
                "run `helm xscaler lint` and `test --local` with that version on your PATH",
            )

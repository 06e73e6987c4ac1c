"""Images: tags, digests, and tested versions."""

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
    """An image has a moving tag.

    Why: `latest` is another program tomorrow: pods of one release run different versions, and a restart may bring one
    that no longer understands its configuration.

    Fix: use the default tag, with which the chart is tested, or a digest.

    Example:
        prometheus:
          image:
            tag: v3.16.0
    """
    for block, image in case.settings.images.items():
        if not image.digest and image.tag in _MOVING:
            fix = f"set {block}.tag: {case.defaults.all_images[block].tag}, the tested version"
            yield Issue(f"{block}.tag", f"{block}.tag is {image.tag}: the program changes without an upgrade", fix)


@check("XS251", Severity.INFO)
def no_digest(case: Case) -> Iterator[Issue]:
    """Some images have a digest, and others have none.

    Why: whoever may push to the registry can move a tag; a digest names exactly one image. Where no image has a digest,
    the rule reports nothing.

    Fix: set the digest of the image that you have checked.

    Example:
        prometheus:
          image:
            digest: sha256:<64 hexadecimal digits>
    """
    used = case.settings.images
    without = [block for block, image in used.items() if not image.digest]
    if without and len(without) < len(used):
        yield Issue(
            f"{without[0]}.digest",
            f"these images have no digest: {', '.join(without)}",
            "set one for each image",
        )


@check("XS252", Severity.WARNING)
def untested_version(case: Case) -> Iterator[Issue]:
    """An image has another version than the tested one.

    Why: the rendered configuration uses keys and flags of the default tag's version, and the series were compared with
    that version. Older programs refuse unknown keys at start; newer ones may have renamed some.

    Fix: use the default tag. With another one, `helm xscaler lint` checks the configuration with the program on your
    PATH, and `helm xscaler test --local` runs it.

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
                f"{block}.tag is {image.tag}; the tested version is {tested}",
                "run `helm xscaler lint` and `helm xscaler test --local` with that version on your PATH",
            )

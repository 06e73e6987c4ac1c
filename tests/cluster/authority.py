"""The authority of the local xScaler in a cluster, whose certificate the images of the collectors hold.

It is kept between runs, so that the images are; nothing but those images trusts it.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import trustme

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xscaler-istio" / "images"


@functools.cache
def xscaler() -> trustme.CA:
    """Return the authority, made when there is none yet."""
    certificate, key = CACHE / "xscaler-ca.crt", CACHE / "xscaler-ca.key"
    if certificate.exists() and key.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    CACHE.mkdir(parents=True, exist_ok=True)
    made = trustme.CA()
    key.touch(mode=0o600)
    made.private_key_pem.write_to_path(str(key))
    made.cert_pem.write_to_path(str(certificate))
    return made

"""The authority of the local xScaler in a cluster, whose certificate the images of the collectors hold.

It is kept between runs, so that the images are; nothing but those images trusts it.
"""

from __future__ import annotations

import functools

import trustme

from .layout import CACHE

# Beside the archives that hold it.
IMAGES = CACHE / "images"


@functools.cache
def xscaler() -> trustme.CA:
    """Return the authority, made when there is none yet."""
    certificate, key = IMAGES / "xscaler-ca.crt", IMAGES / "xscaler-ca.key"
    if certificate.exists() and key.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    IMAGES.mkdir(parents=True, exist_ok=True)
    made = trustme.CA()
    key.touch(mode=0o600)
    made.private_key_pem.write_to_path(str(key))
    made.cert_pem.write_to_path(str(certificate))
    return made

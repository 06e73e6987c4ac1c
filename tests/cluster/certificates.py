"""The certificates of a cluster and the kubeconfigs of its parts; nothing outlives the cluster's folder."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import ipaddress
import json
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_LIFETIME = datetime.timedelta(days=30)


@dataclasses.dataclass(frozen=True)
class Authority:
    """A certificate authority that writes what it issues into `folder` as <name>.crt and <name>.key."""

    folder: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def file(self) -> Path:
        """The authority's certificate."""
        return self.folder / "ca.crt"

    def issue(self, name: str, common_name: str, organization: str = "", servers: Sequence[str] = ()) -> None:
        """Write certificate and key of a client, or of a server at these addresses and names."""
        key = ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if organization:
            parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        usage = ExtendedKeyUsageOID.SERVER_AUTH if servers else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = _builder(x509.Name(parts), self.certificate.subject, key)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        if servers:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(map(_name, servers))), critical=False)
        _write(self.folder / f"{name}.crt", builder.sign(self.key, hashes.SHA256()))
        _write_key(self.folder / f"{name}.key", key)

    def kubeconfig(self, name: str, server: str) -> Path:
        """Write a kubeconfig with the certificate of this name; return its path."""
        files = {
            "certificate-authority-data": self.file,
            "client-certificate-data": self.folder / f"{name}.crt",
            "client-key-data": self.folder / f"{name}.key",
        }
        data = {key: base64.b64encode(file.read_bytes()).decode() for key, file in files.items()}
        authority = data.pop("certificate-authority-data")
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "node", "cluster": {"server": server, "certificate-authority-data": authority}}],
            "users": [{"name": name, "user": data}],
            "contexts": [{"name": "node", "context": {"cluster": "node", "user": name}}],
            "current-context": "node",
        }
        target = self.folder / f"{name}.kubeconfig"
        target.write_text(json.dumps(content), encoding="utf-8")
        target.chmod(0o600)
        return target


def create(folder: Path) -> Authority:
    """Make an authority, and the key pair that signs tokens of service accounts."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "xscaler-istio-test-ca")])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = _builder(name, name, key).add_extension(usage, critical=True)
    certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    )
    authority = Authority(folder, certificate, key)
    _write(authority.file, certificate)
    _write_key(folder / "ca.key", key)
    signing = rsa.generate_private_key(65537, 2048)
    _write_key(folder / "sa.key", signing)
    public = signing.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "sa.pub").write_bytes(public)
    return authority


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _write(file: Path, certificate: x509.Certificate) -> None:
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _write_key(file: Path, key: PrivateKeyTypes) -> None:
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.touch(mode=0o600)
    file.write_bytes(encoded)

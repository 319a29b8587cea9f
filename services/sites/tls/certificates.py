"""Certificates for names as they are, each with its own key.

trustme makes the CA, and refuses names that IDNA has no labels for. Those are on the wire all the same: `a_b.test`,
`r3---sn-abc.test`, `x-.test` are names to a resolver (RFC 2181, section 11) and to every client. So the leaves are made
here, from any HOST_NAME. This module takes a while to import.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import cast

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Span = tuple[datetime, datetime]

EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
DIGITAL_SIGNATURE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def signed(name: str, ca: trustme.CA, *, valid: Span = EVER) -> bytes:
    """Return a key and a certificate for that name which the CA vouches for, in PEM."""
    issuer = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        unsigned(name, key, subject=named("a recorded site"), issuer=issuer.subject, valid=valid)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .add_extension(DIGITAL_SIGNATURE, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    secret = cast("CertificateIssuerPrivateKeyTypes", load_pem_private_key(ca.private_key_pem.bytes(), None))
    return pem(key, made.sign(secret, SHA256()))


def self_signed(name: str) -> bytes:
    """Return a key and a certificate for that name which no CA has signed, in PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    itself = named("self-signed")
    valid = now - timedelta(days=1), now + timedelta(days=365)
    return pem(key, unsigned(name, key, subject=itself, issuer=itself, valid=valid).sign(key, SHA256()))


def unsigned(
    name: str, key: ec.EllipticCurvePrivateKey, *, subject: x509.Name, issuer: x509.Name, valid: Span
) -> x509.CertificateBuilder:
    """Return what every certificate of a site says."""
    begin, end = valid
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(identities(name)), critical=False)
    )


def named(organization: str) -> x509.Name:
    """Return the name of a certificate's holder, which no client looks at."""
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)])


def identities(name: str) -> Sequence[x509.GeneralName]:
    """Return what a client compares with the name it asked for; an address counts as an address only."""
    try:
        return [x509.IPAddress(ip_address(name))]
    except ValueError:
        return [x509.DNSName(name)]


def pem(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> bytes:
    """Return a key and its certificate."""
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret + certificate.public_bytes(Encoding.PEM)

"""Certificates in every shape a test asks for, right and wrong, made in this process."""

import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOUR = datetime.timedelta(hours=1)
NOW = datetime.datetime.utcnow().replace(microsecond=0)
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
KEYS = {
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def subject(common_name="", units=()):
    parts = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units]
    return x509.Name(parts + ([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []))


def general_name(text):
    """"uri:...", "ip:..." (or a network's), "mail:...", "unit:..." for a directory name, else a DNS name."""
    kind, _, value = text.partition(":")
    if kind == "unit":
        return x509.DirectoryName(subject(units=(value,)))
    if kind == "uri":
        return x509.UniformResourceIdentifier(value)
    if kind == "ip":
        return x509.IPAddress((ipaddress.ip_network if "/" in value else ipaddress.ip_address)(value))
    return x509.RFC822Name(value) if kind == "mail" else x509.DNSName(text)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


class Pair:
    """A certificate and its key as files: `certificate` (with the chain), `key`, and `bundle` with both, key first."""

    def __init__(self, folder, certificate, key, chain):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.x509, self.folder = certificate, folder
        self.certificate, self.key, self.bundle = folder / "tls.crt", folder / "tls.key", folder / "bundle.pem"
        text = b"".join(pem(each) for each in (certificate, *chain))
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.certificate.write_bytes(text)
        self.key.write_bytes(private)
        self.bundle.write_bytes(private + text)


class Ca:
    """An authority; `folder` gets ca.crt and a folder for each certificate that it issues."""

    def __init__(self, folder, name="Test CA", parent=None, path_length=None, permitted=None, key="ec", begins=-HOUR,
                 ends=24 * HOUR):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.parent, self.key = parent, KEYS[key]()
        builder = (x509.CertificateBuilder().subject_name(subject(name)).public_key(self.key.public_key())
                   .issuer_name(parent.x509.subject if parent else subject(name))
                   .serial_number(x509.random_serial_number()).not_valid_before(NOW + begins).not_valid_after(NOW + ends)
                   .add_extension(x509.BasicConstraints(True, path_length), True)
                   .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True))
        if permitted:
            builder = builder.add_extension(x509.NameConstraints([general_name(each) for each in permitted], None), True)
        self.x509 = builder.sign((parent or self).key, hashes.SHA256())
        self.certificate = self.folder / "ca.crt"
        self.certificate.write_bytes(pem(self.x509))
        self.revoked = []
        self.issued = 0

    def cross_signed_by(self, other):
        """A certificate of `other`'s for this authority's name and key."""
        return (x509.CertificateBuilder().subject_name(self.x509.subject).public_key(self.key.public_key())
                .issuer_name(other.x509.subject).serial_number(x509.random_serial_number())
                .not_valid_before(NOW - HOUR).not_valid_after(NOW + 24 * HOUR)
                .add_extension(x509.BasicConstraints(True, None), True).sign(other.key, hashes.SHA256()))

    def chain(self):
        """The authorities from this one up, without the root."""
        return [self.x509, *self.parent.chain()] if self.parent else []

    def issue(self, common_name="", names=(), usage=(CLIENT,), units=(), key="ec", begins=-HOUR, ends=12 * HOUR, folder=None,
              padding=0, is_ca=False, digest=hashes.SHA256):
        """`padding`: bytes of an extension that nobody reads. `digest`: that of the signature."""
        private = KEYS[key]()
        builder = (x509.CertificateBuilder().subject_name(subject(common_name, units)).issuer_name(self.x509.subject)
                   .public_key(private.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(NOW + begins).not_valid_after(NOW + ends)
                   .add_extension(x509.BasicConstraints(is_ca, None), True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([general_name(each) for each in names]), False)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(list(usage)), False)
        if padding:
            oid = x509.ObjectIdentifier("1.3.6.1.4.1.55555.1")
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, b"\x04\x00" + bytes(padding)), False)
        self.issued += 1
        return Pair(folder or self.folder / f"issued-{self.issued}", builder.sign(self.key, digest()), private,
                    self.chain())

    def server(self, *names, **options):
        """A server's certificate for these names."""
        return self.issue(names[0] if names else "", names, (SERVER,), **options)

    def revoke(self, pair):
        self.revoked.append(pair.x509.serial_number)

    def crl(self, path, begins=-HOUR, ends=24 * HOUR):
        """Writes the present revocation list."""
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.x509.subject)
                   .last_update(NOW + begins).next_update(NOW + ends))
        for serial in self.revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - HOUR).build())
        pathlib.Path(path).write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path

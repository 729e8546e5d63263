"""TLS 1.3 records made by hand after an ordinary handshake (RFC 8446, 5.2, 7.1-7.3): for what no client library sends."""

import hashlib
import pathlib
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

HANDSHAKE, APPLICATION_DATA = 22, 23
KEY_UPDATE_WITHOUT_ANSWER = bytes([24, 0, 0, 1, 0])
KEY_UPDATE_WITH_ANSWER = bytes([24, 0, 0, 1, 1])


def expand_label(secret, label, length):
    name = b"tls13 " + label
    info = struct.pack(">HB", length, len(name)) + name + b"\0"
    return HKDFExpand(algorithm=SHA256(), length=length, info=info).derive(secret)


class Writer:
    """Encrypts records as the client of a TLS_AES_128_GCM_SHA256 connection that has not sent a byte yet."""

    def __init__(self, key_log):
        secrets = dict((line.split()[0], line.split()[2]) for line in pathlib.Path(key_log).read_text().splitlines()
                       if not line.startswith("#"))
        self._use(bytes.fromhex(secrets["CLIENT_TRAFFIC_SECRET_0"]))

    def _use(self, secret):
        assert len(secret) == hashlib.sha256().digest_size
        self.secret = secret
        self.cipher = AESGCM(expand_label(secret, b"key", 16))
        self.iv = int.from_bytes(expand_label(secret, b"iv", 12), "big")
        self.sequence = 0

    def record(self, content, kind=APPLICATION_DATA):
        inner = content + bytes([kind])
        header = struct.pack(">BHH", APPLICATION_DATA, 0x0303, len(inner) + 16)
        nonce = (self.iv ^ self.sequence).to_bytes(12, "big")
        self.sequence += 1
        return header + self.cipher.encrypt(nonce, inner, header)

    def key_update(self, message=KEY_UPDATE_WITHOUT_ANSWER):
        """A KeyUpdate record; what follows uses the next key."""
        record = self.record(message, HANDSHAKE)
        self._use(expand_label(self.secret, b"traffic upd", 32))
        return record

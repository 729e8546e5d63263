"""Clients with certificates, as they come to a port that asks for them."""

import ssl

from .client import connect


def client_context(pair=None, version=None):
    """A client that shows this certificate, if any, and speaks just this ssl.TLSVersion, or any."""
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.set_ciphers("DEFAULT@SECLEVEL=0")  # it sends what it is given
    if pair:
        made.load_cert_chain(pair.certificate, pair.key)
    if version:
        made.minimum_version = made.maximum_version = version
    return made


def visit(port, tls, session=None):
    """Says x and hears it; raises the alert when refused. Returns (the session, whether it was resumed)."""
    with connect(port) as plain, tls.wrap_socket(plain, server_hostname="localhost", session=session) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        return client.session, client.session_reused


def require(ca, *more):
    """Settings that ask every client for a certificate of this authority."""
    return ("--client-auth", "require", "--client-ca-file", str(ca.certificate), *more)

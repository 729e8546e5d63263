"""A throw-away authority and certificates from it, made by openssl."""

import pathlib
import subprocess


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True)


_ALGORITHMS = {
    "ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ec-384": ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "rsa": ["rsa:2048"],
    "ed25519": ["ed25519"],
}


class Authority:
    """A CA in a folder; issue() writes tls.crt and tls.key pairs."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.certificate = self.folder / "ca.crt"
        self.key = self.folder / "ca.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", "/CN=Test CA", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                 "-keyout", str(self.key), "-out", str(self.certificate))

    def issue(self, name, folder, kind="ec", names=(), days=2):
        """A pair for `name` (and more DNS names) in `folder`; returns (certificate, key). Negative `days`: expired."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        certificate, key, request = folder / "tls.crt", folder / "tls.key", folder / "request.pem"
        _openssl("req", "-newkey", *_ALGORITHMS[kind], "-nodes", "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request))
        extensions = folder / "extensions.cnf"
        alternatives = ",".join([f"DNS:{each}" for each in (name, *names)] + ["IP:127.0.0.1", "IP:::1"])
        extensions.write_text(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth\n")
        _openssl("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self.key),
                 "-CAcreateserial", "-days", str(days), "-extfile", str(extensions), "-out", str(certificate))
        return certificate, key

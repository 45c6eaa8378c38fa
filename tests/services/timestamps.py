"""A real authority for time stamps: `openssl ts` behind a small server on the loopback."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from asn1crypto import cms, tsp, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_pem_x509_certificate

CONFIGURATION = """\
[tsa]
default_tsa = house
[house]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
PURPOSE = "critical,timeStamping"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(*words: object) -> str:
    """What it printed; raises `CalledProcessError`."""
    done = subprocess.run(
        ["openssl", *map(str, words)], check=True, capture_output=True, text=True
    )
    return done.stdout


class Authority:
    """Certificates in a folder, and what `openssl ts -reply` makes of a question."""

    def __init__(self, folder: Path, purpose: str = PURPOSE, days: int = 400) -> None:
        folder.mkdir()
        self.folder = folder
        self.certificate = folder / "ca.pem"
        openssl(
            *("req", "-x509", *CURVE, "-keyout", folder / "ca.key", "-out", self.certificate),
            *("-subj", "/CN=House", "-days", 4000, "-addext", "keyUsage=critical,keyCertSign"),
        )
        openssl(
            *("req", *CURVE, "-keyout", folder / "tsa.key", "-out", folder / "tsa.csr"),
            *("-subj", "/O=House/CN=House time"),
        )
        self.certify(purpose, days)
        (folder / "serial").write_text("01\n")
        (folder / "ts.cnf").write_text(CONFIGURATION.format(folder=folder))

    def certify(self, purpose: str = PURPOSE, days: int = 400) -> None:
        """Give the authority's key a certificate for this purpose."""
        usage = "keyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:false\n"
        extensions = self.folder / "extensions"
        extensions.write_text(usage + (f"extendedKeyUsage={purpose}\n" if purpose else ""))
        openssl(
            *("x509", "-req", "-in", self.folder / "tsa.csr", "-CA", self.certificate),
            *("-CAkey", self.folder / "ca.key", "-CAcreateserial", "-days", days),
            *("-out", self.folder / "tsa.pem", "-extfile", extensions),
        )

    def reply(self, query: bytes) -> bytes:
        """The answer to a question."""
        asked, answer = self.folder / "asked.tsq", self.folder / "answer.tsr"
        asked.write_bytes(query)
        openssl(
            *("ts", "-reply", "-config", self.folder / "ts.cnf", "-section", "house"),
            *("-queryfile", asked, "-out", answer),
        )
        return answer.read_bytes()

    def insists(self, reply: bytes) -> bytes:
        """The same answer, signed with the present certificate; openssl refuses some."""
        found = tsp.TimeStampResp.load(reply)
        token = found["time_stamp_token"]["content"]
        pem = self.folder.joinpath("tsa.pem").read_bytes()
        der = load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
        certificate, signature = x509.Certificate.load(der), token["signer_infos"][0]
        token["certificates"] = [certificate]
        signature["sid"] = cms.SignerIdentifier(
            {
                "issuer_and_serial_number": {
                    "issuer": certificate.issuer,
                    "serial_number": certificate.serial_number,
                }
            }
        )
        for attribute in signature["signed_attrs"]:
            if attribute["type"].native == "signing_certificate_v2":
                attribute["values"] = [{"certs": [{"cert_hash": hashlib.sha256(der).digest()}]}]
        key = serialization.load_pem_private_key(
            self.folder.joinpath("tsa.key").read_bytes(), None
        )
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        signed = signature["signed_attrs"].untag().dump(force=True)
        signature["signature"] = key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return bytes(found.dump(force=True))


class Door:
    """The authority's address. `answer` may be replaced: from a question to status and body."""

    def __init__(self, answer: Callable[[bytes], tuple[int, bytes]]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []  # content type and path
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                door.asked.append((self.headers["Content-Type"], self.path))
                status, reply = door.answer(body)
                self.send_response(status)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(reply)))
                self.send_header("Location", f"{door.address}/elsewhere")
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_words: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/tsa"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

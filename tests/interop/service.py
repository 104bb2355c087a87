"""Starts Medial by itself for the clients: a fresh database, a free port of this machine, two registered systems."""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import secrets
import signal
import socket
import subprocess
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ORGANIZATION = "demo"  # whose records `medial demo` makes
PATIENTS = 40
START_WITHIN = 60  # seconds

# The systems: what each may ask for, in the words of both versions of SMART.
SYSTEMS = {
    "interop": ["system/*.cruds"],
    "reader": ["system/*.read"],
}


class Service:
    """A running Medial."""

    def __init__(self, program: pathlib.Path, work: pathlib.Path):
        self.program = program
        self.work = work
        self.database = f"sqlite://{work / 'medial.sqlite'}"
        self.secret = secrets.token_hex(32)
        self.port = 0
        self.process: subprocess.Popen | None = None

    @property
    def root(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self) -> dict[str, str]:
        """Nothing of the caller's own settings, and what the run needs."""
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
        return kept | {
            "MEDIAL_DATABASE_URL": self.database,
            "MEDIAL_HTTP_BIND": f"127.0.0.1:{self.port}",
            "MEDIAL_HTTP_PUBLIC_URL": self.root,
            "MEDIAL_TOKENS_SECRET": self.secret,
            "MEDIAL_LOG_FILTER": "info",
            # The receivers of notifications are here too.
            "MEDIAL_SUBSCRIPTIONS_ALLOW_PRIVATE_ADDRESSES": "true",
        }

    def command(self, *words: str) -> str:
        """Runs a command of Medial's on the same database."""
        done = subprocess.run(
            [self.program, *words], cwd=self.work, env=self.settings(), capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            raise RuntimeError(f"medial {words[0]} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout.strip()

    def start(self, patients: int = PATIENTS):
        """Starts it with a cohort on a port that nobody has, and waits until it answers."""
        for _ in range(20):
            self.port = free_port()
            log = (self.work / "service.log").open("w")
            self.process = subprocess.Popen(
                [self.program, "demo", "--patients", str(patients)],
                cwd=self.work, env=self.settings(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )
            if self.answers(START_WITHIN + patients):
                return
            said = (self.work / "service.log").read_text()
            if not re.search("address.*in use", said, re.IGNORECASE):
                raise RuntimeError(f"Medial did not start; its own words:\n{said[-3000:]}")
        raise RuntimeError("found no free port")

    def answers(self, within: float) -> bool:
        """Waits until it answers; false when it ended, or does not in so many seconds."""
        until = time.monotonic() + within
        while time.monotonic() < until and self.process.poll() is None:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/fhir/R4/metadata")
                if connection.getresponse().status == 200:
                    return True
            except OSError:
                pass
            time.sleep(0.1)
        return False

    def stop(self):
        """Ends it: asks, waits, and insists."""
        if self.process is None or self.process.poll() is not None:
            return
        for sign, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            os.killpg(self.process.pid, sign)
            try:
                self.process.wait(patience)
                return
            except subprocess.TimeoutExpired:
                continue

    def register(self):
        """Makes a key of each kind for each system, and tells Medial the public halves."""
        for system, scopes in SYSTEMS.items():
            public = [make_key(self.work, system, kind) for kind in ("ES384", "RS384")]
            keys = self.work / f"{system}.public.json"
            keys.write_text(json.dumps({"keys": public}))
            asked = [word for scope in scopes for word in ("--scope", scope)]
            self.command("client", "add", system, "--name", f"Interop {system}", "--organization", ORGANIZATION, *asked, "--jwks", str(keys))

    def token(self, role: str) -> str:
        """A token of a role, signed with the secret of the service."""
        return self.command("token", "--role", role, "--organization", ORGANIZATION, "--expires", "1h")


def free_port() -> int:
    """A port that nobody listens on now, below those that the system picks for outgoing connections."""
    while True:
        port = random.randint(15000, 31999)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def thumbprint(jwk: dict) -> str:
    """The thumbprint of a public key (RFC 7638), which clients take for its `kid` by themselves."""
    names = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}[jwk["kty"]]
    text = json.dumps({name: jwk[name] for name in names}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def make_key(work: pathlib.Path, system: str, kind: str) -> dict:
    """Writes a private key as PEM and as a key set, and gives back its public half."""
    if kind == "ES384":
        key, algorithm = ec.generate_private_key(ec.SECP384R1()), ECAlgorithm
    else:
        key, algorithm = rsa.generate_private_key(65537, 3072), RSAAlgorithm
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = work / f"{system}.{kind}.pem"
    path.touch(0o600)
    path.write_bytes(pem)
    public = json.loads(algorithm.to_jwk(key.public_key()))
    public.pop("key_ops", None)
    public |= {"alg": kind, "use": "sig"}
    public["kid"] = thumbprint(public)
    private = json.loads(algorithm.to_jwk(key)) | {"kid": public["kid"], "alg": kind, "key_ops": ["sign"]}
    path.with_suffix(".jwks").write_text(json.dumps({"keys": [private]}))
    return public

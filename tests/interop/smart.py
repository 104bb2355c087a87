"""A token of the service by SMART Backend Services, for the clients that are given one."""

import os
import pathlib
import time
import uuid

import httpx
import jwt
from jwcrypto import jwk

FHIR = os.environ["INTEROP_FHIR"]
WORK = pathlib.Path(os.environ["INTEROP_WORK"])


def key_of(system: str, kind: str) -> tuple[str, str]:
    """The private key of a system as PEM, and its id."""
    pem = (WORK / f"{system}.{kind}.pem").read_text()
    return pem, jwk.JWK.from_pem(pem.encode()).thumbprint()


def token_endpoint() -> str:
    """Where tokens are, as the service says."""
    return httpx.get(f"{FHIR}/.well-known/smart-configuration").raise_for_status().json()["token_endpoint"]


def assertion(system: str = "interop", kind: str = "ES384", audience: str | None = None) -> str:
    """Proof of who the system is."""
    pem, kid = key_of(system, kind)
    claims = {
        "iss": system, "sub": system, "aud": audience or token_endpoint(), "exp": int(time.time()) + 240, "jti": str(uuid.uuid4()),
    }
    return jwt.encode(claims, pem, algorithm=kind, headers={"kid": kid})


def token(system: str = "interop", kind: str = "ES384", scope: str = "system/*.cruds") -> str:
    """A token."""
    address = token_endpoint()
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion(system, kind, address),
        "scope": scope,
    }
    answer = httpx.post(address, data=form)
    if answer.status_code != 200:
        raise AssertionError(f"{answer.status_code} {answer.text}")
    return answer.json()["access_token"]

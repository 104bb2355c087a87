"""Measures what an EHR waits for: requests a second, a bulk export and cards, at a size. Started by `scripts/interop measure`."""

import concurrent.futures
import datetime
import http.client
import json
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import time
import uuid

import jwt
import records
import service
from service import Service

PATIENTS = int(os.environ.get("INTEROP_PATIENTS", "2200"))
SECONDS = 10
SENDERS = 8  # connections, each with one request at a time
CARDS = 300
ISSUER = "https://ehr.example.org"


def send(port: int, requests: list[tuple[str, str, dict, bytes | None]], until: float) -> list[float]:
    """Sends requests one after the other over one connection, and gives back the seconds of each."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    took = []
    for turn in range(10**9):
        if time.monotonic() >= until:
            return took
        method, path, headers, body = requests[turn % len(requests)]
        if body and b"INTEROP-NEW" in body:
            body = body.replace(b"INTEROP-NEW", uuid.uuid4().hex.encode())
        begun = time.monotonic()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        took.append(time.monotonic() - begun)
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {answer.status}")
    return took


def tell(name: str, took: list[float], seconds: float):
    """Prints a line of the table."""
    took = sorted(took)
    rate = len(took) / seconds
    print(f"{name:<58}{rate:>9.0f}/s{took[len(took) // 2] * 1000:>9.1f} ms{took[int(len(took) * 0.99)] * 1000:>9.1f} ms", flush=True)


def load(name: str, port: int, requests: list):
    """Sends requests over several connections at once, from processes of their own, and tells how it went."""
    with concurrent.futures.ProcessPoolExecutor(SENDERS, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(abs, range(SENDERS)))  # started before the clock is
        begun = time.monotonic()
        asked = [pool.submit(send, port, requests[place::SENDERS] or requests, begun + SECONDS) for place in range(SENDERS)]
        took = [one for answer in asked for one in answer.result()]
    tell(name, took, SECONDS)


class Measured(Service):
    """A service with many patients that may be asked for cards."""

    def configure(self):
        """Names who may ask for cards."""
        public = service.make_key(self.work, "cards", "ES384")
        self.kid = public["kid"]
        keys = json.dumps({"keys": [public]})
        (self.work / "medial.toml").write_text(f"[[cds.client]]\nissuer = '{ISSUER}'\norganization = 'demo'\njwks = '{keys}'\n")

    def ask(self, path: str, token: str, method: str = "GET", body=None):
        """A request whose answer is needed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, json.dumps(body) if body else None, {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text)

    def peak(self) -> str:
        """The most memory that it had."""
        lines = pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("VmHWM"))


def requests_of_an_ehr(measured: Measured, token: str):
    """The requests that are asked most, over many patients."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    people = [one["id"] for one in measured.ask("/v1/patients?limit=500", token)["items"]]
    base = "/fhir/R4"
    each = lambda path: [("GET", f"{base}/{path.format(one)}", headers, None) for one in people]
    load("read Patient", measured.port, each("Patient/{}"))
    load("Observation?patient&code", measured.port, each("Observation?patient={}&code=http://loinc.org|72514-3"))
    load("Observation?patient&category&date&_sort=-date", measured.port, each("Observation?patient={}&category=survey&date=ge2020-01-01&_sort=-date"))
    load("/metadata", measured.port, [("GET", f"{base}/metadata", {}, None)])
    load("create Patient", measured.port, [("POST", f"{base}/Patient", headers, json.dumps(records.patient("INTEROP-NEW")).encode())])
    found = measured.ask(f"{base}/Procedure?code=medial-branch-block&_count=200", token)["entry"]
    rows = [score_of(one["resource"]) for one in found]
    load("create Observation (a score, with its judgement)", measured.port, [("POST", f"{base}/Observation", headers, row) for row in rows])


def score_of(block: dict) -> bytes:
    """A score some hours after a block."""
    performed = block.get("performedDateTime") or block["performedPeriod"]["start"]
    at = (datetime.datetime.fromisoformat(performed) + datetime.timedelta(hours=5)).isoformat()
    made = records.score(block["subject"]["reference"], f"Procedure/{block['id']}", at, 3)
    sides = {site["coding"][0]["code"].rsplit("-", 1)[1] for site in block["bodySite"]}
    if "bilateral" in sides or len(sides) > 1:
        made["bodySite"] = records.own("side", "left")
    return json.dumps(made).encode()


def cards(measured: Measured):
    """Cards for many patients, one after the other, each call signed."""
    address = f"{measured.root}/cds-services/medial-patient-view"
    key = (measured.work / "cards.ES384.pem").read_text()
    took = []
    connection = http.client.HTTPConnection("127.0.0.1", measured.port, timeout=60)
    found = 0
    for number in range(1, CARDS + 1):
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": address, "iat": now, "exp": now + 300, "jti": uuid.uuid4().hex}
        token = jwt.encode(claims, key, algorithm="ES384", headers={"kid": measured.kid})
        patient = {"resourceType": "Patient", "id": "1", "identifier": [{"system": "urn:example:mrn", "value": f"DEMO-{1 + number % PATIENTS:05}"}]}
        body = {
            "hook": "patient-view", "hookInstance": str(uuid.uuid4()), "context": {"userId": "Practitioner/1", "patientId": "1"},
            "prefetch": {"patient": patient},
        }
        begun = time.monotonic()
        connection.request("POST", "/cds-services/medial-patient-view", json.dumps(body), {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        took.append(time.monotonic() - begun)
        if answer.status != 200:
            raise RuntimeError(f"cards: {answer.status} {text[:300]}")
        found += len(json.loads(text)["cards"])
    tell(f"cards for patient-view, one connection ({found} cards)", took, sum(took))


def export(measured: Measured):
    """A bulk export of everything by smart-fetch."""
    place = measured.work / "export"
    program = pathlib.Path(sys.executable).with_name("smart-fetch")
    words = ["--fhir-url", f"{measured.root}/fhir/R4", "--smart-client-id", "reader", "--smart-key", measured.work / "reader.ES384.pem"]
    begun = time.monotonic()
    subprocess.run([program, "bulk", place, *words, "--no-compression", "--no-default-filters"], check=True, stdout=subprocess.DEVNULL, timeout=1800)
    took = time.monotonic() - begun
    files = [path for path in place.glob("*.ndjson") if path.name != "log.ndjson"]
    lines = sum(sum(1 for _ in path.open()) for path in files)
    size = sum(path.stat().st_size for path in files)
    print(f"bulk export by smart-fetch: {lines} resources, {size / 1e6:.0f} MB in {took:.1f} s ({lines / took:.0f} a second)")


def main():
    """Does it."""
    work = pathlib.Path(os.environ["INTEROP_TARGET"]) / "measured"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, mode=0o700)
    measured = Measured(pathlib.Path(os.environ["INTEROP_PROGRAM"]), work)
    try:
        measured.configure()
        measured.start(PATIENTS)
        measured.register()
        token = measured.token("ehr_system")
        export(measured)
        print(f"\n{SENDERS} connections at once, {SECONDS} s each; {PATIENTS} patients\n{'':<58}{'rate':>11}{'p50':>12}{'p99':>12}")
        requests_of_an_ehr(measured, token)
        cards(measured)
        print(f"most memory of the service: {measured.peak()}")
    finally:
        measured.stop()


if __name__ == "__main__":
    main()

"""smart-fetch: exports in bulk with a private key, and crawls through searches."""

import collections
import importlib.metadata
import json
import pathlib
import subprocess
import sys

import httpx
import smart
from checks import Checks, holds, same

PATIENT_TYPES = {"Patient", "Condition", "Observation", "Procedure", "ServiceRequest"}

checks = Checks("smart-fetch", importlib.metadata.version("smart-fetch"))
folder = smart.WORK / "smart-fetch"
client = httpx.Client(base_url=smart.FHIR, headers={"Authorization": f"Bearer {smart.token('reader', scope='system/*.read')}"})


def fetch(command: str, name: str, *words: str, key: str = "ES384.pem", fails: bool = False) -> pathlib.Path:
    """Runs it, and gives back the folder that it wrote."""
    place = folder / name
    program = pathlib.Path(sys.executable).with_name("smart-fetch")
    whole = [
        program, command, place, "--fhir-url", smart.FHIR, "--smart-client-id", "reader", "--smart-key", smart.WORK / f"reader.{key}",
        "--no-compression", *words,
    ]
    done = subprocess.run(whole, capture_output=True, text=True, timeout=100)
    if bool(done.returncode) != fails:
        raise AssertionError(f"ended with {done.returncode}: {done.stdout[-800:]} {done.stderr[-1500:]}")
    return place


def read(place: pathlib.Path) -> dict[str, dict[str, dict]]:
    """What was written: each resource by type and id."""
    found: dict[str, dict] = collections.defaultdict(dict)
    for path in place.glob("*.ndjson"):
        if path.name == "log.ndjson":
            continue
        for line in path.read_text().splitlines():
            one = json.loads(line)
            holds(one["id"] not in found[one["resourceType"]], f"{one['resourceType']}/{one['id']} stands twice")
            found[one["resourceType"]][one["id"]] = one
    return found


def total(kind: str, query: str = "") -> int:
    """How many there are, as a search says."""
    return client.get(f"{smart.FHIR}/{kind}?_summary=count{query}").raise_for_status().json()["total"]


for key in ("ES384.pem", "RS384.pem", "ES384.jwks"):
    with checks.check(f"exports everything with a private key ({key})"):
        found = read(fetch("bulk", f"all-{key}", "--no-default-filters", key=key))
        holds(PATIENT_TYPES <= set(found), f"only {sorted(found)}")
        for kind in PATIENT_TYPES:
            same(len(found[kind]), total(kind), kind)

with checks.check("its log tells a kick-off, a manifest and every file"):
    events = [json.loads(line)["eventId"] for line in (folder / "all-ES384.pem" / "log.ndjson").read_text().splitlines()]
    holds({"kickoff", "status_complete", "manifest_complete", "download_complete", "export_complete"} <= set(events), f"{events}")
    holds(not any(event.endswith("error") for event in events), f"{events}")

with checks.check("exports with the filters that it has by itself"):
    found = read(fetch("bulk", "default"))
    same(len(found["Observation"]), total("Observation"), "observations")

with checks.check("exports one type, filtered"):
    found = read(fetch("bulk", "filtered", "--type", "Observation", "--type-filter", "Observation?category=survey"))
    same(set(found), {"Observation"})
    same(len(found["Observation"]), total("Observation", "&category=survey"))

with checks.check("exports what changed since a moment"):
    since = max(one["meta"]["lastUpdated"] for one in read(folder / "all-ES384.pem")["Patient"].values())
    found = read(fetch("bulk", "since", "--type", "Patient", "--since", since))
    holds(len(found["Patient"]) < total("Patient"), "all of them")

with checks.check("exports a group"):
    groups = client.get(f"{smart.FHIR}/Group?_count=50").raise_for_status().json()["entry"]
    group = max((one["resource"] for one in groups), key=lambda one: one.get("quantity", 0))
    found = read(fetch("bulk", "group", "--group", group["id"], "--type", "Patient,Procedure"))
    same(len(found["Patient"]), group["quantity"], "patients")
    members = {f"Patient/{one}" for one in found["Patient"]}
    same({one["subject"]["reference"] for one in found["Procedure"].values()} - members, set(), "procedures of others")

with checks.check("crawls through searches, and finds as much"):
    ids = [one["resource"]["id"] for one in client.get(f"{smart.FHIR}/Patient?_count=5").raise_for_status().json()["entry"]]
    found = read(fetch("crawl", "crawl", "--no-default-filters", "--id-list", ",".join(ids), "--type", "Patient,Condition,Observation,Procedure"))
    same(set(found["Patient"]), set(ids), "patients")
    for kind in ("Condition", "Observation", "Procedure"):
        same(len(found[kind]), sum(total(kind, f"&patient={one}") for one in ids), kind)

checks.end()

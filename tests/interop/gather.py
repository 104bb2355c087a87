"""Gathers every kind of resource that the service gives out, for the validators: each with where it came from."""

import hashlib
import json
import os

import httpx
import records
import smart

ROOT = os.environ["INTEROP_ROOT"]
GATHERED = smart.WORK / "resources.ndjson"

# What a patient's time line names, and as which types it is given out.
TYPES = {
    "episode": ["Condition"], "block": ["Procedure", "MedicationAdministration"], "score": ["Observation"],
    "ablation": ["Procedure"], "follow_up": ["Observation"], "adverse_event": ["AdverseEvent"],
}
VERSIONED = {"Patient", "Condition", "Procedure", "Observation", "MedicationAdministration"}
DERIVED = ("GuidanceResponse", "Task", "ServiceRequest")
PATIENTS = 15


class Gatherer:
    """Asks for resources and keeps what it is given."""

    def __init__(self):
        self.client = httpx.Client(base_url=smart.FHIR, headers={"Authorization": f"Bearer {smart.token()}"}, timeout=30)
        self.kept: list[dict] = []
        self.seen: set[tuple] = set()

    def keep(self, path: str, resource: dict):
        """Keeps a resource, and what is in it where it is a bundle."""
        self.kept.append({"from": path, "resource": resource})
        if resource.get("resourceType") == "Bundle":
            for place, entry in enumerate(resource.get("entry", [])):
                for inner in (entry.get("resource"), entry.get("response", {}).get("outcome")):
                    if inner:
                        self.keep(f"{path} entry[{place}]", inner)

    def ask(self, path: str, wanted: tuple[int, ...] = (200,), method: str = "GET", **sent) -> dict | None:
        """Asks for something and keeps it. None where it is not there and that was to be expected."""
        answer = self.client.request(method, f"{smart.FHIR}/{path}" if path else smart.FHIR, **sent)
        if answer.status_code not in wanted:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        if answer.status_code == 404:
            return None
        body = answer.json()
        self.keep(f"{method} {path}", body)
        return body

    def native(self, path: str, token: str | None = None) -> dict:
        """Something of the native API."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.get(ROOT + path, headers=headers).raise_for_status().json()

    def all(self):
        """Everything."""
        statement = self.ask("metadata")
        person = self.course()
        self.ask("", method="POST", json=records.bundle("batch", [records.entry(records.patient(records.new_name())), records.entry({"resourceType": "Patient"})]))
        self.answers_of_refusals()
        patients = [one["id"] for one in self.native(f"/v1/patients?limit={PATIENTS}")["items"]]
        for one in [person, *patients]:
            self.patient(one)
        self.profiles()
        self.canonicals(statement)
        trail = self.native("/v1/audit?limit=60", os.environ["INTEROP_ADMIN_TOKEN"])["items"]
        for entry in trail:
            self.ask(f"AuditEvent/{entry['id']}", headers={"Authorization": f"Bearer {os.environ['INTEROP_ADMIN_TOKEN']}"})
        GATHERED.write_text("".join(json.dumps(one) + "\n" for one in self.kept))

    def course(self) -> str:
        """Records a whole course, with a corrected name and a withdrawn score, and gives back the patient's id."""
        answer = self.ask("", method="POST", json=records.journey(records.new_name()))
        person, pain = (records.made(answer, kind)[0] for kind in ("Patient", "Condition"))
        first = records.made(answer, "Procedure")[0]
        score = next(one for one in records.made(answer, "Observation") if "." not in one)
        ablated = self.ask("Procedure", (201,), method="POST", json=records.ablation(person, pain, "2025-11-03"))
        self.ask("Observation", (201,), method="POST", json=records.follow_up(person, f"Procedure/{ablated['id']}", "2026-02-03"))
        self.ask("AdverseEvent", (201,), method="POST", json=records.adverse_event(person, first, "2025-09-09"))
        body = self.ask(person)
        self.ask(person, method="PUT", json=body | {"name": [{"family": "Renamed", "given": ["Robin"]}]})
        self.client.delete(f"{smart.FHIR}/{score}").raise_for_status()
        return person.split("/")[1]

    def answers_of_refusals(self):
        """OperationOutcomes of every sort."""
        wrong = records.patient(records.new_name()) | {"gender": "f", "nonsense": 1}
        self.ask("Patient", (422,), method="POST", json=wrong)
        self.ask("Patient/$validate", method="POST", json=wrong)
        self.ask("Patient", (400,), method="POST", content=b"{", headers={"Content-Type": "application/fhir+json"})
        self.ask("Patient/1", (406,), headers={"Accept": "application/fhir+xml"})
        self.ask("Patient/1", (401,), headers={"Authorization": "Bearer nothing"})

    def patient(self, identity: str):
        """A patient with all that is recorded and all that follows."""
        self.versions("Patient", identity)
        episodes = []
        for item in self.native(f"/v1/patients/{identity}/timeline")["items"]:
            # Scores are many and alike.
            if item["kind"] == "score" and not self.is_new(identity, item["record"]["side"], bool(item["record"]["withdrawn"])):
                continue
            for kind in TYPES.get(item["kind"], []):
                self.versions(kind, item["id"])
            if item["kind"] in TYPES:
                self.ask(f"Provenance/{item['id']}.provenance", (200, 404))
            if item["kind"] == "episode":
                episodes.append(item["id"])
                for place in range(len(item["record"]["disability"])):
                    self.ask(f"Observation/{item['id']}.disability.{place}")
            if item["kind"] == "block":
                sides = {"bilateral": ["left", "right"]}.get(item["record"]["side"], [item["record"]["side"]])
                for side in sides:
                    for percent in (50, 75, 80, 100):
                        self.ask(f"Observation/{item['id']}.relief.{side}.{percent}", (200, 404))
        for episode in episodes:
            for one in self.native(f"/v1/episodes/{episode}/determinations")["determinations"]:
                self.determination(episode, one)

    def determination(self, episode: str, one: dict):
        """What a profile says about a target, as guidance and as what comes next."""
        if not self.is_new(one["verdict"], one["next_step"], one["profile"]):
            return
        mark = hashlib.sha256(one["profile"].encode()).hexdigest()[:8]
        for kind in DERIVED:
            self.ask(f"{kind}/{episode}.{one['joint']}.{one['side'][0]}.{mark}", (200, 404))

    def is_new(self, *traits) -> bool:
        """Whether none of this sort was looked at yet."""
        new = traits not in self.seen
        self.seen.add(traits)
        return new

    def versions(self, kind: str, identity: str):
        """A resource with its versions."""
        if self.ask(f"{kind}/{identity}", (200, 404)) and kind in VERSIONED:
            history = self.ask(f"{kind}/{identity}/_history")
            first = history["entry"][-1]["resource"]["meta"]["versionId"]
            self.ask(f"{kind}/{identity}/_history/{first}")

    def profiles(self):
        """Every profile."""
        for profile in self.native("/v1/profiles")["items"]:
            self.ask(f"PlanDefinition/{profile['id']}")

    def canonicals(self, statement: dict):
        """The vocabularies and extensions that resources name, and the profiles' own."""
        text = json.dumps([one["resource"] for one in self.kept])
        for kind in ("CodeSystem", "StructureDefinition"):
            prefix = f'"urn:medial:fhir:{kind}:'
            names = {part.split('"')[0] for part in text.split(prefix)[1:]}
            for name in sorted(names):
                self.ask(f"{kind}/{name}")


def gather() -> list[dict]:
    """What is given out: gathered now, or as it was gathered before in this run."""
    if not GATHERED.exists():
        Gatherer().all()
    return [json.loads(line) for line in GATHERED.read_text().splitlines()]

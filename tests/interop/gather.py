"""Gathers every kind of resource that the service gives out, for the validators: each with where it came from."""

import json
import os

import httpx
import records
import smart

GATHERED = smart.WORK / "resources.ndjson"
PAGES = 2  # of each type
TO_A_PAGE = 100
VERSIONS = 10  # resources of each type of which all versions are asked for


class Gatherer:
    """Asks for resources and keeps what it is given."""

    def __init__(self):
        self.client = httpx.Client(headers={"Authorization": f"Bearer {smart.token()}"}, timeout=60)
        self.kept: list[dict] = []

    def keep(self, path: str, resource: dict):
        """Keeps a resource, and what is in it where it is a bundle."""
        self.kept.append({"from": path, "resource": resource})
        if resource.get("resourceType") == "Bundle":
            for place, entry in enumerate(resource.get("entry", [])):
                for inner in (entry.get("resource"), entry.get("response", {}).get("outcome")):
                    if inner:
                        self.keep(f"{path} entry[{place}]", inner)

    def ask(self, path: str, wanted: tuple[int, ...] = (200,), method: str = "GET", **sent) -> dict:
        """Asks for something and keeps it."""
        address = path if path.startswith("http") else f"{smart.FHIR}/{path}".rstrip("/")
        answer = self.client.request(method, address, **sent)
        if answer.status_code not in wanted:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        body = answer.json()
        self.keep(f"{method} {path}", body)
        return body

    def all(self):
        """Everything."""
        statement = self.ask("metadata")
        person = self.course()
        self.ask("", method="POST", json=records.bundle("batch", [records.entry(records.patient(records.new_name())), records.entry({"resourceType": "Patient"})]))
        self.answers_of_refusals()
        for served in statement["rest"][0]["resource"]:
            codes = {one["code"] for one in served.get("interaction", [])}
            if "search-type" in codes:
                self.walk(served["type"], "history-instance" in codes)
        self.ask(f"{person}/$everything")
        self.ask(f"Patient?_id={person.split('/')[1]}&_revinclude=Procedure:patient&nonsense=1")
        GATHERED.write_text("".join(json.dumps(one) + "\n" for one in self.kept))

    def walk(self, kind: str, versioned: bool):
        """The first pages of a type, and for some of it the resource by itself with its versions."""
        # The audit trail is for other eyes than those of a record system.
        headers = {"Authorization": f"Bearer {os.environ['INTEROP_ADMIN_TOKEN']}"} if kind == "AuditEvent" else {}
        path: str | None = f"{kind}?_count={TO_A_PAGE}"
        found: list[dict] = []
        for _ in range(PAGES):
            if path:
                page = self.ask(path, headers=headers)
                found += [entry["resource"] for entry in page.get("entry", []) if entry["search"]["mode"] == "match"]
                path = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
        for one in found[:VERSIONS]:
            self.ask(f"{kind}/{one['id']}", headers=headers)
            if versioned and "versionId" in one["meta"] and "." not in one["id"]:
                first = self.ask(f"{kind}/{one['id']}/_history")["entry"][-1]["resource"]
                self.ask(f"{kind}/{one['id']}/_history/{first['meta']['versionId']}")

    def course(self) -> str:
        """Records a whole course, with a corrected name and a withdrawn score, and gives back the patient's reference."""
        answer = self.ask("", method="POST", json=records.journey(records.new_name()))
        person, pain = (records.made(answer, kind)[0] for kind in ("Patient", "Condition"))
        first = records.made(answer, "Procedure")[0]
        score = next(one for one in records.made(answer, "Observation") if "." not in one)
        ablated = self.ask("Procedure", (201,), method="POST", json=records.ablation(person, pain, "2025-11-03"))
        self.ask("Observation", (201,), method="POST", json=records.follow_up(person, f"Procedure/{ablated['id']}", "2026-02-03"))
        self.ask("AdverseEvent", (201,), method="POST", json=records.adverse_event(person, first, "2025-09-09"))
        body = self.ask(person)
        self.ask(person, method="PUT", json=body | {"name": [{"family": "Renamed", "given": ["Robin"]}]})
        self.ask(f"{person}/_history")
        self.client.delete(f"{smart.FHIR}/{score}").raise_for_status()
        self.ask(f"{score}/_history")
        return person

    def answers_of_refusals(self):
        """OperationOutcomes of every sort."""
        wrong = records.patient(records.new_name()) | {"gender": "f", "nonsense": 1}
        self.ask("Patient", (422,), method="POST", json=wrong)
        self.ask("Patient/$validate", method="POST", json=wrong)
        self.ask("Patient", (400,), method="POST", content=b"{", headers={"Content-Type": "application/fhir+json"})
        self.ask("Patient/1", (406,), headers={"Accept": "application/fhir+xml"})
        self.ask("Patient/1", (401,), headers={"Authorization": "Bearer nothing"})


def gather() -> list[dict]:
    """What is given out: gathered now, or as it was gathered before in this run."""
    if not GATHERED.exists():
        Gatherer().all()
    return [json.loads(line) for line in GATHERED.read_text().splitlines()]

"""sekmet-fhir: a simulated hospital that drives Medial by scenarios, its own and those in scenarios/."""

import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys

import service
import smart
import yaml
from checks import Checks
from sekmet.scenarios.runner import LIBRARY

HERE = pathlib.Path(__file__).parent
OURS = HERE / "scenarios"
PEER = "medial"

# Steps of its smoke test that ask for what a record of Medial's cannot hold, by what Medial must say instead.
REFUSED = {
    "Transaction with urn:uuid references": (
        "a patient without an identifier and a heart rate: neither is a record of Medial's",
        "status in [200] (got 422",
    ),
    "Search Observation by patient with _include": ("looks for the heart rate of the step before", "count() = 1"),
    "Searchset entries carry search.mode (match / include)": ("looks for the heart rate of the step before", "search.mode"),
}

# Scenarios of its library that work with types that Medial has no records of, with those types.
BEYOND = {
    "adt_admit_transfer_discharge": "Encounter, Location, Practitioner",
    "adt_merge_update": "Patient.link and Patient.active",
    "appointment_book_cancel": "Schedule, Slot, Appointment",
    "billing_claim": "Coverage, Account, Claim",
    "bulk_export_group": "a Group that the client makes; ours are in bulk_data.yaml",
    "clinical_documentation": "Encounter, AllergyIntolerance, vital signs",
    "lab_order_peer_fills": "ServiceRequest of a laboratory",
    "lab_order_to_result": "Specimen, DiagnosticReport",
    "medication_order_dispense": "MedicationRequest, MedicationDispense",
    "messaging_adt_orders": "MessageHeader",
    "rad_order_imaging_report": "ImagingStudy, DiagnosticReport",
    "subscription_backport_roundtrip": "Encounter; ours are in subscriptions.yaml",
    "subscription_roundtrip": "a subscription to Encounter, without a topic",
}

checks = Checks("sekmet-fhir", importlib.metadata.version("sekmet-fhir"))
folder = smart.WORK / "sekmet"
folder.mkdir()


def settings() -> pathlib.Path:
    """Its settings: Medial as its peer, and a port of its own for what Medial sends back."""
    port = service.free_port()
    auth = {
        "type": "smart", "client_id": "interop", "private_key_path": str(smart.WORK / "interop.RS384.pem"),
        "kid": smart.key_of("interop", "RS384")[1], "alg": "RS384", "scope": "system/*.cruds",
    }
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump({
        "base_url": f"http://127.0.0.1:{port}/fhir", "host": "127.0.0.1", "port": port, "data_dir": str(folder / "data"),
        "peers": {PEER: {"base_url": smart.FHIR, "auth": auth}},
    }))
    return path


def run(scenarios: list[str], config: pathlib.Path) -> list[dict]:
    """Runs scenarios by its command line, and reads its report."""
    reports = folder / "reports"
    program = pathlib.Path(sys.executable).with_name("sekmet")
    words = [program, "scenario", "run", *scenarios, "--peer", PEER, "--report-dir", reports, "--config", config, "--serve"]
    with (folder / "output.txt").open("a") as output:
        subprocess.run(words, cwd=folder, env=os.environ, stdout=output, stderr=output, timeout=150)
    found = sorted(reports.glob("*/*.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise AssertionError((folder / "output.txt").read_text()[-1500:])
    report = json.loads(found[-1].read_text())
    return report if isinstance(report, list) else report.get("results") or report["scenarios"]


def note(scenario: str, step: dict):
    """Records a step; those that ask for what cannot be held must be refused as said, and are then skipped."""
    name, status, message = f"{scenario}: {step['name']}", step["status"], step["message"] or ""
    if step["kind"] in ("set", "sleep") and status == "passed":
        return
    if scenario == "conformance_smoke" and step["name"] in REFUSED:
        reason, words = REFUSED[step["name"]]
        if status in ("failed", "warning", "error") and words in message:
            checks.skip(name, reason)
        elif status == "skipped":
            checks.skip(name, message)
        else:
            checks.note(name, "failed", f"expected a refusal with '{words}', found {status}: {message}")
        return
    if status == "skipped" and message == "previous step failed":
        checks.note(name, "failed", message)
        return
    outcome = {"passed": "passed", "skipped": "skipped"}.get(status, "failed")
    checks.note(name, outcome, "" if outcome == "passed" else message)


with checks.check("its library is the one that was looked through"):
    library = {path.stem for path in LIBRARY.glob("*.yaml")}
    if library != {"conformance_smoke", *BEYOND}:
        raise AssertionError(f"other scenarios than before: {sorted(library ^ {'conformance_smoke', *BEYOND})}")

ours = sorted(OURS.glob("*.yaml"))
config = settings()
with checks.check("runs its scenarios to their ends"):
    for result in run(["conformance_smoke", *map(str, ours)], config):
        scenario = pathlib.Path(result["file"]).stem
        if result["status"] == "skipped":
            checks.skip(f"{scenario}: all steps", result["steps"][0]["message"])
            continue
        for step in result["steps"]:
            note(scenario, step)

for scenario, types in BEYOND.items():
    checks.skip(f"{scenario}: all steps", f"works with {types}")

checks.end()

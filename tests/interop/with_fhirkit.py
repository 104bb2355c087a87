"""fhirkit-rs: validates every resource that was gathered, by the official definitions of R4."""

import collections
import importlib.metadata
import json

import fhirkit
from checks import Checks
from gather import gather

# Without one of each of these something was not gathered.
TYPES = {
    "AdverseEvent", "AuditEvent", "Bundle", "CapabilityStatement", "CodeSystem", "Condition", "Group", "GuidanceResponse", "MedicationAdministration",
    "Observation", "OperationOutcome", "Patient", "PlanDefinition", "Procedure", "Provenance", "ServiceRequest", "StructureDefinition", "Task",
}

checks = Checks("fhirkit-rs", importlib.metadata.version("fhirkit-rs"))
found: dict[str, list] = collections.defaultdict(list)

with checks.check("gathers every type that is given out"):
    for one in gather():
        found[one["resource"]["resourceType"]].append(one)
    if missing := TYPES - set(found):
        raise AssertionError(f"none of {', '.join(sorted(missing))}")

for kind in sorted(found):
    with checks.check(f"{len(found[kind])} of {kind} are valid, and come back as they were"):
        for one in found[kind]:
            for issue in fhirkit.validate(one["resource"]):
                if issue.severity == "error":
                    raise AssertionError(f"{one['from']}: {issue.path}: {issue.message}")
            if json.loads(fhirkit.parse(one["resource"]).to_json()) != one["resource"]:
                raise AssertionError(f"{one['from']}: another after reading and writing")

checks.end()

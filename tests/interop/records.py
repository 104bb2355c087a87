"""Synthetic records as FHIR resources: what the clients send. Nobody in here is, or resembles, a person."""

import uuid

LOINC = "http://loinc.org"
OWN = "urn:medial:fhir:CodeSystem:"
EXTENSION = "urn:medial:fhir:StructureDefinition:"
IDENTIFIERS = "urn:example:interop"


def concept(system: str, code: str) -> dict:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}


def own(system: str, code: str) -> dict:
    """A CodeableConcept of a code system of Medial's."""
    return concept(OWN + system, code)


def coded(name: str, system: str, code: str) -> dict:
    """An extension of Medial's that carries a code."""
    return {"url": EXTENSION + name, "valueCoding": {"system": OWN + system, "code": code}}


def truth(name: str, value: bool) -> dict:
    """An extension of Medial's that is true or false."""
    return {"url": EXTENSION + name, "valueBoolean": value}


def quantity(value, unit: str) -> dict:
    """A Quantity in UCUM."""
    return {"value": value, "system": "http://unitsofmeasure.org", "code": unit}


def new_name() -> str:
    """An identifier that nobody has yet."""
    return f"INTEROP-{uuid.uuid4().hex[:12]}"


def patient(name: str, family: str = "Synthetic", given: list[str] | None = None) -> dict:
    """A Patient with one identifier."""
    return {
        "resourceType": "Patient",
        "identifier": [{"system": IDENTIFIERS, "value": name}],
        "name": [{"family": family, "given": given or ["Robin"]}],
        "gender": "female",
        "birthDate": "1961-04-02",
    }


def condition(of: str) -> dict:
    """A Condition: lumbar facet pain with every fact that the criteria ask for."""
    return {
        "resourceType": "Condition",
        "clinicalStatus": concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
        "category": [concept("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item")],
        "code": {
            "coding": [
                {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M47.816"},
                {"system": OWN + "region", "code": "lumbar"},
            ]
        },
        "subject": {"reference": of},
        "onsetDateTime": "2025-03-01",
        "extension": [
            truth("axial", True),
            truth("other-causes-excluded", True),
            truth("worse-with-extension-or-rotation", True),
            truth("imaging-suggests-facet", True),
            truth("no-fused-joints", True),
            coded("radiculopathy", "radiculopathy", "none"),
            {
                "url": EXTENSION + "conservative-care",
                "extension": [
                    {"url": "kind", "valueString": "physical_therapy"},
                    {"url": "period", "valuePeriod": {"start": "2025-04-01", "end": "2025-08-01"}},
                    {"url": "outcome", "valueCoding": {"system": OWN + "care-outcome", "code": "failed"}},
                ],
            },
        ],
    }


def block(of: str, because: str, day: str) -> dict:
    """A Procedure: a diagnostic medial branch block of two joints."""
    return {
        "resourceType": "Procedure",
        "status": "completed",
        "category": concept("http://snomed.info/sct", "103693007"),
        "code": own("procedure", "medial-branch-block"),
        "subject": {"reference": of},
        "reasonReference": [{"reference": because}],
        "performedDateTime": f"{day}T09:00:00-05:00",
        "bodySite": [own("facet-joint", "L4-5-right"), own("facet-joint", "L5-S1-right")],
        "extension": [
            truth("steroid", False),
            coded("guidance", "guidance", "fluoroscopy"),
            coded("sedation", "sedation", "none"),
        ],
    }


def anesthetic(of: str, procedure: str, day: str, agent: str) -> dict:
    """A MedicationAdministration: what was injected."""
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "partOf": [{"reference": procedure}],
        "medicationCodeableConcept": own("agent", agent),
        "subject": {"reference": of},
        "effectiveDateTime": f"{day}T09:00:00-05:00",
        "dosage": {"text": "at each nerve", "dose": quantity(0.5, "mL")},
    }


def score(of: str, procedure: str, at: str, value: int, code: str = "72514-3") -> dict:
    """An Observation: a pain score."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [concept("http://terminology.hl7.org/CodeSystem/observation-category", "survey")],
        "code": concept(LOINC, code),
        "subject": {"reference": of},
        "partOf": [{"reference": procedure}],
        "effectiveDateTime": at,
        "valueQuantity": quantity(value, "{score}"),
        "extension": [coded("context", "context", "movement")],
    }


def disability(of: str, because: str) -> dict:
    """An Observation: an Oswestry score."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [concept("http://terminology.hl7.org/CodeSystem/observation-category", "survey")],
        "code": concept(LOINC, "97908-8"),
        "subject": {"reference": of},
        "focus": [{"reference": because}],
        "effectiveDateTime": "2025-09-01",
        "valueQuantity": quantity(42, "{score}"),
        "component": [{"code": own("observation", "maximum"), "valueQuantity": quantity(100, "{score}")}],
    }


def ablation(of: str, because: str, day: str) -> dict:
    """A Procedure: a radiofrequency ablation of the same joints."""
    return {
        "resourceType": "Procedure",
        "status": "completed",
        "code": own("procedure", "radiofrequency-ablation"),
        "subject": {"reference": of},
        "reasonReference": [{"reference": because}],
        "performedDateTime": day,
        "bodySite": [own("facet-joint", "L4-5-right"), own("facet-joint", "L5-S1-right")],
    }


def follow_up(of: str, procedure: str, day: str) -> dict:
    """An Observation: a visit after an ablation."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [concept("http://terminology.hl7.org/CodeSystem/observation-category", "survey")],
        "code": {"coding": [{"system": OWN + "observation", "code": "follow-up"}, {"system": LOINC, "code": "72514-3"}]},
        "subject": {"reference": of},
        "partOf": [{"reference": procedure}],
        "effectiveDateTime": day,
        "valueQuantity": quantity(2, "{score}"),
    }


def adverse_event(of: str, procedure: str, day: str) -> dict:
    """An AdverseEvent: soreness after a block."""
    return {
        "resourceType": "AdverseEvent",
        "actuality": "actual",
        "event": own("adverse-event", "soreness"),
        "seriousness": own("grade", "minor"),
        "subject": {"reference": of},
        "date": day,
        "suspectEntity": [
            {"instance": {"reference": procedure}, "causality": [{"assessment": own("relation", "possible")}]}
        ],
    }


def entry(resource: dict, address: str | None = None) -> dict:
    """An entry of a bundle that creates a resource."""
    made = {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}
    return {"fullUrl": address, **made} if address else made


def bundle(kind: str, entries: list[dict]) -> dict:
    """A transaction or a batch."""
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def journey(name: str) -> dict:
    """A transaction: somebody whose two blocks both relieve by four fifths."""
    urn = [f"urn:uuid:{uuid.uuid4()}" for _ in range(4)]
    person, pain, first, second = urn
    entries = [
        entry(patient(name), person),
        entry(condition(person), pain),
        entry(disability(person, pain)),
    ]
    for procedure, day, agent in ((first, "2025-09-08", "lidocaine"), (second, "2025-09-29", "bupivacaine")):
        entries.append(entry(block(person, pain, day), procedure))
        entries.append(entry(anesthetic(person, procedure, day, agent)))
        for time, value in (("08:30", 10), ("09:30", 2), ("11:00", 2), ("12:00", 2), ("15:00", 8)):
            entries.append(entry(score(person, procedure, f"{day}T{time}:00-05:00", value)))
    return bundle("transaction", entries)


def made(answer: dict, kind: str) -> list[str]:
    """The references of what a transaction recorded of a type, without their versions."""
    places = [one["response"].get("location", "") for one in answer["entry"]]
    return [place.split("/_history")[0] for place in places if place.startswith(kind + "/") or f"/{kind}/" in place]

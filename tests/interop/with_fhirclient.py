"""fhirclient, the Python client of SMART Health IT: typed models that refuse what FHIR does not allow."""

import importlib.metadata
import warnings

import records
import smart
from checks import Checks, holds, same
from fhirclient import client as smart_client
from fhirclient.models.adverseevent import AdverseEvent
from fhirclient.models.bundle import Bundle
from fhirclient.models.codesystem import CodeSystem
from fhirclient.models.condition import Condition
from fhirclient.models.medicationadministration import MedicationAdministration
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.models.plandefinition import PlanDefinition
from fhirclient.models.procedure import Procedure
from fhirclient.server import FHIRNotFoundException, FHIRPermissionDeniedException, FHIRUnauthorizedException

warnings.simplefilter("ignore", DeprecationWarning)
checks = Checks("fhirclient", importlib.metadata.version("fhirclient"))
name = records.new_name()
known: dict[str, str] = {}


def connect(scope: str, kind: str = "ES384") -> smart_client.FHIRClient:
    """A client that proves who it is with a private key."""
    made = smart_client.FHIRClient(
        settings={"app_id": "interop", "api_base": smart.FHIR, "scope": scope, "jwt_token": smart.assertion(kind=kind)}
    )
    made.wants_patient = False
    made.prepare()
    if not made.ready:
        made.authorize()
    return made


def read(kind, key: str):
    return kind.read(known[key].split("/")[1], server)


with checks.check("reads the CapabilityStatement into its models"):
    stranger = smart_client.FHIRClient(settings={"app_id": "interop", "api_base": smart.FHIR})
    statement = stranger.server.capabilityStatement
    same(statement.fhirVersion, "4.0.1")
    holds(any(one.type == "Patient" for one in statement.rest[0].resource), "no Patient in the statement")

with checks.check("finds the token endpoint in the CapabilityStatement"):
    stated = [one for one in statement.rest[0].security.extension or [] if one.url.endswith("oauth-uris")]
    same(len(stated), 1, "extensions oauth-uris")
    same({one.url: one.valueUri for one in stated[0].extension}.get("token"), smart.token_endpoint())

for kind in ("ES384", "RS384"):
    with checks.check(f"is given a token for a private key ({kind})"):
        server = connect("system/*.cruds", kind).server
        holds(server.auth.access_token, "no token")

with checks.check("is given a token in the words of SMART version 1"):
    reader = connect("system/Patient.read").server
    holds(reader.auth.access_token, "no token")

with checks.check("is refused without a token"):
    try:
        Patient.read("00000000-0000-4000-8000-000000000000", smart_client.FHIRClient(settings={"app_id": "x", "api_base": smart.FHIR}).server)
        raise AssertionError("was answered")
    except FHIRUnauthorizedException:
        pass

with checks.check("records a transaction and reads its answer"):
    answer = Bundle(Bundle(records.journey(name)).create(server))
    same(answer.type, "transaction-response")
    same({one.response.status[:3] for one in answer.entry}, {"201"})
    for kind in ("Patient", "Condition", "Procedure", "MedicationAdministration", "Observation"):
        known[kind] = records.made(answer.as_json(), kind)[0]

with checks.check("reads each recorded resource into its model"):
    for kind in (Patient, Condition, Procedure, MedicationAdministration, Observation):
        found = read(kind, kind.resource_type)
        same(f"{found.resource_type}/{found.id}", known[kind.resource_type])

with checks.check("creates, reads and updates a patient"):
    made = Patient(Patient(records.patient(records.new_name(), "Before", ["Ada", "Kim"])).create(server))
    same(made.name[0].given, ["Ada", "Kim"])
    made.name[0].family = "After"
    made.update(server)
    same(Patient.read(made.id, server).name[0].family, "After")
    history = Bundle.read_from(f"Patient/{made.id}/_history", server)
    same([one.resource.name[0].family for one in history.entry], ["After", "Before"])

with checks.check("creates an episode, a block, an anesthetic, scores and an event"):
    person = known["Patient"]
    pain = Condition(Condition(records.condition(person)).create(server))
    procedure = Procedure(Procedure(records.block(person, f"Condition/{pain.id}", "2025-10-13")).create(server))
    here = f"Procedure/{procedure.id}"
    MedicationAdministration(records.anesthetic(person, here, "2025-10-13", "lidocaine")).create(server)
    first = Observation(Observation(records.score(person, here, "2025-10-13T08:30:00-05:00", 9)).create(server))
    Observation(records.score(person, here, "2025-10-13T10:00:00-05:00", 1)).create(server)
    AdverseEvent(records.adverse_event(person, here, "2025-10-14")).create(server)
    same(Observation.read(first.id, server).valueQuantity.value, 9)
    known["score"] = f"Observation/{first.id}"

with checks.check("reads 38208-5 back as 72514-3"):
    other = Observation(Observation(records.score(person, here, "2025-10-13T11:00:00-05:00", 2, "38208-5")).create(server))
    same(other.code.coding[0].code, "72514-3")

with checks.check("withdraws a score by deleting it"):
    read(Observation, "score").delete(server)
    same(read(Observation, "score").status, "entered-in-error")

with checks.check("reads profiles and vocabularies"):
    same(PlanDefinition.read("medicare-lcd", server).resource_type, "PlanDefinition")
    holds(CodeSystem.read("facet-joint", server).concept, "no concepts")

with checks.check("is told what is not there, and what it may not do"):
    try:
        Patient.read("00000000-0000-4000-8000-000000000000", server)
        raise AssertionError("found nobody")
    except FHIRNotFoundException:
        pass
    try:
        Observation.read(known["score"].split("/")[1], reader)
        raise AssertionError("read beyond its scope")
    except FHIRPermissionDeniedException:
        pass

with checks.check("searches a patient by identifier and by name"):
    for struct in ({"identifier": f"{records.IDENTIFIERS}|{name}"}, {"identifier": name}, {"family": "After"}):
        found = [one for one in Patient.where(struct).perform_resources_iter(server) if isinstance(one, Patient)]
        holds(found, f"nobody for {struct}")

with checks.check("walks all pages of a search"):
    search = Observation.where({"patient": known["Patient"], "_count": "3"})
    pages = list(search.perform_iter(server))
    ids = [one.resource.id for page in pages for one in page.entry or []]
    holds(len(pages) > 2, f"{len(pages)} pages")
    same(len(ids), len(set(ids)), "resources without doubles")
    whole = Observation.where({"patient": known["Patient"], "_count": "200"}).perform(server)
    same(len(ids), whole.total, "total")

with checks.check("searches scores by code and date, with what they are of"):
    struct = {"patient": known["Patient"], "code": f"{records.LOINC}|72514-3", "date": {"$and": ["ge2025-09-08", "lt2025-09-09"]}}
    found = list(Observation.where(struct).include("subject").perform_resources_iter(server))
    scores = [one for one in found if one.resource_type == "Observation"]
    same(len(scores), 5, "scores of the first block")
    holds(any(one.resource_type == "Patient" for one in found), "the patient is not included")

checks.end()

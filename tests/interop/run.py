"""Runs each client against a Medial of its own, and sums up. Started by scripts/interop, which installs what it needs."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import records
from service import Service

HERE = pathlib.Path(__file__).parent
# In this order: who gathers comes after who writes, and who validates after who gathers. With the seconds for each.
CLIENTS = {
    "sekmet-fhir": (["python", "with_sekmet.py"], 180),
    "fhirclient": (["python", "with_fhirclient.py"], 60),
    "fhirpy": (["python", "with_fhirpy.py"], 90),
    "fhir-kit-client": (["node", "with_fhir_kit_client.mjs"], 60),
    "smart-fetch": (["python", "with_smart_fetch.py"], 120),
    "standardwebhooks": (["python", "with_standardwebhooks.py"], 120),
    "fhirkit-rs": (["python", "with_fhirkit.py"], 90),
    "medplum": (["node", "with_medplum.mjs"], 90),
}


def run(name: str, words: list[str], patience: int, env: dict[str, str], started: list) -> dict:
    """Runs one client to its end, and reads what it found."""
    program = sys.executable if words[0] == "python" else words[0]
    folder = HERE if words[0] == "python" else pathlib.Path(env["INTEROP_NODE"])
    child = subprocess.Popen([program, words[1]], cwd=folder, env=env, stdin=subprocess.DEVNULL, start_new_session=True)
    started.append(child)
    broken = ""
    begun = time.monotonic()
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        broken = f"ended after {patience} s"
    finally:
        end(child)
    path = pathlib.Path(env["INTEROP_WORK"]) / "found" / f"{name}.json"
    found = json.loads(path.read_text()) if path.exists() else {"client": name, "version": "?", "checks": []}
    if not broken and not found["checks"]:
        broken = f"ended with {child.returncode} and found nothing"
    if broken:
        found["checks"].append({"name": "runs to its end", "outcome": "failed", "detail": broken})
    found["seconds"] = round(time.monotonic() - begun)
    return found


def end(child: subprocess.Popen):
    """Ends a client and what it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, sign)
            child.wait(5)
        except (ProcessLookupError, PermissionError):
            return
        except subprocess.TimeoutExpired:
            continue


def sum_up(all_found: list[dict]) -> bool:
    """Prints the table, what failed and what was skipped; says whether nothing failed."""
    count = lambda found, outcome: sum(check["outcome"] == outcome for check in found["checks"])
    each = lambda outcome: [(found["client"], check) for found in all_found for check in found["checks"] if check["outcome"] == outcome]
    for title, outcome in (("Skipped", "skipped"), ("Failed", "failed")):
        if each(outcome):
            print(f"\n{title}:")
        for client, check in each(outcome):
            print(f"  {client}: {check['name']}\n      {check['detail']}")
    print(f"\n{'client':<18}{'version':<22}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for found in all_found:
        figures = "".join(f"{count(found, outcome):>{width}}" for outcome, width in (("passed", 8), ("failed", 8), ("skipped", 9)))
        print(f"{found['client']:<18}{found['version']:<22}{figures}{found['seconds']:>9}")
    return not each("failed")


def main() -> int:
    """Does it."""
    wanted = sys.argv[1:] or list(CLIENTS)
    unknown = [name for name in wanted if name not in CLIENTS]
    if unknown:
        print(f"scripts/interop: no such client: {', '.join(unknown)}; there are {', '.join(CLIENTS)}", file=sys.stderr)
        return 2
    work = pathlib.Path(os.environ["INTEROP_TARGET"]) / "run"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, mode=0o700)
    service = Service(pathlib.Path(os.environ["INTEROP_PROGRAM"]), work)
    children: list[subprocess.Popen] = []
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, lambda number, _: sys.exit(128 + number))
    try:
        service.start()
        service.register()
        print(f"Medial at {service.root}, its log in {work / 'service.log'}", flush=True)
        (work / "journey.json").write_text(json.dumps(records.journey(records.new_name())))
        env = dict(os.environ) | {
            "INTEROP_WORK": str(work),
            "INTEROP_ROOT": service.root,
            "INTEROP_FHIR": f"{service.root}/fhir/R4",
            "INTEROP_ADMIN_TOKEN": service.token("admin"),
        }
        all_found = [run(name, *CLIENTS[name], env, children) for name in CLIENTS if name in wanted]
    finally:
        for child in children:
            if child.poll() is None:
                end(child)
        service.stop()
    return 0 if sum_up(all_found) else 1


sys.exit(main())

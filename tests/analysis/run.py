"""Starts Medial with a synthetic cohort, exports it, and opens what came with the tools of others.

Usage: run.py PROGRAM DIRECTORY. The last line counts what passed and failed; the exit code is 1 if anything failed.
"""

import datetime
import functools
import http.client
import json
import os
import pathlib
import random
import secrets
import signal
import socket
import subprocess
import sys
import time

from cohort import cohort
from views import gather

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PATIENTS = 60
START_WITHIN = 120  # seconds
DATASETS = ("blocks", "scores", "relief", "determinations", "ablations", "follow_ups", "adverse_events", "episodes", "patients", "outcomes")


def free_port():
    """A port that nobody listens on now, below those that the system picks for outgoing connections."""
    while True:
        port = random.randint(15000, 31999)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Service:
    """A running Medial with a synthetic cohort."""

    def __init__(self, program, work):
        self.program, self.work = program, work
        self.port = free_port()
        self.settings = {
            name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")
        } | {
            "MEDIAL_DATABASE_URL": f"sqlite://{work / 'medial.sqlite'}",
            "MEDIAL_HTTP_BIND": f"127.0.0.1:{self.port}",
            "MEDIAL_TOKENS_SECRET": secrets.token_hex(32),
        }
        self.log = (work / "service.log").open("w")
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.program, "demo", "--patients", str(PATIENTS)], cwd=self.work, env=self.settings,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True,
        )
        until = time.monotonic() + START_WITHIN
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if self.ask("GET", "/fhir/R4/metadata")[0] == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.1)
        self.__exit__()
        raise RuntimeError(f"Medial did not start: {(self.work / 'service.log').read_text()[-2000:]}")

    def __exit__(self, *_):
        for sign, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            if self.process.poll() is None:
                os.killpg(self.process.pid, sign)
                try:
                    self.process.wait(patience)
                except subprocess.TimeoutExpired:
                    continue
        self.log.close()

    def run(self, *words, database=None):
        """What a command of Medial's prints, on the same database or on one of its own."""
        settings = self.settings | ({"MEDIAL_DATABASE_URL": f"sqlite://{self.work / database}"} if database else {})
        done = subprocess.run([self.program, *words], cwd=self.work, env=settings, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(f"medial {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def ask(self, method, path, token=None, headers=None, body=None):
        """The status, the headers and the body that a path answers with."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        own = {"authorization": f"Bearer {token}"} if token else {}
        connection.request(method, path, body, headers=own | (headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def record_more(service):
    """Records what the demonstration of so few patients lacks, so that no column of a view is empty: an ablation that was
    followed for a year and done again, and what went wrong after it."""
    token = service.run("token", "--role", "clinician", "--organization", "demo", "--expires", "1h").strip()
    block = json.loads(service.run("export", "blocks", "--format", "ndjson").splitlines()[0])
    day = datetime.date.today() - datetime.timedelta(days=900)

    def after(days):
        return str(day + datetime.timedelta(days=days))

    def record(path, fields):
        status, _, body = service.ask("POST", path, token, {"content-type": "application/json"}, json.dumps(fields))
        if status != 201:
            raise RuntimeError(f"{path}: {status} {body.decode()}")
        return json.loads(body)["id"]

    ablation = {name: block[name] for name in ("episode_id", "joints", "side")} | {"pre_score": {"scale": "nrs", "value": 7}}
    follow_ups = [{"taken_on": after(days), "score": {"scale": "nrs", "value": score}} for days, score in ((90, 2), (180, 2.5), (400, 4))]
    first = record("/v1/ablations", ablation | {"performed_on": after(0), "follow_ups": follow_ups})
    record("/v1/ablations", ablation | {"performed_on": after(500)})
    event = {"category": "neuritis", "grade": "minor", "onset_on": after(3), "resolved_on": after(30), "relation": "related", "note": "Went by itself."}
    record("/v1/adverse-events", event | {"ablation_id": first})


def made_counts():
    """Counts from nothing to everything of few and of many, in the form that `medial analyze published` reads."""
    yield "key,study,figure,numerator,denominator,printed_percent,printed_ci_low,printed_ci_high,denominator_is"
    for of in (1, 2, 3, 5, 10, 29, 60, 167, 1_000, 99_999):
        for hits in sorted({0, 1, of // 3, of // 2, of - 1, of}):
            yield f"{hits}-of-{of},made,counts,{hits},{of},-,-,-,nobody"


def analyze(run, directory):
    """Writes what Medial itself says about a cohort, table by table."""
    directory.mkdir()

    def tell(name, figure, *words):
        run("analyze", figure, *words, "--format", "csv", "--output", str(directory / f"{name}.csv"))

    for method in ("wilson", "wald", "clopper_pearson"):
        for figure in ("responders", "false-positives", "adverse-events"):
            tell(f"{figure}.{method}", figure, "--interval", method)
        tell(f"ablation-outcomes.{method}", "ablation-outcomes", "--interval", method, "--table", "repeats")
    for figure, table in (
        ("relief-duration", "curve"), ("ablation-outcomes", "curve"), ("ablation-outcomes", "durations"), ("agreement", "pairs"),
    ):
        tell(f"{figure}.{table}", figure, "--table", table)
    counts = directory / "counts.csv"
    counts.write_text("\n".join(made_counts()) + "\n")
    tell("published", "published", str(counts))


def make(service, directory):
    """Imports the made-up cohort into a database of its own, exports it, and writes what Medial says about it."""
    directory.mkdir()
    records = directory / "records.jsonl"
    records.write_text("\n".join(cohort()) + "\n")
    run = functools.partial(service.run, database="made.sqlite")
    run("import", str(records))
    run("export", *DATASETS, "--format", "csv", "--directory", str(directory / "package"))
    analyze(run, directory / "answers")


def check(name, *command):
    """Runs a check and says how it went; gives back what it said, or nothing where it failed."""
    # R finds the program duckdb beside Python's packages.
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600, env=os.environ | {"PATH": path})
    passed = done.returncode == 0
    print(f"--- {name}: {'passed' if passed else 'FAILED'}\n{done.stdout}{'' if passed else done.stderr}", flush=True)
    return done.stdout if passed else None


def same_figures(said_by, work):
    """Whether every figure was drawn by both, from the same numbers."""
    complaints = [
        f"{name}.png was not drawn by {language}"
        for language in said_by
        for name in ("responders", "duration", "outcomes")
        if not (drawn := work / f"figures-{language}" / f"{name}.png").exists() or drawn.stat().st_size < 10_000
    ]
    if len(set(said_by.values())) > 1:
        complaints.append("Python and R draw different numbers")
    print(f"--- same figures: {'FAILED' if complaints else 'passed'}\n{chr(10).join(complaints)}", flush=True)
    return not complaints


def main():
    program, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    with Service(program, work) as service:
        record_more(service)
        service.run("export", "relief", "outcomes", "blocks", "scores", "--format", "parquet", "--directory", str(work / "study"))
        service.run("export", "--omop", str(work / "cdm"), "--format", "parquet")
        service.run("export", *DATASETS, "--format", "csv", "--directory", str(work / "package"))
        analyze(service.run, work / "answers")
        gather(service, work / "fhir")
        make(service, work / "made")
    drawn = {
        "python": check("figures", sys.executable, ROOT / "docs/analysis/figures.py", work / "study", work / "figures-python"),
        "r": check("figures in R", "Rscript", ROOT / "docs/analysis/figures.R", work / "study", work / "figures-r"),
    }
    results = [
        *(said is not None for said in drawn.values()),
        same_figures(drawn, work),
        check("statistics", "Rscript", HERE / "statistics.R", work / "package", work / "answers") is not None,
        check(
            "statistics of made-up records", "Rscript", HERE / "statistics.R", work / "made/package", work / "made/answers"
        ) is not None,
        check("omop", sys.executable, HERE / "omop.py", work / "cdm") is not None,
        check("views", sys.executable, HERE / "views.py", work / "fhir") is not None,
        check("package", sys.executable, "-m", "frictionless", "validate", work / "package/datapackage.json") is not None,
    ]
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Starts Medial with a synthetic cohort, exports it, and opens what came with the tools of others.

Usage: run.py PROGRAM DIRECTORY. The last line counts what passed and failed; the exit code is 1 if anything failed.
"""

import http.client
import os
import pathlib
import random
import secrets
import signal
import socket
import subprocess
import sys
import time

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
                if self.get("/fhir/R4/metadata", None)[0] == 200:
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

    def run(self, *words):
        """What a command of Medial's prints, on the same database."""
        done = subprocess.run(
            [self.program, *words], cwd=self.work, env=self.settings, capture_output=True, text=True, timeout=300
        )
        if done.returncode:
            raise RuntimeError(f"medial {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, path, token):
        """The status and the body that a path answers with."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def check(name, *command):
    """Runs a check and says how it went."""
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, timeout=600)
    passed = done.returncode == 0
    print(f"--- {name}: {'passed' if passed else 'FAILED'}\n{done.stdout}{'' if passed else done.stderr}", flush=True)
    return passed


def main():
    program, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    with Service(program, work) as service:
        service.run("export", "relief", "outcomes", "blocks", "scores", "--format", "parquet", "--directory", str(work / "study"))
        service.run("export", "--omop", str(work / "cdm"), "--format", "parquet")
        service.run("export", *DATASETS, "--format", "csv", "--directory", str(work / "package"))
        from views import gather

        gather(service, work / "fhir")
    results = [
        check("figures", ROOT / "docs/analysis/figures.py", work / "study", work / "figures"),
        check("omop", HERE / "omop.py", work / "cdm"),
        check("views", HERE / "views.py", work / "fhir"),
        check("package", "-m", "frictionless", "validate", work / "package/datapackage.json"),
    ]
    for name in ("responders", "duration", "outcomes"):
        drawn = work / "figures" / f"{name}.png"
        if not drawn.exists() or drawn.stat().st_size < 10_000:
            print(f"{name}.png was not drawn")
            results.append(False)
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

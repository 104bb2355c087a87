"""What a client found: each check by name, passed, failed or skipped with its reason."""

import contextlib
import json
import os
import pathlib
import sys
import traceback


class Skip(Exception):
    """Says why a check does not apply."""


class Checks:
    """The checks of one client. Each is printed as it ends, and all of them are written at the end for the summary."""

    def __init__(self, client: str, version: str):
        self.client = client
        self.version = version
        self.found: list[dict] = []
        print(f"--- {client} {version}", flush=True)

    @contextlib.contextmanager
    def check(self, name: str):
        """Runs what is inside as one check. An exception fails it, and the ones after it run all the same."""
        try:
            yield
        except Skip as reason:
            self.skip(name, str(reason))
        except Exception as error:  # a client of others may raise anything
            place = traceback.extract_tb(error.__traceback__)[-1]
            self.note(name, "failed", f"{type(error).__name__}: {error}  [{pathlib.Path(place.filename).name}:{place.lineno}]")
        else:
            self.note(name, "passed")

    def note(self, name: str, outcome: str, detail: str = ""):
        """Records a check."""
        self.found.append({"name": name, "outcome": outcome, "detail": detail})
        print(f"  {outcome:<7} {name}" + (f"\n          {detail[:1500]}" if detail else ""), flush=True)

    def skip(self, name: str, reason: str):
        """Records a check that was not made, and why."""
        self.note(name, "skipped", reason)

    def end(self):
        """Writes what was found, and ends the program: 1 if anything failed."""
        path = pathlib.Path(os.environ["INTEROP_WORK"]) / "found" / f"{self.client}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"client": self.client, "version": self.version, "checks": self.found}, indent=1))
        sys.exit(1 if any(check["outcome"] == "failed" for check in self.found) else 0)


def same(found, wanted, what: str = "value"):
    """Fails unless both are equal."""
    if found != wanted:
        raise AssertionError(f"{what}: {found!r} instead of {wanted!r}")


def holds(condition, what: str):
    """Fails unless the condition holds."""
    if not condition:
        raise AssertionError(what)

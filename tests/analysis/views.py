"""Runs the ViewDefinitions of docs/analysis/views over the FHIR resources, and holds the rows against those of the datasets.

Usage: views.py DIRECTORY, where `gather` left the resources and the rows.
"""

import datetime
import json
import pathlib
import sys

import pysof

VIEWS = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/analysis/views"

# Which resources stand for the rows of which dataset.
TYPES = {
    "patients": "Patient",
    "episodes": "Condition",
    "blocks": "Procedure",
    "scores": "Observation",
    "ablations": "Procedure",
}


def definition(dataset):
    """A view and the names of its columns."""
    view = json.loads((VIEWS / f"{dataset}.json").read_text())
    return view, [column["name"] for select in view["select"] for column in select["column"]]


def gather(service, directory):
    """Writes the resources of every row that a view is about, and the rows themselves."""
    directory.mkdir()
    token = service.run("token", "--role", "ehr_system", "--organization", "demo", "--expires", "1h").strip()
    for dataset, kind in TYPES.items():
        _, names = definition(dataset)
        text = service.run("export", dataset, "--format", "ndjson", "--columns", ",".join(names))
        (directory / f"{dataset}.rows.ndjson").write_text(text)
        with (directory / f"{dataset}.{kind}.ndjson").open("w") as out:
            for line in text.splitlines():
                status, body = service.get(f"/fhir/R4/{kind}/{json.loads(line)['id']}", token)
                if status != 200:
                    raise RuntimeError(f"{kind}: {status} {body.decode()}")
                out.write(json.dumps(json.loads(body)) + "\n")


def plain(value):
    """A value without what differs between the two in form alone: instants in UTC, numbers as numbers."""
    if isinstance(value, str):
        try:
            if "T" in value and value[:4].isdigit():
                return datetime.datetime.fromisoformat(value).astimezone(datetime.timezone.utc)
        except ValueError:
            pass
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return value


def main():
    directory = pathlib.Path(sys.argv[1])
    for dataset, kind in TYPES.items():
        view, names = definition(dataset)
        # All resources that share a type are looked at: a view takes its own.
        resources = [
            json.loads(line)
            for path in sorted(directory.glob(f"*.{kind}.ndjson"))
            for line in path.read_text().splitlines()
        ]
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
        text = pysof.run_view_definition(view, bundle, "ndjson").decode()
        found = {row["id"]: row for row in map(json.loads, text.splitlines())}
        rows = [json.loads(line) for line in (directory / f"{dataset}.rows.ndjson").read_text().splitlines()]
        assert rows, f"{dataset} is empty"
        assert len(found) == len(rows), f"{dataset}: {len(found)} rows from FHIR, {len(rows)} in the dataset"
        for row in rows:
            for name in names:
                left, right = plain(found[row["id"]].get(name)), plain(row[name])
                assert left == right, f"{dataset}.{name} of {row['id']}: {left!r} from FHIR, {right!r} in the dataset"
        print(f"{dataset}: {len(rows)} rows of {len(names)} columns, of {len(resources)} resources")


if __name__ == "__main__":
    main()

"""Runs the ViewDefinitions of docs/analysis/views over a Bulk Data export and joins them with its SQL, and holds the rows
against those of the datasets.

Usage: views.py DIRECTORY, where `gather` left the files of the export and the rows.
"""

import datetime
import json
import pathlib
import sys
import time
import urllib.parse

import duckdb
import pysof

VIEWS = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/analysis/views"
EXPORTED_WITHIN = 120  # seconds

# The columns that tell the rows of a dataset apart.
KEYS = {
    "relief": ("block_id", "side", "threshold_percent"),
    "determinations": ("episode_id", "joint", "side", "profile"),
    "outcomes": ("episode_id", "joint", "side"),
}
# The datasets; outcomes comes last, for it takes the rows of relief.
DATASETS = ("patients", "episodes", "blocks", "scores", "ablations", "follow_ups", "adverse_events", "determinations", "relief", "outcomes")
# Views that stand for no dataset: some SQL takes them.
PARTS = ("anesthetics", "determination_rules", "targets")

# A dateTime stays a text: the offset of the place is in it.
SQL_TYPES = {"boolean": "BOOLEAN", "date": "DATE", "decimal": "DOUBLE", "integer": "BIGINT"}


def definition(name):
    """A view and the types of its columns by their names."""
    view = json.loads((VIEWS / f"{name}.json").read_text())
    return view, {column["name"]: column["type"] for select in view["select"] for column in select["column"]}


def definitions():
    """Every view that there is, with its columns."""
    return {path.stem: definition(path.stem) for path in sorted(VIEWS.glob("*.json"))}


def gather(service, directory):
    """Writes all resources that a view is about, from one Bulk Data export, and the rows of the datasets."""
    directory.mkdir()
    for dataset in DATASETS:
        (directory / f"{dataset}.rows.ndjson").write_text(service.run("export", dataset, "--format", "ndjson"))
    token = service.run("token", "--role", "ehr_system", "--organization", "demo", "--expires", "1h").strip()
    types = sorted({view["resource"] for view, _ in definitions().values()})
    status, headers, body = service.ask(
        "GET", f"/fhir/R4/$export?_type={','.join(types)}", token, {"accept": "application/fhir+json", "prefer": "respond-async"}
    )
    if status != 202:
        raise RuntimeError(f"$export: {status} {body.decode()}")
    export = path_of(headers["content-location"])
    until = time.monotonic() + EXPORTED_WITHIN
    while (status := (answer := service.ask("GET", export, token))[0]) == 202:
        if time.monotonic() > until:
            raise RuntimeError(f"$export: {answer[1].get('x-progress')} after {EXPORTED_WITHIN} s")
        time.sleep(float(answer[1].get("retry-after", 1)))
    if status != 200:
        raise RuntimeError(f"$export: {status} {answer[2].decode()}")
    manifest = json.loads(answer[2])
    if manifest["error"]:
        raise RuntimeError(f"$export: {manifest['error']}")
    for place, output in enumerate(manifest["output"]):
        status, _, body = service.ask("GET", path_of(output["url"]), token if manifest["requiresAccessToken"] else None)
        if status != 200:
            raise RuntimeError(f"{output['url']}: {status} {body.decode()}")
        assert len(body.splitlines()) == output["count"], f"{output['url']} has not {output['count']} resources"
        (directory / f"{output['type']}.{place}.ndjson").write_bytes(body)
    service.ask("DELETE", export, token)


def path_of(address):
    """An address without the server: the service may be known to the world by another one than to us."""
    parts = urllib.parse.urlsplit(address)
    return urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))


def resources(directory, kind):
    """The exported resources of a type."""
    return [json.loads(line) for path in sorted(directory.glob(f"{kind}.*.ndjson")) for line in path.read_text().splitlines()]


def load(connection, directory):
    """Makes a table of each view in the schema `views`."""
    connection.execute("CREATE SCHEMA views")
    bundles = {}
    for name, (view, columns) in definitions().items():
        kind = view["resource"]
        if kind not in bundles:
            entries = [{"resource": one} for one in resources(directory, kind)]
            bundles[kind] = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
        file = directory / f"{name}.view.ndjson"
        file.write_bytes(pysof.run_view_definition(view, bundles[kind], "ndjson"))
        types = ", ".join(f"'{column}': '{SQL_TYPES.get(kind, 'VARCHAR')}'" for column, kind in columns.items())
        connection.execute(
            f"CREATE TABLE views.{name} AS SELECT * FROM read_json('{file}', format = 'newline_delimited', columns = {{{types}}})"
        )


def plain(value):
    """A value without what differs between the two in form alone: instants in UTC, days as text, numbers as numbers."""
    if isinstance(value, str) and "T" in value and value[:4].isdigit():
        try:
            return datetime.datetime.fromisoformat(value).astimezone(datetime.timezone.utc)
        except ValueError:
            pass
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return value


def by_key(dataset, rows):
    """Rows by what tells them apart."""
    found = {tuple(row[name] for name in KEYS.get(dataset, ("id",))): row for row in rows}
    assert len(found) == len(rows), f"{dataset}: {len(rows) - len(found)} rows stand twice"
    return found


def compare(connection, directory, dataset):
    """Holds the rows of a dataset against its view, or against what its SQL makes of several views."""
    query = VIEWS / f"{dataset}.sql"
    source = query.read_text() if query.exists() else f"SELECT * FROM views.{dataset}"
    connection.execute(f"CREATE TABLE {dataset} AS {source}")
    cursor = connection.execute(f"SELECT * FROM {dataset}")
    names = [column[0] for column in cursor.description]
    found = by_key(dataset, [dict(zip(names, row)) for row in cursor.fetchall()])
    rows = by_key(dataset, [json.loads(line) for line in (directory / f"{dataset}.rows.ndjson").read_text().splitlines()])
    assert rows, f"{dataset} is empty"
    assert set(found) == set(rows), f"{dataset}: {len(found)} rows from FHIR, {len(rows)} in the dataset"
    for key, row in rows.items():
        for name in names:
            left, right = plain(found[key][name]), plain(row[name])
            assert left == right, f"{dataset}.{name} of {key}: {left!r} from FHIR, {right!r} in the dataset"
    told = {name for name in names if any(row[name] is not None for row in rows.values())}
    never = f"; in no row: {', '.join(sorted(set(names) - told))}" if len(told) < len(names) else ""
    left_out = [name for name in next(iter(rows.values())) if name not in names]
    print(f"{dataset}: {len(rows)} rows of {len(names)} columns{' by SQL' if query.exists() else ''}{never}; not held: {', '.join(left_out) or 'none'}")


def main():
    directory = pathlib.Path(sys.argv[1])
    assert set(definitions()) == set(DATASETS) - {"outcomes"} | set(PARTS), f"the views are {sorted(definitions())}"
    connection = duckdb.connect()
    load(connection, directory)
    counted = {kind: len(resources(directory, kind)) for kind in sorted({view["resource"] for view, _ in definitions().values()})}
    print("resources:", ", ".join(f"{kind} {count}" for kind, count in counted.items()))
    for dataset in DATASETS:
        compare(connection, directory, dataset)


if __name__ == "__main__":
    main()

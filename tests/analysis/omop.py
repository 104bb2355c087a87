"""Loads the OMOP tables of an export into DuckDB with the types of the official definition, and runs Achilles over them.

Usage: omop.py DIRECTORY, where the Parquet files of `medial export --omop` are.
"""

import csv
import pathlib
import re
import sys

import duckcdm.omop
import duckdb
from duckcdm.achilles import run_achilles

# The columns that the definition does not allow to be empty, in the tables that are written.
REQUIRED = {
    "person": ["person_id", "gender_concept_id", "year_of_birth", "race_concept_id", "ethnicity_concept_id"],
    "observation_period": ["observation_period_id", "person_id", "observation_period_start_date",
                           "observation_period_end_date", "period_type_concept_id"],
    "visit_occurrence": ["visit_occurrence_id", "person_id", "visit_concept_id", "visit_start_date", "visit_end_date",
                         "visit_type_concept_id"],
    "condition_occurrence": ["condition_occurrence_id", "person_id", "condition_concept_id", "condition_start_date",
                             "condition_type_concept_id"],
    "procedure_occurrence": ["procedure_occurrence_id", "person_id", "procedure_concept_id", "procedure_date",
                             "procedure_type_concept_id"],
    "drug_exposure": ["drug_exposure_id", "person_id", "drug_concept_id", "drug_exposure_start_date",
                      "drug_exposure_end_date", "drug_type_concept_id"],
    "measurement": ["measurement_id", "person_id", "measurement_concept_id", "measurement_date",
                    "measurement_type_concept_id"],
    "observation": ["observation_id", "person_id", "observation_concept_id", "observation_date",
                    "observation_type_concept_id"],
    "episode": ["episode_id", "person_id", "episode_concept_id", "episode_start_date", "episode_object_concept_id",
                "episode_type_concept_id"],
    "cdm_source": ["cdm_source_name", "cdm_source_abbreviation", "cdm_holder", "source_release_date", "cdm_release_date",
                   "cdm_version_concept_id", "vocabulary_version"],
}


def lengths():
    """The longest text of each column that has one, by table."""
    path = pathlib.Path(duckcdm.omop.__file__).with_name("cdm_fields.csv")
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found = re.fullmatch(r"varchar\((\d+)\)", row["datatype"])
            if row["version"] == "5.4" and found:
                yield row["table"], row["field"], int(found.group(1))


def load(connection, directory):
    """Every table of the definition, filled where there is a file; the rows of each that is filled."""
    rows = {}
    for table, columns in duckcdm.omop.cdm_fields(("5.4",)).items():
        fields = ", ".join(
            f'"{name}" {kind}{" NOT NULL" if name in REQUIRED.get(table, ()) else ""}' for name, kind in columns
        )
        connection.execute(f"CREATE TABLE {table} ({fields})")
        file = directory / f"{table}.parquet"
        if not file.exists():
            continue
        own = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{file}')").fetchall()]
        official = [name for name, _ in columns]
        assert own == official, f"{table}: {own} are not {official}"
        connection.execute(f"INSERT INTO {table} SELECT * FROM read_parquet('{file}')")
        rows[table] = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return rows


def main():
    directory = pathlib.Path(sys.argv[1])
    connection = duckdb.connect()
    rows = load(connection, directory)
    assert set(rows) == set(REQUIRED), f"there are {sorted(rows)}"
    for table, field, longest in lengths():
        if table in rows:
            found = connection.execute(f"SELECT max(length({field})) FROM {table}").fetchone()[0] or 0
            assert found <= longest, f"{table}.{field} has {found} characters"
    for table in REQUIRED:
        if table not in ("person", "cdm_source"):
            lost = connection.execute(
                f"SELECT count(*) FROM {table} WHERE person_id NOT IN (SELECT person_id FROM person)"
            ).fetchone()[0]
            assert lost == 0, f"{table}: {lost} rows of nobody"
    done, failed = run_achilles(connection, cdm_version="5.4", source_name="medial", small_cell_count=0, log=None)
    results = connection.execute("SELECT count(*) FROM results.achilles_results").fetchone()[0]
    persons = connection.execute("SELECT count_value FROM results.achilles_results WHERE analysis_id = 1").fetchone()[0]
    print("rows:", ", ".join(f"{table} {count}" for table, count in rows.items()))
    print(f"Achilles: {len(done)} analyses, {len(failed)} failed, {results} results, {persons} persons")
    for analysis, error in failed:
        print(f"  {analysis}: {error}")
    assert persons == rows["person"]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

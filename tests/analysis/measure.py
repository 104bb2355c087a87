"""Measures the export of scores in each format over HTTP, beside what the databases' own programs need for the same rows.

Usage: measure.py PROGRAM DIRECTORY, where PROGRAM is a release build. Started by `scripts/analysis measure`.

For SQLite and for PostgreSQL it prints each format's rows and bytes a second, the service's peak memory while it was sent,
and its time as a multiple of the floor: `sqlite3 -csv` and `COPY … TO STDOUT` of the same rows as the table holds them.
"""

import contextlib
import http.client
import os
import pathlib
import pwd
import signal
import subprocess
import sys
import time

from run import free_port

PATIENTS = int(os.environ.get("ANALYSIS_PATIENTS", "20000"))
FORMATS = ("csv", "ndjson", "parquet", "arrow")
PIECE = 1 << 20  # bytes read at a time
START_WITHIN = 3600  # seconds; a large cohort is made before the service answers
ROWS = "SELECT * FROM scores WHERE withdrawn_at IS NULL"


def settings(url, port):
    """The environment that the program runs in."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    return kept | {
        "MEDIAL_DATABASE_URL": url,
        "MEDIAL_HTTP_BIND": f"127.0.0.1:{port}",
        "MEDIAL_TOKENS_SECRET": "measured-" + "0" * 40,
    }


@contextlib.contextmanager
def running(words, url, work):
    """The program while it serves; gives its process and its port."""
    port = free_port()
    with (work / "service.log").open("a") as log:
        process = subprocess.Popen(words, cwd=work, env=settings(url, port), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            until = time.monotonic() + START_WITHIN
            while not answers(port):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{' '.join(map(str, words))} did not start: {work / 'service.log'}")
                time.sleep(0.2)
            yield process, port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def answers(port):
    """Whether the service is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def peak(process):
    """The most memory the process had since it was last forgotten, in MB, and of that what no file stands behind."""
    lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
    return kilobytes["VmHWM"] // 1024, kilobytes["RssAnon"] // 1024


def forget_peak(process):
    pathlib.Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def stream(port, token, form):
    """Reads the scores in a format; seconds, bytes and line ends."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    begun = time.monotonic()
    connection.request("GET", f"/v1/exports/stream/scores.{form}", headers={"authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{form}: {answer.status} {answer.read().decode()}")
    size = lines = 0
    while piece := answer.read(PIECE):
        size += len(piece)
        lines += piece.count(b"\n")
    connection.close()
    return time.monotonic() - begun, size, lines


def timed(words, **how):
    """Seconds that a program takes, its output thrown away."""
    begun = time.monotonic()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True, **how)
    return time.monotonic() - begun


def measure(program, url, work, rows, name, floor):
    """A table of the formats on one database."""
    print(f"\n{name}: {floor:.1f} s, {rows / floor:,.0f} rows/s", flush=True)
    word = [program, "token", "--role", "ehr_system", "--organization", "demo", "--expires", "4h"]
    token = subprocess.run(word, env=settings(url, 1), cwd=work, capture_output=True, text=True, check=True).stdout.strip()
    with running([program, "serve"], url, work) as (process, port):
        for form in FORMATS:
            forget_peak(process)
            seconds, size, lines = stream(port, token, form)
            most, own = peak(process)
            if form in ("csv", "ndjson") and lines - (form == "csv") != rows:
                raise RuntimeError(f"{form}: {lines} lines, {rows} rows in the database")
            print(
                f"{form:<9}{seconds:>8.1f} s{rows / seconds:>12,.0f} rows/s{size / 1e6:>9,.0f} MB{size / 1e6 / seconds:>8.0f} MB/s"
                f"   peak {most} MB, {own} MB of it its own{seconds / floor:>7.1f} × the floor",
                flush=True,
            )


class Postgres:
    """A cluster of its own on a free port, with Medial's tables."""

    def __init__(self, work, programs):
        self.directory, self.programs, self.port = work / "postgres", programs, free_port()
        self.url = f"postgres://medial@127.0.0.1:{self.port}/medial"
        # The server does not run as root.
        self.person = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def __enter__(self):
        self.directory.mkdir()
        if self.person:
            owner = pwd.getpwnam("postgres")
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
        self.do("initdb", "-D", self.directory / "cluster", "-U", "medial", "-A", "trust", "-E", "UTF8", "--locale=C")
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories='' -c shared_buffers=512MB -c max_wal_size=4GB"
        self.do("pg_ctl", "-D", self.directory / "cluster", "-l", self.directory / "log", "-o", options, "-w", "start")
        self.do("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "medial", "medial")
        return self

    def __exit__(self, *_):
        self.do("pg_ctl", "-D", self.directory / "cluster", "-m", "fast", "stop")

    def do(self, program, *words):
        subprocess.run([*self.person, self.programs / program, *map(str, words)], cwd="/", stdout=subprocess.DEVNULL, check=True)

    def ask(self, *words, **how):
        return [self.programs / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", self.url, *words]

    def copy(self, database):
        """Takes every row over from a SQLite file."""
        names = subprocess.run(
            ["sqlite3", "-readonly", database, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'"],
            capture_output=True, text=True, check=True,
        ).stdout.split()
        # Rows come table by table, whatever refers to whatever.
        unbound = ("-c", "SET session_replication_role = replica")
        subprocess.run(self.ask("-c", f"TRUNCATE {', '.join(names)}"), check=True)
        for name in names:
            columns = subprocess.run(
                ["sqlite3", "-readonly", database, f"SELECT name FROM pragma_table_info('{name}')"],
                capture_output=True, text=True, check=True,
            ).stdout.split()
            rows = subprocess.Popen(["sqlite3", "-readonly", "-csv", database, f"SELECT * FROM {name}"], stdout=subprocess.PIPE)
            taken = ("-c", f"COPY {name} ({', '.join(columns)}) FROM STDIN CSV")
            subprocess.run(self.ask(*unbound, *taken), stdin=rows.stdout, check=True)
            if rows.wait():
                raise RuntimeError(f"{name} was not read")
        subprocess.run(self.ask("-c", "VACUUM ANALYZE"), check=True)


def postgres_programs():
    """Where the newest PostgreSQL server's programs are; Debian keeps them off PATH."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name.split(".")[0]))
    return found[-1].parent if found else None


def main():
    program, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    database = pathlib.Path(os.environ.get("ANALYSIS_DATABASE") or work / "medial.sqlite").resolve()
    url = f"sqlite://{database}"
    if not database.exists():
        begun = time.monotonic()
        with running([program, "demo", "--patients", str(PATIENTS)], url, work):
            print(f"{PATIENTS} synthetic patients: {time.monotonic() - begun:.0f} s", flush=True)
    rows = int(subprocess.run(["sqlite3", "-readonly", database, ROWS.replace("*", "count(*)")], capture_output=True, text=True, check=True).stdout)
    print(f"{rows:,} scores", flush=True)
    floor = timed(["sqlite3", "-readonly", "-csv", database, ROWS])
    measure(program, url, work, rows, "SQLite, sqlite3 -csv", floor)
    programs = postgres_programs()
    if programs is None:
        print("\nPostgreSQL was not measured: no server program is installed")
        return
    with Postgres(work, programs) as postgres:
        subprocess.run([program, "migrate"], env=settings(postgres.url, 1), cwd=work, stdout=subprocess.DEVNULL, check=True)
        postgres.copy(database)
        floor = timed(postgres.ask("-c", f"COPY ({ROWS}) TO STDOUT"))
        measure(program, postgres.url, work, rows, "PostgreSQL, COPY … TO STDOUT", floor)


if __name__ == "__main__":
    main()

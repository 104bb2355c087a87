"""The three main figures, from the Parquet files of an export.

    medial export relief outcomes --format parquet --directory study
    python3 -m venv venv && venv/bin/pip install duckdb matplotlib
    venv/bin/python figures.py study figures

1. How many blocks relieve by how much, with Wilson's intervals.
2. How long relief of at least 80 % lasted: at least, and at most, since nobody knows what is between two scores.
3. How many of the ablated targets had at least 50 % relief at 3, 6 and 12 months.
"""

import pathlib
import sys
from math import sqrt

import duckdb
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BLUE, ORANGE, GREY = "#2b6cb0", "#c05621", "#718096"


def wilson(hits, of):
    """The share of `hits`, and how far its 95 % interval goes below and above it."""
    if of == 0:
        return 0.0, 0.0, 0.0
    z, share = 1.959964, hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return share, max(0.0, share - (middle - half)), max(0.0, middle + half - share)


def bars(axes, labels, counts, colour):
    """Shares with their intervals, each with its numbers; gives back what it drew, in words."""
    shares = [wilson(hits, of) for hits, of in counts]
    places = range(len(labels))
    axes.bar(places, [100 * share for share, _, _ in shares], color=colour, width=0.6)
    axes.errorbar(
        places,
        [100 * share for share, _, _ in shares],
        yerr=[[100 * low for _, low, _ in shares], [100 * high for _, _, high in shares]],
        fmt="none",
        ecolor=GREY,
        capsize=4,
    )
    axes.set_xticks(list(places), [f"{label}\n{hits} of {of}" for label, (hits, of) in zip(labels, counts)])
    axes.set_ylim(0, 100)
    axes.set_ylabel("%")
    return ", ".join(
        f"{label.removeprefix('≥ ')} {hits} of {of} ({100 * (share - low):.1f} to {100 * (share + high):.1f})"
        for label, (hits, of), (share, low, high) in zip(labels, counts, shares)
    )


def responders(study, axes):
    rows = duckdb.sql(f"""
        SELECT threshold_percent, count(*) FILTER (onset_minutes IS NOT NULL), count(*)
        FROM '{study}/relief.parquet'
        WHERE baseline > 0
        GROUP BY threshold_percent ORDER BY threshold_percent
    """).fetchall()
    axes.set_title("Blocks and sides with relief at some time")
    return bars(axes, [f"≥ {threshold} %" for threshold, _, _ in rows], [(hits, of) for _, hits, of in rows], BLUE)


def duration(study, axes):
    rows = duckdb.sql(f"""
        SELECT min_minutes / 60, coalesce(max_minutes, 1e9) / 60
        FROM '{study}/relief.parquet'
        WHERE threshold_percent = 80 AND onset_minutes IS NOT NULL
    """).fetchall()
    hours = [tick / 4 for tick in range(0, 97)]

    def lasted(column, hour):
        return sum(row[column] >= hour for row in rows)

    for column, label, colour in ((0, "for certain", BLUE), (1, "possibly", ORANGE)):
        shares = [100 * lasted(column, hour) / max(1, len(rows)) for hour in hours]
        axes.step(hours, shares, where="post", label=label, color=colour)
    axes.set(xlabel="hours since relief began", ylabel="% still in relief", ylim=(0, 102), xlim=(0, 24))
    axes.legend(frameon=False)
    axes.set_title(f"Relief of at least 80 %, {len(rows)} blocks and sides")
    return ", ".join(f"{hour} h {lasted(0, hour)} to {lasted(1, hour)} of {len(rows)}" for hour in (1, 3, 8, 24))


def outcomes(study, axes):
    labels, counts = [], []
    for months in (3, 6, 12):
        column = f"best_relief_percent_{months}_months"
        counts.append(duckdb.sql(f"""
            SELECT count(*) FILTER ({column} >= 50), count({column})
            FROM '{study}/outcomes.parquet' WHERE ablation_id IS NOT NULL
        """).fetchall()[0])
        labels.append(f"{months} months")
    axes.set_title("Targets with at least 50 % relief after ablation")
    return bars(axes, labels, counts, ORANGE)


def main():
    study, figures = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    figures.mkdir(parents=True, exist_ok=True)
    for name, draw in (("responders", responders), ("duration", duration), ("outcomes", outcomes)):
        figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
        axes.spines[["top", "right"]].set_visible(False)
        shown = draw(study, axes)
        figure.savefig(figures / f"{name}.png", dpi=150)
        plt.close(figure)
        print(f"{name}.png: {shown}")


if __name__ == "__main__":
    main()

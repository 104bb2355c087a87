"""A made-up cohort in the form that `medial import` reads, the same in every run. The demonstration resembles a clinic; this
one has what is hard on statistics: curves that are at exactly half, ties, groups in which all or nobody fails, diaries with
rows at any minute, so that no two intervals are alike.
"""

import datetime
import json
import random

ZONE = datetime.timezone(datetime.timedelta(hours=-5))
START = datetime.datetime(2023, 1, 9, 9, tzinfo=ZONE)
REGIONS = {"lumbar": ["L4-5", "L5-S1"], "cervical": ["C4-5", "C5-6"]}
AGENTS = ("lidocaine", "bupivacaine", "ropivacaine", None)


def block(dice, at, region, side):
    """A block with a diary: pain that goes, stays away for a while and mostly comes back."""
    sides = ["left", "right"] if side == "bilateral" and dice.random() < 0.5 else [None]
    scores = []
    for rated in sides:
        before = dice.randint(5, 10)
        lasts = dice.expovariate(1 / 240)
        best = dice.choice([0, 0, 1, 2, 3, before])
        since = -30
        # A diary that is kept for long enough sees the end.
        until = dice.choice([lasts + 200, lasts * dice.random(), 600])
        while since < max(until, 20):
            value = before if since < 0 or since > lasts else min(before, best + (dice.random() < 0.15))
            taken_at = at + datetime.timedelta(minutes=since)
            scores.append({"taken_at": taken_at.isoformat(), "scale": "nrs", "value": value, "context": "current", "side": rated})
            since = dice.randint(3, 20) if since < 0 else since + dice.randint(5, 140)
    return {
        "performed_at": at.isoformat(), "kind": "diagnostic", "technique": "medial_branch", "joints": REGIONS[region], "side": side,
        "agent": dice.choice(AGENTS), "guidance": "fluoroscopy", "operator": dice.choice(["A", "B"]), "scores": scores,
    }


def ablation(day, region, side, technique, told):
    """An ablation with follow-ups: the days after it and the scores, from 8 before it."""
    after = [{"taken_on": str(day + datetime.timedelta(days=days)), "score": {"scale": "nrs", "value": score}} for days, score in told]
    return {
        "performed_on": str(day), "joints": REGIONS[region], "side": side, "technique": technique,
        "pre_score": {"scale": "nrs", "value": 8}, "follow_ups": after,
    }


def followed(dice, number):
    """The technique of an ablation and what was told after it."""
    if number < 24:
        # One after the other: after the twelfth exactly half are left.
        return "cooled", [(30 + 10 * number, 8)]
    if number < 30:
        return "pulsed", [(20, 1), (60, 6)]
    if number < 35:
        return "other", [(30 * (number - 29), 4)]
    days = sorted(dice.sample(range(14, 560, 7), dice.randint(1, 5)))
    return dice.choice(["thermal", None]), [(day, dice.choice([0, 1, 3, 4, 4, 5, 8])) for day in days]


def cohort():
    """One line for each patient."""
    dice = random.Random(1991)
    for number in range(110):
        region = dice.choice(["lumbar", "lumbar", "cervical"])
        side = dice.choice(["left", "right", "bilateral"])
        at = START + datetime.timedelta(days=3 * number)
        technique, told = followed(dice, number)
        ablated_on = (at + datetime.timedelta(days=60)).date()
        ablations = [ablation(ablated_on, region, side, technique, told)]
        if number >= 35 and dice.random() < 0.25:
            again = ablated_on + datetime.timedelta(days=dice.randint(150, 400))
            ablations.append(ablation(again, region, side, technique, [(91, dice.randint(0, 8))]))
        yield json.dumps({
            "patient": {"identifiers": [{"system": "urn:example:made", "value": str(number)}], "birth_date": "1960-02-29", "sex": "unknown"},
            "episode": {
                "region": region, "onset_date": "2022-01-01", "axial": dice.random() < 0.8, "other_causes_excluded": dice.random() < 0.8,
                "radiculopathy": dice.choice(["none", "untreated"]), "fused_joints": [],
                "conservative_care": [{"kind": "physical_therapy", "start": "2022-02-01", "end": "2022-08-01", "outcome": "failed"}],
                "disability": [{"instrument": "odi", "score": 42, "maximum": 100, "taken_on": str(at.date())}],
            },
            "blocks": [block(dice, at + datetime.timedelta(days=day), region, side) for day in (0, 21)],
            "ablations": ablations,
        })

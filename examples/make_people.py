"""Make up a table of the kind that people have: text, dates, flags, gaps, and a mood that is best at 38 hours of work.

    python examples/make_people.py

writes examples/people.csv: 800 rows, 10 columns.
"""

import csv
import datetime
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "people.csv"

rng = np.random.default_rng(0)
N = 800

hours = rng.normal(38, 9, N).clip(5, 70).round(1)
commute = rng.exponential(14, N).round(1)
city = rng.choice(["Bergen", "Oslo", "Tromso"], N, p=[0.3, 0.5, 0.2])
rooms = rng.integers(1, 6, N)
income = (rng.lognormal(10.4, 0.4, N) * (1 + 0.15 * (city == "Oslo"))).round(-2)
mood = 7 - ((hours - 38) / 9) ** 2 - 0.03 * commute + 0.7 * (city == "Tromso") + rng.normal(0, 0.8, N)
born = [datetime.date(1950, 1, 1) + datetime.timedelta(days=int(days)) for days in rng.integers(0, 18_000, N)]
no_income, no_commute = rng.random(N) < 0.06, rng.random(N) < 0.03

with FILE.open("w", newline="", encoding="utf-8") as file:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["person", "born", "city", "rooms", "owner", "hours", "commute", "income", "country", "mood"])
    for i in range(N):
        table.writerow(
            [
                f"P{i:03}",
                born[i],
                city[i],
                rooms[i],
                "true" if rooms[i] + rng.normal() > 3 else "false",
                hours[i],
                "" if no_commute[i] else commute[i],
                "NA" if no_income[i] else f"{income[i]:.0f}",
                "Norway",
                f"{mood[i]:.2f}",
            ]
        )
print(f"{FILE}: {N} rows")

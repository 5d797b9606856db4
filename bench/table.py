"""One table of all rows, and the history of what was measured."""
import datetime
import pathlib
import subprocess
from statistics import median

TOP = pathlib.Path(__file__).resolve().parent.parent
HISTORY = TOP / "bench" / "history.tsv"
SERIES = TOP / "bench" / "overload.tsv"  # of the last recorded run: seconds, offered, answered, shed


class Cost:
    """What the same work cost in several short phases. `us` is the lower quartile: whatever else goes on in the machine
    and in its host only adds. The lowest and the median stand beside it."""

    def __init__(self, each):
        self.each = sorted(each)
        self.us, self.lowest, self.median = self.each[len(each) // 4], self.each[0], median(self.each)


class Row:
    """value: what hairpin reached, a number or a Cost, None when it could not be measured; target: what it should
    reach; best: "low" or "high"; peers: name to value, measured in the same run; recorded: name to value, from an
    earlier measurement."""

    def __init__(self, name, value, unit, target=None, best="low", peers=None, recorded=None, note="", lowest=None):
        self.name, self.value, self.unit, self.target, self.best = name, value, unit, target, best
        self.peers = {n: v.us if isinstance(v, Cost) else v for n, v in (peers or {}).items()}
        self.recorded, self.note, self.lowest = recorded or {}, note, lowest
        if isinstance(value, Cost):
            self.value, self.lowest = value.us, value.lowest
            self.note = "; ".join(filter(None, [note, f"median {number(value.median)} of {len(value.each)} phases"]))

    @property
    def reached(self):
        if self.value is None or self.target is None:
            return "-"
        good = self.value <= self.target if self.best == "low" else self.value >= self.target
        return "yes" if good else "no"

    def ratio(self, other):
        """How many times better than the other hairpin is; below 1: worse."""
        if not self.value or not other:
            return None
        return other / self.value if self.best == "low" else self.value / other


def number(v):
    if v is None:
        return "-"
    if abs(v) >= 1000:
        return f"{v:,.0f}"
    return f"{v:.0f}" if abs(v) >= 100 else f"{v:.1f}" if abs(v) >= 10 else f"{v:.2f}"


def cells(row):
    others = [(n, v, "") for n, v in row.peers.items()] + [(n, v, " (recorded)") for n, v in row.recorded.items()]
    target = "-" if row.target is None else ("<= " if row.best == "low" else ">= ") + number(row.target)
    value = number(row.value) + (f" (min {number(row.lowest)})" if row.lowest is not None else "")
    return [row.name + ", " + row.unit, value, target,
            "; ".join(f"{n} {number(v)}{tail}" for n, v, tail in others) or "-",
            "; ".join(f"{row.ratio(v):.1f}x {n}" for n, v, _ in others if row.ratio(v)) or "-", row.reached, row.note]


HEAD = ["row", "hairpin", "target", "peers", "better by", "reached", "note"]


def show(rows):
    table = [HEAD] + [cells(r) for r in rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEAD))]
    for n, line in enumerate(table):
        print("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |")
        if n == 0:
            print("|" + "|".join("-" * (w + 2) for w in widths) + "|")


def commit():
    def git(*args):
        return subprocess.run(["git", *args], cwd=TOP, capture_output=True, text=True).stdout.strip()
    return git("rev-parse", "--short=10", "HEAD") + ("+" if git("status", "--porcelain", "src") else "")


def record(rows):
    """One line for each figure: date, commit ("+": with changes), row, unit, whose, value."""
    new = not HISTORY.exists()
    head = [datetime.date.today().isoformat(), commit()]
    with open(HISTORY, "a") as f:
        if new:
            f.write("date\tcommit\trow\tunit\twhose\tvalue\n")
        for r in rows:
            for whose, value in [("hairpin", r.value), *r.peers.items()]:
                if value is not None:
                    f.write("\t".join([*head, r.name, r.unit, whose, f"{value:.6g}"]) + "\n")

"""Values of one run: which count, and what may be said about them. No measuring in here."""

import json
import statistics

MOST_FOREIGN = 0.03  # of both processors' time, used by others: above it a value is disturbed
FEWEST_VALUES = 3  # undisturbed ones, before a ratio is told; --quick has fewer rounds and says so
RESOLUTION = 0.06  # the same program measured twice in one run differs by as much

PEERS = ("nginx", "haproxy", "hitch")


class Series:
    """All values of one system for one figure."""

    def __init__(self, values=(), disturbed=0):
        self.values = list(values)
        self.disturbed = disturbed

    def add(self, value, foreign):
        """Keeps a value; one that others disturbed is only counted. Returns whether it counts."""
        if foreign > MOST_FOREIGN:
            self.disturbed += 1
            return False
        self.values.append(value)
        return True

    @property
    def least(self):
        return min(self.values)

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def spread(self):
        """(largest - least) / median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0


class Figure:
    """One line of a table: a unit, and a series for each system. With a `baseline`, one of the systems, it asks what the
    others cost beside that one; without, what sidelock costs beside its peers."""

    def __init__(self, name, unit, target=None, needed=FEWEST_VALUES, baseline=None):
        self.name = name
        self.unit = unit
        self.target = target
        self.needed = needed
        self.baseline = baseline
        self.systems = {}

    def series(self, system):
        return self.systems.setdefault(system, Series())

    def value(self, system):
        """The least undisturbed value, or None when there are too few of them."""
        series = self.systems.get(system)
        return series.least if series and len(series.values) >= self.needed else None

    def best_peer(self):
        """(name, value) of the best peer, or None when a peer that took part has no value to tell."""
        known = {peer: self.value(peer) for peer in PEERS if peer in self.systems}
        if not known or None in known.values():
            return None
        return min(known.items(), key=lambda item: item[1])

    def ratio(self, system="sidelock"):
        """Of a system to the best peer; None where disturbed rounds forbid to tell one."""
        if self.baseline:
            return None
        best, own = self.best_peer(), self.value(system)
        return own / best[1] if best and own is not None and best[1] else None

    def growth(self):
        """Of the last system to the baseline: the dearest way, or the most of whatever grows."""
        return self.ratio_to(self.baseline, list(self.systems)[-1]) if self.baseline else None

    def ratio_to(self, floor, system="sidelock"):
        least, own = self.value(floor), self.value(system)
        return own / least if least and own is not None else None


class Results:
    def __init__(self, about):
        self.about = about
        self.figures = []

    def add(self, figure):
        self.figures.append(figure)
        return figure

    def figure(self, name):
        return next((figure for figure in self.figures if figure.name == name), None)

    def to_json(self):
        figures = [
            {"name": figure.name, "unit": figure.unit, "target": figure.target, "needed": figure.needed,
             "baseline": figure.baseline,
             "systems": {name: {"values": series.values, "disturbed": series.disturbed}
                         for name, series in figure.systems.items()}}
            for figure in self.figures
        ]
        return json.dumps({"about": self.about, "figures": figures}, indent=1)

    @classmethod
    def from_json(cls, text):
        read = json.loads(text)
        results = cls(read["about"])
        for told in read["figures"]:
            figure = results.add(
                Figure(told["name"], told["unit"], told["target"], told["needed"], told.get("baseline")))
            for name, series in told["systems"].items():
                figure.systems[name] = Series(series["values"], series["disturbed"])
        return results

"""Prometheus' text format as values."""

import re

from .admin import ask

LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class Metrics:
    def __init__(self, text):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = LINE.match(line).groups()
                self.samples.append((name, dict(LABEL.findall(labels or "")), float(value)))

    def value(self, name, **labels):
        """The sum of the samples of that name that have these labels; None when there is none."""
        found = [value for each, has, value in self.samples if each == name and labels.items() <= has.items()]
        return sum(found) if found else None

    def labels(self, name):
        return [labels for each, labels, _ in self.samples if each == name]


def scrape(port, **options):
    return Metrics(ask(port, "/metrics", **options).body)

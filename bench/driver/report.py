"""Tables for people: one run, and two runs compared."""

from .results import RESOLUTION

FLOORS = ("relay copy", "relay splice", "OpenSSL alone")


def _number(value):
    if value is None:
        return "disturbed"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio(value):
    return "-" if value is None else f"{value:.2f}"


def tables(results):
    """All of a run: beside the peers first, then what has a baseline, one table for each set of systems."""
    made = [_beside_peers([figure for figure in results.figures if not figure.baseline])]
    groups = {}
    for figure in results.figures:
        if figure.baseline:
            groups.setdefault((figure.baseline, tuple(figure.systems)), []).append(figure)
    made += [_beside_baseline(baseline, systems, figures) for (baseline, systems), figures in groups.items()]
    return [table for table in made if len(table) > 1]


def _beside_baseline(baseline, systems, figures):
    others = [name for name in systems if name != baseline]
    table = [["figure", "unit", *systems, *(f"{name} / {baseline}" for name in others), "target"]]
    for figure in figures:
        values = [_number(figure.value(name)) for name in systems]
        ratios = [_ratio(figure.ratio_to(baseline, name)) for name in others]
        table.append([figure.name, figure.unit, *values, *ratios, "" if figure.target is None else f"{figure.target:.2f}"])
    return table


def _beside_peers(figures):
    """A header and one row for each figure: least values, the ratio to the best peer, the target, and to the floor."""
    systems = []
    for figure in figures:
        systems += [name for name in figure.systems if name not in systems]
    systems.sort(key=lambda name: (name in FLOORS, ))
    table = [["figure", "unit", *systems, "ratio to the best peer", "target", "ratio to the floor"]]
    for figure in figures:
        cells = [_number(figure.value(name)) if name in figure.systems else "" for name in systems]
        best = figure.best_peer()
        ratio = figure.ratio()
        floors = [figure.ratio_to(name) for name in FLOORS if name in figure.systems]
        told = f"{_ratio(ratio)} ({best[0]})" if best and ratio is not None else _ratio(ratio)
        target = "" if figure.target is None else f"{figure.target:.2f}"
        floor = " ".join(_ratio(value) for value in floors)
        table.append([figure.name, figure.unit, *cells, told, target, floor])
    return table


def as_markdown(table):
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in table]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def disturbances(results):
    """Says which values did not count."""
    lines = []
    for figure in results.figures:
        for name, series in figure.systems.items():
            if series.disturbed:
                lines.append(f"{figure.name}, {name}: {series.disturbed} disturbed, {len(series.values)} good")
    return lines


def comparison(before, after):
    """Each figure's ratio, to the best peer or to its baseline, in both runs. Absolute values of two runs say nothing:
    machines and hours differ; what was measured beside it carries the difference away."""
    table = [["figure", "before", "after", "after / before", ""]]
    for figure in before.figures:
        other = after.figure(figure.name)
        if other is None:
            continue
        first, second = (figure.growth(), other.growth()) if figure.baseline else (figure.ratio(), other.ratio())
        change = second / first if first and second else None
        verdict = ""
        if change is not None:
            verdict = "within the noise" if abs(change - 1) < RESOLUTION else "better" if change < 1 else "worse"
        table.append([figure.name, _ratio(first), _ratio(second), _ratio(change), verdict])
    return table

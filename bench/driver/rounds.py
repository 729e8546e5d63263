"""Interleaves the systems: in each round every system is measured once for every figure, in an order that rotates, and
a value that others disturbed is measured again."""

from .results import FEWEST_VALUES, Figure

ATTEMPTS = 3  # for one value, before the round goes on without it


def run(figures, servers, programs, rounds, say):
    """`servers` maps (system, kind) to a running server. Returns Figures with all values."""
    made = [
        Figure(figure.name, figure.unit, figure.target, min(FEWEST_VALUES, rounds), figure.baseline) for figure in figures
    ]
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for figure, result in zip(figures, made):
            turn = number % len(figure.systems)
            for system in (*figure.systems[turn:], *figure.systems[:turn]):
                server = servers[system, figure.kind]
                for _ in range(ATTEMPTS):
                    if result.series(system).add(*figure.measure(programs, server)):
                        break
    return made

"""The table as a picture: each figure's ratio to the best peer, drawn with matplotlib."""

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "sidelock"  # the same figures make the same file
from matplotlib import pyplot  # noqa: E402

from .results import PEERS  # noqa: E402

COLOURS = {"sidelock": "#0b6e4f", "nginx": "#9aa5b1", "haproxy": "#c2a878", "hitch": "#b58ea6"}


def draw(results, path):
    figures = [figure for figure in results.figures if figure.ratio() is not None]
    if not figures:
        return False
    shown, axes = pyplot.subplots(figsize=(9, 0.62 * len(figures) + 1.4))
    systems = ("sidelock", *PEERS)
    height = 0.8 / len(systems)
    for place, system in enumerate(systems):
        points = [(row, figure.ratio(system)) for row, figure in enumerate(figures)]
        points = [(row, ratio) for row, ratio in points if ratio is not None]
        axes.barh([row + place * height for row, _ in points], [ratio for _, ratio in points], height,
                  color=COLOURS[system], label=system)
    axes.axvline(1, color="#444444", linewidth=0.8)
    axes.set_yticks([row + 0.4 - height / 2 for row in range(len(figures))], [figure.name for figure in figures])
    axes.invert_yaxis()
    axes.set_xlabel("cost, as a ratio to the best of nginx, HAProxy and hitch; shorter is better")
    axes.legend(loc="lower right", fontsize="small")
    shown.tight_layout()
    shown.savefig(path, metadata={"Date": None})
    pyplot.close(shown)
    return True

"""Writes a run's tables into docs/performance.md, between two marks, and draws the plot beside it: no figure there is
written by hand."""

import pathlib

from . import plot, report

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN = "<!-- Figures: written by scripts/bench --docs. -->"
END = "<!-- End of the figures. -->"


def write(results):
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise RuntimeError(f"{DOCUMENT} has not both of its marks")
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{figures_text(results)}\n\n{END}{after}")
    plot.draw(results, DOCUMENT.with_suffix(".svg"))


def figures_text(results):
    """When, where and with what it was measured; the plot; the tables; what was disturbed."""
    about = results.about
    versions = "\n".join(f"- {name}: {shown}" for name, shown in about["versions"].items())
    parts = [
        f"Measured on {about['date']} in {about['rounds']} rounds, on {about['processors']} processors of the type "
        f"{about['processor']}, Linux {about['kernel']}:",
        versions,
        "![What each system costs, as a ratio to the best peer](performance.svg)",
        *map(report.as_markdown, report.tables(results)),
    ]
    disturbed = report.disturbances(results)
    if disturbed:
        parts.append("Values that others disturbed and that were measured again:\n\n"
                     + "\n".join(f"- {line}" for line in disturbed))
    return "\n\n".join(parts)

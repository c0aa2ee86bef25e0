#!/usr/bin/env python3
"""Executes the notebook and looks whether its three charts are there, and whether their words can be read.

    run.py [CAPTURE] [FOLDER]

Needs: pip install wiremark pandas pyarrow matplotlib nbclient ipykernel
"""

import os
import pathlib
import sys
import tempfile

import nbclient
import nbformat

HERE = pathlib.Path(__file__).resolve().parent

# Run at the end of each cell with a chart: no word of it lies over another.
CHECK = """
def _words():
    for ax in plt.gcf().axes:
        whole = ax.get_window_extent()
        yield from (text for text in [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts])
        # Ticks beyond the ends of an axis are not drawn.
        middle = lambda text: [(least + most) / 2 for least, most in zip(*text.get_window_extent().get_points())]
        yield from (text for text in ax.get_xticklabels() if whole.x0 - 1 <= middle(text)[0] <= whole.x1 + 1)
        yield from (text for text in ax.get_yticklabels() if whole.y0 - 1 <= middle(text)[1] <= whole.y1 + 1)
        for legend in filter(None, [ax.get_legend(), *plt.gcf().legends]):
            yield from legend.get_texts()

plt.gcf().canvas.draw()
_boxes = {text: text.get_window_extent() for text in _words() if text.get_visible() and text.get_text().strip()}
_boxes = [(text.get_text(), box) for text, box in _boxes.items()]
_over = [(a, b) for n, (a, one) in enumerate(_boxes) for b, other in _boxes[n + 1 :] if one.overlaps(other)]
assert len(_boxes) > 4 and not _over, _over
"""


def main():
    if len(sys.argv) > 1:
        os.environ["CAPTURE"] = str(pathlib.Path(sys.argv[1]).resolve())
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()).resolve()
    os.environ["CHARTS"] = str(folder)
    notebook = nbformat.read(HERE / "capture.ipynb", as_version=4)
    for cell in notebook.cells:
        if "savefig" in cell.source:
            cell.source += "\n" + CHECK
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": HERE}}).execute()
    for name in ("apps", "calls", "tasks"):
        chart = folder / f"{name}.png"
        assert chart.read_bytes().startswith(b"\x89PNG"), chart
        print(chart)
    pictures = [out for cell in notebook.cells for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
    assert len(pictures) == 3, len(pictures)


if __name__ == "__main__":
    main()

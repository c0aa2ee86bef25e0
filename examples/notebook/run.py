#!/usr/bin/env python3
"""Executes the notebook and looks whether its three charts are there.

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


def main():
    if len(sys.argv) > 1:
        os.environ["CAPTURE"] = str(pathlib.Path(sys.argv[1]).resolve())
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()).resolve()
    os.environ["CHARTS"] = str(folder)
    notebook = nbformat.read(HERE / "capture.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": HERE}}).execute()
    for name in ("apps", "calls", "tasks"):
        chart = folder / f"{name}.png"
        assert chart.read_bytes().startswith(b"\x89PNG"), chart
        print(chart)
    pictures = [out for cell in notebook.cells for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
    assert len(pictures) == 3, len(pictures)


if __name__ == "__main__":
    main()

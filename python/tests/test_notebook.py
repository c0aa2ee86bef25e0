"""The notebook of examples/, executed."""

import subprocess
import sys

import pytest
from conftest import ROOT


def test_the_notebook_has_its_charts(tmp_path):
    for needed in ("matplotlib", "nbclient", "ipykernel", "pandas", "pyarrow"):
        pytest.importorskip(needed)
    run = [sys.executable, ROOT / "examples/notebook/run.py", ROOT / "tests/demo.pcap", tmp_path]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

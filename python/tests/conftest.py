"""Captures at hand, and the command beside the package."""

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GIVEN = ROOT.parent / "shared" / "traces"


def captures():
    """The project's own capture, and those of other people where they are."""
    given = sorted(path for path in GIVEN.rglob("*") if path.suffix in {".pcap", ".pcapng", ".cap"}) if GIVEN.is_dir() else []
    return [ROOT / "tests" / "demo.pcap", *given]


@pytest.fixture(scope="session")
def command():
    """Runs the command and gives its records, or what it writes in another format; skips where there is none."""
    program = os.environ.get("WIREMARK", ROOT / "target" / "debug" / "wiremark")
    if not pathlib.Path(program).exists():
        pytest.skip("no wiremark command: name it with WIREMARK=..., or cargo build -p wiremark-probe --features full")

    def run(subcommand, capture, form="json"):
        run = subprocess.run([program, subcommand, "--format", form, capture], capture_output=True, check=False)
        assert run.returncode in (0, 1), run.stderr
        return [json.loads(line) for line in run.stdout.splitlines()] if form == "json" else run.stdout

    return run


@pytest.fixture(scope="session")
def demo():
    return ROOT / "tests" / "demo.pcap"

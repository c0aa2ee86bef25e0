"""What captures hold, as tables."""

import csv
import datetime
import io
import os
import signal
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pyarrow.parquet
import pytest

import wiremark
from conftest import ROOT, captures


def as_json(value):
    """As the command's JSON has it."""
    if isinstance(value, datetime.datetime):
        assert value.utcoffset() == datetime.timedelta(0)
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list) else value


def rows(records):
    return as_json(records.to_arrow().to_pylist())


READERS = {"classify": wiremark.flows, "tasks": wiremark.tasks, "calls": wiremark.calls}
KINDS = {"classify": "flow", "tasks": "task", "calls": "call"}


def order(rows):
    """Flows that time out together end in any order."""
    return sorted(rows, key=lambda row: sorted(map(str, row.items())))


@pytest.mark.parametrize("subcommand", ["classify", "tasks", "calls"])
def test_rows_are_the_commands_for_every_capture_at_hand(command, subcommand):
    seen = 0
    for capture in captures():
        told = order(record for record in command(subcommand, capture) if record["event_type"] == KINDS[subcommand])
        assert order(rows(READERS[subcommand](capture, on_error="keep"))) == told, capture
        seen += len(told)
    assert seen > 0


@pytest.mark.parametrize("subcommand", ["classify", "calls"])
def test_every_format_has_these_rows_and_types(command, subcommand):
    for capture in captures():
        table = READERS[subcommand](capture, on_error="keep").to_arrow()
        told = order(as_json(table.to_pylist()))
        arrow = pa.ipc.open_stream(command(subcommand, capture, "arrow")).read_all()
        assert arrow.schema == table.schema and order(as_json(arrow.to_pylist())) == told, capture
        parquet = pyarrow.parquet.read_table(io.BytesIO(command(subcommand, capture, "parquet")))
        assert parquet.schema.equals(table.schema) and order(as_json(parquet.to_pylist())) == told, capture
        if subcommand == "classify":
            lines = csv.DictReader(io.StringIO(command(subcommand, capture, "csv").decode()))
            lines = ({**line, "duration": str(float(line["duration"]))} for line in lines)
            assert order(lines) == order({name: cell(value) for name, value in row.items()} for row in told), capture


def cell(value):
    """A value as CSV has it; what a spreadsheet would take for a formula begins with an apostrophe."""
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    text = " ".join(value) if isinstance(value, list) else str(value)
    return "'" + text if not isinstance(value, (int, float)) and text[:1] in tuple("=+-@\t\r") else text


def test_types(demo):
    schema = wiremark.flows(demo).to_arrow().schema
    word = pa.dictionary(pa.int32(), pa.string())
    for name, expected in {
        "timestamp": pa.timestamp("us", "UTC"),
        "src_ip": pa.string(),
        "src_port": pa.int32(),
        "app": word,
        "signature_id": pa.int32(),
        "final": pa.bool_(),
        "bytes_toclient": pa.int64(),
    }.items():
        assert schema.field(name).type == expected, name
    assert not any(pa.types.is_unsigned_integer(field.type) for field in schema)
    assert wiremark.flows(demo, addresses="binary").to_arrow().schema.field("src_ip").type == pa.binary(16)


def test_binary_addresses_are_the_same_addresses(demo):
    import ipaddress

    text, binary = (wiremark.flows(demo, addresses=way).to_arrow() for way in ("text", "binary"))
    for one, other in zip(text["src_ip"].to_pylist(), binary["src_ip"].to_pylist()):
        address = ipaddress.IPv6Address(other)
        assert ipaddress.ip_address(one) == (address.ipv4_mapped or address)


def test_whoever_knows_arrow_takes_them(demo):
    import duckdb
    import polars

    count = len(wiremark.flows(demo).to_arrow())
    assert len(pa.table(wiremark.flows(demo))) == count
    assert len(wiremark.flows(demo).to_pandas()) == count
    assert len(wiremark.flows(demo).to_polars()) == count
    assert len(polars.DataFrame(wiremark.flows(demo))) == count
    records = wiremark.flows(demo)
    assert duckdb.sql("select count(*) from records").fetchall() == [(count,)]


def test_names_are_lists_in_pandas(demo):
    flows = wiremark.flows(demo).to_pandas()
    names = wiremark.flows(demo).to_arrow()["names"].to_pylist()
    assert any(names) and flows.names.to_list() == names
    assert flows[["flow", "names"]].explode("names").names.dropna().to_list() == [name for row in names for name in row]


def test_readme_five_lines(demo, monkeypatch, capsys, tmp_path):
    text = (ROOT / "python" / "README.md").read_text()
    lines = text.split("```python\n")[1].split("```")[0]
    (tmp_path / "capture.pcap").symlink_to(demo)
    monkeypatch.chdir(tmp_path)
    exec(lines, {})
    assert "whatsapp" in capsys.readouterr().out


def test_packets_end_with_the_flows_verdict(demo):
    packets, flows = wiremark.packets(demo).to_pandas(), wiremark.flows(demo).to_pandas()
    last = packets.dropna(subset=["flow"]).groupby("flow").last()
    assert len(last) == len(flows)
    assert sorted(last.app.astype(object).fillna("-")) == sorted(flows.app.astype(object).fillna("-"))
    # The table's bytes are on the wire, as a flow's are.
    in_flows = packets[packets.flow.notna()].wire_bytes.sum()
    assert in_flows == flows.bytes_toserver.sum() + flows.bytes_toclient.sum()


def test_rows_are_the_same_for_every_number_of_threads(demo):
    for read in READERS.values():
        one, several = (read([demo] * 3, threads=threads).to_arrow() for threads in (1, 4))
        assert one.to_pylist() == several.to_pylist()


def test_a_stream_is_read_once(demo):
    records = wiremark.flows(demo)
    records.to_arrow()
    with pytest.raises(RuntimeError, match="read already"):
        records.to_arrow()


@pytest.fixture
def damaged(demo, tmp_path):
    path = tmp_path / "damaged.pcap"
    path.write_bytes(demo.read_bytes()[:-3])
    return path


def test_errors_are_the_commands_sentences(demo, damaged, tmp_path):
    with pytest.raises(wiremark.CaptureError, match="no such file; check the path"):
        wiremark.flows(tmp_path / "none.pcap").to_arrow()
    with pytest.raises(wiremark.CaptureError, match="the capture ends inside a record; copy it again"):
        wiremark.flows([damaged, demo]).to_pandas()
    # Through Arrow's own interface the sentence comes, in the reader's exception.
    with pytest.raises(Exception, match="the capture ends inside a record"):
        pa.table(wiremark.flows(damaged))
    records = wiremark.flows([demo, damaged, demo], on_error="keep")
    assert len(records.to_arrow()) == 3 * len(wiremark.flows(demo).to_arrow())
    [(file, sentence)] = records.errors
    assert file == str(damaged) and "ends inside a record" in sentence


def test_a_bad_signature_file_is_told_with_its_place(tmp_path):
    (tmp_path / "bad.toml").write_text("[app]\nid = 0\n")
    with pytest.raises(wiremark.SignatureError, match="bad.toml"):
        wiremark.Classifier(tmp_path)


def test_progress_is_told_and_can_end_it(demo):
    seen = []
    wiremark.flows([demo] * 3, progress=lambda read, total: seen.append((read, total))).to_arrow()
    total = 3 * demo.stat().st_size
    assert seen[-1] == (total, total) and seen == sorted(seen)

    def enough(read, total):
        raise ZeroDivisionError("enough")

    with pytest.raises(ZeroDivisionError, match="enough"):
        wiremark.flows(demo, progress=enough).to_arrow()


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("take", ["wiremark.flows(fifo).to_pandas()", "pyarrow.table(wiremark.flows(fifo))"])
def test_keyboard_interrupt_in_the_middle_of_a_file(demo, tmp_path, take):
    fifo = tmp_path / "capture.pcap"
    os.mkfifo(fifo)
    code = f"import pandas, pyarrow, wiremark; fifo = {str(fifo)!r}; print('ready', flush=True); {take}"
    child = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "ready\n"
    with open(fifo, "wb") as pipe:
        # The pipe stays open: the reader waits for more.
        pipe.write(demo.read_bytes()[:5000])
        pipe.flush()
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=20)
    assert "KeyboardInterrupt" in said and child.returncode in (1, 130, -signal.SIGINT), said


def test_the_interpreter_goes_on_meanwhile(demo):
    counts = []
    stop = threading.Event()

    def count():
        while not stop.is_set():
            counts.append(None)
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    before = len(counts)
    wiremark.packets([demo] * 50).to_arrow()
    stop.set()
    thread.join()
    assert len(counts) > before


def test_docstrings_tell_shapes_and_units():
    for thing in (wiremark.flows, wiremark.packets, wiremark.tasks, wiremark.calls, wiremark.Tracker.batch):
        assert "Returns" in thing.__doc__ and "int64" in thing.__doc__, thing


def test_it_loads_fast():
    code = "import time; a = time.perf_counter(); import wiremark; print(time.perf_counter() - a)"
    best = min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3))
    assert best < 0.1

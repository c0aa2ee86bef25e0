"""The engine per packet, and what it is misused with. Run with -X faulthandler: a crash fails the run."""

import gc
import struct
import threading

import numpy as np
import pytest

import wiremark


@pytest.fixture(scope="module")
def block(demo):
    """A capture as people have it in numpy: one buffer, where frames begin, how long they are, and when they came."""
    data = demo.read_bytes()
    assert data[:4] == b"\xd4\xc3\xb2\xa1", "the demo is pcap, little-endian, microseconds"
    at, offsets, lengths, wire, times = 24, [], [], [], []
    while at < len(data):
        seconds, micros, captured, length = struct.unpack_from("<IIII", data, at)
        offsets.append(at + 16)
        lengths.append(captured)
        wire.append(length)
        times.append(seconds * 1_000_000 + micros)
        at += 16 + captured
    arrays = [np.array(numbers, dtype=np.int64) for numbers in (offsets, lengths, wire, times)]
    return (np.frombuffer(data, dtype=np.uint8), *arrays)


@pytest.fixture(scope="module")
def classifier():
    return wiremark.Classifier()


def test_every_door_says_the_same(demo, block, classifier):
    data, offsets, lengths, wire, times = block
    packets = wiremark.packets(demo, classifier=classifier).to_pandas()
    batch = wiremark.Tracker(classifier).batch(data, offsets, times, lengths=lengths, wire_lengths=wire).to_pandas()
    one = wiremark.Tracker(classifier)
    for number, (offset, length, time_us) in enumerate(zip(offsets, lengths, times)):
        seen = one.frame(data[offset : offset + length], int(time_us))
        row, packet = batch.iloc[number], packets.iloc[number]
        if seen is None:
            assert row.isna().all() and packet.iloc[4:].isna().all()
            continue
        for name in ("flow", "packet", "to_server", "payload_bytes"):
            assert getattr(seen, name) == row[name] == packet[name], (number, name)
        for name in ("app", "role", "carrier", "confidence", "signature_id", "final", "changed"):
            value = getattr(seen.verdict, name)
            for other in (row[name], packet[name]):
                assert (value is None and other != other) or value == other, (number, name, value, other)


def test_flows_of_a_tracker_are_the_files(demo, block, classifier):
    data, offsets, lengths, wire, times = block
    tracker = wiremark.Tracker(classifier)
    tracker.batch(data, offsets, times, lengths=lengths, wire_lengths=wire)
    ended, left = tracker.ended().to_arrow(), tracker.finish().to_arrow()
    whole = ended.to_pylist() + left.to_pylist()
    flows = wiremark.flows(demo, classifier=classifier).to_arrow().to_pylist()
    # What a tracker does not keep of a flow: these come from the file.
    beside = {"file", "names", "truncated", "frame", "process", "decided_at_packet"}
    without = lambda rows: [{name: value for name, value in row.items() if name not in beside} for row in rows]
    # Flows that time out together end in any order.
    in_order = lambda rows: sorted(without(rows), key=lambda row: row["flow"])
    assert in_order(whole) == in_order(flows)
    with pytest.raises(ValueError, match="finished"):
        tracker.ended()


def test_flows_of_ones_own(block, classifier):
    data, offsets, lengths, _, times = block
    frames = [(data[o : o + n].tobytes(), int(t)) for o, n, t in zip(offsets, lengths, times)]
    tracker = wiremark.Tracker(classifier)
    flows, apps = {}, set()
    with wiremark.Context(classifier) as context:
        for frame, time_us in frames:
            seen = tracker.frame(frame, time_us)
            if seen is None:
                continue
            flow = flows.setdefault(seen.flow, wiremark.Flow(classifier))
            verdict = classifier.classify(context, flow, frame, time_us)
            assert (verdict.app, verdict.role) == (flow.verdict.app, flow.verdict.role)
            apps.add(verdict.app)
    assert "whatsapp" in apps and "wechat" in apps


@pytest.mark.parametrize("number", [b"", b"\0", b"\xff" * 200, bytes(range(256)) * 8])
def test_any_bytes_are_taken(classifier, number):
    context, flow, tracker = wiremark.Context(classifier), wiremark.Flow(classifier), wiremark.Tracker(classifier)
    for link_type in (0, 1, 101, 113, 276):
        assert classifier.classify(context, flow, number, 1, link_type) is None or True
        tracker.frame(number, 1, link_type)


def test_a_closed_context(classifier):
    context, flow = wiremark.Context(classifier), wiremark.Flow(classifier)
    context.close()
    assert context.closed
    with pytest.raises(ValueError, match="closed"):
        classifier.classify(context, flow, b"\0" * 60)
    context.close()


def test_what_is_another_classifiers(classifier):
    other = wiremark.Classifier(without=["related"])
    with pytest.raises(ValueError, match="another classifier's; make one with Flow"):
        classifier.classify(wiremark.Context(classifier), wiremark.Flow(other), b"\0" * 60)
    with pytest.raises(ValueError, match="another classifier's; make one with Context"):
        classifier.classify(wiremark.Context(other), wiremark.Flow(classifier), b"\0" * 60)


def test_a_context_on_another_thread(classifier):
    context, flow, raised = wiremark.Context(classifier), wiremark.Flow(classifier), []

    def use():
        try:
            classifier.classify(context, flow, b"\0" * 60)
        except RuntimeError as error:
            raised.append(str(error))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert len(raised) == 1 and "belongs to the thread that made it" in raised[0]


def test_a_tracker_in_use_on_another_thread(block, classifier):
    data, offsets, lengths, _, times = block
    tracker, raised = wiremark.Tracker(classifier), []

    def use():
        for _ in range(200):
            try:
                tracker.batch(data, offsets, times, lengths=lengths)
            except RuntimeError as error:
                raised.append(error)

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Whether two calls met is chance; what came of it is an exception, and the tracker works.
    assert len(tracker.batch(data, offsets, times, lengths=lengths)) == len(times)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (dict(offsets=lambda a: a.astype(np.int32)), TypeError, "offsets: has items of 4 bytes .* int64"),
        (dict(offsets=lambda a: a.astype(np.uint64)), TypeError, "offsets: .* signed 64-bit"),
        (dict(offsets=lambda a: a.astype(np.float64)), TypeError, "offsets: .* int64"),
        (dict(offsets=lambda a: a.astype(">i8")), TypeError, "offsets: .* int64"),
        (dict(offsets=lambda a: a.tolist()), TypeError, "offsets: is no buffer"),
        (dict(offsets=lambda a: np.repeat(a, 2)[::2]), BufferError, "offsets: is not contiguous"),
        (dict(times=lambda a: a[::-1]), BufferError, "times_us: is not contiguous"),
        (dict(times=lambda a: a.reshape(1, -1)), BufferError, "times_us: is not contiguous in one dimension"),
        (dict(data=lambda a: np.repeat(a, 2)[::2]), BufferError, "buffer: is not contiguous"),
        (dict(data=lambda a: a.view(np.int8).astype(np.int16)), TypeError, "buffer: has items of 2 bytes"),
        (dict(data=lambda a: "text"), TypeError, "buffer: is no buffer"),
        (dict(offsets=lambda a: a[:-1].copy()), ValueError, "offsets: has .* items; for .* times_us it takes"),
        (dict(lengths=lambda a: a[:-1].copy()), ValueError, "lengths: has .* items"),
        (dict(offsets=lambda a: a + 10**9), ValueError, "frame 0 is not within the buffer"),
        (dict(offsets=lambda a: -a), ValueError, "frame 0 is not within the buffer"),
        (dict(lengths=lambda a: -a), ValueError, "frame 0 is not within the buffer"),
        (dict(lengths=lambda a: a + 2**62), ValueError, "frame 0 is not within the buffer"),
    ],
)
def test_blocks_that_do_not_fit(block, classifier, change, error, match):
    data, offsets, lengths, _, times = block
    given = dict(data=data, offsets=offsets, lengths=lengths, times=times)
    given.update({name: how(given[name]) for name, how in change.items()})
    tracker = wiremark.Tracker(classifier)
    with pytest.raises(error, match=match):
        tracker.batch(given["data"], given["offsets"], given["times"], lengths=given["lengths"])
    # Nothing was taken in.
    assert len(tracker.finish()) == 0


def test_unaligned_numbers_are_refused(block, classifier):
    data, offsets, lengths, _, times = block
    odd = np.frombuffer(b"\0" + times.tobytes(), dtype=np.uint8)[1:].view(np.int64)
    with pytest.raises(BufferError, match="times_us: is not aligned"):
        wiremark.Tracker(classifier).batch(data, offsets, odd, lengths=lengths)


def test_frames_end_to_end_need_no_lengths(block, classifier):
    data, offsets, lengths, _, times = block
    joined = b"".join(data[o : o + n].tobytes() for o, n in zip(offsets, lengths))
    ends = np.concatenate([[0], np.cumsum(lengths)])
    one = wiremark.Tracker(classifier).batch(joined, ends, times)
    other = wiremark.Tracker(classifier).batch(data, offsets, times, lengths=lengths)
    assert one.to_arrow().equals(other.to_arrow())
    assert len(wiremark.Tracker(classifier).batch(b"", np.zeros(1, np.int64), np.zeros(0, np.int64))) == 0


def test_results_outlive_what_they_came_from(block, classifier):
    data, offsets, lengths, _, times = (array.copy() for array in block)
    tracker = wiremark.Tracker(classifier)
    batch = tracker.batch(data, offsets, times, lengths=lengths)
    table = batch.to_arrow()
    words = table["app"].to_pylist()
    del tracker, batch, data, offsets, lengths, times
    gc.collect()
    assert table["app"].to_pylist() == words


def test_wrong_words_are_told(demo):
    for wrong in (
        lambda: wiremark.Classifier(without=["luck"]),
        lambda: wiremark.flows(demo, addresses="hex"),
        lambda: wiremark.flows(demo, on_error="ignore"),
        lambda: wiremark.flows(demo, max_flows=1),
        lambda: wiremark.flows(demo, threads=0),
        lambda: wiremark.flows([]),
        lambda: wiremark.Tracker(max_flows=2**40),
        lambda: wiremark.Tracker().frame(b"", 0, 147),
    ):
        with pytest.raises(ValueError):
            wrong()
    with pytest.raises(TypeError, match="give a path"):
        wiremark.flows(3)

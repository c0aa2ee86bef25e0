"""Which traffic is WeChat's or WhatsApp's, packet by packet: captures in, data frames out.

``flows``, ``packets``, ``tasks`` and ``calls`` read captures and give ``Records``: streams of Arrow record batches that
pandas, Polars, DuckDB and pyarrow take as they are. ``Classifier``, ``Context``, ``Flow`` and ``Tracker`` are the engine
itself, for those who have packets in hand.
"""

from ._native import (
    Batch,
    CaptureError,
    Classifier,
    Context,
    Flow,
    Records,
    Seen,
    SignatureError,
    Tracker,
    Verdict,
    __version__,
    calls,
    flows,
    packets,
    tasks,
)

__all__ = [
    "Batch",
    "CaptureError",
    "Classifier",
    "Context",
    "Flow",
    "Records",
    "Seen",
    "SignatureError",
    "Tracker",
    "Verdict",
    "__version__",
    "calls",
    "flows",
    "packets",
    "tasks",
]

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Literal, Optional, Union, final

_Path = Union[str, "PathLike[str]"]
_Files = Union[_Path, Sequence[_Path]]
_Buffer = Any  # whatever has the buffer protocol: bytes, memoryview, mmap, numpy arrays
_Evidence = Literal["payload", "name", "related", "address"]
_Progress = Callable[[int, int], object]

__version__: str

class CaptureError(Exception): ...
class SignatureError(ValueError): ...

@final
class Classifier:
    def __new__(cls, signatures: Optional[_Path] = None, *, without: Sequence[_Evidence] = ()) -> Classifier: ...
    def classify(
        self, context: Context, flow: Flow, frame: _Buffer, time_us: int = 0, link_type: int = 1
    ) -> Optional[Verdict]: ...

@final
class Context:
    def __new__(cls, classifier: Classifier) -> Context: ...
    def close(self) -> None: ...
    @property
    def closed(self) -> bool: ...
    def __enter__(self) -> Context: ...
    def __exit__(self, *exception: object) -> None: ...

@final
class Flow:
    def __new__(cls, classifier: Classifier) -> Flow: ...
    @property
    def verdict(self) -> Verdict: ...

@final
class Verdict:
    @property
    def app(self) -> Optional[str]: ...
    @property
    def role(self) -> Optional[str]: ...
    @property
    def carrier(self) -> str: ...
    @property
    def confidence(self) -> Optional[_Evidence]: ...
    @property
    def signature(self) -> Optional[str]: ...
    @property
    def signature_id(self) -> Optional[int]: ...
    @property
    def final(self) -> bool: ...
    @property
    def changed(self) -> bool: ...

@final
class Seen:
    @property
    def verdict(self) -> Verdict: ...
    @property
    def flow(self) -> int: ...
    @property
    def packet(self) -> int: ...
    @property
    def to_server(self) -> bool: ...
    @property
    def payload_bytes(self) -> int: ...

@final
class Tracker:
    def __new__(
        cls,
        classifier: Optional[Classifier] = None,
        *,
        max_flows: Optional[int] = None,
        ignore_tags: bool = False,
        per_client: bool = False,
    ) -> Tracker: ...
    def frame(
        self, frame: _Buffer, time_us: int = 0, link_type: int = 1, wire_bytes: Optional[int] = None
    ) -> Optional[Seen]: ...
    def batch(
        self,
        buffer: _Buffer,
        offsets: _Buffer,
        times_us: _Buffer,
        *,
        lengths: Optional[_Buffer] = None,
        link_type: int = 1,
        wire_lengths: Optional[_Buffer] = None,
    ) -> Batch: ...
    def ended(self) -> Batch: ...
    def finish(self) -> Batch: ...

@final
class Batch:
    def __arrow_c_array__(self, requested_schema: Optional[object] = None) -> tuple[object, object]: ...
    def __arrow_c_schema__(self) -> object: ...
    def __len__(self) -> int: ...
    def to_arrow(self) -> Any: ...
    def to_pandas(self) -> Any: ...
    def to_polars(self) -> Any: ...

@final
class Records:
    def __arrow_c_stream__(self, requested_schema: Optional[object] = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...
    @property
    def columns(self) -> list[str]: ...
    @property
    def errors(self) -> list[tuple[str, str]]: ...
    @property
    def notes(self) -> list[tuple[str, str]]: ...
    def to_arrow(self) -> Any: ...
    def to_pandas(self) -> Any: ...
    def to_polars(self) -> Any: ...

def flows(
    files: _Files,
    *,
    classifier: Optional[Classifier] = None,
    max_flows: Optional[int] = None,
    ignore_tags: bool = False,
    per_client: bool = False,
    addresses: Literal["text", "binary"] = "text",
    threads: Optional[int] = None,
    on_error: Literal["raise", "keep"] = "raise",
    progress: Optional[_Progress] = None,
) -> Records: ...
def packets(
    files: _Files,
    *,
    classifier: Optional[Classifier] = None,
    max_flows: Optional[int] = None,
    ignore_tags: bool = False,
    per_client: bool = False,
    addresses: Literal["text", "binary"] = "text",
    threads: Optional[int] = None,
    on_error: Literal["raise", "keep"] = "raise",
    progress: Optional[_Progress] = None,
) -> Records: ...
def tasks(
    files: _Files,
    *,
    classifier: Optional[Classifier] = None,
    max_flows: Optional[int] = None,
    ignore_tags: bool = False,
    per_client: bool = False,
    show_addresses: bool = False,
    threads: Optional[int] = None,
    on_error: Literal["raise", "keep"] = "raise",
    progress: Optional[_Progress] = None,
) -> Records: ...
def calls(
    files: _Files,
    *,
    classifier: Optional[Classifier] = None,
    max_flows: Optional[int] = None,
    ignore_tags: bool = False,
    per_client: bool = False,
    show_addresses: bool = False,
    threads: Optional[int] = None,
    on_error: Literal["raise", "keep"] = "raise",
    progress: Optional[_Progress] = None,
) -> Records: ...

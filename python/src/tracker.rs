//! The tracker: frames in, verdicts out.

use std::sync::Arc;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use self_cell::self_cell;
use wiremark::{Flow, Frame, LinkType, Prepared, Tracker as Engine, TrackerConfig};
use wiremark_capture::replay::{SOON, tracker_config};
use wiremark_prefetch::prefetch_lines;
use wiremark_probe::record::FlowRecord;
use wiremark_probe::record::columns::{COLUMNS, cells};
use wiremark_report::columns::{Addresses, Rows};

use crate::arrow::Batch;
use crate::batch::Columns;
use crate::buffer::Buffer;
use crate::classifier::Classifier;
use crate::compiled::{Compiled, built_in, link_type_of};
use crate::verdict::{Seen, Verdict};

type Followed<'c> = Engine<'c>;

self_cell!(
    struct Running {
        owner: Arc<Compiled>,
        #[covariant]
        dependent: Followed,
    }
);

/// A bounded flow table around a classifier: frames in, verdicts out, with time taken from the packets.
///
/// Calls are made one after the other, from whatever thread; the interpreter goes on meanwhile. Another call before the
/// last one is back raises RuntimeError.
///
/// Parameters
/// ----------
/// classifier : Classifier, optional
///     The built-in signatures where none is given.
/// max_flows : int
///     Flows followed at the same time, 16 to 67,108,864; some 250 bytes each, taken at once.
/// ignore_tags : bool
///     Packets with the same addresses and ports are one flow whatever VLAN or tunnel they come in.
/// per_client : bool
///     Of other flows only what the same client's showed is believed.
#[pyclass(module = "wiremark")]
pub(crate) struct Tracker {
    running: Option<Running>,
    /// Flows that nobody asked for yet; rows are made of them when somebody does.
    ended: Vec<Flow>,
    rows: Rows,
}

impl Tracker {
    fn running(&mut self) -> PyResult<(&mut Running, &mut Vec<Flow>)> {
        let running = self.running.as_mut().ok_or_else(|| {
            PyValueError::new_err("this tracker is finished; make another one with Tracker(classifier)")
        })?;
        Ok((running, &mut self.ended))
    }

    fn take_ended(&mut self, py: Python<'_>) -> PyResult<Batch> {
        let compiled = Arc::clone(self.running()?.0.borrow_owner());
        let Self { ended, rows, .. } = self;
        let batch = py.detach(|| {
            let set = compiled.classifier.set();
            std::mem::take(ended).iter().for_each(|flow| rows.push(&cells(&FlowRecord::new(flow, set))));
            rows.take()
        });
        batch.map(Batch).map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }
}

#[pymethods]
impl Tracker {
    #[new]
    #[pyo3(signature = (classifier=None, *, max_flows=None, ignore_tags=false, per_client=false))]
    fn new(
        py: Python<'_>,
        classifier: Option<&Bound<'_, Classifier>>,
        max_flows: Option<usize>,
        ignore_tags: bool,
        per_client: bool,
    ) -> PyResult<Self> {
        let compiled = match classifier {
            Some(classifier) => Arc::clone(&classifier.get().0),
            None => built_in(py)?,
        };
        let config = config(max_flows, ignore_tags, per_client)?;
        let running = Running::new(compiled, |compiled| Engine::new(&compiled.classifier, config));
        let rows = Rows::of_flat(&COLUMNS, Addresses::Text)
            .ok_or_else(|| PyRuntimeError::new_err("flow records are flat"))?;
        Ok(Self { running: Some(running), ended: Vec::new(), rows })
    }

    /// Take in the next frame; frames come in order of time.
    ///
    /// Parameters
    /// ----------
    /// frame : buffer of bytes
    ///     From its link layer on.
    /// time_us : int
    ///     Microseconds since 1970; 0 where it is not known.
    /// link_type : int
    ///     Number from pcap's LINKTYPE list; 1 is Ethernet, 101 an IP packet.
    /// wire_bytes : int, optional
    ///     How long the frame was on the wire, where that is more than what was captured.
    ///
    /// Returns
    /// -------
    /// Seen or None
    ///     None where the frame carries neither TCP nor UDP.
    #[pyo3(signature = (frame, time_us=0, link_type=1, wire_bytes=None))]
    fn frame(
        &mut self,
        py: Python<'_>,
        frame: &Bound<'_, PyAny>,
        time_us: u64,
        link_type: u32,
        wire_bytes: Option<u32>,
    ) -> PyResult<Option<Seen>> {
        let link_type = link_type_of(link_type)?;
        let buffer = Buffer::of_bytes(frame, "frame")?;
        let bytes = buffer.bytes();
        let wire_bytes = wire_bytes.unwrap_or(bytes.len() as u32);
        let frame = Frame { link_type, time_us, bytes, wire_bytes };
        let (running, ended) = self.running()?;
        let seen = running
            .with_dependent_mut(|_, tracker| tracker.frame(&frame, &mut |flow| ended.push(*flow)).ok());
        let Some(seen) = seen else { return Ok(None) };
        let verdict = Verdict { verdict: seen.verdict, compiled: Arc::clone(running.borrow_owner()) };
        Ok(Some(Seen {
            verdict: Py::new(py, verdict)?,
            flow: seen.flow_number,
            packet: seen.packet_number,
            to_server: seen.direction == wiremark::Direction::Originator,
            payload_bytes: seen.payload_bytes,
        }))
    }

    /// Take in a block of frames in one call; the interpreter lock is given up meanwhile.
    ///
    /// Parameters
    /// ----------
    /// buffer : buffer of bytes
    ///     All frames, e.g. a file that was read or mapped whole. Nobody writes to it during the call.
    /// offsets : buffer of int64, shape (n,) or (n + 1,)
    ///     Where each frame begins in ``buffer``; without ``lengths``, n + 1 of them: each frame ends where the next begins.
    /// times_us : buffer of int64, shape (n,)
    ///     Microseconds since 1970, in order.
    /// lengths : buffer of int64, shape (n,), optional
    ///     Bytes of each frame.
    /// link_type : int
    ///     Number from pcap's LINKTYPE list, of all frames.
    /// wire_lengths : buffer of int64, shape (n,), optional
    ///     How long each frame was on the wire.
    ///
    /// Returns
    /// -------
    /// Batch of n rows
    ///     flow (int64, from 1), packet (int64, its number in the flow, from 1), to_server (bool), payload_bytes (int32), app,
    ///     role, carrier, confidence (dictionaries), signature_id (int32), final, changed (bool); null where a frame carries
    ///     neither TCP nor UDP, and where no app was found.
    #[pyo3(signature = (buffer, offsets, times_us, *, lengths=None, link_type=1, wire_lengths=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn batch(
        &mut self,
        py: Python<'_>,
        buffer: &Bound<'_, PyAny>,
        offsets: &Bound<'_, PyAny>,
        times_us: &Bound<'_, PyAny>,
        lengths: Option<&Bound<'_, PyAny>>,
        link_type: u32,
        wire_lengths: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Batch> {
        let link_type = link_type_of(link_type)?;
        let buffer = Buffer::of_bytes(buffer, "buffer")?;
        let offsets = Buffer::of_longs(offsets, "offsets")?;
        let times_us = Buffer::of_longs(times_us, "times_us")?;
        let lengths = lengths.map(|lengths| Buffer::of_longs(lengths, "lengths")).transpose()?;
        let wire_lengths =
            wire_lengths.map(|lengths| Buffer::of_longs(lengths, "wire_lengths")).transpose()?;
        let block = Block {
            link_type,
            bytes: buffer.bytes(),
            offsets: offsets.longs(),
            times_us: times_us.longs(),
            lengths: lengths.as_ref().map(Buffer::longs),
            wire_lengths: wire_lengths.as_ref().map(Buffer::longs),
        };
        block.check()?;
        let (running, ended) = self.running()?;
        let batch = py.detach(|| {
            running.with_dependent_mut(|compiled, tracker| {
                let mut columns = Columns::new(&compiled.words, block.times_us.len());
                block.follow(tracker, &mut |flow| ended.push(*flow), |seen| columns.push(seen));
                columns.finish()
            })
        });
        batch.map(Batch).map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }

    /// The flows that ended since the last call, with the columns of ``wiremark.flows``. They wait until they are taken.
    fn ended(&mut self, py: Python<'_>) -> PyResult<Batch> {
        self.take_ended(py)
    }

    /// The flows that ended since the last call of ``ended``, and all that have not ended yet, in the order of their first
    /// packets. Nothing more can be taken in.
    fn finish(&mut self, py: Python<'_>) -> PyResult<Batch> {
        let (running, ended) = self.running()?;
        running.with_dependent_mut(|_, tracker| {
            tracker.finish_in_order(&mut |flow: &Flow| ended.push(*flow));
        });
        let batch = self.take_ended(py);
        self.running = None;
        batch
    }
}

/// How many flows are followed, and how.
pub(crate) fn config(
    max_flows: Option<usize>,
    ignore_tags: bool,
    per_client: bool,
) -> PyResult<TrackerConfig> {
    let max_flows = max_flows.unwrap_or(TrackerConfig::default().capacity);
    if !(16..=1 << 26).contains(&max_flows) {
        return Err(PyValueError::new_err(format!("max_flows: expected a number from 16 to {}", 1 << 26)));
    }
    let mut config = TrackerConfig { ignore_encapsulation: ignore_tags, ..tracker_config(max_flows) };
    config.context.per_client = per_client;
    Ok(config)
}

/// Lines of memory in which the headers of most frames lie.
const HEADER_LINES: usize = 2;

/// Frames in one buffer.
struct Block<'a> {
    link_type: LinkType,
    bytes: &'a [u8],
    offsets: &'a [i64],
    times_us: &'a [i64],
    lengths: Option<&'a [i64]>,
    wire_lengths: Option<&'a [i64]>,
}

impl<'a> Block<'a> {
    /// Refuses what does not fit together, before anything was taken in.
    fn check(&self) -> PyResult<()> {
        let count = self.times_us.len();
        let wanted = if self.lengths.is_some() { count } else { count + 1 };
        for (name, is, wanted) in [
            ("offsets", self.offsets.len(), wanted),
            ("lengths", self.lengths.map_or(count, <[i64]>::len), count),
            ("wire_lengths", self.wire_lengths.map_or(count, <[i64]>::len), count),
        ] {
            if is != wanted {
                return Err(PyValueError::new_err(format!(
                    "{name}: has {is} items; for {count} times_us it takes {wanted}"
                )));
            }
        }
        if let Some(number) = (0..count).find(|number| self.range(*number).is_none()) {
            return Err(PyValueError::new_err(format!(
                "offsets: frame {number} is not within the buffer's {} bytes",
                self.bytes.len()
            )));
        }
        Ok(())
    }

    #[inline(always)]
    fn range(&self, number: usize) -> Option<&'a [u8]> {
        let start = *self.offsets.get(number)?;
        let end = match self.lengths {
            Some(lengths) => start.checked_add(*lengths.get(number)?)?,
            None => *self.offsets.get(number + 1)?,
        };
        self.bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    /// A frame; an empty one where somebody wrote to the offsets since they were checked.
    #[inline]
    fn frame(&self, number: usize) -> Frame<'a> {
        let bytes = self.range(number).unwrap_or_default();
        let wire_bytes = match self.wire_lengths {
            Some(lengths) => u32::try_from(lengths[number]).unwrap_or(u32::MAX),
            None => bytes.len() as u32,
        };
        let time_us = self.times_us[number].max(0) as u64;
        Frame { link_type: self.link_type, time_us, bytes, wire_bytes }
    }

    /// Puts the frames through a tracker in order, the headers of each read some frames ahead, so that its flow is there when it is
    /// wanted. `take` is given none where a frame carries neither TCP nor UDP.
    fn follow(
        &self,
        tracker: &mut Engine<'_>,
        ended: &mut impl FnMut(&Flow),
        mut take: impl FnMut(Option<&wiremark::Seen>),
    ) {
        let preparer = tracker.preparer();
        let prepare = |number| {
            // Where frames are of any size, the processor does not guess where the next ones' headers lie.
            if let Some(first) = self.range(number + SOON).and_then(<[u8]>::first) {
                prefetch_lines(first, HEADER_LINES);
            }
            preparer.prepare(self.link_type, self.frame(number).bytes)
        };
        let count = self.times_us.len();
        // What was made of a frame is looked at where it lies: a copy would wait for all that was written before.
        let mut ahead: Vec<Prepared> = (0..count.min(SOON)).map(prepare).collect();
        for number in 0..count {
            if let Some(next) = ahead.get_mut((number + SOON / 2) % SOON) {
                tracker.prefetch_flow(self.range(number + SOON / 2).unwrap_or_default(), next);
            }
            let Some(made) = ahead.get_mut(number % SOON) else { break };
            take(tracker.prepared_frame(&self.frame(number), made, ended, &mut ()).as_ref().ok());
            if number + SOON < count {
                *made = prepare(number + SOON);
                tracker.prefetch_buckets(made);
            }
        }
    }
}

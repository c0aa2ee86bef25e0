//! The second door: whole frames in, with wiremark's own flow table.

use std::ffi::c_void;
use std::sync::Arc;

use arc_swap::ArcSwap;
use engine::{Classifier, Flow, Frame, Statistics, Tracker, TrackerConfig};

use crate::classifier::wiremark_classifier;
use crate::classify::{check_memory, config, context_bytes, random, up_to, wiremark_context_options};
use crate::flow_record::wiremark_flow_record;
use crate::handle::{self, HandleGuard, Opaque};
use crate::packet::{link_type, no_packet};
use crate::panic_boundary::status_of;
use crate::pointer::{self, Sized32};
use crate::status::Error;
use crate::status::wiremark_status::{self, WIREMARK_NULL};
use crate::verdict::{number_of, wiremark_verdict};

/// A bounded flow table with a context: frames in, verdicts out. You free it.
///
/// Threads: one at a time; make one for each worker, and hand both directions of a flow to the same one.
pub struct wiremark_tracker {
    /// Borrows from `classifier`, so it comes first and goes first.
    tracker: Tracker<'static>,
    classifier: Arc<Classifier>,
    /// What the classifier it was made with has in force now.
    shared: Arc<ArcSwap<Classifier>>,
    ended: Listener,
}

impl wiremark_tracker {
    /// Takes up signatures that were put in force since the last frame. Never waits.
    #[inline]
    fn catch_up(&mut self) {
        let current = self.shared.load();
        if !Arc::ptr_eq(&current, &self.classifier) {
            let fresh = Arc::clone(&current);
            // SAFETY: the Arc is kept beside the tracker from the next line on; the old one goes only after this.
            self.tracker.use_classifier(unsafe { borrowed(&fresh) });
            self.classifier = fresh;
        }
    }
}

/// # Safety
/// What comes of it is not used after the last Arc has gone.
unsafe fn borrowed(classifier: &Arc<Classifier>) -> &'static Classifier {
    // SAFETY: by contract the Arc keeps it where it is for as long as it is used.
    unsafe { &*Arc::as_ptr(classifier) }
}

impl Opaque for wiremark_tracker {
    const MARK: u64 = 0x7265_6b63_6172_7477;
}

/// Called for a flow. flow is wiremark's and good until this returns; its struct_bytes says how long it is.
///
/// Return normally: no longjmp, no C++ exception. Calls with the same tracker get WIREMARK_BUSY.
pub type wiremark_flow_callback =
    Option<unsafe extern "C" fn(user: *mut c_void, flow: *const wiremark_flow_record)>;

/// Whom to tell of flows.
#[derive(Clone, Copy)]
struct Listener {
    callback: wiremark_flow_callback,
    user: *mut c_void,
}

// SAFETY: the pointer is the caller's and only ever handed back, on the thread that calls.
unsafe impl Send for Listener {}

impl Listener {
    fn tell(&self, flow: &Flow) {
        if let Some(callback) = self.callback {
            let record = wiremark_flow_record::from(flow);
            // SAFETY: by contract a function of this type, or NULL, which is None.
            unsafe { callback(self.user, &raw const record) };
        }
    }
}

/// Sizes and time-outs of a tracker. Yours; read during the call only. Zero a field for its default.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wiremark_tracker_options {
    /// sizeof(wiremark_tracker_options)
    pub struct_bytes: u32,
    /// Most flows at the same time, rounded up to a power of two: up to 67,108,864. 0: 65,536. A flow takes 250 bytes.
    /// When there are more, one that was quiet for long goes, and one without a verdict before one with.
    pub capacity: u32,
    /// A TCP flow ends after so many microseconds without a packet. 0: 30 minutes.
    pub tcp_timeout_us: u64,
    /// A UDP flow ends after so many microseconds without a packet. 0: 1 minute.
    pub udp_timeout_us: u64,
    /// Sizes of its context; NULL for the defaults.
    pub context: *const wiremark_context_options,
    /// Told each flow that timed out or made room, from within wiremark_tracker_frame() and wiremark_tracker_finish().
    /// NULL: nobody is told.
    pub ended: wiremark_flow_callback,
    /// Handed to ended.
    pub user: *mut c_void,
    /// Most fragmented packets put together at the same time, up to 65,536. 0: 128. Each takes 66 KB once it is needed.
    pub fragmented_packets: u32,
    /// Not 0: packets with the same addresses and ports are one flow whatever VLAN or tunnel they come in, for networks whose
    /// two directions come with different tags. 0: they are different flows in different networks.
    pub ignore_encapsulation: u8,
    /// 0
    pub reserved: [u8; 3],
}

// SAFETY: repr(C), begins with its size; numbers and pointers, of which the function is one that the caller vouches for.
// On 32 bits the four closing bytes of padding are never read as anything.
unsafe impl Sized32 for wiremark_tracker_options {
    const FIRST_BYTES: usize = 24 + 3 * size_of::<usize>();
}

/// One captured frame. Yours; read during the call only.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wiremark_frame {
    /// sizeof(wiremark_frame)
    pub struct_bytes: u32,
    /// How the bytes begin: as pcap_datalink() says, or WIREMARK_LINK_IP.
    pub link_type: i32,
    /// Capture time, microseconds since 1970. Frames come in order of time; a flow's end is told by it.
    pub time_us: u64,
    /// What was captured.
    pub bytes: *const u8,
    /// How many bytes were captured.
    pub captured_bytes: usize,
    /// How long the frame was on the wire, in bytes; 0: as long as captured.
    pub wire_bytes: u32,
    /// 0
    pub reserved: u32,
}

// SAFETY: repr(C), begins with its size, no padding, any bytes are numbers and a pointer.
unsafe impl Sized32 for wiremark_frame {
    const FIRST_BYTES: usize = 24 + 2 * size_of::<usize>();
}

/// What is known of a frame's flow after it. You provide the struct, with its size set.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wiremark_seen {
    /// sizeof(wiremark_seen)
    pub struct_bytes: u32,
    /// A wiremark_direction: who sent the packet.
    pub direction: u8,
    /// 0
    pub reserved: [u8; 3],
    /// The flow's verdict.
    pub verdict: wiremark_verdict,
    /// Number of the flow, from 1 in the order of first packets.
    pub flow_number: u64,
    /// Number of the packet in its flow, from 1.
    pub packet_number: u64,
    /// Bytes of transport payload.
    pub payload_bytes: u64,
}

// SAFETY: repr(C), begins with its size, no padding, any bytes are numbers.
unsafe impl Sized32 for wiremark_seen {
    const FIRST_BYTES: usize = 40;
}

/// What a tracker has seen and lost. You provide the struct, with its size set.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wiremark_statistics {
    /// sizeof(wiremark_statistics)
    pub struct_bytes: u32,
    /// 0
    pub reserved: u32,
    /// Frames handed in, but for those of unknown link types.
    pub frames: u64,
    /// Frames with TCP or UDP inside.
    pub packets: u64,
    /// Frames cut before their headers ended.
    pub truncated: u64,
    /// Frames whose headers contradict themselves.
    pub malformed: u64,
    /// Frames with something else inside.
    pub unsupported: u64,
    /// Flows begun.
    pub flows: u64,
    /// Flows ended by their time-out.
    pub timed_out: u64,
    /// Flows that went to make room for new ones.
    pub evicted: u64,
    /// Handshakes in pieces whose bytes went to make room for others'.
    pub handshakes_lost: u64,
    /// Frames with a fragment of a packet, put together or not.
    pub fragments: u64,
    /// Fragments whose packet was never whole and whose flow nobody knows.
    pub fragments_lost: u64,
    /// How often a frame's time was not of the clock of the frame's before: several clocks, or wrong ones.
    pub clock_jumps: u64,
}

// SAFETY: repr(C), begins with its size, no padding, any bytes are numbers.
unsafe impl Sized32 for wiremark_statistics {
    const FIRST_BYTES: usize = 72;
}

/// The engine's sizes for the caller's.
///
/// # Safety
/// What the options point to is NULL or as long as it says.
unsafe fn tracker_config(given: Option<wiremark_tracker_options>) -> Result<TrackerConfig, Error> {
    let default = TrackerConfig { hash_key: [random(), random()], ..TrackerConfig::default() };
    let Some(given) = given else { return Ok(TrackerConfig { context: config(None)?, ..default }) };
    let or = |given: u64, default: u64| if given == 0 { default } else { given };
    Ok(TrackerConfig {
        capacity: up_to(1 << 26, given.capacity, default.capacity)?,
        tcp_timeout_us: or(given.tcp_timeout_us, default.tcp_timeout_us),
        udp_timeout_us: or(given.udp_timeout_us, default.udp_timeout_us),
        // SAFETY: the same contract.
        context: config(unsafe { pointer::read_optional(given.context)? })?,
        fragmented_packets: up_to(1 << 16, given.fragmented_packets, default.fragmented_packets)?,
        ignore_encapsulation: given.ignore_encapsulation != 0,
        hash_key: default.hash_key,
    })
}

/// A tracker with a classifier's signatures; what wiremark_classifier_replace() puts in force there it takes up with its
/// next frame. The classifier may be freed before it.
///
/// options: NULL for the defaults, which take about 25 MB, and up to 8 MB more once fragments come. out: the new tracker; left alone on failure.
/// Errors: WIREMARK_BAD_SIZE, WIREMARK_BAD_VALUE, WIREMARK_NO_MEMORY, WIREMARK_NULL, WIREMARK_BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_tracker_new(
    classifier: *const wiremark_classifier,
    options: *const wiremark_tracker_options,
    out: *mut *mut wiremark_tracker,
) -> wiremark_status {
    status_of(|| {
        pointer::check(out)?;
        // SAFETY: by contract NULL or a classifier, not freed meanwhile.
        let shared = unsafe { handle::share(classifier)? }.shared();
        // SAFETY: by contract NULL or a struct as long as it says.
        let options = unsafe { pointer::read_optional(options)? };
        // SAFETY: by contract what it points to is NULL or as long as it says.
        let config = unsafe { tracker_config(options)? };
        let fragments = config.fragmented_packets.saturating_mul(67_584);
        let flows = config.capacity.saturating_mul(256).saturating_add(fragments);
        check_memory(flows.saturating_add(context_bytes(&config.context)))?;
        let classifier = shared.load_full();
        // SAFETY: the Arc is kept beside the tracker, and longer than it.
        let tracker = Tracker::new(unsafe { borrowed(&classifier) }, config);
        let ended = options.map_or(Listener { callback: None, user: std::ptr::null_mut() }, |options| {
            Listener { callback: options.ended, user: options.user }
        });
        let tracker = wiremark_tracker { tracker, classifier, shared, ended };
        // SAFETY: checked above, and by contract may be written to.
        unsafe { pointer::put(out, handle::give(tracker)) }
    })
}

/// Takes in the next frame.
///
/// out: what is known of its flow; NULL where not wanted; left alone on failure. Calls the ended function for flows whose
/// time is over. Nothing is allocated. Cost: some hundred nanoseconds.
/// Errors: WIREMARK_TRUNCATED, WIREMARK_MALFORMED, WIREMARK_UNSUPPORTED for frames without a packet to look at: count them
/// and go on. WIREMARK_NULL, WIREMARK_BAD_SIZE, WIREMARK_BAD_HANDLE, WIREMARK_BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_tracker_frame(
    tracker: *mut wiremark_tracker,
    frame: *const wiremark_frame,
    out: *mut wiremark_seen,
) -> wiremark_status {
    status_of(|| {
        // SAFETY: by contract NULL or a tracker, not freed meanwhile.
        let mut held = unsafe { handle::hold(tracker)? };
        // SAFETY: by contract NULL or a struct as long as it says.
        let given = unsafe { pointer::read(frame)? };
        if !out.is_null() {
            // SAFETY: by contract a struct as long as it says.
            unsafe { pointer::check_struct(out)? };
        }
        let missing = c"wiremark_frame: bytes is NULL, but captured_bytes is not 0";
        // SAFETY: by contract NULL or so many bytes.
        let bytes = unsafe { pointer::bytes(given.bytes, given.captured_bytes, missing)? };
        let frame = Frame {
            link_type: link_type(given.link_type)?,
            time_us: given.time_us,
            bytes,
            wire_bytes: match given.wire_bytes {
                0 => bytes.len().try_into().unwrap_or(u32::MAX),
                wire_bytes => wire_bytes,
            },
        };
        held.catch_up();
        let ended = held.ended;
        let seen = held.tracker.frame(&frame, &mut |flow| ended.tell(flow)).map_err(no_packet)?;
        if out.is_null() {
            return Ok(());
        }
        let value = wiremark_seen {
            struct_bytes: 0,
            direction: number_of(seen.direction),
            reserved: [0; 3],
            verdict: seen.verdict.into(),
            flow_number: seen.flow_number,
            packet_number: seen.packet_number,
            payload_bytes: seen.payload_bytes as u64,
        };
        // SAFETY: checked above, and by contract may be written to.
        unsafe { pointer::write(out, &value) }
    })
}

/// Ends every flow, in the order of their numbers: the ended function is told each. The tracker can be used on.
///
/// Cost: a look at every place of the table, and memory for what is in it meanwhile.
/// Errors: WIREMARK_NULL, WIREMARK_BAD_HANDLE, WIREMARK_BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_tracker_finish(tracker: *mut wiremark_tracker) -> wiremark_status {
    status_of(|| {
        // SAFETY: by contract NULL or a tracker, not freed meanwhile.
        let mut held = unsafe { handle::hold(tracker)? };
        let ended = held.ended;
        held.tracker.finish_in_order(&mut |flow| ended.tell(flow));
        Ok(())
    })
}

/// Calls a function for each flow in the table, in no particular order; none of them ends.
///
/// Cost: a look at every place of the table.
/// Errors: WIREMARK_NULL, also for each; WIREMARK_BAD_HANDLE, WIREMARK_BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_tracker_flows(
    tracker: *mut wiremark_tracker,
    each: wiremark_flow_callback,
    user: *mut c_void,
) -> wiremark_status {
    const NOBODY: Error = Error::new(WIREMARK_NULL, c"there is no function to call for each flow");
    status_of(|| {
        // SAFETY: by contract NULL or a tracker, not freed meanwhile.
        let held = unsafe { handle::hold(tracker)? };
        let each = Listener { callback: Some(each.ok_or(NOBODY)?), user };
        held.tracker.flows().for_each(|flow| each.tell(&flow));
        Ok(())
    })
}

/// What the tracker has seen and lost so far.
///
/// Errors: WIREMARK_NULL, WIREMARK_BAD_SIZE, WIREMARK_BAD_HANDLE, WIREMARK_BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_tracker_statistics(
    tracker: *mut wiremark_tracker,
    out: *mut wiremark_statistics,
) -> wiremark_status {
    status_of(|| {
        // SAFETY: by contract NULL or a tracker, not freed meanwhile.
        let held: HandleGuard<'_, wiremark_tracker> = unsafe { handle::hold(tracker)? };
        let Statistics {
            frames,
            packets,
            truncated,
            malformed,
            unsupported,
            flows,
            timed_out,
            evicted,
            handshakes_lost,
            fragments,
            fragments_lost,
            clock_jumps,
        } = held.tracker.statistics();
        let value = wiremark_statistics {
            struct_bytes: 0,
            reserved: 0,
            frames,
            packets,
            truncated,
            malformed,
            unsupported,
            flows,
            timed_out,
            evicted,
            handshakes_lost,
            fragments,
            fragments_lost,
            clock_jumps,
        };
        // SAFETY: by contract NULL or a struct as long as it says.
        unsafe { pointer::write(out, &value) }
    })
}

/// Ends a tracker; the ended function is not called, so call wiremark_tracker_finish() before. NULL: nothing happens.
///
/// Errors: WIREMARK_BUSY; WIREMARK_BAD_HANDLE for one freed before, as long as that can be told (the last 64 are).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_tracker_free(tracker: *mut wiremark_tracker) -> wiremark_status {
    // SAFETY: by contract NULL or from `wiremark_tracker_new`.
    status_of(|| unsafe { handle::free(tracker) })
}

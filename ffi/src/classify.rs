//! The first door: the host has flows of its own and hands over packets.

use engine::{Carrier, Confidence, Context, ContextConfig, FlowState};

use crate::classifier::{LastUsed, wiremark_classifier};
use crate::handle::{self, Opaque};
use crate::packet::{self, wiremark_packet};
use crate::panic_boundary::status_of;
use crate::pointer::{self, Sized32};
use crate::status::Error;
use crate::status::wiremark_status::{self, WIREMARK_BAD_VALUE, WIREMARK_NO_MEMORY};
use crate::verdict::{WIREMARK_VERDICT_CHANGED, wiremark_verdict};

/// State of one flow: 64 bytes that you keep wherever you keep a flow, in your own struct. All zero is a new flow.
///
/// No pointers in it and nothing to free: copy it, zero it, forget it. Do not write into it. It outlives replaced
/// signatures, but not the process. Threads: one at a time, with the flow's packets in their order. Its size is fixed.
/// A new connection on the same addresses and ports is a new flow, which only you can tell: zero the state on another SYN, or
/// after your time-out (wiremark's own table takes half an hour for TCP, a minute for UDP).
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct wiremark_flow {
    /// wiremark's own.
    pub opaque: [u64; 8],
}

const _: () = assert!(size_of::<wiremark_flow>() == size_of::<FlowState>());
const _: () = assert!(align_of::<wiremark_flow>() >= align_of::<FlowState>());

/// Where a flow state holds its verdict's carrier and confidence, the only bytes of it that cannot take every value.
const CARRIER_AT: usize = 5;
const CONFIDENCE_AT: usize = 6;

/// What one worker remembers across flows, in memory taken when it is made. You free it.
///
/// Threads: one at a time; make one for each worker.
pub struct wiremark_context {
    context: Context,
    signatures: LastUsed,
}

impl Opaque for wiremark_context {
    const MARK: u64 = 0x7478_6574_6e6f_6377;
}

/// Sizes of a context. Yours; read during the call only. Zero a field for its default.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wiremark_context_options {
    /// sizeof(wiremark_context_options)
    pub struct_bytes: u32,
    /// Handshakes in pieces that can wait at the same time: up to 1,048,576. 0: 1,024. WIREMARK_NONE: none.
    pub parked_slots: u32,
    /// Most bytes of one such handshake: up to 65,536. 0: 4,096.
    pub slot_bytes: u32,
    /// Addresses, servers and call end points remembered, of each kind: up to 16,777,216. 0: 8,192.
    pub remembered: u32,
    /// Seconds for which an address stands for the name a DNS answer gave it. 0: 4 hours. WIREMARK_NONE: this is no evidence.
    pub dns_ttl_s: u32,
    /// The same for the answers of look-up lists over HTTP.
    pub list_ttl_s: u32,
    /// Seconds for which a server is taken for what an earlier flow showed it to be. 0: 1 hour. WIREMARK_NONE: not at all.
    pub server_ttl_s: u32,
    /// Seconds for which a call's end points are remembered. 0: 5 minutes. WIREMARK_NONE: not at all.
    pub call_ttl_s: u32,
    /// Not 0: what a client's flows showed goes for flows of the same client only, so that workers which share the traffic out by
    /// client come to what one would. 0: a server that proved itself to one client is known for all.
    pub per_client: u32,
}

/// In options where 0 is the default: none.
pub const WIREMARK_NONE: u32 = u32::MAX;

// SAFETY: repr(C), begins with its size, only u32.
unsafe impl Sized32 for wiremark_context_options {
    const FIRST_BYTES: usize = 16;
}

/// The engine's sizes for the caller's.
pub(crate) fn config(given: Option<wiremark_context_options>) -> Result<ContextConfig, Error> {
    let default = ContextConfig { seed: random(), ..ContextConfig::default() };
    let Some(given) = given else { return Ok(default) };
    let microseconds = |seconds: u32, default: u64| match seconds {
        0 => default,
        WIREMARK_NONE => 0,
        _ => u64::from(seconds) * 1_000_000,
    };
    Ok(ContextConfig {
        parked_slots: up_to(1 << 20, given.parked_slots, default.parked_slots)?,
        slot_bytes: up_to(1 << 16, given.slot_bytes, default.slot_bytes)?,
        remembered: up_to(1 << 24, given.remembered, default.remembered)?,
        dns_ttl_us: microseconds(given.dns_ttl_s, default.dns_ttl_us),
        list_ttl_us: microseconds(given.list_ttl_s, default.list_ttl_us),
        server_ttl_us: microseconds(given.server_ttl_s, default.server_ttl_us),
        call_ttl_us: microseconds(given.call_ttl_s, default.call_ttl_us),
        per_client: given.per_client != 0,
        ..default
    })
}

pub(crate) fn up_to(most: usize, given: u32, default: usize) -> Result<usize, Error> {
    const TOO_MUCH: Error = Error::new(WIREMARK_BAD_VALUE, c"an option is above the most it can be");
    match given {
        0 => Ok(default),
        WIREMARK_NONE => Ok(0),
        _ if given as usize > most => Err(TOO_MUCH),
        _ => Ok(given as usize),
    }
}

/// A number nobody can guess.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

/// About how many bytes a context takes.
pub(crate) fn context_bytes(config: &ContextConfig) -> usize {
    let parked = config.parked_slots.saturating_mul(config.slot_bytes.saturating_add(256));
    parked.saturating_add(config.remembered.next_power_of_two().saturating_mul(512))
}

/// Whether so much memory is to be had: to be asked before it is taken, because taking ends the program where it is not.
pub(crate) fn check_memory(bytes: usize) -> Result<(), Error> {
    const NONE: Error =
        Error::new(WIREMARK_NO_MEMORY, c"there is not enough memory for what the options ask");
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| NONE)
}

/// A context for one worker.
///
/// options: NULL for the defaults, which take about 7 MB. out: the new context; left alone on failure.
/// Errors: WIREMARK_BAD_SIZE, WIREMARK_BAD_VALUE, WIREMARK_NO_MEMORY, WIREMARK_NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_context_new(
    options: *const wiremark_context_options,
    out: *mut *mut wiremark_context,
) -> wiremark_status {
    status_of(|| {
        pointer::check(out)?;
        // SAFETY: by contract NULL or a struct as long as it says.
        let config = config(unsafe { pointer::read_optional(options)? })?;
        check_memory(context_bytes(&config))?;
        let context = wiremark_context { context: Context::new(config), signatures: LastUsed::default() };
        // SAFETY: checked above, and by contract may be written to.
        unsafe { pointer::put(out, handle::give(context)) }
    })
}

/// Ends a context. NULL: nothing happens. Flows classified with it stay good.
///
/// Errors: WIREMARK_BUSY; WIREMARK_BAD_HANDLE for one freed before, as long as that can be told (the last 64 are).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_context_free(context: *mut wiremark_context) -> wiremark_status {
    // SAFETY: by contract NULL or from `wiremark_context_new`.
    status_of(|| unsafe { handle::free(context) })
}

/// The caller's flow as the engine's.
///
/// # Safety
/// The pointer is NULL, misaligned, or points to 64 bytes that nobody else uses during `'a`.
#[inline]
unsafe fn flow_state<'a>(flow: *mut wiremark_flow) -> Result<&'a mut FlowState, Error> {
    const BAD_FLOW: Error =
        Error::new(WIREMARK_BAD_VALUE, c"wiremark_flow was neither zeroed nor left as wiremark had it");
    pointer::check(flow)?;
    let bytes = flow.cast::<u8>();
    // SAFETY: neither NULL nor misaligned, so by contract 64 bytes are there.
    let (carrier, confidence) = unsafe { (bytes.add(CARRIER_AT).read(), bytes.add(CONFIDENCE_AT).read()) };
    if usize::from(carrier) >= Carrier::ALL.len() || usize::from(confidence) >= Confidence::ALL.len() {
        return Err(BAD_FLOW);
    }
    // SAFETY: as long and as aligned as the engine's, whose two enums have just been checked (a test holds their places)
    // and whose other fields are numbers; nobody else uses it.
    Ok(unsafe { &mut *flow.cast::<FlowState>() })
}

/// Looks at the next packet of a flow: the one call to make for every packet, in either direction.
///
/// The payload is borrowed for this call and never kept, but for handshakes in pieces, which are copied into the context.
/// out: the flow's verdict so far; left alone on failure. Nothing is allocated, nothing waited for.
/// Cost: some ten nanoseconds for a flow whose verdict is final, some hundred for one that is looked at.
/// Errors: WIREMARK_NULL, WIREMARK_MISALIGNED, WIREMARK_BAD_HANDLE, WIREMARK_BUSY, WIREMARK_BAD_SIZE,
/// WIREMARK_BAD_VALUE (packet, or a flow that is neither zeroed nor wiremark's), WIREMARK_UNSUPPORTED (neither TCP nor UDP).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_classify(
    classifier: *const wiremark_classifier,
    context: *mut wiremark_context,
    flow: *mut wiremark_flow,
    packet: *const wiremark_packet,
    out: *mut wiremark_verdict,
) -> wiremark_status {
    status_of(|| {
        pointer::check(out)?;
        // SAFETY: by contract NULL or a classifier, not freed meanwhile.
        let classifier = unsafe { handle::share(classifier)? };
        // SAFETY: by contract NULL or a context, not freed meanwhile.
        let mut held = unsafe { handle::hold(context)? };
        // SAFETY: by contract NULL or a flow that nobody else uses meanwhile.
        let flow = unsafe { flow_state(flow)? };
        let wiremark_context { context, signatures } = &mut *held;
        let classifier = signatures.of(classifier);
        // SAFETY: by contract NULL or a packet whose payload does not change meanwhile.
        let verdict = unsafe { packet::with(packet, |packet| classifier.classify(context, flow, packet))? };
        let pulse = classifier.pulse(context);
        held.show_pulse(pulse);
        // SAFETY: checked above, and by contract may be written to.
        unsafe { pointer::put(out, verdict.into()) }
    })
}

/// The flow's verdict after its last packet, such as when your table lets go of it; WIREMARK_VERDICT_CHANGED is not set.
///
/// Errors: WIREMARK_NULL, WIREMARK_MISALIGNED, WIREMARK_BAD_VALUE (neither zeroed nor wiremark's).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_flow_verdict(
    flow: *const wiremark_flow,
    out: *mut wiremark_verdict,
) -> wiremark_status {
    status_of(|| {
        pointer::check(out)?;
        pointer::check(flow)?;
        // SAFETY: neither NULL nor misaligned, so by contract 64 bytes are there.
        let mut copy = unsafe { flow.read() };
        // SAFETY: the copy is ours alone.
        let verdict = unsafe { flow_state(&raw mut copy)? }.verdict();
        let mut verdict = wiremark_verdict::from(verdict);
        verdict.flags &= !WIREMARK_VERDICT_CHANGED;
        // SAFETY: checked above, and by contract may be written to.
        unsafe { pointer::put(out, verdict) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::from_ref;

    use engine::{Address, Classifier, FiveTuple, Fragment, Options, Packet, TcpFields, Transport};

    #[test]
    fn a_flow_holds_its_enums_where_they_are_checked() {
        let classifier = Classifier::new(wiremark_signatures::embedded().unwrap(), Options::default());
        // A DNS question (RFC 1035, 4.1) for a.example, whatever the signatures say of it: the carrier is DNS.
        let payload = b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01";
        let five_tuple = FiveTuple {
            src: Address::v4([192, 0, 2, 1]),
            dst: Address::v4([192, 0, 2, 53]),
            src_port: 40000,
            dst_port: 53,
            transport: Transport::Udp,
        };
        let packet =
            Packet { five_tuple, tcp: TcpFields::default(), time_us: 0, payload, fragment: Fragment::Whole };
        let mut flow = FlowState::default();
        let verdict = classifier.classify(&mut Context::default(), &mut flow, &packet);
        assert_eq!(verdict.carrier, Carrier::Dns);
        let mut bytes = wiremark_flow::default();
        // SAFETY: both are 64 bytes long, and any bytes are a wiremark_flow.
        unsafe { std::ptr::from_ref(&flow).cast::<wiremark_flow>().copy_to(&raw mut bytes, 1) };
        let at = |index: usize| bytes.opaque[index / 8].to_ne_bytes()[index % 8];
        assert_eq!(at(CARRIER_AT), Carrier::Dns as u8);
        assert_eq!(at(CONFIDENCE_AT), verdict.confidence as u8);
        // No other place holds the carrier: with it zeroed, everything said of the carrier is gone.
        assert_eq!([at(0), at(1)], verdict.signature.0.to_ne_bytes());
        assert_eq!([at(2), at(3)], verdict.app.0.to_ne_bytes());
        assert_eq!(at(4), verdict.role.0);
    }

    #[test]
    fn options_of_the_first_header_get_todays_defaults() {
        let todays = wiremark_context_options {
            struct_bytes: wiremark_context_options::FIRST_BYTES as u32,
            parked_slots: 7,
            slot_bytes: WIREMARK_NONE,
            remembered: 0,
            // Beyond the first header's struct: not to be read.
            dns_ttl_s: 1,
            list_ttl_s: 1,
            server_ttl_s: 1,
            call_ttl_s: 1,
            per_client: 1,
        };
        // SAFETY: the struct says how long it is.
        let old = config(Some(unsafe { pointer::read(from_ref(&todays)) }.unwrap())).unwrap();
        let default = ContextConfig::default();
        assert_eq!((old.parked_slots, old.slot_bytes, old.remembered), (7, 0, default.remembered));
        assert_eq!((old.dns_ttl_us, old.call_ttl_us), (default.dns_ttl_us, default.call_ttl_us));
        assert!(!old.per_client);
        let new = wiremark_context_options {
            struct_bytes: size_of_val(&todays) as u32,
            dns_ttl_s: WIREMARK_NONE,
            ..todays
        };
        let new = config(Some(new)).unwrap();
        assert_eq!((new.dns_ttl_us, new.list_ttl_us, new.per_client), (0, 1_000_000, true));
    }

    #[test]
    fn bytes_that_are_no_flow_are_refused() {
        for at in [CARRIER_AT, CONFIDENCE_AT] {
            let mut flow = wiremark_flow::default();
            flow.opaque[at / 8] = 0xff_u64 << (at % 8 * 8);
            let mut flow =
                if cfg!(target_endian = "little") { flow } else { wiremark_flow { opaque: [u64::MAX; 8] } };
            // SAFETY: 64 bytes of our own.
            let error = unsafe { flow_state(&raw mut flow) }.unwrap_err();
            assert_eq!(error.status, WIREMARK_BAD_VALUE);
        }
    }
}

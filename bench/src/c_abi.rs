//! wiremark through its C ABI: the library as a C program finds it, opened at run time, and asked as wiremark.h wants to be asked:
//! `wiremark_wants_now` first, which stands in the header and is [`FlowState::wants`] and [`FlowState::rests`] here.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_void};
use std::mem;
use std::path::PathBuf;
use std::ptr;

use crate::pass::Engine;
use wiremark::{Address, FlowState, Fragment, Packet};

/// `wiremark_packet` of wiremark.h.
#[repr(C)]
struct CPacket {
    struct_bytes: u32,
    tcp_sequence: u32,
    payload: *const u8,
    payload_bytes: usize,
    time_us: u64,
    src: [u8; 16],
    dst: [u8; 16],
    src_port: u16,
    dst_port: u16,
    ip_version: u8,
    transport: u8,
    tcp_flags: u8,
    fragment: u8,
    fragment_id: u32,
    reserved: u32,
}

/// `wiremark_verdict` of wiremark.h.
#[repr(C)]
#[derive(Default)]
struct CVerdict {
    signature: u16,
    app: u16,
    role: u8,
    carrier: u8,
    confidence: u8,
    flags: u8,
}

/// `WIREMARK_VERDICT_FINAL`.
const FINAL: u8 = 1;
/// Where a context shows its pulse, as `wiremark_wants_now` reads it.
const PULSE_AT: usize = 12;

type New = unsafe extern "C" fn(*const c_void, *mut *mut c_void) -> i32;
type Free = unsafe extern "C" fn(*mut c_void) -> i32;
type Classify =
    unsafe extern "C" fn(*const c_void, *mut c_void, *mut FlowState, *const CPacket, *mut CVerdict) -> i32;

/// A classifier and a context of the library.
#[derive(Debug)]
pub(crate) struct CAbi {
    classifier: *mut c_void,
    context: *mut c_void,
    classify: Classify,
    free: [Free; 2],
    /// What `wiremark_wants_now` reads in the context, after the last call.
    pulse: u32,
}

/// The library beside this program: `cargo build --release -p wiremark-ffi` puts it there.
pub(crate) fn library() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name("libwiremark.so");
    path.exists().then_some(path)
}

impl CAbi {
    /// Opens the library, with the signatures it has inside.
    ///
    /// # Panics
    /// There is no such library, or it is another one.
    pub(crate) fn new() -> Self {
        let path =
            library().expect("libwiremark.so beside this program: cargo build --release -p wiremark-ffi");
        let path = CString::new(path.into_os_string().into_encoded_bytes()).expect("a path");
        // SAFETY: the library's own initialisers run; it has none that could do harm.
        let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        assert!(!library.is_null(), "{} cannot be opened", path.to_string_lossy());
        let find = |name: &CStr| {
            // SAFETY: the library is open and stays so.
            let found = unsafe { libc::dlsym(library, name.as_ptr()) };
            assert!(!found.is_null(), "{} has no {}", path.to_string_lossy(), name.to_string_lossy());
            found
        };
        let make = |name| {
            let mut made = ptr::null_mut();
            // SAFETY: both functions called so have this type in wiremark.h.
            let new: New = unsafe { mem::transmute(find(name)) };
            // SAFETY: NULL stands for the defaults.
            assert_eq!(unsafe { new(ptr::null(), &raw mut made) }, 0);
            made
        };
        Self {
            classifier: make(c"wiremark_classifier_new"),
            context: make(c"wiremark_context_new"),
            // SAFETY: its type in wiremark.h.
            classify: unsafe { mem::transmute::<*mut c_void, Classify>(find(c"wiremark_classify")) },
            free: [c"wiremark_classifier_free", c"wiremark_context_free"]
                // SAFETY: their type in wiremark.h.
                .map(|name| unsafe { mem::transmute::<*mut c_void, Free>(find(name)) }),
            pulse: 0,
        }
    }
}

impl Drop for CAbi {
    fn drop(&mut self) {
        // SAFETY: made by the library, and not used after this.
        unsafe {
            self.free[0](self.classifier);
            self.free[1](self.context);
        }
    }
}

impl CAbi {
    /// `wiremark_wants_now` of wiremark.h.
    #[inline]
    fn wants_now(&self, flow: &FlowState, packet: &Packet<'_>) -> bool {
        if !flow.wants(packet.tcp.flags, packet.payload.len()) {
            return false;
        }
        packet.fragment != Fragment::Whole
            || !flow.rests(self.pulse, packet.five_tuple.transport, packet.tcp.flags, packet.payload)
    }
}

impl Engine for CAbi {
    /// `wiremark_flow` is the same 64 bytes.
    type State = FlowState;

    #[inline]
    fn packet<'p>(
        &mut self,
        state: &mut FlowState,
        packet: &Packet<'_>,
        _ip: impl FnOnce() -> &'p [u8],
    ) -> bool {
        if !self.wants_now(state, packet) {
            return false;
        }
        let tuple = &packet.five_tuple;
        let (fragment, fragment_id) = match packet.fragment {
            Fragment::Whole => (0, 0),
            Fragment::First(id) => (1, id),
            Fragment::Later(id) => (2, id),
        };
        let is_v4 = tuple.src.to_v4().is_some();
        let packet = CPacket {
            struct_bytes: size_of::<CPacket>() as u32,
            tcp_sequence: packet.tcp.sequence,
            payload: packet.payload.as_ptr(),
            payload_bytes: packet.payload.len(),
            time_us: packet.time_us,
            src: in_front(tuple.src, is_v4),
            dst: in_front(tuple.dst, is_v4),
            src_port: tuple.src_port,
            dst_port: tuple.dst_port,
            ip_version: if is_v4 { 4 } else { 6 },
            transport: tuple.transport as u8,
            tcp_flags: packet.tcp.flags,
            fragment,
            fragment_id,
            reserved: 0,
        };
        let mut verdict = CVerdict::default();
        // SAFETY: classifier and context are alive and used by this thread alone; flow and packet are as wiremark.h says. The pulse lies in
        // the first 16 bytes of a context.
        let (status, pulse) = unsafe {
            let status = (self.classify)(self.classifier, self.context, state, &packet, &raw mut verdict);
            (status, self.context.byte_add(PULSE_AT).cast::<u32>().read())
        };
        self.pulse = pulse;
        assert_eq!(status, 0, "wiremark_classify refused a packet");
        verdict.flags & FINAL != 0
    }

    fn is_match(state: &FlowState) -> bool {
        state.verdict().is_match()
    }
}

/// An address as wiremark.h wants it: of IPv4 the first four bytes.
#[inline]
fn in_front(address: Address, is_v4: bool) -> [u8; 16] {
    let whole = u128::from_le_bytes(address.0);
    if is_v4 { whole >> 96 } else { whole }.to_le_bytes()
}

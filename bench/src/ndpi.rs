//! nDPI as the system has it, behind the same table.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_uchar, c_ulonglong, c_ushort, c_void};
use std::ptr::NonNull;

use crate::pass::Engine;
use wiremark::{Packet, Transport};

unsafe extern "C" {
    fn shim_new(lean: c_int) -> *mut c_void;
    fn shim_free(module: *mut c_void);
    fn shim_flow_new() -> *mut c_void;
    fn shim_flow_free(flow: *mut c_void);
    fn shim_flow_bytes() -> usize;
    fn shim_is_messenger(flow: *const c_void) -> c_int;
    fn shim_packet(
        module: *mut c_void,
        flow: *mut c_void,
        is_tcp: c_int,
        ip: *const c_uchar,
        bytes: c_ushort,
        time_ms: c_ulonglong,
    ) -> c_int;
}

/// A detection module. Not `Send`: one a thread.
#[derive(Debug)]
pub(crate) struct Ndpi(NonNull<c_void>);

/// nDPI's state of one flow, made with its first packet.
#[derive(Debug, Default)]
pub(crate) struct NdpiFlow(Option<NonNull<c_void>>);

impl Ndpi {
    /// At its leanest, or as shipped.
    ///
    /// # Panics
    /// Where there is no memory.
    pub(crate) fn new(lean: bool) -> Self {
        // SAFETY: no preconditions.
        Self(NonNull::new(unsafe { shim_new(c_int::from(lean)) }).expect("memory for nDPI"))
    }

    /// Bytes nDPI takes for a flow, without what it allocates later.
    pub(crate) fn flow_bytes() -> usize {
        // SAFETY: no preconditions.
        unsafe { shim_flow_bytes() }
    }
}

impl Drop for Ndpi {
    fn drop(&mut self) {
        // SAFETY: made by shim_new, and not used after this.
        unsafe { shim_free(self.0.as_ptr()) }
    }
}

impl Drop for NdpiFlow {
    fn drop(&mut self) {
        if let Some(flow) = self.0 {
            // SAFETY: made by shim_flow_new, owned by this value alone.
            unsafe { shim_flow_free(flow.as_ptr()) }
        }
    }
}

impl Engine for Ndpi {
    type State = NdpiFlow;

    #[inline]
    fn packet<'p>(
        &mut self,
        state: &mut NdpiFlow,
        packet: &Packet<'_>,
        ip: impl FnOnce() -> &'p [u8],
    ) -> bool {
        let ip = ip();
        let flow = *state.0.get_or_insert_with(|| {
            // SAFETY: no preconditions.
            NonNull::new(unsafe { shim_flow_new() }).expect("memory for a flow")
        });
        let is_tcp = c_int::from(packet.five_tuple.transport == Transport::Tcp);
        // SAFETY: module and flow are alive and used by this thread alone; nDPI reads `ip.len()` bytes at `ip`.
        let is_done = unsafe {
            shim_packet(
                self.0.as_ptr(),
                flow.as_ptr(),
                is_tcp,
                ip.as_ptr(),
                ip.len() as c_ushort,
                packet.time_us / 1000,
            )
        };
        is_done != 0
    }

    fn is_match(state: &NdpiFlow) -> bool {
        // SAFETY: the flow is alive.
        state.0.is_some_and(|flow| unsafe { shim_is_messenger(flow.as_ptr()) } != 0)
    }
}

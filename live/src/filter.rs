//! tcpdump's expressions, compiled by the system's libpcap where it is there: it is looked for when it is wanted.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};

use libloading::{Library, Symbol};

use crate::LiveError;

/// Names of the library, here and there.
const NAMES: [&str; 3] = ["libpcap.so.1", "libpcap.so.0.8", "libpcap.so"];
/// Bytes libpcap wants for an error's text.
const ERROR_BYTES: usize = 256;
/// Instructions the kernel takes.
const LONGEST: usize = 4096;

/// A compiled filter, for [`RingOptions::filter`](crate::RingOptions::filter).
#[derive(Clone, Debug)]
pub struct Filter(Vec<libc::sock_filter>);

impl Filter {
    /// Lets nothing through: takes no byte of any frame.
    pub(crate) fn nothing() -> Self {
        let code = (libc::BPF_RET | libc::BPF_K) as u16;
        Self(vec![libc::sock_filter { code, jt: 0, jf: 0, k: 0 }])
    }

    pub(crate) fn instructions(&self) -> &[libc::sock_filter] {
        &self.0
    }
}

/// libpcap's struct bpf_program.
#[repr(C)]
struct Program {
    length: c_uint,
    instructions: *mut libc::sock_filter,
}

type Pcap = *mut c_void;
type OpenLive = unsafe extern "C" fn(*const c_char, c_int, c_int, c_int, *mut c_char) -> Pcap;
type Compile = unsafe extern "C" fn(Pcap, *mut Program, *const c_char, c_int, c_uint) -> c_int;
type GetError = unsafe extern "C" fn(Pcap) -> *const c_char;
type FreeCode = unsafe extern "C" fn(*mut Program);
type Close = unsafe extern "C" fn(Pcap);

/// Compiles an expression for an interface. It is compiled for a capture of that interface by libpcap itself, opened for this
/// moment: only so do words about VLANs, whose tags the kernel keeps beside the frame, mean what they do in tcpdump.
///
/// # Errors
/// There is no libpcap, it refuses the expression, or may not open the interface.
pub fn compile(interface: &str, expression: &str) -> Result<Filter, LiveError> {
    let refused = |why: &str| LiveError::Filter(expression.to_owned(), why.trim().to_owned());
    // SAFETY: libpcap has no constructor that could harm.
    let library = NAMES.iter().find_map(|name| unsafe { Library::new(*name) }.ok());
    let library = library.ok_or(LiveError::NoLibpcap)?;
    let (Ok(text), Ok(name)) = (CString::new(expression), CString::new(interface)) else {
        return Err(refused("has a zero byte"));
    };
    let mut error = [0 as c_char; ERROR_BYTES];
    let told = |text: *const c_char| {
        // SAFETY: libpcap's texts are C strings, this one read before the next call.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    };
    // SAFETY: the functions have these types in every libpcap since 1.0 (pcap/pcap.h).
    let found = unsafe {
        (
            library.get::<OpenLive>(b"pcap_open_live"),
            library.get::<Compile>(b"pcap_compile"),
            library.get::<GetError>(b"pcap_geterr"),
            library.get::<FreeCode>(b"pcap_freecode"),
            library.get::<Close>(b"pcap_close"),
        )
    };
    let (Ok(open), Ok(compile), Ok(get_error), Ok(free), Ok(close)) = found else {
        return Err(LiveError::NoLibpcap);
    };
    let (open, compile): (Symbol<'_, OpenLive>, Symbol<'_, Compile>) = (open, compile);
    // SAFETY: both texts are C strings, and the error has the room libpcap asks for.
    let handle = unsafe { open(name.as_ptr(), 262_144, 0, 100, error.as_mut_ptr()) };
    if handle.is_null() {
        let why = told(error.as_ptr());
        return Err(if why.contains("ermission") || why.contains("not permitted") {
            LiveError::NoRights(interface.to_owned())
        } else {
            refused(&why)
        });
    }
    let mut program = Program { length: 0, instructions: std::ptr::null_mut() };
    // SAFETY: the handle is open, the program this call's to fill; it is copied before it is freed, and the handle closed last.
    unsafe {
        let result = if compile(handle, &raw mut program, text.as_ptr(), 1, 0) != 0 {
            Err(refused(&told(get_error(handle))))
        } else {
            let length = program.length as usize;
            let instructions = std::slice::from_raw_parts(program.instructions, length).to_vec();
            free(&raw mut program);
            if length > LONGEST {
                Err(refused("is too long for the kernel"))
            } else {
                Ok(Filter(instructions))
            }
        };
        close(handle);
        result
    }
}

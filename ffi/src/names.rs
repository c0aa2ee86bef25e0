//! The words for the numbers in a verdict.

use std::ffi::{CString, c_char};

use engine::{AppId, SignatureId, SignatureSet};

use crate::classifier::wiremark_classifier;
use crate::handle::{self, Opaque};
use crate::panic_boundary::{status_of, value_of};
use crate::pointer::{self, Sized32};
use crate::status::wiremark_status::{self, WIREMARK_NOT_FOUND};
use crate::status::{Error, remember};

/// The words for the numbers in a verdict: a copy of the lists of apps, roles and signatures of one classifier. You free
/// it. Numbers are permanent, so it serves every classifier whose signatures are among those it lists.
///
/// Threads: any number at the same time. It does not change when the classifier does; make a new one then.
pub struct wiremark_names {
    /// By ascending id.
    apps: Vec<App>,
    /// By ascending id.
    signatures: Vec<Signature>,
}

impl Opaque for wiremark_names {
    const MARK: u64 = 0x7365_6d61_6e6d_6877;
}

struct App {
    id: u16,
    name: CString,
    roles: Vec<CString>,
}

struct Signature {
    id: u16,
    app: u16,
    role: u8,
    confidence: u8,
    is_veto: bool,
    years: [u16; 2],
    name: CString,
    why: CString,
    source: CString,
}

/// An app. You provide the struct, with its size set; the text is the wiremark_names'.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wiremark_app {
    /// sizeof(wiremark_app)
    pub struct_bytes: u32,
    /// Number of the app, as in wiremark_verdict.
    pub id: u16,
    /// How many roles it has; they are numbered from 1 to this.
    pub role_count: u16,
    /// Lower case, such as "whatsapp".
    pub name: *const c_char,
}

// SAFETY: repr(C), begins with its size, no padding, any bytes are numbers and a pointer.
unsafe impl Sized32 for wiremark_app {
    const FIRST_BYTES: usize = 8 + size_of::<usize>();
}

/// A signature. You provide the struct, with its size set; the texts are the wiremark_names'.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wiremark_signature {
    /// sizeof(wiremark_signature)
    pub struct_bytes: u32,
    /// Number of the signature, as in wiremark_verdict.
    pub id: u16,
    /// The app it belongs to.
    pub app: u16,
    /// The role it concludes; 0 for none.
    pub role: u8,
    /// The wiremark_confidence of its verdicts.
    pub confidence: u8,
    /// 1 for a veto: it takes others' verdicts back and never decides itself.
    pub is_veto: u8,
    /// 0
    pub reserved: u8,
    /// First and last year in which the traffic was seen.
    pub since: u16,
    /// First and last year in which the traffic was seen.
    pub until: u16,
    /// Such as "chat-preamble".
    pub name: *const c_char,
    /// What it goes by, in a sentence.
    pub why: *const c_char,
    /// Where that is known from.
    pub source: *const c_char,
}

// SAFETY: repr(C), begins with its size, no padding, any bytes are numbers and pointers.
unsafe impl Sized32 for wiremark_signature {
    const FIRST_BYTES: usize = 16 + 3 * size_of::<usize>();
}

const NOT_FOUND: Error = Error::new(WIREMARK_NOT_FOUND, c"the index is beyond the end of the list");

/// A zero byte would end the text for C, so there is none.
fn c_text(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}

impl wiremark_names {
    fn new(set: &SignatureSet) -> Self {
        let apps = set.apps().iter().map(|app| App {
            id: app.id.0,
            name: c_text(&app.name),
            roles: app.roles.iter().map(|role| c_text(role)).collect(),
        });
        let signatures = set.signatures().iter().map(|row| Signature {
            id: row.id.0,
            app: row.app.0,
            role: row.role.0,
            confidence: row.confidence as u8,
            is_veto: row.is_veto,
            years: [row.since, row.until],
            name: c_text(&row.name),
            why: c_text(&row.why),
            source: c_text(&row.source),
        });
        Self { apps: apps.collect(), signatures: signatures.collect() }
    }

    fn app(&self, id: u16) -> Option<&App> {
        self.apps.binary_search_by_key(&AppId(id), |app| AppId(app.id)).ok().map(|index| &self.apps[index])
    }

    fn signature(&self, id: u16) -> Option<&Signature> {
        let index = self.signatures.binary_search_by_key(&SignatureId(id), |row| SignatureId(row.id)).ok()?;
        self.signatures.get(index)
    }
}

/// The words of a classifier's apps, roles and signatures as they are now.
///
/// out: the new wiremark_names; left alone on failure. Cost: well under a millisecond.
/// Errors: WIREMARK_NULL, WIREMARK_BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_names_new(
    classifier: *const wiremark_classifier,
    out: *mut *mut wiremark_names,
) -> wiremark_status {
    status_of(|| {
        pointer::check(out)?;
        // SAFETY: by contract NULL or a classifier, not freed meanwhile.
        let names = wiremark_names::new(unsafe { handle::share(classifier)? }.current().set());
        // SAFETY: checked above, and by contract may be written to.
        unsafe { pointer::put(out, handle::give(names)) }
    })
}

/// Ends it, and with it every text it gave. NULL: nothing happens.
///
/// Errors: WIREMARK_BAD_HANDLE for one freed before, as long as that can be told (the last 64 are).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_names_free(names: *mut wiremark_names) -> wiremark_status {
    // SAFETY: by contract NULL or from `wiremark_names_new`, and in no use.
    status_of(|| unsafe { handle::free(names) })
}

/// A number out of the names; `fallback` where there is none to be had.
///
/// # Safety
/// As [`handle::share`].
unsafe fn look<T: Copy>(
    names: *const wiremark_names,
    fallback: T,
    find: impl FnOnce(&wiremark_names) -> Option<T>,
) -> T {
    // SAFETY: the same contract.
    value_of(fallback, || match unsafe { handle::share(names) } {
        Ok(names) => find(names).unwrap_or(fallback),
        Err(error) => {
            remember(error);
            fallback
        }
    })
}

/// The app's name, such as "whatsapp"; empty for 0 and numbers it does not know. Never NULL.
///
/// The text is good until wiremark_names_free(). Cost: a binary search.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_app_name(names: *const wiremark_names, app: u16) -> *const c_char {
    // SAFETY: the same contract.
    unsafe { look(names, c"".as_ptr(), |names| names.app(app).map(|app| app.name.as_ptr())) }
}

/// The app's word for a role, such as "call"; empty for 0 and numbers it does not know. Never NULL.
///
/// The text is good until wiremark_names_free(). Cost: a binary search.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_role_name(
    names: *const wiremark_names,
    app: u16,
    role: u8,
) -> *const c_char {
    let find = |names: &wiremark_names| {
        let role = usize::from(role).checked_sub(1)?;
        names.app(app)?.roles.get(role).map(|role| role.as_ptr())
    };
    // SAFETY: the same contract.
    unsafe { look(names, c"".as_ptr(), find) }
}

/// The signature's name; empty for 0 and numbers it does not know. Never NULL.
///
/// The text is good until wiremark_names_free(). Cost: a binary search.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_signature_name(
    names: *const wiremark_names,
    signature: u16,
) -> *const c_char {
    let find = |names: &wiremark_names| names.signature(signature).map(|row| row.name.as_ptr());
    // SAFETY: the same contract.
    unsafe { look(names, c"".as_ptr(), find) }
}

/// How many apps there are; 0 for a bad handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_names_app_count(names: *const wiremark_names) -> usize {
    // SAFETY: the same contract.
    unsafe { look(names, 0, |names| Some(names.apps.len())) }
}

/// How many signatures there are; 0 for a bad handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_names_signature_count(names: *const wiremark_names) -> usize {
    // SAFETY: the same contract.
    unsafe { look(names, 0, |names| Some(names.signatures.len())) }
}

/// The app at an index, from 0, by ascending id. Roles of it: wiremark_role_name() with 1 to role_count.
///
/// Errors: WIREMARK_NOT_FOUND, WIREMARK_BAD_SIZE, WIREMARK_NULL, WIREMARK_BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_names_app(
    names: *const wiremark_names,
    index: usize,
    out: *mut wiremark_app,
) -> wiremark_status {
    status_of(|| {
        // SAFETY: by contract NULL or from `wiremark_names_new`, and not freed meanwhile.
        let app = unsafe { handle::share(names)? }.apps.get(index).ok_or(NOT_FOUND)?;
        let value = wiremark_app {
            struct_bytes: 0,
            id: app.id,
            role_count: app.roles.len().try_into().unwrap_or(u16::MAX),
            name: app.name.as_ptr(),
        };
        // SAFETY: by contract NULL or a struct as long as it says.
        unsafe { pointer::write(out, &value) }
    })
}

/// The signature at an index, from 0, by ascending id.
///
/// Errors: WIREMARK_NOT_FOUND, WIREMARK_BAD_SIZE, WIREMARK_NULL, WIREMARK_BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_names_signature(
    names: *const wiremark_names,
    index: usize,
    out: *mut wiremark_signature,
) -> wiremark_status {
    status_of(|| {
        // SAFETY: by contract NULL or from `wiremark_names_new`, and not freed meanwhile.
        let row = unsafe { handle::share(names)? }.signatures.get(index).ok_or(NOT_FOUND)?;
        let [since, until] = row.years;
        let value = wiremark_signature {
            struct_bytes: 0,
            id: row.id,
            app: row.app,
            role: row.role,
            confidence: row.confidence,
            is_veto: row.is_veto.into(),
            reserved: 0,
            since,
            until,
            name: row.name.as_ptr(),
            why: row.why.as_ptr(),
            source: row.source.as_ptr(),
        };
        // SAFETY: by contract NULL or a struct as long as it says.
        unsafe { pointer::write(out, &value) }
    })
}

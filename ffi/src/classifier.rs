//! Classifiers: made from signatures, shared by threads, swapped under them.

use std::ffi::c_char;
use std::path::Path;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use engine::{Classifier, LoadError, Options, SignatureSet, Source};
use wiremark_signatures::ReadError;

use crate::handle::{self, Opaque};
use crate::panic_boundary::status_of;
use crate::pointer::{self, Sized32};
use crate::status::Error;
use crate::status::wiremark_status::{self, WIREMARK_BAD_VALUE, WIREMARK_REFUSED, WIREMARK_UNREADABLE};

/// Signatures, ready to classify with. Made by wiremark_classifier_new() and its kin; you free it.
///
/// Threads: any number at the same time, also while wiremark_classifier_replace() changes it. Only
/// wiremark_classifier_free() must have it alone.
pub struct wiremark_classifier {
    current: Arc<ArcSwap<Classifier>>,
}

impl Opaque for wiremark_classifier {
    const MARK: u64 = 0x7266_6973_7361_6c63;
}

impl wiremark_classifier {
    /// The signatures in force, which stay whole for as long as this is kept. Never waits.
    pub(crate) fn current(&self) -> arc_swap::Guard<Arc<Classifier>> {
        self.current.load()
    }

    /// Where whatever is in force can be found, also after the classifier was freed.
    pub(crate) fn shared(&self) -> Arc<ArcSwap<Classifier>> {
        Arc::clone(&self.current)
    }
}

/// The signatures a context used last: asked for by one load and one comparison, and kept until others are put in force and
/// the context is used again.
#[derive(Default)]
pub(crate) struct LastUsed(Option<Cache<Arc<ArcSwap<Classifier>>, Arc<Classifier>>>);

impl LastUsed {
    /// The signatures in force. Never waits.
    #[inline(always)]
    pub(crate) fn of(&mut self, classifier: &wiremark_classifier) -> &Classifier {
        // The cache keeps its classifier's place, so that no other can have the same.
        if self.0.as_ref().is_none_or(|cache| !std::ptr::eq(cache.arc_swap(), &*classifier.current)) {
            self.0 = None;
        }
        self.0.get_or_insert_with(|| Cache::new(classifier.shared())).load()
    }
}

/// Bits of wiremark_options.evidence: address lists.
pub const WIREMARK_EVIDENCE_ADDRESS: u32 = 1;
/// Bits of wiremark_options.evidence: what other flows told.
pub const WIREMARK_EVIDENCE_RELATED: u32 = 2;
/// Bits of wiremark_options.evidence: names inside the flow.
pub const WIREMARK_EVIDENCE_NAME: u32 = 4;
/// Bits of wiremark_options.evidence: bytes of the protocols themselves.
pub const WIREMARK_EVIDENCE_PAYLOAD: u32 = 8;

/// What counts as evidence, and for how long a flow is looked at. Yours; read during the call only. Zero a field for
/// its default.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wiremark_options {
    /// sizeof(wiremark_options)
    pub struct_bytes: u32,
    /// Bits: WIREMARK_EVIDENCE_*. 0: all of them.
    pub evidence: u32,
    /// Packets with payload after which a flow's verdict is final: 1 to 255. 0: 32. (Flows over UDP of which 8 datagrams fitted nothing
    /// are looked at no further, whatever this says beyond 8.)
    pub budget_packets: u32,
    /// 0
    pub reserved: u32,
}

// SAFETY: repr(C), begins with its size, four u32.
unsafe impl Sized32 for wiremark_options {
    const FIRST_BYTES: usize = 16;
}

/// One signature file in memory. Yours; read during the call only. Its size is fixed.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wiremark_source {
    /// How error messages name the file: UTF-8, ends with a zero byte.
    pub file: *const c_char,
    /// The TOML text: UTF-8, no zero byte needed.
    pub text: *const c_char,
    /// Length of the text in bytes.
    pub text_bytes: usize,
}

fn options(given: Option<wiremark_options>) -> Result<Options, Error> {
    const BAD: Error = Error::new(
        WIREMARK_BAD_VALUE,
        c"wiremark_options: an evidence bit of no meaning, a budget above 255, or a reserved field that is not 0",
    );
    let Some(given) = given else { return Ok(Options::default()) };
    let all = WIREMARK_EVIDENCE_ADDRESS
        | WIREMARK_EVIDENCE_RELATED
        | WIREMARK_EVIDENCE_NAME
        | WIREMARK_EVIDENCE_PAYLOAD;
    if given.evidence & !all != 0 || given.reserved != 0 {
        return Err(BAD);
    }
    let is_on = |bit: u32| given.evidence == 0 || given.evidence & bit != 0;
    Ok(Options {
        address: is_on(WIREMARK_EVIDENCE_ADDRESS),
        related: is_on(WIREMARK_EVIDENCE_RELATED),
        name: is_on(WIREMARK_EVIDENCE_NAME),
        payload: is_on(WIREMARK_EVIDENCE_PAYLOAD),
        budget_packets: match given.budget_packets {
            0 => Options::default().budget_packets,
            packets => u8::try_from(packets).map_err(|_| BAD)?,
        },
    })
}

fn refused(error: LoadError) -> Error {
    Error::saying(WIREMARK_REFUSED, error)
}

/// # Safety
/// As the exports below.
unsafe fn make(
    given: *const wiremark_options,
    out: *mut *mut wiremark_classifier,
    load: impl FnOnce() -> Result<SignatureSet, Error>,
) -> wiremark_status {
    status_of(|| {
        pointer::check(out)?;
        // SAFETY: by contract NULL or a struct as long as it says.
        let options = options(unsafe { pointer::read_optional(given)? })?;
        let current = Arc::new(ArcSwap::from_pointee(Classifier::new(load()?, options)));
        // SAFETY: checked above, and by contract may be written to.
        unsafe { pointer::put(out, handle::give(wiremark_classifier { current })) }
    })
}

/// A classifier of the signatures built into the library. Needs no file.
///
/// options: NULL for the defaults. out: the new classifier; left alone on failure.
/// Errors: WIREMARK_BAD_SIZE, WIREMARK_BAD_VALUE. Cost: a few milliseconds, some hundred kB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_classifier_new(
    options: *const wiremark_options,
    out: *mut *mut wiremark_classifier,
) -> wiremark_status {
    // SAFETY: the same contract.
    unsafe { make(options, out, || wiremark_signatures::embedded().map_err(refused)) }
}

/// A classifier of the signature files (*.toml) in a folder, in place of the built-in ones.
///
/// path: UTF-8, ends with a zero byte. options: NULL for the defaults. out: the new classifier; left alone on failure.
/// Errors: WIREMARK_UNREADABLE, WIREMARK_REFUSED (the message names file, line, key and what was expected), and those of
/// wiremark_classifier_new().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_classifier_from_folder(
    path: *const c_char,
    options: *const wiremark_options,
    out: *mut *mut wiremark_classifier,
) -> wiremark_status {
    let load = || {
        // SAFETY: by contract NULL or a text with its end.
        let path = unsafe { pointer::text(path)? };
        wiremark_signatures::read_folder(Path::new(path)).map_err(|error| match error {
            ReadError::Refused(error) => refused(error),
            other => Error::saying(WIREMARK_UNREADABLE, other),
        })
    };
    // SAFETY: the same contract.
    unsafe { make(options, out, load) }
}

/// A classifier of signature files held in memory, in place of the built-in ones.
///
/// sources: an array of count. options: NULL for the defaults. out: the new classifier; left alone on failure.
/// Errors: WIREMARK_REFUSED (the message names file, line, key and what was expected), WIREMARK_BAD_VALUE for no sources
/// or text that is not UTF-8, and those of wiremark_classifier_new().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_classifier_from_memory(
    sources: *const wiremark_source,
    count: usize,
    options: *const wiremark_options,
    out: *mut *mut wiremark_classifier,
) -> wiremark_status {
    let load = || {
        // SAFETY: by contract NULL, misaligned or `count` sources.
        let given = unsafe { pointer::array(sources, count)? };
        if given.is_empty() {
            return Err(Error::new(WIREMARK_BAD_VALUE, c"there are no signature files"));
        }
        let source = |one: &wiremark_source| {
            // SAFETY: by contract NULL or a text with its end.
            let file = unsafe { pointer::text(one.file)? };
            let missing = c"wiremark_source: text is NULL, but text_bytes is not 0";
            // SAFETY: by contract NULL or so many bytes.
            let text = unsafe { pointer::bytes(one.text.cast(), one.text_bytes, missing)? };
            let text = std::str::from_utf8(text)
                .map_err(|error| Error::saying(WIREMARK_BAD_VALUE, format_args!("{file}: {error}")))?;
            Ok(Source { file, text })
        };
        let sources = given.iter().map(source).collect::<Result<Vec<_>, Error>>()?;
        SignatureSet::load(&sources).map_err(refused)
    };
    // SAFETY: the same contract.
    unsafe { make(options, out, load) }
}

/// Puts the signatures and options of another classifier in force in this one, while others classify with it.
///
/// Nobody waits: calls under way end with the signatures they began with, calls after this one use the new ones. Flows
/// keep their verdicts; trackers take the new ones up with their next frame. Both classifiers share the signatures from now
/// on, and each is still to be freed.
/// Cost: none to speak of; the old signatures are freed by the next call of the last context that used them, or with it.
/// Errors: WIREMARK_NULL, WIREMARK_BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_classifier_replace(
    classifier: *const wiremark_classifier,
    other: *const wiremark_classifier,
) -> wiremark_status {
    status_of(|| {
        // SAFETY: by contract NULL or from one of the functions above, and not freed meanwhile.
        let (classifier, other) = unsafe { (handle::share(classifier)?, handle::share(other)?) };
        classifier.current.store(other.current.load_full());
        Ok(())
    })
}

/// Ends a classifier that no other call is using. NULL: nothing happens. Trackers and names made with it stay good.
///
/// Errors: WIREMARK_BAD_HANDLE for one freed before, as long as that can be told (the last 64 are).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wiremark_classifier_free(classifier: *mut wiremark_classifier) -> wiremark_status {
    // SAFETY: by contract NULL or from one of the functions above, and in no use.
    status_of(|| unsafe { handle::free(classifier) })
}

//! The Python package `wiremark`, thin over the command's library and the analyses. Docstrings are Python's: what users read.
#![allow(missing_docs, reason = "what is public here is Python's, and documented there")]

mod arrow;
mod attach;
mod batch;
mod buffer;
mod classifier;
mod compiled;
mod error;
mod readers;
mod records;
mod source;
mod tracker;
mod verdict;
mod words;

/// Which traffic is WeChat's or WhatsApp's: the compiled part.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use super::arrow::Batch;
    #[pymodule_export]
    use super::classifier::{Classifier, Context, Flow};
    #[pymodule_export]
    use super::error::{CaptureError, SignatureError};
    #[pymodule_export]
    use super::readers::{calls, flows, packets, tasks};
    #[pymodule_export]
    use super::records::Records;
    #[pymodule_export]
    use super::tracker::Tracker;
    #[pymodule_export]
    use super::verdict::{Seen, Verdict};
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}

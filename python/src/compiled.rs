//! Signatures, compiled, and what calls from Python share.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wiremark::{LinkType, Options};

use crate::error::SignatureError;
use crate::words::Words;

/// A classifier, and its words as verdicts use them.
pub(crate) struct Compiled {
    pub(crate) classifier: wiremark::Classifier,
    pub(crate) words: Words,
}

/// The built-in signatures' classifier, made when it is first wanted.
pub(crate) fn built_in(py: Python<'_>) -> PyResult<Arc<Compiled>> {
    static MADE: OnceLock<Arc<Compiled>> = OnceLock::new();
    if let Some(made) = MADE.get() {
        return Ok(Arc::clone(made));
    }
    let made = compiled(py, None, &[])?;
    Ok(Arc::clone(MADE.get_or_init(|| made)))
}

/// The classifier asked for.
pub(crate) fn compiled(
    py: Python<'_>,
    signatures: Option<PathBuf>,
    without: &[String],
) -> PyResult<Arc<Compiled>> {
    let mut options = Options::default();
    for word in without {
        match word.as_str() {
            "payload" => options.payload = false,
            "name" => options.name = false,
            "related" => options.related = false,
            "address" => options.address = false,
            _ => {
                return Err(PyValueError::new_err(format!(
                    "without: {word:?} is no kind of evidence; there are payload, name, related and address"
                )));
            }
        }
    }
    let set = py.detach(|| match &signatures {
        Some(folder) => wiremark_signatures::read_folder(folder).map_err(|error| error.to_string()),
        None => wiremark_signatures::embedded().map_err(|error| error.to_string()),
    });
    let classifier = wiremark::Classifier::new(set.map_err(SignatureError::new_err)?, options);
    let words = Words::new(classifier.set());
    Ok(Arc::new(Compiled { classifier, words }))
}

/// The link type of this number.
pub(crate) fn link_type_of(number: u32) -> PyResult<LinkType> {
    LinkType::from_number(number).ok_or_else(|| {
        PyValueError::new_err(format!(
            "link_type {number} is not read here; 1 is Ethernet, 101 an IP packet, 113 Linux cooked"
        ))
    })
}

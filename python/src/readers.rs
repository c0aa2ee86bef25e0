//! What reads captures: `flows`, `packets`, `tasks`, `calls`.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use wiremark_report::columns::{Addresses, schema};

use crate::classifier::Classifier;
use crate::compiled::built_in;
use crate::records::Records;
use crate::source::{Job, What};
use crate::tracker::config;

/// What all of them are asked with; the rest is a job's.
struct Request<'py> {
    files: &'py Bound<'py, PyAny>,
    classifier: Option<&'py Bound<'py, Classifier>>,
    max_flows: Option<usize>,
    threads: Option<usize>,
    on_error: &'py str,
    progress: Option<Py<PyAny>>,
}

/// What some of them are asked with.
#[derive(Default)]
struct Wishes {
    ignore_tags: bool,
    per_client: bool,
    addresses: Addresses,
    show_addresses: bool,
}

impl Request<'_> {
    fn records(self, py: Python<'_>, what: What, wishes: &Wishes) -> PyResult<Records> {
        let raise = match self.on_error {
            "raise" => true,
            "keep" => false,
            _ => return Err(PyValueError::new_err("on_error: give \"raise\" or \"keep\"")),
        };
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = self.threads.unwrap_or_else(cores);
        if !(1..=1024).contains(&threads) {
            return Err(PyValueError::new_err("threads: expected a number from 1 to 1024"));
        }
        let compiled = match self.classifier {
            Some(classifier) => Arc::clone(&classifier.get().0),
            None => built_in(py)?,
        };
        let job = Job {
            what,
            files: paths(self.files)?,
            compiled,
            config: config(self.max_flows, wishes.ignore_tags, wishes.per_client)?,
            addresses: wishes.addresses,
            with_addresses: wishes.show_addresses,
            threads,
            raise,
        };
        Ok(Records::of(job, schema(what.columns(), wishes.addresses), self.progress))
    }
}

/// One path or several.
fn paths(files: &Bound<'_, PyAny>) -> PyResult<Vec<PathBuf>> {
    if let Ok(file) = files.extract::<PathBuf>() {
        return Ok(vec![file]);
    }
    let told = |_| PyTypeError::new_err("files: give a path, or a sequence of paths");
    let files: Vec<PathBuf> =
        files.try_iter().map_err(told)?.map(|file| file?.extract()).collect::<PyResult<_>>().map_err(told)?;
    if files.is_empty() {
        return Err(PyValueError::new_err("files: there is none; give the path of a capture"));
    }
    Ok(files)
}

fn addresses(word: &str) -> PyResult<Addresses> {
    match word {
        "text" => Ok(Addresses::Text),
        "binary" => Ok(Addresses::Binary),
        _ => Err(PyValueError::new_err("addresses: give \"text\" or \"binary\"")),
    }
}

/// A function of Python's: its docstring, name, what it reads, its signature, the parameters that are its own, and what they wish.
macro_rules! reader {
    ($(#[doc = $text:tt])* $name:ident, $what:ident, $signature:tt, ($($own:tt)*), $wishes:expr) => {
        $(#[doc = $text])*
        #[pyfunction]
        #[pyo3(signature = $signature)]
        #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
        pub(crate) fn $name(
            py: Python<'_>,
            files: &Bound<'_, PyAny>,
            classifier: Option<&Bound<'_, Classifier>>,
            max_flows: Option<usize>,
            $($own)*
            threads: Option<usize>,
            on_error: &str,
            progress: Option<Py<PyAny>>,
        ) -> PyResult<Records> {
            let request = Request { files, classifier, max_flows, threads, on_error, progress };
            request.records(py, What::$what, &$wishes)
        }
    };
}

reader! {
    /// Every flow of captures, with its verdict.
    ///
    /// Each file is read on its own, as ``wiremark classify`` does; flows come in the order in which they end.
    ///
    /// Parameters
    /// ----------
    /// files : path or sequence of paths
    ///     pcap, pcapng, snoop or ERF, plain or packed with gzip, zstd, xz, lz4 or bzip2.
    /// classifier : Classifier, optional
    ///     The built-in signatures where none is given.
    /// max_flows : int
    ///     Flows followed at the same time; the quietest makes room for a new one.
    /// ignore_tags : bool
    ///     Packets with the same addresses and ports are one flow whatever VLAN or tunnel they come in.
    /// per_client : bool
    ///     Of other flows only what the same client's showed is believed, so that shards by client give what the whole gives.
    /// addresses : {"text", "binary"}
    ///     As text, or as 16 bytes in network order (IPv4 as ``::ffff:a.b.c.d``).
    /// threads : int, optional
    ///     Threads a file is read on, the processor's cores unless given; the records are the same for every number.
    /// on_error : {"raise", "keep"}
    ///     A capture that cannot be read to its end raises CaptureError once its flows have come; or, with "keep", goes to
    ///     ``Records.errors``, and the next one is read.
    /// progress : callable, optional
    ///     Called with the bytes read and the bytes of all files, some 20 times a second; what it raises ends the reading.
    ///
    /// Returns
    /// -------
    /// Records
    ///     A row a flow, columns as the fields of ``wiremark classify --format json``: timestamp (UTC, us), src_ip, src_port,
    ///     dest_ip, dest_port, proto, app, role, carrier, confidence, signature, signature_id, final, decided_at_packet,
    ///     packets_toserver, packets_toclient, bytes_toserver, bytes_toclient (int64; frame bytes on the wire), community_id, ...
    flows, Flows,
    (files, *, classifier=None, max_flows=None, ignore_tags=false, per_client=false, addresses="text", threads=None, on_error="raise", progress=None),
    (ignore_tags: bool, per_client: bool, addresses: &str,),
    Wishes { ignore_tags, per_client, addresses: self::addresses(addresses)?, ..Wishes::default() }
}

reader! {
    /// Every frame of captures, with what was known of its flow after it.
    ///
    /// Parameters are those of ``flows``.
    ///
    /// Returns
    /// -------
    /// Records
    ///     A row a frame: capture (int32, number of the file, from 1), frame (int64, number in it, from 1), timestamp (UTC, us),
    ///     wire_bytes, flow and packet (int64, from 1), src_ip, src_port, dest_ip, dest_port, proto, to_server, payload_bytes,
    ///     app, role, carrier, confidence, signature_id, final, changed; null from flow on where it carries neither TCP nor UDP.
    packets, Packets,
    (files, *, classifier=None, max_flows=None, ignore_tags=false, per_client=false, addresses="text", threads=None, on_error="raise", progress=None),
    (ignore_tags: bool, per_client: bool, addresses: &str,),
    Wishes { ignore_tags, per_client, addresses: self::addresses(addresses)?, ..Wishes::default() }
}

reader! {
    /// What people do on WeChat, task by task.
    ///
    /// Parameters are those of ``flows`` but for addresses, and:
    ///
    /// show_addresses : bool
    ///     Users by their addresses instead of pseudonyms.
    ///
    /// Returns
    /// -------
    /// Records
    ///     A row a task, columns as the fields of ``wiremark tasks --format json``: timestamp (UTC, us), service, task, cgi,
    ///     bytes_up and bytes_down (int64), completion_us (int64), user, ...
    tasks, Tasks,
    (files, *, classifier=None, max_flows=None, ignore_tags=false, per_client=false, show_addresses=false, threads=None, on_error="raise", progress=None),
    (ignore_tags: bool, per_client: bool, show_addresses: bool,),
    Wishes { ignore_tags, per_client, show_addresses, ..Wishes::default() }
}

reader! {
    /// The calls in captures.
    ///
    /// Parameters are those of ``tasks``.
    ///
    /// Returns
    /// -------
    /// Records
    ///     A row a call, columns as the fields of ``wiremark calls --format json``: timestamp (UTC, us), call_id, app, outcome,
    ///     duration_us (int64); parties, relays, legs, states, streams (lists of records, times in microseconds since the call's
    ///     first packet), findings.
    calls, Calls,
    (files, *, classifier=None, max_flows=None, ignore_tags=false, per_client=false, show_addresses=false, threads=None, on_error="raise", progress=None),
    (ignore_tags: bool, per_client: bool, show_addresses: bool,),
    Wishes { ignore_tags, per_client, show_addresses, ..Wishes::default() }
}

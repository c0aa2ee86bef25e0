//! A capture taken apart into tasks, its frames prepared some frames ahead.

use wiremark::{Frame, ParseError};
use wiremark_capture::Capture;
use wiremark_capture::replay::{Counts, Follow, ReplayError, replay_ahead};
use wiremark_tasks::{Frames, Prepared, Sink, TaskDissector};

/// Hands a capture's frames to the dissector, on so many threads (at least 1, the caller's). `go_on` is asked now and then, with the
/// bytes read from the file so far; where it gives back false, no more frames are read.
pub fn dissect<S: Sink>(
    capture: &mut Capture,
    dissector: &mut TaskDissector<'_>,
    threads: usize,
    sink: &mut S,
    go_on: impl FnMut(u64) -> bool + Send,
) -> (Counts, Vec<ReplayError>) {
    // What comes through a pipe may come slowly, and is told at once.
    if threads <= 1 || capture.file_bytes().is_none() {
        return read(capture, 1, &mut dissector.frames(sink), go_on);
    }
    // One of the threads tells tasks.
    dissector.read_ahead(|frames| read(capture, threads - 1, frames, go_on), sink)
}

fn read<S: Sink>(
    capture: &mut Capture,
    threads: usize,
    frames: &mut Frames<'_, '_, S>,
    go_on: impl FnMut(u64) -> bool,
) -> (Counts, Vec<ReplayError>) {
    let preparer = frames.preparer();
    let prepare = |frame: &Frame<'_>, to: &mut Prepared| preparer.prepare_in(to, frame);
    replay_ahead(capture, threads, prepare, &mut Reading { frames, go_on })
}

struct Reading<'f, 'd, 'c, S, G> {
    frames: &'f mut Frames<'d, 'c, S>,
    go_on: G,
}

impl<S: Sink, G: FnMut(u64) -> bool> Follow<Prepared> for Reading<'_, '_, '_, S, G> {
    #[inline]
    fn soon(&self, prepared: &Prepared) {
        self.frames.soon(prepared);
    }

    #[inline]
    fn next(&self, bytes: &[u8], prepared: &mut Prepared) {
        self.frames.next(bytes, prepared);
    }

    #[inline]
    fn look(&mut self, _: u64, frame: &Frame<'_>, prepared: &Prepared) -> Result<(), ParseError> {
        self.frames.follow(frame, prepared).map(|_| ())
    }

    fn goes_on(&mut self, bytes_read: u64) -> bool {
        (self.go_on)(bytes_read)
    }
}

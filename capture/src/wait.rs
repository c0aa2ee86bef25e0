//! Sources that may have nothing to give for a while: pipes, and files that are still being written.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// How long to wait until looking again whether to stop, or whether a file has grown.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes asked of a pipe at a time, and how many such pieces may wait.
const PIECE_BYTES: usize = 64 * 1024;
const PIECES: usize = 8;

/// A source whose reads may block for ever, read by a thread of its own, so that waiting for it can be ended.
pub(crate) struct Interruptible {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    used: usize,
    stop: Arc<AtomicBool>,
}

impl Interruptible {
    /// `open` too may block, as it does for a named pipe that nobody writes to yet.
    pub(crate) fn new<R: Read>(
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let (sender, pieces) = sync_channel(PIECES);
        std::thread::spawn(move || {
            let mut source = match open() {
                Ok(source) => source,
                Err(error) => return drop(sender.send(Err(error))),
            };
            loop {
                let mut piece = vec![0; PIECE_BYTES];
                let read = match source.read(&mut piece) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    read => read,
                };
                let ends = !matches!(read, Ok(1..));
                let piece = read.map(|length| {
                    piece.truncate(length);
                    piece
                });
                if sender.send(piece).is_err() || ends {
                    return;
                }
            }
        });
        Self { pieces, piece: Vec::new(), used: 0, stop }
    }
}

impl Read for Interruptible {
    /// After `stop` the source has ended.
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        while self.used == self.piece.len() {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(0);
            }
            match self.pieces.recv_timeout(PAUSE) {
                Ok(piece) => {
                    (self.piece, self.used) = (piece?, 0);
                    if self.piece.is_empty() {
                        return Ok(0);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
        let length = (&self.piece[self.used..]).read(space)?;
        self.used += length;
        Ok(length)
    }
}

/// A file that may grow: its end is not the end, until `stop`, or until the file was removed.
pub(crate) struct Following {
    file: File,
    read: u64,
    stop: Arc<AtomicBool>,
}

impl Following {
    pub(crate) fn new(file: File, stop: Arc<AtomicBool>) -> Self {
        Self { file, read: 0, stop }
    }
}

impl Read for Following {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            let stops = self.stop.load(Ordering::Relaxed);
            // Asked before reading: what was written until the file's removal is still to be had.
            let is_removed = is_removed(&self.file)?;
            let length = self.file.read(space)?;
            self.read += length as u64;
            if length > 0 || stops || is_removed || space.is_empty() {
                return Ok(length);
            }
            if self.file.metadata()?.len() < self.read {
                return Err(io::Error::other("it became shorter while it was followed"));
            }
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(unix)]
fn is_removed(file: &File) -> io::Result<bool> {
    Ok(std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) == 0)
}

#[cfg(not(unix))]
fn is_removed(_: &File) -> io::Result<bool> {
    Ok(false)
}

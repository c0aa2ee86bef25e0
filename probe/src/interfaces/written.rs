//! What was captured, as pcapng files, one or one after the other.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wiremark_capture::blocks::{enhanced_packet, interface, section_header};

use crate::stop::Stop;
use crate::units::{size, time};

/// When a new file begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rotation {
    Bytes(u64),
    Time(Duration),
}

/// A size or a time.
pub(super) fn rotation(text: &str) -> Result<Rotation, String> {
    match (time(text), size(text)) {
        // `5m` are minutes, `5M` is a size.
        (Ok(time), _) if text.ends_with(['s', 'm', 'h']) => Ok(Rotation::Time(time)),
        (_, Ok(bytes)) => Ok(Rotation::Bytes(bytes)),
        _ => Err("expected a size such as 100M or a time such as 60s".into()),
    }
}

/// The file being written.
pub(super) struct Written {
    path: PathBuf,
    rotation: Option<Rotation>,
    /// Of each interface.
    links: Vec<u32>,
    number: u32,
    to: BufWriter<File>,
    bytes: u64,
    since: Instant,
}

impl Written {
    pub(super) fn open(path: &Path, rotation: Option<Rotation>, links: Vec<u32>) -> Result<Self, Stop> {
        let number = u32::from(rotation.is_some());
        let (to, bytes) = begin(&numbered(path, number), &links)?;
        Ok(Self { path: path.to_owned(), rotation, links, number, to, bytes, since: Instant::now() })
    }

    pub(super) fn frame(
        &mut self,
        interface: u32,
        time_ns: u64,
        wire_bytes: u32,
        bytes: &[u8],
    ) -> Result<(), Stop> {
        let is_full = match self.rotation {
            Some(Rotation::Bytes(most)) => self.bytes >= most,
            Some(Rotation::Time(most)) => self.since.elapsed() >= most,
            None => false,
        };
        if is_full {
            self.explained(BufWriter::flush)?;
            self.number += 1;
            (self.to, self.bytes) = begin(&numbered(&self.path, self.number), &self.links)?;
            self.since = Instant::now();
        }
        let block = enhanced_packet(interface, time_ns, wire_bytes, bytes, None);
        self.bytes += block.len() as u64;
        self.explained(|to| to.write_all(&block))
    }

    pub(super) fn finish(mut self) -> Result<(), Stop> {
        self.explained(BufWriter::flush)
    }

    fn explained(
        &mut self,
        write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
    ) -> Result<(), Stop> {
        let written = write(&mut self.to);
        written
            .map_err(|error| Stop::writing(&numbered(&self.path, self.number).display().to_string(), &error))
    }
}

/// A new file, and how long it is.
fn begin(path: &Path, links: &[u32]) -> Result<(BufWriter<File>, u64), Stop> {
    let head: Vec<u8> =
        section_header().into_iter().chain(links.iter().flat_map(|link| interface(*link))).collect();
    let write = || -> std::io::Result<BufWriter<File>> {
        let mut to = BufWriter::with_capacity(256 * 1024, File::create(path)?);
        to.write_all(&head)?;
        Ok(to)
    };
    let to = write().map_err(|error| Stop::writing(&path.display().to_string(), &error))?;
    Ok((to, head.len() as u64))
}

/// `captured.pcapng` as `captured-00002.pcapng`; 0 leaves it as it is.
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map_or(String::new(), |ending| format!(".{}", ending.to_string_lossy()));
    path.with_file_name(format!("{stem}-{number:05}{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_rotations() {
        assert_eq!(numbered(Path::new("a/b.pcapng"), 2), Path::new("a/b-00002.pcapng"));
        assert_eq!(numbered(Path::new("b"), 0), Path::new("b"));
        assert!(matches!(rotation("60s"), Ok(Rotation::Time(time)) if time.as_secs() == 60));
        assert!(matches!(rotation("5m"), Ok(Rotation::Time(time)) if time.as_secs() == 300));
        assert!(matches!(rotation("5M"), Ok(Rotation::Bytes(5_242_880))));
        assert!(rotation("x").is_err());
    }
}

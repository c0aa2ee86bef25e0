//! Where results go.

use std::fs::File;
use std::io::{self, IsTerminal, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::headings::OUTPUT;
use crate::stop::Stop;

/// Whether a file that is there may be written over.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Overwrite {
    /// Write over files that are there already
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) force: bool,
}

impl Overwrite {
    /// Refuses a file with something in it, unless that was asked for. Devices and pipes hold nothing that could be lost.
    pub(crate) fn allows(self, path: &Path) -> Result<(), Stop> {
        let is_full = || path.metadata().is_ok_and(|there| there.is_file() && there.len() > 0);
        if self.force || !is_full() {
            return Ok(());
        }
        let name = path.display();
        Err(Stop::Usage(format!(
            "{name}: is there already; choose another file for the output, or --force to write over it"
        )))
    }
}

/// Records wait until there are this many bytes of them.
const BATCH_BYTES: usize = 64 * 1024;

/// Standard output or a file, written in whole records only: [`Write::flush`] marks the end of a record.
///
/// Where a disk is full, a file ends with the last record that fitted whole.
pub(crate) struct Output {
    name: String,
    to: Box<dyn Write + Send>,
    /// The same file once more, to cut off what a full disk took of a record.
    file: Option<File>,
    pending: Vec<u8>,
    /// Where in `pending` records end.
    ends: Vec<usize>,
    batch_bytes: usize,
    is_terminal: bool,
}

impl Output {
    /// Standard output for none and `-`.
    pub(crate) fn open(path: Option<&Path>, inputs: &[PathBuf], overwrite: Overwrite) -> Result<Self, Stop> {
        let (pending, ends, batch_bytes) = (Vec::new(), Vec::new(), BATCH_BYTES);
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            let is_terminal = io::stdout().is_terminal();
            let batch_bytes = if is_terminal { 0 } else { batch_bytes };
            let (to, file) = standard_output();
            let name = "standard output".into();
            return Ok(Self { name, to, file, pending, ends, batch_bytes, is_terminal });
        };
        let name = path.display().to_string();
        if let Ok(target) = path.canonicalize()
            && inputs.iter().any(|input| input.canonicalize().is_ok_and(|input| input == target))
        {
            return Err(Stop::Usage(format!(
                "{name}: is one of the captures to read; choose another file for the output"
            )));
        }
        overwrite.allows(path)?;
        let to = File::create(path).map_err(|error| Stop::writing(&name, &error))?;
        let file = to.try_clone().ok();
        Ok(Self { name, to: Box::new(to), file, pending, ends, batch_bytes, is_terminal: false })
    }

    /// From now on every record is written by itself, not with others.
    pub(crate) fn write_at_once(&mut self) {
        self.batch_bytes = 0;
    }

    /// What errors call it.
    #[cfg(feature = "parquet")]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a person watches the results come.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Adds text that ends a record.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Stop> {
        let written = self.write_all(text.as_bytes()).and_then(|()| self.flush());
        self.explain(written)
    }

    /// Writes what still waits.
    pub(crate) fn finish(&mut self) -> Result<(), Stop> {
        let written = self.pass_on().and_then(|()| self.to.flush());
        self.explain(written)
    }

    /// Says which output an error is about.
    pub(crate) fn explain(&self, written: io::Result<()>) -> Result<(), Stop> {
        written.map_err(|error| Stop::writing(&self.name, &error))
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let mut written = 0;
        while written < self.pending.len() {
            match self.to.write(&self.pending[written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => written += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.cut_to_whole_records(written);
                    return Err(error);
                }
            }
        }
        self.pending.clear();
        self.ends.clear();
        Ok(())
    }

    /// Takes back what was written behind the last whole record, where the output is a file.
    fn cut_to_whole_records(&mut self, written: usize) {
        let whole = self.ends.iter().copied().rfind(|end| *end <= written).unwrap_or(0);
        if let Some(file) = &mut self.file
            && file.metadata().is_ok_and(|metadata| metadata.is_file())
            && let Ok(position) = file.stream_position()
        {
            let end = position.saturating_sub((written - whole) as u64);
            // If this fails too there is nothing left to try; the error that led here is told.
            let _ = file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end)));
        }
        self.pending.clear();
        self.ends.clear();
    }
}

/// Standard output, without the standard library's buffer where that is possible: what a write did not take is known.
#[cfg(unix)]
fn standard_output() -> (Box<dyn Write + Send>, Option<File>) {
    use std::os::fd::AsFd;
    match io::stdout().as_fd().try_clone_to_owned() {
        Ok(descriptor) => {
            let to = File::from(descriptor);
            let file = to.try_clone().ok();
            (Box::new(to), file)
        }
        Err(_) => (Box::new(io::stdout()), None),
    }
}

#[cfg(not(unix))]
fn standard_output() -> (Box<dyn Write + Send>, Option<File>) {
    (Box::new(io::stdout()), None)
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.ends.push(self.pending.len());
        if self.pending.len() < self.batch_bytes {
            return Ok(());
        }
        self.pass_on()?;
        if self.is_terminal { self.to.flush() } else { Ok(()) }
    }
}

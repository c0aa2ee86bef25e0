//! Where results go.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::stop::Stop;

/// Records wait until there are this many bytes of them.
const BATCH_BYTES: usize = 64 * 1024;

/// Standard output or a file, written in whole records only: [`Write::flush`] marks the end of a record.
pub(crate) struct Output {
    name: String,
    to: Box<dyn Write>,
    pending: Vec<u8>,
    batch_bytes: usize,
    is_terminal: bool,
}

impl Output {
    /// Standard output for none and `-`.
    pub(crate) fn open(path: Option<&Path>, inputs: &[PathBuf]) -> Result<Self, Stop> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            let is_terminal = io::stdout().is_terminal();
            let batch_bytes = if is_terminal { 0 } else { BATCH_BYTES };
            let to = Box::new(io::stdout());
            return Ok(Self {
                name: "standard output".into(),
                to,
                pending: Vec::new(),
                batch_bytes,
                is_terminal,
            });
        };
        let name = path.display().to_string();
        if let Ok(target) = path.canonicalize()
            && inputs.iter().any(|input| input.canonicalize().is_ok_and(|input| input == target))
        {
            return Err(Stop::Usage(format!(
                "{name}: is one of the captures to read; choose another file for the output"
            )));
        }
        let file = File::create(path).map_err(|error| Stop::writing(&name, &error))?;
        let to = Box::new(file);
        Ok(Self { name, to, pending: Vec::new(), batch_bytes: BATCH_BYTES, is_terminal: false })
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
        self.to.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.len() < self.batch_bytes {
            return Ok(());
        }
        self.pass_on()?;
        if self.is_terminal { self.to.flush() } else { Ok(()) }
    }
}

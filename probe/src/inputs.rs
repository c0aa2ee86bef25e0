//! The signatures a command works with, and what is one flow to it.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use wiremark::{Classifier, Options, SignatureSet, TrackerConfig};
use wiremark_capture::replay::tracker_config;
use wiremark_signatures::ReadError;

use crate::captures::sized;
use crate::headings::{FLOWS, SIGNATURES};
use crate::stop::{Stop, complain};

/// Arguments that say where signatures are.
#[derive(Args)]
pub(crate) struct SignatureFolders {
    /// Add the signature files (*.toml) of this folder to the built-in ones
    #[arg(long, value_name = "DIR", help_heading = SIGNATURES)]
    pub(crate) signatures: Option<PathBuf>,

    /// Use the signature files of this folder instead of the built-in ones
    #[arg(long, value_name = "DIR", conflicts_with = "signatures", help_heading = SIGNATURES)]
    pub(crate) only_signatures: Option<PathBuf>,
}

impl SignatureFolders {
    /// The signatures asked for.
    pub(crate) fn load(&self) -> Result<SignatureSet, Stop> {
        match (&self.only_signatures, &self.signatures) {
            (Some(folder), _) => wiremark_signatures::read_folder(folder).map_err(refused),
            (None, Some(folder)) => {
                // What is wrong with a folder alone is told first, and without the other remedy.
                wiremark_signatures::read_folder(folder).map_err(refused)?;
                wiremark_signatures::embedded_and(folder).map_err(|error| {
                    Stop::Failed(format!(
                        "{error}; --only-signatures takes the folder without the built-in signatures"
                    ))
                })
            }
            (None, None) => wiremark_signatures::embedded().map_err(|error| Stop::Failed(error.to_string())),
        }
    }
}

/// Arguments that say what one flow is, and what flows tell of others.
#[derive(Clone, Copy, Args)]
pub(crate) struct FlowArguments {
    /// Take packets with the same addresses and ports for one flow whatever VLAN or tunnel they come in
    ///
    /// For networks whose two directions come with different tags. Otherwise they are flows of different networks.
    #[arg(long, help_heading = FLOWS)]
    ignore_tags: bool,

    /// Believe of other flows only what the same client's flows showed
    ///
    /// So that the shards of `wiremark shard` give what the whole gives. Otherwise a server that proved itself to one client
    /// is known for all.
    #[arg(long, help_heading = SIGNATURES)]
    per_client: bool,
}

impl FlowArguments {
    /// A tracker for so many flows.
    pub(crate) fn config(self, capacity: usize) -> TrackerConfig {
        let mut config = tracker_config(capacity);
        config.ignore_encapsulation = self.ignore_tags;
        config.context.per_client = self.per_client;
        config
    }

    /// A tracker for the usual number of flows, or for as many as these files can fill.
    pub(crate) fn usual(self, files: &[impl AsRef<Path>]) -> TrackerConfig {
        sized(self.config(TrackerConfig::default().capacity), files)
    }
}

/// Arguments that say what to classify by.
#[derive(Args)]
pub(crate) struct SignatureArguments {
    #[command(flatten)]
    pub(crate) folders: SignatureFolders,

    /// Do without these kinds of evidence
    #[arg(long, value_name = "EVIDENCE", value_delimiter = ',', help_heading = SIGNATURES)]
    pub(crate) without: Vec<Evidence>,
}

/// A kind of evidence that can be switched off.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Evidence {
    /// Bytes of the protocol itself
    Payload,
    /// A name inside the flow: TLS and QUIC server names, HTTP hosts, DNS questions
    Name,
    /// What other flows told: DNS answers, the end points of a known call
    Related,
    /// Lists of addresses
    Address,
}

impl SignatureArguments {
    /// For loading them anew.
    pub(crate) fn reloading(&self) -> Reloading<'_> {
        Reloading { arguments: self, loaded: Vec::new() }
    }

    /// The classifier asked for.
    pub(crate) fn classifier(&self) -> Result<Classifier, Stop> {
        let with = |evidence| !self.without.contains(&evidence);
        let options = Options {
            payload: with(Evidence::Payload),
            name: with(Evidence::Name),
            related: with(Evidence::Related),
            address: with(Evidence::Address),
            ..Options::default()
        };
        Ok(Classifier::new(self.folders.load()?, options))
    }
}

/// Signatures that may be loaded anew while they are used.
pub(crate) struct Reloading<'a> {
    arguments: &'a SignatureArguments,
    /// What was loaded before, with its text: what comes back is not loaded twice, and nothing that is used is ever freed.
    loaded: Vec<(Vec<(String, String)>, &'static Classifier)>,
}

impl Reloading<'_> {
    /// Loads them; none where there is nothing but what is built in, or where they cannot be had, which is told.
    #[cold]
    pub(crate) fn complaining(&mut self) -> Option<&'static Classifier> {
        self.again().unwrap_or_else(|error| {
            complain(&format!("{error}; the signatures loaded before stay in force"));
            None
        })
    }

    fn again(&mut self) -> Result<Option<&'static Classifier>, Stop> {
        let SignatureFolders { signatures, only_signatures } = &self.arguments.folders;
        let Some(folder) = signatures.as_ref().or(only_signatures.as_ref()) else { return Ok(None) };
        let files = read_files(folder)?;
        if let Some((_, classifier)) = self.loaded.iter().find(|(before, _)| *before == files) {
            return Ok(Some(classifier));
        }
        let classifier: &'static Classifier = Box::leak(Box::new(self.arguments.classifier()?));
        self.loaded.push((files, classifier));
        Ok(Some(classifier))
    }
}

/// Path and text of every signature file in a folder, at least one.
pub(crate) fn read_files(folder: &Path) -> Result<Vec<(String, String)>, Stop> {
    wiremark_signatures::read_files(folder).map_err(refused)
}

fn refused(error: ReadError) -> Stop {
    let remedy = match error {
        ReadError::Unreadable(..) => "; name a folder with *.toml files that you may read",
        ReadError::Empty(_) | ReadError::Refused(_) => "",
    };
    Stop::Failed(format!("{error}{remedy}"))
}

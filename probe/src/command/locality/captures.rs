//! Servers out of captures.

use std::path::Path;

use wiremark::{Classifier, Flow, Frame, ParseError, Tracker};
use wiremark_capture::Capture;
use wiremark_capture::replay::replay;
use wiremark_locality::servers::{Server, ServerWatch, events};

use super::arguments::Arguments;
use crate::captures::name_of;
use crate::countries::{read, refused};
use crate::notes;
use crate::progress::Progress;
use crate::signal::Interrupt;
use crate::stop::{Stop, complain};

/// The servers of all captures, and whether any capture failed.
pub(super) fn servers(arguments: &Arguments, interrupt: &Interrupt) -> Result<(Vec<Server>, bool), Stop> {
    if arguments.captures.is_empty() {
        return Ok((Vec::new(), false));
    }
    let classifier = arguments.signatures.classifier()?;
    let known = match &arguments.events {
        Some(path) => read(path).and_then(|(name, text)| events(&name, &text).map_err(refused))?,
        None => Vec::new(),
    };
    let mut watch = ServerWatch::new(known, arguments.ignore_port.clone());
    let mut failed = false;
    let background = arguments.background.iter().map(|file| (file, true));
    for (file, is_background) in background.chain(arguments.captures.iter().map(|file| (file, false))) {
        let tracker = Tracker::new(&classifier, arguments.networks.usual(&[file]));
        let (complaints, sentence) = follow(file, tracker, &classifier, &mut watch, interrupt);
        watch.end_capture(is_background);
        failed |= !complaints.is_empty();
        notes::line(&name_of(file), &complaints, sentence).iter().for_each(complain);
        if interrupt.came() {
            break;
        }
    }
    for phone in watch.phones_unseen() {
        complain(&format!(
            "{phone}: has events, but no packet in any capture; name phones by their addresses in the captures"
        ));
        failed = true;
    }
    Ok((watch.servers(), failed))
}

/// One file through a tracker of its own; gives back the lines to complain about it.
fn follow(
    file: &Path,
    mut tracker: Tracker<'_>,
    classifier: &Classifier,
    watch: &mut ServerWatch,
    interrupt: &Interrupt,
) -> (Vec<String>, Option<String>) {
    let mut capture = match Capture::open_until(file, interrupt.flag(), false) {
        Ok(capture) => capture,
        Err(_) if interrupt.came() => return (Vec::new(), None),
        Err(error) => return (vec![error.to_string()], None),
    };
    let mut progress = Progress::new(capture.name(), capture.file_bytes(), false);
    let look = |_: u64, frame: &Frame<'_>| -> Result<(), ParseError> {
        let (seen, packet) = tracker.follow(frame, &mut |_: &Flow| (), watch.observer())?;
        watch.packet(&packet, &seen, classifier.set());
        Ok(())
    };
    let (counts, errors) = replay(&mut capture, look, |bytes| {
        progress.read(bytes);
        !interrupt.came()
    });
    (interrupt.ours(&errors), counts.sentence(&tracker.statistics()))
}

//! `wiremark infer`: from an unknown protocol to its fields, and to a draft of a signature file.

mod arguments;
mod choice;
mod collect;
mod dissected;
mod heads;
mod report;
mod tasks;

use std::fs;
use std::path::Path;

pub(crate) use arguments::Arguments;
use arguments::{Format, Method};
use collect::Collected;
use wiremark_inference::{Inference, Messages, draft, infer};

use crate::output::Output;
use crate::stop::{Outcome, Stop, complain};

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    let mut output = Output::open(arguments.output.as_deref(), &arguments.files, arguments.overwrite)?;
    let (collected, failed) = match &arguments.messages {
        Some(path) => (read_messages(path, arguments.sample)?, false),
        None => {
            let classifier = arguments.signatures.classifier()?;
            collect::collect(
                &arguments.files,
                &classifier,
                &arguments.choice,
                arguments.feedback,
                arguments.sample,
                arguments.networks,
            )?
        }
    };
    let Collected { messages, origins, .. } = &collected;
    if arguments.method == Method::Chatdissect {
        dissected::report(&mut output, arguments, messages, origins)?;
    } else {
        let inference = infer(messages, origins);
        if arguments.boundaries {
            boundaries(&mut output, arguments.format, &inference)?;
        } else {
            let tasks = arguments.tasks.as_deref().map(tasks::read).transpose()?.unwrap_or_default();
            report::report(&mut output, arguments.format, &collected, &inference, &tasks)?;
        }
    }
    output.finish()?;
    if let Some(path) = &arguments.draft {
        write_draft(path, arguments, &collected)?;
    }
    Ok(Outcome::failed_if(failed))
}

/// One line a message; a message that was not looked at (beyond the sample) has none.
fn boundaries(output: &mut Output, format: Format, inference: &Inference) -> Result<(), Stop> {
    for (at, found) in inference.boundaries.iter().enumerate() {
        let offsets: Vec<u32> = found.iter().map(|boundary| boundary.offset).collect();
        let line = match format {
            Format::Json => format!("{{\"message\": {at}, \"boundaries\": {offsets:?}}}\n"),
            _ => format!("{at}: {}\n", offsets.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")),
        };
        output.text(&line)?;
    }
    if let Some(nothing) = inference.nothing {
        complain(&nothing.sentence());
    }
    Ok(())
}

fn read_messages(path: &Path, sample: usize) -> Result<Collected, Stop> {
    let name = path.display();
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        fs::read_to_string(path)
    };
    let text = text.map_err(|error| {
        Stop::Failed(format!("{name}: cannot be read: {error}; it should be text, one message a line in hex"))
    })?;
    let messages = Messages::from_hex(&text)
        .map_err(|error| Stop::Failed(format!("{name}: {error}; one message a line in hex")))?;
    if messages.len() > sample {
        complain(&format!(
            "{name}: the first {sample} of {} messages are looked at; --sample N takes more",
            messages.len()
        ));
    }
    let messages: Messages = messages.iter().take(sample).collect();
    Ok(Collected { messages, ..Collected::default() })
}

fn write_draft(path: &Path, arguments: &Arguments, collected: &Collected) -> Result<(), Stop> {
    if arguments.messages.is_some() {
        return Err(Stop::Usage(
            "--draft takes captures: messages alone do not tell transport and ports".to_owned(),
        ));
    }
    let rows = draft::rows(&collected.messages, &collected.origins, &collected.flows);
    if rows.is_empty() {
        complain(&format!(
            "{}: not written: too little is fixed in the first bytes of the {} chosen flows",
            path.display(),
            collected.flows.len()
        ));
        return Ok(());
    }
    let source = format!("{} flows of a capture", collected.flows.len());
    let text = draft::file(&rows, &collected.messages, "draft", &source);
    let mut output = Output::open(Some(path), &arguments.files, arguments.overwrite)?;
    output.text(&text)?;
    output.finish()
}

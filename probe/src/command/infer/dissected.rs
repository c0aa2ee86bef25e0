//! Reports of the paper's method: each reading of what it leaves open beside the others.

use serde::Serialize;
use wiremark_inference::chatdissect::{Dissection, dissect};
use wiremark_inference::{FEWEST_MESSAGES, FieldType, Messages, Origin};

use super::arguments::{Arguments, Format, readings, settings};
use crate::output::Output;
use crate::stop::{Stop, complain};
use crate::table::{table, text};

#[derive(Serialize)]
struct FormatRecord<'a> {
    event_type: &'static str,
    votes: &'static str,
    monotonic: &'static str,
    entropy: &'static str,
    packets: usize,
    boundaries: &'a [u32],
    types: Vec<&'static str>,
}

/// Prints what the paper's method finds, with every reading asked for.
pub(super) fn report(
    output: &mut Output,
    arguments: &Arguments,
    messages: &Messages,
    origins: &[Origin],
) -> Result<(), Stop> {
    if messages.len() < FEWEST_MESSAGES {
        complain(&format!(
            "{} messages: fewer than {FEWEST_MESSAGES} are too few to tell fields apart",
            messages.len()
        ));
    }
    let readings = readings(arguments);
    let mut table = table(output.is_terminal(), &["votes", ">packets", ">share", "fields begin at", "types"]);
    for (at, votes) in readings.iter().enumerate() {
        let settings = settings(arguments, *votes);
        let found = dissect(messages, origins, settings);
        if arguments.boundaries {
            // One reading gives one answer: the first asked for.
            if at == 0 {
                boundaries(output, arguments.format, &found)?;
            }
            continue;
        }
        for format in &found.formats {
            let types: Vec<&'static str> =
                format.types.iter().map(|kind| kind.map_or("unidentified", FieldType::name)).collect();
            if arguments.format == Format::Json {
                let record = FormatRecord {
                    event_type: "format",
                    votes: votes.name(),
                    monotonic: settings.monotonic.name(),
                    entropy: settings.normalised.name(),
                    packets: format.packets.len(),
                    boundaries: &format.boundaries,
                    types,
                };
                output.text(&(serde_json::to_string(&record).unwrap_or_default() + "\n"))?;
                continue;
            }
            let share = format.packets.len() as f64 * 100.0 / messages.len() as f64;
            let starts: Vec<String> = format.boundaries.iter().map(u32::to_string).collect();
            table.add_row([
                votes.name().to_owned(),
                format.packets.len().to_string(),
                format!("{share:.1} %"),
                if starts.is_empty() { "-".to_owned() } else { starts.join(" ") },
                types.join(", "),
            ]);
        }
        if found.formats.is_empty() && arguments.format != Format::Json {
            table.add_row([votes.name(), "0", "-", "-", "no packets cut alike reach 10 %"]);
        }
    }
    if !arguments.boundaries && arguments.format != Format::Json {
        output.text(&text(&table))?;
    }
    Ok(())
}

fn boundaries(output: &mut Output, format: Format, found: &Dissection) -> Result<(), Stop> {
    for (at, offsets) in found.boundaries.iter().enumerate() {
        let line = match format {
            Format::Json => format!("{{\"message\": {at}, \"boundaries\": {offsets:?}}}\n"),
            _ => format!("{at}: {}\n", offsets.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")),
        };
        output.text(&line)?;
    }
    Ok(())
}

//! Reports of the default method: for people, as JSON lines, as a picture.

use serde::Serialize;
use wiremark_inference::opcodes::{self, Thresholds, hex};
use wiremark_inference::{Field, FieldType, Inference, picture};

use super::arguments::Format;
use super::collect::Collected;
use super::tasks::Task;
use crate::output::Output;
use crate::stop::Stop;
use crate::table::{table, text};

/// Bytes of the strip.
const STRIP: usize = 64;

#[derive(Serialize)]
struct FieldRecord {
    event_type: &'static str,
    offset: usize,
    length: usize,
    #[serde(rename = "type")]
    field_type: &'static str,
    byte_order: Option<&'static str>,
    confidence: f32,
    evidence: String,
    coverage: f32,
    distinct: usize,
    values: Vec<ValueRecord>,
}

#[derive(Serialize)]
struct ValueRecord {
    value: String,
    share: f32,
}

#[derive(Serialize)]
struct StructureRecord<'a> {
    event_type: &'static str,
    messages: usize,
    messages_seen: usize,
    flows: usize,
    structure: &'a [String],
    nothing: Option<String>,
}

#[derive(Serialize)]
struct PeriodicRecord {
    event_type: &'static str,
    opcode: String,
    period_us: f64,
    variation: f64,
    flows: usize,
}

#[derive(Serialize)]
struct TriggeredRecord {
    event_type: &'static str,
    by: String,
    opcode: String,
    probability: f64,
    ratio: f64,
}

/// Two digits are enough for shares and confidence.
fn rounded(share: f32) -> f32 {
    (share * 1000.0).round() / 1000.0
}

impl From<&Field> for FieldRecord {
    fn from(field: &Field) -> Self {
        // Values of fields that identify somebody or carry contents stay unsaid.
        let telling = field.distinct <= 64;
        let values = field.values.iter().filter(|_| telling);
        Self {
            event_type: "field",
            offset: field.offset,
            length: field.length,
            field_type: field.field_type.name(),
            byte_order: field.byte_order.map(wiremark_inference::ByteOrder::name),
            confidence: rounded(field.confidence),
            evidence: field.evidence.clone(),
            coverage: rounded(field.coverage),
            distinct: field.distinct,
            values: values
                .map(|(value, share)| ValueRecord { value: hex(value), share: rounded(*share) })
                .collect(),
        }
    }
}

/// Prints what was found.
pub(super) fn report(
    output: &mut Output,
    format: Format,
    collected: &Collected,
    inference: &Inference,
    tasks: &[Task],
) -> Result<(), Stop> {
    let entropy = picture::entropy_by_offset(&collected.messages, STRIP);
    match format {
        Format::Svg => return output.text(&picture::svg(&entropy, inference)),
        Format::Html => return output.text(&picture::html(&entropy, inference)),
        Format::Table | Format::Json => {}
    }
    let seen = occurrences(collected, inference);
    let periodic = opcodes::periodic(&seen, Thresholds::default());
    let mut triggered = opcodes::triggered(&seen, Thresholds::default());
    triggered.extend(opcodes::correlate(&seen, tasks, Thresholds::default()));
    if format == Format::Json {
        let structure = StructureRecord {
            event_type: "structure",
            messages: collected.messages.len(),
            messages_seen: collected.seen.max(collected.messages.len()),
            flows: collected.flows.len(),
            structure: &inference.structure,
            nothing: inference.nothing.map(wiremark_inference::Nothing::sentence),
        };
        line(output, &structure)?;
        inference.fields.iter().try_for_each(|field| line(output, &FieldRecord::from(field)))?;
        for one in periodic {
            let (opcode, period_us) = (hex(&one.opcode), one.period_us);
            let (variation, flows) = (one.variation, one.flows);
            line(output, &PeriodicRecord { event_type: "periodic", opcode, period_us, variation, flows })?;
        }
        return triggered.into_iter().try_for_each(|one| {
            let (by, opcode) = (one.by, hex(&one.opcode));
            let (probability, ratio) = (one.probability, one.ratio);
            line(output, &TriggeredRecord { event_type: "triggered", by, opcode, probability, ratio })
        });
    }
    let count = collected.messages.len();
    let of = if collected.seen > count { format!(" (of {})", collected.seen) } else { String::new() };
    let flows = if collected.flows.is_empty() {
        String::new()
    } else {
        format!(" of {} flows", collected.flows.len())
    };
    let feedback = if collected.is_feedback { ", without a verdict but to known servers" } else { "" };
    output.text(&format!("{count} messages{of}{flows}{feedback}\n"))?;
    if let Some(nothing) = inference.nothing {
        return output.text(&format!("{}\n", nothing.sentence()));
    }
    output
        .text(&format!("\nentropy by offset, fields apart\n{}\n\n", picture::strip(&entropy, inference)))?;
    let titles = [">offset", ">bytes", "type", "order", ">confidence", ">values", "commonest", "evidence"];
    let mut fields = table(output.is_terminal(), &titles);
    for field in &inference.fields {
        let record = FieldRecord::from(field);
        let common: Vec<String> = record
            .values
            .iter()
            .take(3)
            .map(|value| format!("{} {:.0} %", value.value, value.share * 100.0))
            .collect();
        fields.add_row([
            field.offset.to_string(),
            field.length.to_string(),
            field.field_type.to_string(),
            record.byte_order.unwrap_or("-").to_owned(),
            format!("{:.2}", field.confidence),
            field.distinct.to_string(),
            if common.is_empty() { "-".to_owned() } else { common.join(", ") },
            field.evidence.clone(),
        ]);
    }
    output.text(&text(&fields))?;
    for said in &inference.structure {
        output.text(&format!("{said}\n"))?;
    }
    for one in periodic {
        let (period, variation) = (one.period_us / 1e6, one.variation);
        let opcode = hex(&one.opcode);
        output.text(&format!(
            "opcode {opcode}: every {period:.0} s (variation {variation:.2}, {} flows)\n",
            one.flows
        ))?;
    }
    for one in triggered {
        let (probability, ratio) = (one.probability * 100.0, one.ratio);
        let opcode = hex(&one.opcode);
        let said = format!("opcode {opcode}: follows {} in {probability:.0} % (ratio {ratio:.0})\n", one.by);
        output.text(&said)?;
    }
    Ok(())
}

fn line(output: &mut Output, record: &impl Serialize) -> Result<(), Stop> {
    output.text(&(serde_json::to_string(record).unwrap_or_default() + "\n"))
}

/// Occurrences of the opcode field, where there is one: in whole flows, not in the sample.
fn occurrences(collected: &Collected, inference: &Inference) -> Vec<opcodes::Occurrence> {
    let field = inference.fields.iter().find(|field| field.field_type == FieldType::Opcode);
    field.map_or_else(Vec::new, |field| collected.heads.occurrences(field.offset, field.length))
}

//! Pictures of a header: entropy by offset, and where fields begin.

use std::fmt::Write as _;

use crate::column::entropy;
use crate::fields::Field;
use crate::inference::Inference;
use crate::messages::Messages;

/// Entropy in bits of the bytes at each of the first `limit` offsets, as far as a tenth of the messages reaches.
pub fn entropy_by_offset(messages: &Messages, limit: usize) -> Vec<f32> {
    let mut counts = vec![[0u32; 256]; limit];
    for message in messages.iter() {
        for (count, &byte) in counts.iter_mut().zip(message) {
            count[usize::from(byte)] += 1;
        }
    }
    counts
        .into_iter()
        .map(|counts| (counts.iter().sum::<u32>(), counts))
        .take_while(|(total, _)| *total as usize * 10 >= messages.len() && *total > 0)
        .map(|(total, counts)| entropy(counts.into_iter(), total))
        .collect()
}

fn is_start(fields: &[Field], at: usize) -> bool {
    at > 0 && fields.iter().any(|field| field.offset == at)
}

/// A line of blocks, one a byte, the higher the more entropy; fields stand apart.
pub fn strip(entropy: &[f32], inference: &Inference) -> String {
    let blocks = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let mut out = String::new();
    for (at, bits) in entropy.iter().enumerate() {
        if is_start(&inference.fields, at) {
            out.push(' ');
        }
        out.push(blocks[(*bits as usize).min(7)]);
    }
    out
}

/// The same as a picture: bars of entropy, lines where fields begin, types below.
pub fn svg(entropy: &[f32], inference: &Inference) -> String {
    let (bar, height) = (14, 120);
    let width = entropy.len() * bar + 60;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{}\" font-family=\"sans-serif\" \
         font-size=\"10\">\n<title>Entropy by offset, and fields</title>\n",
        height + 130
    );
    for (at, bits) in entropy.iter().enumerate() {
        let tall = bits / 8.0 * height as f32;
        let (x, y) = (40 + at * bar, 10.0 + height as f32 - tall);
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y:.1}\" width=\"{}\" height=\"{tall:.1}\" fill=\"#4878a8\"/>",
            bar - 2
        );
    }
    let base = height + 10;
    let _ = writeln!(out, "<path d=\"M40 {base}H{}\" stroke=\"#333\"/>", width - 20);
    let _ = writeln!(out, "<text x=\"4\" y=\"18\">8 bits</text><text x=\"20\" y=\"{base}\">0</text>");
    for field in inference.fields.iter().filter(|field| field.offset < entropy.len()) {
        let x = 40 + field.offset * bar;
        let _ = writeln!(out, "<path d=\"M{x} 6V{}\" stroke=\"#b03030\"/>", base + 14);
        let _ = writeln!(
            out,
            "<text transform=\"translate({} {}) rotate(60)\">{} {}</text>",
            x + 3,
            base + 14,
            field.offset,
            field.field_type
        );
    }
    out.push_str("</svg>\n");
    out
}

/// A page with the picture and the fields as a table.
pub fn html(entropy: &[f32], inference: &Inference) -> String {
    let mut out = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Fields of a protocol</title>\n<style>\
         body{font-family:sans-serif}table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:left;\
         border-bottom:1px solid #ddd}</style></head><body>\n<h1>Fields</h1>\n",
    );
    if let Some(nothing) = inference.nothing {
        let _ = writeln!(out, "<p>{}</p>", nothing.sentence());
    }
    out.push_str(&svg(entropy, inference));
    out.push_str(
        "<table><tr><th>offset</th><th>bytes</th><th>type</th><th>confidence</th><th>evidence</th></tr>\n",
    );
    for field in &inference.fields {
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.2}</td><td>{}</td></tr>",
            field.offset, field.length, field.field_type, field.confidence, field.evidence
        );
    }
    out.push_str("</table>\n</body></html>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_of_columns() {
        let messages: Messages =
            (0..=255u8).map(|n| vec![7, n & 1, n]).collect::<Vec<_>>().iter().map(Vec::as_slice).collect();
        assert_eq!(entropy_by_offset(&messages, 8), [0.0, 1.0, 8.0]);
    }
}

//! How a drafted row stands in a signature file.

use std::fmt;

/// What is a row's own among those that share its conditions.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: usize,
    pub(crate) name: String,
    /// The line of its role, or that it is a veto.
    pub(crate) role: String,
    pub(crate) why: String,
    /// Conditions of its own.
    pub(crate) more: String,
    pub(crate) hits: Vec<Packets>,
    pub(crate) misses: Vec<Packets>,
}

impl Row {
    pub(crate) fn text(&self, conditions: &str, port: u16) -> String {
        let Self { id, name, role, why, more, hits, misses } = self;
        let lines = |examples: &[Packets]| -> String {
            examples.iter().map(|packets| format!("    \"port {port}: {packets}\",\n")).collect()
        };
        format!(
            "[[signature]]\nid = {id}\nname = {name:?}\n{role}\nwhy = {why:?}\n{conditions}{more}hit = [\n{}]\nmiss = [\n{}]\n",
            lines(hits),
            lines(misses)
        )
    }
}

/// What one side of a flow sends, as an example writes it.
#[derive(Clone, Debug)]
pub(crate) struct Packets(pub(crate) Vec<Vec<u8>>);

impl fmt::Display for Packets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.0.len() > 1 { "> " } else { "" };
        let packets: Vec<String> = self.0.iter().map(|bytes| format!("{mark}{}", shortened(bytes))).collect();
        f.write_str(&packets.join(" "))
    }
}

/// Bytes as signature files write them: a run of equal ones as `00*50`.
fn shortened(bytes: &[u8]) -> String {
    let words = bytes.chunk_by(|a, b| a == b).flat_map(|run| match run.len() {
        1..=3 => vec![format!("{:02x}", run[0]); run.len()],
        n => vec![format!("{:02x}*{n}", run[0])],
    });
    words.collect::<Vec<_>>().join(" ")
}

//! What `wiremark --help` shows of its commands: grouped by what they are for.

use clap::Command;

/// Titles, and the commands under them.
const GROUPS: [(&str, &[&str]); 4] = [
    ("What is in a capture", &["classify", "explain", "calls", "tasks"]),
    ("Captures to hand on", &["annotate", "anonymize", "shard"]),
    ("Studies", &["audit", "infer", "locality"]),
    ("Signatures, and this command", &["signatures", "completions", "man"]),
];
/// Columns of a terminal, and where descriptions begin.
const WIDTH: usize = 80;
const INDENT: usize = 15;

/// The command with a help text that groups its commands; in a build for the main job with a word about the others.
pub(crate) fn grouped(command: Command) -> Command {
    let header = command.get_styles().get_header();
    let literal = command.get_styles().get_literal();
    let mut text = String::from("{before-help}{about-with-newline}\n{usage-heading} {usage}\n");
    for (title, names) in GROUPS {
        let lines: Vec<String> = names
            .iter()
            .filter_map(|name| command.find_subcommand(name))
            .map(|part| {
                let about = part.get_about().map(ToString::to_string).unwrap_or_default();
                let name = part.get_name();
                format!(
                    "  {literal}{name}{literal:#}{:width$}{}",
                    "",
                    wrapped(&about),
                    width = INDENT - 2 - name.len()
                )
            })
            .collect();
        if !lines.is_empty() {
            text += &format!("\n{header}{title}:{header:#}\n{}\n", lines.join("\n"));
        }
    }
    if cfg!(not(feature = "full")) {
        text += "\nThe other commands come with a build with --features full.\n";
    }
    text += &format!("\n{header}Options:{header:#}\n{{options}}{{after-help}}");
    command.help_template(text)
}

/// A description in lines that fit.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut at = INDENT;
    for word in text.split(' ') {
        let length = word.chars().count();
        if at > INDENT && at + 1 + length > WIDTH {
            lines += &format!("\n{:INDENT$}", "");
            at = INDENT;
        } else if at > INDENT {
            lines.push(' ');
            at += 1;
        }
        lines += word;
        at += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit() {
        let text = "Tells where messages travel: servers of messengers, countries on the way, and who can listen there";
        let lines = wrapped(text);
        assert!(
            lines.lines().enumerate().all(|(n, line)| line.len() + if n == 0 { INDENT } else { 0 } <= WIDTH)
        );
        assert_eq!(lines.split_whitespace().collect::<Vec<_>>().join(" "), text);
    }
}

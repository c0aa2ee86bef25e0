//! JSON documents of a stream, one after the other: JSON lines, pretty-printed ones, elements of one array.
//!
//! A document is cut out by its brackets and only then parsed, so that memory is bounded by one document. A document that
//! breaks off ends where the next line begins with an opening brace.

use std::io::{self, BufRead};

/// The longest document taken.
const DOCUMENT_BYTES: usize = 16 << 20;

/// Cuts documents out of a stream.
pub(super) struct Documents {
    /// Lines read before the present one.
    line: u64,
    rest: Vec<u8>,
    /// How much of `rest` is used.
    used: usize,
}

/// One document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A whole one is in the buffer.
    Document {
        /// The line it begins on.
        line: u64,
    },
    /// What stands here is none.
    Broken {
        /// The line it begins on.
        line: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// The stream is over.
    End,
}

impl Documents {
    pub(super) fn new() -> Self {
        Self { line: 0, rest: Vec::new(), used: 0 }
    }

    /// Puts the next document into `document`.
    pub(super) fn next(&mut self, source: &mut impl BufRead, document: &mut Vec<u8>) -> io::Result<Piece> {
        document.clear();
        // Between documents: blanks, and what holds an array together.
        loop {
            let blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'[' | b']' | b',');
            match self.rest[self.used..].iter().position(|byte| !blank(byte)) {
                Some(at) => {
                    self.used += at;
                    break;
                }
                None if !self.fill(source)? => return Ok(Piece::End),
                None => {}
            }
        }
        let line = self.line;
        if self.rest[self.used] != b'{' {
            self.used = self.rest.len();
            return Ok(Piece::Broken { line, problem: "expected a JSON object" });
        }
        let (mut depth, mut in_text, mut escaped) = (0u32, false, false);
        loop {
            for (at, byte) in self.rest.iter().enumerate().skip(self.used) {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_text => escaped = true,
                    b'"' => in_text = !in_text,
                    _ if in_text => {}
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            document.extend_from_slice(&self.rest[self.used..=at]);
                            self.used = at + 1;
                            return Ok(Piece::Document { line });
                        }
                    }
                    _ => {}
                }
            }
            document.extend_from_slice(&self.rest[self.used..]);
            let is_over = !self.fill(source)?;
            if is_over || self.rest.starts_with(b"{") {
                return Ok(Piece::Broken { line, problem: "the JSON object breaks off; the output was cut" });
            }
            if document.len() > DOCUMENT_BYTES {
                self.used = self.rest.len();
                return Ok(Piece::Broken { line, problem: "a JSON object of more than 16 MiB" });
            }
        }
    }

    /// The next line, or a part of a very long one.
    fn fill(&mut self, source: &mut impl BufRead) -> io::Result<bool> {
        let is_line_start = self.rest.is_empty() || self.rest.ends_with(b"\n");
        self.rest.clear();
        self.used = 0;
        let read = io::Read::take(source, 1 << 20).read_until(b'\n', &mut self.rest)?;
        self.line += u64::from(is_line_start && read > 0);
        Ok(read > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(u64, String)> {
        let (mut source, mut documents, mut document) = (text.as_bytes(), Documents::new(), Vec::new());
        let mut found = Vec::new();
        loop {
            match documents.next(&mut source, &mut document).unwrap() {
                Piece::Document { line } => found.push((line, String::from_utf8(document.clone()).unwrap())),
                Piece::Broken { line, problem } => found.push((line, format!("! {problem}"))),
                Piece::End => return found,
            }
        }
    }

    #[test]
    fn documents_are_cut_out_in_every_arrangement() {
        let wanted = |lines: [u64; 2]| {
            vec![(lines[0], r#"{"a":"}\"{"}"#.to_owned()), (lines[1], r#"{"b":[{}]}"#.to_owned())]
        };
        assert_eq!(pieces("{\"a\":\"}\\\"{\"}\n{\"b\":[{}]}\n"), wanted([1, 2]));
        assert_eq!(pieces("[{\"a\":\"}\\\"{\"},\n\n {\"b\":[{}]}]"), wanted([1, 3]));
        assert_eq!(pieces("[{\"a\":\"}\\\"{\"},{\"b\":[{}]}]\n"), wanted([1, 1]));
        assert_eq!(pieces("{\n  \"a\": 1\n}\n"), [(1, "{\n  \"a\": 1\n}".to_owned())]);
        assert_eq!(pieces("[]\n"), []);
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn what_breaks_off_takes_nothing_along() {
        let found = pieces("{\"a\":1,\n{\"b\":2}\nnonsense\n{\"c\":3}\n{\"d\"");
        let lines: Vec<_> = found.iter().map(|(line, text)| (*line, text.starts_with('!'))).collect();
        assert_eq!(lines, [(1, true), (2, false), (3, true), (4, false), (5, true)]);
        // An opening quotation mark too many.
        let found = pieces("{\"a\":\"1}\n{\"b\":2}\n");
        assert_eq!(found[1], (2, "{\"b\":2}".to_owned()));
    }
}

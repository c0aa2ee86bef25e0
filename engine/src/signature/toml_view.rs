//! A TOML table read key by key, every complaint with file, line, key and what was expected.

use super::load_error::LoadError;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

type Value<'t> = Spanned<DeValue<'t>>;

/// One table of one file.
pub(super) struct TableView<'t> {
    pub(super) file: &'t str,
    text: &'t str,
    table: &'t DeTable<'t>,
    /// How errors name the table: `signature "hello"`.
    pub(super) label: String,
    span: Range<usize>,
    /// The keys asked for so far, some more than once.
    read: RefCell<Vec<&'static str>>,
}

/// The line, from 1, of a byte offset.
fn line_at(text: &str, offset: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..offset.min(text.len())]).count()
}

/// Reads a whole file.
pub(super) fn parse<'t>(file: &str, text: &'t str) -> Result<Spanned<DeTable<'t>>, LoadError> {
    DeTable::parse(text).map_err(|error| LoadError {
        file: file.to_owned(),
        line: error.span().map_or(1, |span| line_at(text, span.start)),
        key: "syntax".to_owned(),
        expected: syntax_expected(text, error.span().map_or(0, |span| span.start), error.message()),
    })
}

/// What the parser says, with the line it says it of.
fn syntax_expected(text: &str, at: usize, message: &str) -> String {
    let line = text.lines().nth(line_at(text, at) - 1).unwrap_or_default().trim();
    let line: String = line.chars().take(60).collect();
    format!(
        "TOML, such as name = \"value\" or [[signature]], found: {line} ({})",
        message.replace('\n', ", ")
    )
}

/// The nearest of the words, if one is near: at most two letters changed, left out or put in.
fn nearest<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let distance = |other: &str| {
        let mut row: Vec<usize> = (0..=other.chars().count()).collect();
        for (i, a) in word.chars().enumerate() {
            let mut before = row[0];
            row[0] = i + 1;
            for (j, b) in other.chars().enumerate() {
                let changed = before + usize::from(a != b);
                before = row[j + 1];
                row[j + 1] = changed.min(before + 1).min(row[j] + 1);
            }
        }
        row.last().copied().unwrap_or(0)
    };
    words.map(|other| (distance(other), other)).filter(|(far, _)| *far <= 2).min().map(|(_, other)| other)
}

impl<'t> TableView<'t> {
    pub(super) fn new(file: &'t str, text: &'t str, table: &'t DeTable<'t>, span: Range<usize>) -> Self {
        Self { file, text, table, label: String::new(), span, read: RefCell::default() }
    }

    /// Line of the table's header.
    pub(super) fn line(&self) -> usize {
        line_at(self.text, self.span.start)
    }

    fn key_name(&self, key: &str) -> String {
        if self.label.is_empty() { key.to_owned() } else { format!("{}, {key}", self.label) }
    }

    fn error_at(&self, span: Range<usize>, key: &str, expected: &str) -> LoadError {
        LoadError {
            file: self.file.to_owned(),
            line: line_at(self.text, span.start),
            key: self.key_name(key),
            expected: expected.to_owned(),
        }
    }

    /// A complaint about a key, at its line where it stands in the file, else at the table's.
    pub(super) fn error(&self, key: &str, expected: &str) -> LoadError {
        let span = self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(name, _)| name.span());
        self.error_at(span.unwrap_or(self.span.clone()), key, expected)
    }

    fn get(&self, key: &'static str) -> Option<&'t Value<'t>> {
        self.read.borrow_mut().push(key);
        self.table.get(key)
    }

    /// Whether the key stands in the table.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// Before any key is asked for: refuses one that is none of these, so that a misspelt one is not told as a missing one.
    pub(super) fn refuse_unlike(&self, known: &[&str]) -> Result<(), LoadError> {
        let unknown = self.table.iter().find(|(key, _)| !known.contains(&key.get_ref().as_ref()));
        unknown.map_or(Ok(()), |(key, _)| Err(self.unknown(key, known)))
    }

    fn unknown(&self, key: &Spanned<alloc::borrow::Cow<'_, str>>, known: &[&str]) -> LoadError {
        let name = key.get_ref().as_ref();
        let expected = match nearest(name, known.iter().copied()) {
            Some(near) => format!("the key {near}, found {name}"),
            None => format!("one of the keys {}, found {name}", known.join(", ")),
        };
        self.error_at(key.span(), name, &expected)
    }

    /// After all keys were asked for: refuses a key nobody asked for.
    pub(super) fn refuse_unknown(&self) -> Result<(), LoadError> {
        let read = self.read.borrow();
        match self.table.iter().find(|(key, _)| !read.contains(&key.get_ref().as_ref())) {
            None => Ok(()),
            Some((key, _)) => {
                let mut known: Vec<&str> = read.clone();
                known.sort_unstable();
                known.dedup();
                Err(self.unknown(key, &known))
            }
        }
    }

    fn text_of(&self, key: &str, value: &'t Value<'t>) -> Result<&'t str, LoadError> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.as_ref()),
            _ => Err(self.error_at(value.span(), key, "a string")),
        }
    }

    fn number_of(
        &self,
        key: &str,
        value: &Value<'t>,
        bounds: &RangeInclusive<u32>,
    ) -> Result<u32, LoadError> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        number.filter(|number| bounds.contains(number)).ok_or_else(|| {
            let expected = format!("a whole number from {} to {}", bounds.start(), bounds.end());
            self.error_at(value.span(), key, &expected)
        })
    }

    pub(super) fn text(&self, key: &'static str) -> Result<Option<&'t str>, LoadError> {
        self.get(key).map(|value| self.text_of(key, value)).transpose()
    }

    /// A string that must be there and not be empty.
    pub(super) fn required_text(&self, key: &'static str) -> Result<&'t str, LoadError> {
        match self.text(key)? {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ => Err(self.error(key, "a string that is not empty")),
        }
    }

    pub(super) fn number(
        &self,
        key: &'static str,
        bounds: RangeInclusive<u32>,
    ) -> Result<Option<u32>, LoadError> {
        self.get(key).map(|value| self.number_of(key, value, &bounds)).transpose()
    }

    pub(super) fn flag(&self, key: &'static str) -> Result<bool, LoadError> {
        match self.get(key).map(|value| (value.get_ref(), value.span())) {
            None => Ok(false),
            Some((DeValue::Boolean(flag), _)) => Ok(*flag),
            Some((_, span)) => Err(self.error_at(span, key, "true or false")),
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, LoadError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let text = self.text_of(key, value)?;
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => {
                let words: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
                Err(self.error_at(
                    value.span(),
                    key,
                    &format!("one of {}, found \"{text}\"", words.join(", ")),
                ))
            }
        }
    }

    fn items(&self, key: &'static str) -> Result<&'t [Value<'t>], LoadError> {
        match self.get(key) {
            None => Ok(&[]),
            Some(value) => match value.get_ref() {
                DeValue::Array(items) => Ok(items),
                _ => Ok(core::slice::from_ref(value)),
            },
        }
    }

    /// A string or a list of strings, each read by `read`, whose error says what was expected.
    pub(super) fn texts<T>(
        &self,
        key: &'static str,
        read: impl Fn(&'t str) -> Result<T, String>,
    ) -> Result<Vec<T>, LoadError> {
        let one = |value: &'t Value<'t>| {
            let text = self.text_of(key, value)?;
            read(text).map_err(|expected| self.error_at(value.span(), key, &expected))
        };
        self.items(key)?.iter().map(one).collect()
    }

    /// A number, a `"a-b"` string, or a list of those.
    pub(super) fn ranges(
        &self,
        key: &'static str,
        bounds: RangeInclusive<u32>,
    ) -> Result<Vec<RangeInclusive<u16>>, LoadError> {
        let one = |value: &'t Value<'t>| {
            if let DeValue::String(text) = value.get_ref() {
                return range(text)
                    .filter(|range| {
                        bounds.contains(&u32::from(*range.start()))
                            && bounds.contains(&u32::from(*range.end()))
                    })
                    .ok_or_else(|| {
                        self.error_at(value.span(), key, "a number or a range such as \"95-96\"")
                    });
            }
            let number = self.number_of(key, value, &bounds)? as u16;
            Ok(number..=number)
        };
        self.items(key)?.iter().map(one).collect()
    }

    pub(super) fn numbers(
        &self,
        key: &'static str,
        bounds: RangeInclusive<u32>,
    ) -> Result<Vec<u32>, LoadError> {
        self.items(key)?.iter().map(|value| self.number_of(key, value, &bounds)).collect()
    }

    /// A table inside this one.
    pub(super) fn table(&self, key: &'static str) -> Result<Option<TableView<'t>>, LoadError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.error_at(value.span(), key, "a table"));
        };
        let mut view = TableView::new(self.file, self.text, table, value.span());
        view.label = self.key_name(key);
        Ok(Some(view))
    }

    /// The tables of an array of tables.
    pub(super) fn tables(&self, key: &'static str) -> Result<Vec<TableView<'t>>, LoadError> {
        let one = |value: &'t Value<'t>| match value.get_ref() {
            DeValue::Table(table) => Ok(TableView::new(self.file, self.text, table, value.span())),
            _ => Err(self.error_at(value.span(), key, "a table")),
        };
        self.items(key)?.iter().map(one).collect()
    }
}

/// `"7"` or `"7-9"`.
pub(super) fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (low, high): (u16, u16) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
    (low <= high).then_some(low..=high)
}

//! Columns of words.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::Int32Builder;
use arrow_array::{ArrayRef, DictionaryArray, StringArray};
use arrow_schema::ArrowError;

/// Words found last, by where they lie.
const SLOTS: usize = 16;

/// Words; each gets a number when it comes first, and keeps it in all batches.
///
/// Nearly all come from the same few places in memory, where the number they had the last time is still right.
#[derive(Default)]
pub(super) struct Words {
    words: Vec<String>,
    numbers: HashMap<String, i32>,
    last: [i32; SLOTS],
    rows: Int32Builder,
}

impl Words {
    pub(super) fn push(&mut self, word: &str) {
        let slot = word.as_ptr().addr() / size_of::<usize>() % SLOTS;
        let last = self.last[slot];
        let is_known = self.words.get(last as usize).is_some_and(|known| known == word);
        let number = if is_known { last } else { self.number(word) };
        self.last[slot] = number;
        self.rows.append_value(number);
    }

    #[inline(never)]
    fn number(&mut self, word: &str) -> i32 {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = self.words.len() as i32;
        self.words.push(word.to_owned());
        self.numbers.insert(word.to_owned(), number);
        number
    }

    pub(super) fn push_null(&mut self) {
        self.rows.append_null();
    }

    /// Begins anew, with room for so many rows.
    pub(super) fn make_room(&mut self, rows: usize) {
        self.rows = Int32Builder::with_capacity(rows);
    }

    pub(super) fn take(&mut self) -> Result<ArrayRef, ArrowError> {
        let words = StringArray::from_iter_values(&self.words);
        Ok(Arc::new(DictionaryArray::try_new(self.rows.finish(), Arc::new(words))?))
    }
}

//! What is asked for, and what comes out.

use super::books::Books;
use crate::trace::Trace;

/// How large a population, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Users of the app.
    pub users: usize,
    /// Users without it.
    pub other_users: usize,
    /// How long it lasts.
    pub hours: u64,
    /// Sizes are so many percent of Table V's.
    pub size_percent: usize,
    /// Photos, avatars and pages come from the same address, as from a content delivery network.
    pub shared_servers: bool,
    /// A long link asks for what was missed as soon as it is open.
    pub syncs_on_login: bool,
    /// Where the numbers begin.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            users: 1000,
            other_users: 200,
            hours: 3,
            size_percent: 100,
            shared_servers: false,
            syncs_on_login: false,
            seed: 1,
        }
    }
}

/// A capture and its books.
#[derive(Clone, Debug)]
pub struct Population {
    /// Everything captured, by time; raw IP.
    pub trace: Trace,
    /// What is in it.
    pub books: Books,
}

//! A population of WeChat users over some hours, and the books of what each did: for checking usage reports.
//!
//! Shares of users, volumes and sizes are those of ChatDissect's Tables IV and V, arrivals are Poisson's, the long link
//! beats every 300 s. The same seed gives the same population. The protocol is that of 2013 to 2015: long link and short
//! links in clear.

mod books;
mod play;
mod profile;

pub use books::{BookTask, BookUser, Books};
pub use profile::{LONG_LINK, Profile, TABLE_IV, Via};

use crate::random::Random;
use crate::trace::Trace;
use play::Player;

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
    /// Where the numbers begin.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { users: 1000, other_users: 200, hours: 3, size_percent: 100, shared_servers: false, seed: 1 }
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

/// Plays a population.
pub fn play(config: &Config) -> Population {
    let mut random = Random::new(config.seed);
    let mut plans: Vec<Vec<usize>> = vec![Vec::new(); config.users];
    for (row, profile) in TABLE_IV.iter().enumerate() {
        // Everything is done by somebody, however small the population.
        let wanted = (config.users * profile.share).div_ceil(10_000).min(config.users);
        let mut left = wanted;
        while left > 0 {
            let plan = &mut plans[random.between(0, config.users - 1)];
            if !plan.contains(&row) {
                plan.push(row);
                left -= 1;
            }
        }
    }
    let mut player = Player::new(config, random);
    for (number, plan) in plans.iter().enumerate() {
        player.user(number, plan);
    }
    for number in config.users..config.users + config.other_users {
        player.other_user(number);
    }
    player.finish()
}

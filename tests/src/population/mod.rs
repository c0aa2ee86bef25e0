//! A population of WeChat users over some hours, and the books of what each did: for checking usage reports.
//!
//! Shares of users, volumes and sizes are those of ChatDissect's Tables IV and V, arrivals are Poisson's, the long link
//! beats every 300 s. The same seed gives the same population. The protocol is that of 2013 to 2015: long link and short
//! links in clear.

mod addresses;
mod books;
mod config;
mod long_link;
mod play;
mod player;
mod profile;

pub use books::{BookTask, BookUser, Books, Seconds};
pub use config::{Config, Population};
pub use profile::{LONG_LINK, Profile, TABLE_IV, Via};

use crate::random::Random;
use player::Player;

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

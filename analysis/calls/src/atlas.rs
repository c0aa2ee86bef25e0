//! Where ends are, for who has a database of countries.

use std::net::IpAddr;

/// A round trip of a millisecond reaches so far at most, kilometres: light in glass covers 2/3 of 299,792 km in a second, there and back.
pub(crate) const KM_PER_ROUND_TRIP_MS: f64 = 299.792_458 / 3.0;

/// What is known of countries.
pub trait Atlas {
    /// The country of an address, two letters of ISO 3166-1.
    fn country(&mut self, address: IpAddr) -> Option<String>;

    /// How far places of two countries are apart: least and greatest, kilometres.
    fn km(&mut self, a: &str, b: &str) -> Option<[f64; 2]>;
}

//! What end points are called: pseudonyms, unless real addresses are wanted.

use std::net::SocketAddr;
use std::sync::Arc;

use super::end_point::EndPoint;
use super::population::MarkRecapture;

/// Gives names, the same relay the same name in every call.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Relays met so far.
    pub mark_recapture: MarkRecapture,
    /// Whether names are the real addresses.
    pub addresses: bool,
    /// Names given to relays, in the order in which they were met.
    relays: Vec<Arc<str>>,
}

impl Names {
    /// No relays met yet. `addresses`: whether names are the real addresses.
    pub fn new(addresses: bool) -> Self {
        Self { addresses, ..Self::default() }
    }

    pub(crate) fn relay(&mut self, end_point: EndPoint) -> Arc<str> {
        let number = self.mark_recapture.number(end_point);
        while self.relays.len() <= number {
            self.relays.push(format!("relay {}", letters(self.relays.len())).into());
        }
        self.real(end_point).map_or_else(|| Arc::clone(&self.relays[number]), Arc::from)
    }

    /// The number is among the peer addresses of one call.
    pub(crate) fn peer(&self, number: usize, end_point: EndPoint) -> Arc<str> {
        self.real(end_point).unwrap_or_else(|| format!("peer {}", letters(number))).into()
    }

    pub(crate) fn server(&self, number: usize, end_point: EndPoint) -> Arc<str> {
        self.real(end_point).unwrap_or_else(|| format!("server {}", letters(number))).into()
    }

    /// The real end point, where it may be told.
    pub(crate) fn real(&self, end_point: EndPoint) -> Option<String> {
        self.addresses.then(|| SocketAddr::new(end_point.address.ip(), end_point.port).to_string())
    }
}

/// A to Z, AA, AB, ...
fn letters(number: usize) -> String {
    let (rest, last) = (number / 26, (number % 26) as u8);
    let before = if rest == 0 { String::new() } else { letters(rest - 1) };
    before + char::from(b'A' + last).encode_utf8(&mut [0; 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_on_behind_z() {
        let names: Vec<String> = [0, 25, 26, 51, 52, 701, 702].into_iter().map(letters).collect();
        assert_eq!(names, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }
}

//! What a packet came through: VLAN tags and the tunnel around it, which tell networks apart whose addresses are the same.

use crate::five_tuple::Address;

/// The kinds of tunnel that number their networks or users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum TunnelKind {
    /// GTP-U: a tunnel endpoint identifier, given by the receiver.
    GtpU = 1,
    /// VXLAN: a network identifier.
    Vxlan = 2,
    /// Geneve: a network identifier.
    Geneve = 3,
    /// L2TP: tunnel and session (version 2) or session (version 3), given by the receiver.
    L2tp = 4,
    /// GRE: a key; of Ethernet in GRE (NVGRE, RFC 7637) its upper 24 bits, the virtual subnet.
    Gre = 5,
    /// Provider backbone bridges: a service instance.
    Pbb = 6,
}

impl TunnelKind {
    const ALL: [Self; 6] = [Self::GtpU, Self::Vxlan, Self::Geneve, Self::L2tp, Self::Gre, Self::Pbb];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GtpU => "GTP-U",
            Self::Vxlan => "VXLAN",
            Self::Geneve => "Geneve",
            Self::L2tp => "L2TP",
            Self::Gre => "GRE",
            Self::Pbb => "802.1ah",
        }
    }
}

/// VLAN tags and tunnel of a packet; the default is none. Two packets with the same five-tuple but other values here are
/// of different networks.
///
/// One number: the outermost and the next VLAN (12 bits each, from the lowest), the tunnel's kind (8 bits) and its number
/// (32 bits); 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Encapsulation(u64);

const VLAN: u64 = 0xfff;

impl Encapsulation {
    /// None: what a packet on plain Ethernet comes in.
    pub const NONE: Self = Self(0);

    /// The VLAN of the outermost tag, and of the next one; 0 where there is none.
    pub const fn vlans(self) -> [u16; 2] {
        [(self.0 & VLAN) as u16, (self.0 >> 12 & VLAN) as u16]
    }

    /// The innermost tunnel that numbers its networks or users, and the number.
    pub fn tunnel(self) -> Option<(TunnelKind, u32)> {
        let kind = TunnelKind::ALL.into_iter().find(|kind| *kind as u64 == self.0 >> 24 & 0xff)?;
        Some((kind, (self.0 >> 32) as u32))
    }

    /// With one more VLAN tag inside; tags beyond the second are left out.
    pub(super) fn tag(&mut self, vlan: u16) {
        let vlan = u64::from(vlan) & VLAN;
        if self.0 & VLAN == 0 {
            self.0 |= vlan;
        } else if self.0 & VLAN << 12 == 0 {
            self.0 |= vlan << 12;
        }
    }

    /// With this tunnel inside, in the place of one further out.
    pub(super) fn enter(&mut self, kind: TunnelKind, id: u32) {
        self.0 = self.0 & 0xff_ffff | (kind as u64) << 24 | u64::from(id) << 32;
    }

    /// Whether the tunnel's number is the receiver's, so that the two directions of a flow come with different ones.
    #[inline]
    fn is_per_direction(self) -> bool {
        const KINDS: [u64; 2] = [TunnelKind::GtpU as u64, TunnelKind::L2tp as u64];
        KINDS.contains(&(self.0 >> 24 & 0xff))
    }

    /// The part that is the same in both directions.
    #[inline]
    pub(crate) fn both_ways(self) -> u64 {
        if self.is_per_direction() { self.0 & 0xffff_ffff } else { self.0 }
    }

    /// The number of this direction; 0 where both directions have the same, or there is none.
    #[inline]
    pub(crate) fn one_way(self) -> u32 {
        if self.is_per_direction() { (self.0 >> 32) as u32 } else { 0 }
    }

    pub(crate) const fn from_parts(both_ways: u64, one_way: u32) -> Self {
        Self(both_ways | (one_way as u64) << 32)
    }
}

/// One direction of a GTP-U tunnel (3GPP TS 29.281, 4.2.1): who receives its datagrams, and the id the receiver gave it.
///
/// A subscriber's bearer has two, one up and one down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tunnel {
    /// Where the datagram goes to.
    pub receiver: Address,
    /// Tunnel endpoint identifier (TEID): bytes 4 to 7 of the GTP-U header, big-endian.
    pub id: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tags_and_the_innermost_tunnel() {
        let mut one = Encapsulation::NONE;
        one.tag(100);
        one.enter(TunnelKind::GtpU, 7);
        one.tag(0xf00 | 200);
        one.enter(TunnelKind::Vxlan, 0xffff_ffff);
        one.tag(300);
        assert_eq!(one.vlans(), [100, 0xfc8]);
        assert_eq!(one.tunnel(), Some((TunnelKind::Vxlan, 0xffff_ffff)));
        assert_eq!((one.both_ways(), one.one_way()), (one.0, 0));
        assert_eq!(Encapsulation::NONE.tunnel(), None);
    }

    #[test]
    fn numbers_of_one_direction_stand_apart() {
        let mut one = Encapsulation::NONE;
        one.tag(5);
        one.enter(TunnelKind::L2tp, 0x1_0002);
        assert_eq!(one.one_way(), 0x1_0002);
        assert_eq!(Encapsulation::from_parts(one.both_ways(), one.one_way()), one);
        let mut other = one;
        other.enter(TunnelKind::L2tp, 9);
        assert_eq!(one.both_ways(), other.both_ways());
    }
}

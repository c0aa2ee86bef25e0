//! The numbers that say what a header is followed by.

/// What follows a header, as IANA's and IEEE's EtherType lists number it.
///
/// Values below 0x0600 are IEEE 802.3 lengths and mean that LLC follows ([`super::llc`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IEEE 802.2 LLC, as Linux numbers it (ETH_P_802_2); stands for every 802.3 length too.
    pub const LLC: Self = Self(0x0004);
    /// IPv4 (RFC 894).
    pub const IPV4: Self = Self(0x0800);
    /// A whole Ethernet frame: transparent Ethernet bridging (RFC 1701).
    pub const ETHERNET: Self = Self(0x6558);
    /// IEEE 802.1Q VLAN tag.
    pub const VLAN: Self = Self(0x8100);
    /// IPv6 (RFC 2464).
    pub const IPV6: Self = Self(0x86dd);
    /// PPP, protocol field first (RFC 2637 puts it behind GRE with this number).
    pub const PPP: Self = Self(0x880b);
    /// MPLS label stack, unicast (RFC 3032).
    pub const MPLS: Self = Self(0x8847);
    /// MPLS label stack, upstream-assigned (RFC 5332; formerly multicast).
    pub const MPLS_UPSTREAM: Self = Self(0x8848);
    /// PPPoE session (RFC 2516).
    pub const PPPOE: Self = Self(0x8864);
    /// IEEE 802.1ad service tag (QinQ).
    pub const SERVICE_VLAN: Self = Self(0x88a8);
    /// ERSPAN type I or II, behind GRE.
    pub const ERSPAN_2: Self = Self(0x88be);
    /// ERSPAN type III, behind GRE.
    pub const ERSPAN_3: Self = Self(0x22eb);
    /// The outer tag of QinQ switches older than IEEE 802.1ad.
    pub const OLD_QINQ: Self = Self(0x9100);
    /// As [`Self::OLD_QINQ`], of other makers.
    pub const OLD_QINQ_2: Self = Self(0x9200);
    /// As [`Self::OLD_QINQ`], of yet others.
    pub const OLD_QINQ_3: Self = Self(0x9300);
    /// LLC behind a type instead of a length, for frames longer than 1500 bytes (draft-ietf-isis-ext-eth).
    pub const JUMBO_LLC: Self = Self(0x8870);
    /// ARP (RFC 826).
    pub const ARP: Self = Self(0x0806);
    /// TRILL (RFC 6325), [`super::tag::trill`].
    pub const TRILL: Self = Self(0x22f3);
    /// B.A.T.M.A.N. advanced, [`super::tag::batman`].
    pub const BATMAN: Self = Self(0x4305);
    /// MikroTik's Ethernet over IP, behind its own kind of GRE (`tunnel::gre`).
    pub const EOIP: Self = Self(0x6400);
    /// Frame Relay behind GRE (RFC 2784's list).
    pub const FRAME_RELAY: Self = Self(0x6559);
    /// WCCP's redirected packets, behind GRE, [`super::tunnel::wccp`].
    pub const WCCP: Self = Self(0x883e);
    /// MACsec (IEEE 802.1AE), [`super::tag::macsec`].
    pub const MACSEC: Self = Self(0x88e5);
    /// Provider backbone bridges (IEEE 802.1ah), [`super::tag::pbb`].
    pub const PBB: Self = Self(0x88e7);
    /// Cisco FabricPath, [`super::tag::cisco`].
    pub const FABRIC_PATH: Self = Self(0x8903);
    /// Cisco metadata: security group tags.
    pub const CISCO_METADATA: Self = Self(0x8909);
    /// VN-tag.
    pub const VN_TAG: Self = Self(0x8926);
    /// High-availability Seamless Redundancy (IEC 62439-3), [`super::tag::hsr`].
    pub const HSR: Self = Self(0x892f);
    /// E-tag (IEEE 802.1BR), [`super::tag::etag`].
    pub const E_TAG: Self = Self(0x893f);
    /// Network Service Header (RFC 8300), [`super::tag::nsh`].
    pub const NSH: Self = Self(0x894f);
    /// Cisco's time tag.
    pub const CISCO_TIME: Self = Self(0x8988);
    /// Arista's time stamps, [`super::tag::arista`].
    pub const ARISTA: Self = Self(0xd28b);
    /// Marvell's switch tag, [`super::tag::edsa`].
    pub const EDSA: Self = Self(0xdada);

    /// Whether this is the length of an 802.3 frame, so that LLC follows.
    #[inline]
    pub const fn is_length(self) -> bool {
        self.0 < 0x0600
    }
}

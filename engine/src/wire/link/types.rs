//! The link types that are read here, with their numbers.

/// How the bytes of a frame begin. Numbers are those of pcap's LINKTYPE list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u16)]
pub enum LinkType {
    /// BSD loopback: a 4-byte address family in the byte order of the writing machine (LINKTYPE_NULL).
    Null = 0,
    /// Ethernet II (LINKTYPE_ETHERNET).
    Ethernet = 1,
    /// Token Ring (LINKTYPE_IEEE802_5).
    TokenRing = 6,
    /// ARCNET as BSD writes it (LINKTYPE_ARCNET_BSD).
    ArcnetBsd = 7,
    /// SLIP (LINKTYPE_SLIP).
    Slip = 8,
    /// PPP, with or without HDLC-like framing (LINKTYPE_PPP, LINKTYPE_PPP_HDLC).
    Ppp = 9,
    /// FDDI (LINKTYPE_FDDI).
    Fddi = 10,
    /// OpenBSD's packet filter log before 3.4 (DLT_OLD_PFLOG).
    OldPflog = 17,
    /// PPPoE session header, then PPP (LINKTYPE_PPP_ETHER).
    PppEther = 51,
    /// LLC or bare packets of ATM's AAL5 (LINKTYPE_ATM_RFC1483, LINKTYPE_ATM_CLIP).
    AtmRfc1483 = 100,
    /// Raw IPv4 or IPv6 (LINKTYPE_RAW).
    Raw = 101,
    /// Cisco HDLC (LINKTYPE_C_HDLC).
    CiscoHdlc = 104,
    /// IEEE 802.11 (LINKTYPE_IEEE802_11).
    Ieee80211 = 105,
    /// Frame Relay (LINKTYPE_FRELAY).
    FrameRelay = 107,
    /// OpenBSD loopback: the address family in network byte order (LINKTYPE_LOOP).
    Loop = 108,
    /// IPsec interface of BSD: decrypted packets (LINKTYPE_ENC).
    Enc = 109,
    /// Linux "cooked" capture (LINKTYPE_LINUX_SLL).
    LinuxSll = 113,
    /// BSD's packet filter log (LINKTYPE_PFLOG).
    Pflog = 117,
    /// Prism header, then IEEE 802.11 (LINKTYPE_IEEE802_11_PRISM).
    Prism = 119,
    /// IP over Fibre Channel (LINKTYPE_IP_OVER_FC).
    FibreChannel = 122,
    /// ATM as SunATM writes it (LINKTYPE_SUNATM).
    SunAtm = 123,
    /// Radiotap, then IEEE 802.11 (LINKTYPE_IEEE802_11_RADIOTAP).
    Radiotap = 127,
    /// TaZmen Sniffer Protocol, then what it says (LINKTYPE_TZSP).
    Tzsp = 128,
    /// ARCNET as Linux writes it (LINKTYPE_ARCNET_LINUX).
    ArcnetLinux = 129,
    /// Darwin's IP over IEEE 1394 (LINKTYPE_APPLE_IP_OVER_IEEE1394).
    AppleIeee1394 = 138,
    /// DOCSIS (LINKTYPE_DOCSIS).
    Docsis = 143,
    /// AVS header, then IEEE 802.11 (LINKTYPE_IEEE802_11_AVS).
    Avs = 163,
    /// A direction, then PPP (LINKTYPE_PPP_PPPD, LINKTYPE_PPP_WITH_DIR).
    PppDirection = 166,
    /// Juniper's header, then PPPoE (LINKTYPE_JUNIPER_PPPOE).
    JuniperPppoe = 167,
    /// Juniper's header, then Ethernet (LINKTYPE_JUNIPER_ETHER).
    JuniperEther = 178,
    /// Juniper's header, then PPP (LINKTYPE_JUNIPER_PPP).
    JuniperPpp = 179,
    /// Juniper's header, then Frame Relay (LINKTYPE_JUNIPER_FRELAY).
    JuniperFrameRelay = 180,
    /// Juniper's header, then Cisco HDLC (LINKTYPE_JUNIPER_CHDLC).
    JuniperHdlc = 181,
    /// Per-Packet Information, then what it says (LINKTYPE_PPI).
    Ppi = 192,
    /// Endace's records (LINKTYPE_ERF).
    Erf = 197,
    /// A direction, then Cisco HDLC (LINKTYPE_C_HDLC_WITH_DIR).
    CiscoHdlcDirection = 205,
    /// A direction, then Frame Relay (LINKTYPE_FRELAY_WITH_DIR).
    FrameRelayDirection = 206,
    /// MPLS labels (LINKTYPE_MPLS).
    Mpls = 219,
    /// Solaris' IP observability (LINKTYPE_IPNET).
    Ipnet = 226,
    /// Raw IPv4 (LINKTYPE_IPV4).
    Ipv4 = 228,
    /// Raw IPv6 (LINKTYPE_IPV6).
    Ipv6 = 229,
    /// Linux netfilter log (LINKTYPE_NFLOG).
    Nflog = 239,
    /// netANALYZER's header, then Ethernet (LINKTYPE_NETANALYZER).
    NetAnalyzer = 240,
    /// netANALYZER's header and a preamble, then Ethernet (LINKTYPE_NETANALYZER_TRANSPARENT).
    NetAnalyzerTransparent = 241,
    /// IP over Infiniband (LINKTYPE_IPOIB).
    Ipoib = 242,
    /// Darwin's packet tap (LINKTYPE_PKTAP).
    Pktap = 258,
    /// IEEE 802.3br packets with their preamble (LINKTYPE_ETHERNET_MPACKET).
    Mpacket = 274,
    /// Linux "cooked" capture, version 2 (LINKTYPE_LINUX_SLL2).
    LinuxSll2 = 276,
    /// Broadcom's switch tag within Ethernet (LINKTYPE_DSA_TAG_BRCM).
    BroadcomTag = 281,
    /// Broadcom's switch tag before Ethernet (LINKTYPE_DSA_TAG_BRCM_PREPEND).
    BroadcomPrepended = 282,
    /// Marvell's switch tag within Ethernet (LINKTYPE_DSA_TAG_DSA).
    MarvellTag = 284,
    /// Marvell's switch tag with an EtherType (LINKTYPE_DSA_TAG_EDSA).
    MarvellEtherTag = 285,
}

impl LinkType {
    /// Every link type that is read here.
    pub const ALL: [Self; 52] = [
        Self::Null,
        Self::Ethernet,
        Self::TokenRing,
        Self::ArcnetBsd,
        Self::Slip,
        Self::Ppp,
        Self::Fddi,
        Self::OldPflog,
        Self::PppEther,
        Self::AtmRfc1483,
        Self::Raw,
        Self::CiscoHdlc,
        Self::Ieee80211,
        Self::FrameRelay,
        Self::Loop,
        Self::Enc,
        Self::LinuxSll,
        Self::Pflog,
        Self::Prism,
        Self::FibreChannel,
        Self::SunAtm,
        Self::Radiotap,
        Self::Tzsp,
        Self::ArcnetLinux,
        Self::AppleIeee1394,
        Self::Docsis,
        Self::Avs,
        Self::PppDirection,
        Self::JuniperPppoe,
        Self::JuniperEther,
        Self::JuniperPpp,
        Self::JuniperFrameRelay,
        Self::JuniperHdlc,
        Self::Ppi,
        Self::Erf,
        Self::CiscoHdlcDirection,
        Self::FrameRelayDirection,
        Self::Mpls,
        Self::Ipnet,
        Self::Ipv4,
        Self::Ipv6,
        Self::Nflog,
        Self::NetAnalyzer,
        Self::NetAnalyzerTransparent,
        Self::Ipoib,
        Self::Pktap,
        Self::Mpacket,
        Self::LinuxSll2,
        Self::BroadcomTag,
        Self::BroadcomPrepended,
        Self::MarvellTag,
        Self::MarvellEtherTag,
    ];

    /// From the number in a capture file or of `pcap_datalink`, of whatever integer type; `None` for the others.
    ///
    /// Some answer to several numbers: raw IP to 12 and 14 (DLT values of BSD systems), PPP to 50 (LINKTYPE_PPP_HDLC), Cisco HDLC to 112 (NetBSD's),
    /// ATM to 11 and 106, a direction and PPP to 204, Darwin's packet tap to 149 (LINKTYPE_USER2,
    /// which macOS and iOS write for it).
    #[inline]
    pub fn from_number(number: impl TryInto<u16>) -> Option<Self> {
        match number.try_into().ok()? {
            1 => Some(Self::Ethernet),
            number => Self::other_than_ethernet(number),
        }
    }

    fn other_than_ethernet(number: u16) -> Option<Self> {
        let number = match number {
            12 | 14 => 101,
            50 => 9,
            112 => 104,
            11 | 106 => 100,
            149 => 258,
            204 => 166,
            number => number,
        };
        Self::ALL.into_iter().find(|link_type| *link_type as u16 == number)
    }

    /// Its number in pcap's LINKTYPE list.
    pub const fn number(self) -> u16 {
        self as u16
    }
}

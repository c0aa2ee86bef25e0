//! What the engine says about a flow: eight bytes, copied freely.

/// Number of an app, as its signature file gives it (`[app] id`). 0 is no app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct AppId(pub u16);

/// What a flow is for. Position, from 1, in the `roles` list of the app's signature file. 0 is no role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Role(pub u8);

impl core::fmt::Display for Role {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of a signature: permanent and never reused. 0 is no signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct SignatureId(pub u16);

/// The protocol that carries a flow, as far as the engine has recognised it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Carrier {
    /// Not recognised (yet).
    #[default]
    Unknown = 0,
    /// DNS over UDP or TCP port 53 (RFC 1035).
    Dns = 1,
    /// HTTP/1 in clear (RFC 9112).
    Http = 2,
    /// TLS (RFC 8446 and its ancestors).
    Tls = 3,
    /// QUIC (RFC 9000, RFC 9369, drafts and gQUIC).
    Quic = 4,
    /// STUN and its dialects (RFC 8489).
    Stun = 5,
    /// RTP or RTCP (RFC 3550).
    Rtp = 6,
    /// Straight on TCP or UDP.
    Raw = 7,
}

impl Carrier {
    /// Every carrier with its number, in order; for hosts that fill tables of their own.
    pub const ALL: [Carrier; 8] = [
        Carrier::Unknown,
        Carrier::Dns,
        Carrier::Http,
        Carrier::Tls,
        Carrier::Quic,
        Carrier::Stun,
        Carrier::Rtp,
        Carrier::Raw,
    ];

    /// The word used in records and signature files.
    pub const fn name(self) -> &'static str {
        match self {
            Carrier::Unknown => "unknown",
            Carrier::Dns => "dns",
            Carrier::Http => "http",
            Carrier::Tls => "tls",
            Carrier::Quic => "quic",
            Carrier::Stun => "stun",
            Carrier::Rtp => "rtp",
            Carrier::Raw => "raw",
        }
    }
}

/// The kind of evidence behind a verdict, weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Confidence {
    /// No verdict.
    #[default]
    None = 0,
    /// The address is on a list.
    Address = 1,
    /// Another flow told: a DNS answer named the address, a known call uses the end point.
    Related = 2,
    /// A name inside the flow: SNI, HTTP Host, DNS question.
    Name = 3,
    /// Bytes of the protocol itself.
    Payload = 4,
}

impl Confidence {
    /// Every confidence with its number, weakest first.
    pub const ALL: [Confidence; 5] =
        [Confidence::None, Confidence::Address, Confidence::Related, Confidence::Name, Confidence::Payload];

    /// The word used in records and signature files.
    pub const fn name(self) -> &'static str {
        match self {
            Confidence::None => "none",
            Confidence::Address => "address",
            Confidence::Related => "related",
            Confidence::Name => "name",
            Confidence::Payload => "payload",
        }
    }
}

/// What is known of a flow after a packet.
///
/// All zero is "nothing known, more packets may tell".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Verdict {
    /// The signature that decided.
    pub signature: SignatureId,
    /// The app that signature belongs to.
    pub app: AppId,
    /// What the flow is for, in the app's own list of roles.
    pub role: Role,
    /// The carrier, also where no app was found.
    pub carrier: Carrier,
    /// The kind of evidence.
    pub confidence: Confidence,
    pub(crate) flags: u8,
}

impl Verdict {
    pub(crate) const FINAL: u8 = 1;
    pub(crate) const CHANGED: u8 = 2;
    pub(crate) const LOST: u8 = 4;

    pub(crate) const fn with(self, flag: u8, on: bool) -> Self {
        Self { flags: if on { self.flags | flag } else { self.flags & !flag }, ..self }
    }

    /// What was decided, and by what: all but the carrier, and whether more packets could change it.
    pub const fn decision(&self) -> (AppId, Role, SignatureId, Confidence) {
        (self.app, self.role, self.signature, self.confidence)
    }

    /// Whether an app was found.
    pub const fn is_match(&self) -> bool {
        self.app.0 != 0
    }

    /// Whether no later packet of the flow can change this verdict.
    pub const fn is_final(&self) -> bool {
        self.flags & Self::FINAL != 0
    }

    /// Whether this packet changed app, role, confidence or finality of the flow: act now, once.
    pub const fn is_changed(&self) -> bool {
        self.flags & Self::CHANGED != 0
    }

    /// Whether bytes the flow had parked in the context were given up to make room for newer flows.
    pub const fn is_lost(&self) -> bool {
        self.flags & Self::LOST != 0
    }
}

const _: () = assert!(size_of::<Verdict>() == 8);

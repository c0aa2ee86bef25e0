//! Classes of packets: each has a function of its own through which its packets go, so that callgrind counts them apart.

use crate::pass::{Engine, OwnFlow};
use wiremark::{FlowState, Packet, TcpFields, Transport};

macro_rules! classes {
    ($($class:ident $function:ident $words:literal)+) => {
        #[derive(Clone, Copy, Debug)]
        enum Class { $($class),+ }

        /// Name of each class's function, and the class in words.
        pub(crate) const CLASSES: &[(&str, &str)] = &[$((stringify!($function), $words)),+];

        $(#[inline(never)]
        fn $function(engine: &mut OwnFlow<'_>, state: &mut FlowState, packet: &Packet<'_>) -> bool {
            // Else the compiler would find that they are all the same.
            std::hint::black_box(Class::$class);
            engine.packet(state, packet, || &[])
        })+

        #[inline]
        fn look(class: Class, engine: &mut OwnFlow<'_>, state: &mut FlowState, packet: &Packet<'_>) -> bool {
            match class { $(Class::$class => $function(engine, state, packet)),+ }
        }
    };
}

classes! {
    Syn class_syn "SYN, SYN-ACK"
    Empty class_tcp_empty "TCP without payload"
    TlsFirst class_tls_first "TLS, first of a side"
    TlsLater class_tls_later "TLS flow, later"
    HttpFirst class_http_first "HTTP, first of a side"
    HttpLater class_http_later "HTTP flow, later"
    TcpFirst class_tcp_first "other TCP, first of a side"
    TcpLater class_tcp_later "other TCP, later"
    Dns class_dns "DNS"
    Stun class_stun "STUN"
    QuicLong class_quic_long "QUIC, long header"
    Media class_media "like RTP"
    UdpFirst class_udp_first "other UDP, 1st to 4th"
    UdpLater class_udp_later "other UDP, later"
}

/// What the classes ask of a flow's past.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Past {
    /// Packets with payload, saturating.
    packets: u8,
    has_sent: [bool; 2],
    /// What the first bytes of either side showed.
    shown: Shown,
}

#[derive(Clone, Copy, Debug, Default)]
enum Shown {
    #[default]
    Nothing,
    Tls,
    Http,
}

impl Past {
    fn class_of(&mut self, packet: &Packet<'_>) -> Class {
        let (tuple, payload) = (&packet.five_tuple, packet.payload);
        let is_tcp = tuple.transport == Transport::Tcp;
        if is_tcp && packet.tcp.flags & TcpFields::SYN != 0 {
            return Class::Syn;
        }
        if payload.is_empty() {
            return Class::Empty;
        }
        let earlier = self.packets;
        self.packets = self.packets.saturating_add(1);
        if is_tcp {
            let is_first = !std::mem::replace(&mut self.has_sent[usize::from(tuple.is_from_high())], true);
            if is_first {
                let http = [&b"GET "[..], b"POST ", b"HTTP/1.", b"HEAD ", b"PUT ", b"CONNECT "];
                if payload.starts_with(&[0x16, 3]) {
                    self.shown = Shown::Tls;
                } else if http.iter().any(|word| payload.starts_with(word)) {
                    self.shown = Shown::Http;
                }
            }
            return match (self.shown, is_first) {
                (Shown::Tls, true) => Class::TlsFirst,
                (Shown::Tls, false) => Class::TlsLater,
                (Shown::Http, true) => Class::HttpFirst,
                (Shown::Http, false) => Class::HttpLater,
                (Shown::Nothing, true) => Class::TcpFirst,
                (Shown::Nothing, false) => Class::TcpLater,
            };
        }
        if [tuple.src_port, tuple.dst_port].contains(&53) {
            Class::Dns
        } else if payload.get(4..8) == Some(&[0x21, 0x12, 0xa4, 0x42]) {
            Class::Stun
        } else if payload[0] & 0xc0 == 0xc0 && payload.len() >= 1000 {
            Class::QuicLong
        } else if payload[0] & 0xc0 == 0x80 {
            Class::Media
        } else if earlier < 4 {
            Class::UdpFirst
        } else {
            Class::UdpLater
        }
    }
}

/// [`OwnFlow`], each class of packet by a function of its own.
#[derive(Debug)]
pub(crate) struct ByClass<'c>(pub(crate) OwnFlow<'c>);

impl Engine for ByClass<'_> {
    type State = (FlowState, Past);

    fn packet<'p>(
        &mut self,
        (state, past): &mut Self::State,
        packet: &Packet<'_>,
        _ip: impl FnOnce() -> &'p [u8],
    ) -> bool {
        look(past.class_of(packet), &mut self.0, state, packet)
    }

    fn is_match((state, _): &Self::State) -> bool {
        state.verdict().is_match()
    }
}

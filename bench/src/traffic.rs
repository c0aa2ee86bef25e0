//! Where the mixes come from.

use std::io;

use crate::mix::{Capturing, Mix};
use crate::source::Source;
use wiremark_tests::recipe;

/// Recipes (and forms) of built messenger traffic.
const MESSENGER: &[&str] = &[
    "whatsapp-chat",
    "whatsapp-call",
    "wechat-longlink",
    "mmtls-longlink",
    "wechat-short",
    "wechat-mmtls-short",
    "wechat-newdns",
    "wechat-resource",
    "wechat-media",
    "wechat-voip",
];
/// Recipes (and forms) of everyone else's.
const OTHER: &[&str] = &[
    "tls",
    "quic",
    "http-get",
    "dns",
    "turn",
    "ice-call",
    "messenger-relay",
    "ordinary ntp",
    "ordinary ssh",
    "ordinary xmpp",
    "ordinary midstream",
    "ordinary datagrams",
];

/// Which mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// 90 % of the packets ordinary, 10 % messengers'.
    Mixed,
    /// Messengers' alone.
    Messenger,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use clap::ValueEnum;
        f.pad(self.to_possible_value().expect("none is hidden").get_name())
    }
}

/// Captures of both kinds.
#[derive(Debug)]
pub(crate) struct Traffic {
    messenger: Vec<Capturing>,
    other: Vec<Capturing>,
    /// Where they come from, in words.
    pub(crate) origin: String,
}

impl Traffic {
    /// The captures in `messenger/` and `other/`, or built ones.
    ///
    /// # Errors
    /// A folder that is there cannot be read.
    pub(crate) fn open(source: &Source) -> io::Result<Self> {
        let [messenger, other] = ["messenger", "other"].map(|name| source.traces.join(name));
        if !messenger.is_dir() || !other.is_dir() {
            return Ok(Self::built());
        }
        Ok(Self {
            messenger: Capturing::open_folder(&messenger)?,
            other: Capturing::open_folder(&other)?,
            origin: format!("captures in {}", source.traces.display()),
        })
    }

    /// Some of each kind of flow the trace builder knows. Good for trying things out; a real mix has longer flows.
    fn built() -> Self {
        let capture = |name: &&str, seed: u64| {
            let (name, form) = name.split_once(' ').unwrap_or((name, ""));
            let recipe = recipe::named(name).expect("a recipe of the trace builder");
            let form = (!form.is_empty()).then(|| form.to_owned());
            let trace = (recipe.build)(&recipe::With { form, seed, ..recipe::With::default() });
            Capturing::new(trace.frames().map(|(time_us, link, bytes)| (u32::from(link), time_us, bytes)))
        };
        let all = |names: &[&str]| {
            names.iter().flat_map(|name| (1..=8).map(move |seed| capture(name, seed))).collect()
        };
        Self { messenger: all(MESSENGER), other: all(OTHER), origin: String::from("built traffic") }
    }

    /// A mix; `first_client` is where client addresses start.
    pub(crate) fn mix(&self, kind: Kind, packets: usize, first_client: u32) -> Mix {
        match kind {
            Kind::Mixed => Mix::new(&[(&self.other, 0.9), (&self.messenger, 0.1)], packets, first_client),
            Kind::Messenger => Mix::new(&[(&self.messenger, 1.0)], packets, first_client),
        }
    }
}

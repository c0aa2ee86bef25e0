//! The clusters of servers (ChatDissect, Figure 4).

use serde::Deserialize;

/// What servers are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cluster {
    /// Long servers: persistent connections.
    Long,
    /// Short servers: a request a connection.
    Short,
    /// Chatting servers: calls and walkie-talkie.
    Chatting,
    /// Resource servers: photos and other files of the app.
    Resource,
    /// Support servers: they relay between clients and third parties.
    Support,
    /// Somebody else's servers, visited from inside the app.
    ThirdParty,
    /// Who is asked for names.
    Names,
}

impl Cluster {
    /// The word used in records, as the paper has it.
    pub const fn name(self) -> &'static str {
        match self {
            Cluster::Long => "long",
            Cluster::Short => "short",
            Cluster::Chatting => "chatting",
            Cluster::Resource => "resource",
            Cluster::Support => "support",
            Cluster::ThirdParty => "third-party",
            Cluster::Names => "names",
        }
    }
}

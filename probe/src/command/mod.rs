//! One file a command.

#[cfg(not(feature = "full"))]
pub(crate) mod absent;
pub(crate) mod annotate;
#[cfg(feature = "anonymize")]
pub(crate) mod anonymize;
#[cfg(feature = "audit")]
pub(crate) mod audit;
#[cfg(feature = "calls")]
pub(crate) mod calls;
pub(crate) mod classify;
pub(crate) mod explain;
#[cfg(feature = "infer")]
pub(crate) mod infer;
#[cfg(feature = "locality")]
pub(crate) mod locality;
#[cfg(feature = "manual")]
pub(crate) mod manual;
pub(crate) mod shard;
pub(crate) mod signatures;
#[cfg(feature = "tasks")]
pub(crate) mod tasks;

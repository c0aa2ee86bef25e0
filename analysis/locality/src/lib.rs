//! Where messages travel (MATAdOR): countries, regions and interest groups on network and application paths.
//!
//! [`path::PathReader`] reads measured paths, a [`Locator`] puts them on the map, a [`Survey`] gathers them, and [`table`] makes the
//! paper's Tables 2 and 3 out of a [`Study`]'s rows.
#![forbid(unsafe_code)]

mod contradiction;
mod correction;
mod country;
mod database;
mod day;
mod locate;
mod network;
pub mod outline;
pub mod path;
pub mod physics;
mod region;
pub mod report;
pub mod servers;
mod sheet;
mod study;
mod survey;
pub mod table;

pub use contradiction::{Contradiction, contradictions};
pub use correction::{Correction, Corrections, MATADOR as MATADOR_CORRECTIONS};
pub use country::{Country, CountrySet};
pub use database::{Database, DatabaseError};
pub use day::Day;
pub use locate::{Located, Locator};
pub use network::{Network, NetworkTable, is_special};
pub use region::{Group, Membership, Region, groups, known_groups, m49, regions};
pub use sheet::FileError;
pub use study::{MATADOR, Study, StudyGroup, find_group, find_region};
pub use survey::{Counts, FlaggedHop, Hint, Kind, Leg, Node, PathFile, Survey, path_files};

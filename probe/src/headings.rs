//! What options are grouped under in help texts, where several commands have them.

pub(crate) const INPUT: &str = "Input";
pub(crate) const OUTPUT: &str = "Output";
pub(crate) const FLOWS: &str = "Flows";
pub(crate) const SIGNATURES: &str = "Signatures";

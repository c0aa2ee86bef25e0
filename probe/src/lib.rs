//! Captures in, verdicts out.

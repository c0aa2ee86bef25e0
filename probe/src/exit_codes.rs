//! The exit codes, as help texts name them.

/// What every command's help ends with.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    all done
  1    some input failed (one line each on standard error); results of all other input are complete
  2    wrong usage
  130  stopped by SIGINT, 143 by SIGTERM (a line on standard error); what was decided until then is complete
  141  the reader of the output went away";

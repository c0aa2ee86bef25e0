//! The exit codes, as help texts name them: no line is wider than a terminal, so that none is wrapped.

/// The text, for `concat!`.
macro_rules! exit_codes {
    () => {
        "\
Exit codes:
  0    all done
  1    some input failed, with a line each on standard error; results of all
       other input are complete
  2    wrong usage
  130  stopped by SIGINT, 143 by SIGTERM, with a line on standard error; what
       was decided until then is complete
  141  the reader of the output went away"
    };
}

pub(crate) use exit_codes;

/// What every command's help ends with.
pub(crate) const EXIT_CODES: &str = exit_codes!();

//! Suffixes that a resolver appends to the names it is asked for (resolv.conf, `search`; RFC 1535).

/// Suffixes of networks of one's own: RFC 6762 (local) and its appendix G, RFC 8375 (home.arpa), ICANN 2024 (internal),
/// and what home routers hand out.
const PRIVATE_SUFFIXES: [&[u8]; 16] = [
    b"local",
    b"lan",
    b"home.arpa",
    b"internal",
    b"home",
    b"corp",
    b"private",
    b"intranet",
    b"localdomain",
    b"localnet",
    b"domain",
    b"router",
    b"gateway",
    b"fritz.box",
    b"mshome.net",
    b"workgroup",
];

/// Whether a name may end in such a suffix, by its last two labels: most end in another one.
#[inline]
pub(crate) fn may_be_private(before: &[u8], last: &[u8]) -> bool {
    let is = |label: &[u8], wanted: &[u8]| label.eq_ignore_ascii_case(wanted);
    match last.len() {
        0..=2 => false,
        3 => is(last, b"lan") || is(last, b"box") || is(last, b"net") && is(before, b"mshome"),
        _ => !is(last, b"arpa") || is(before, b"home"),
    }
}

/// Whether nobody can register names under this one, so that what stands in front of it is the name that was meant.
#[inline]
pub fn is_private_suffix(suffix: &[u8]) -> bool {
    PRIVATE_SUFFIXES.iter().any(|one| suffix.eq_ignore_ascii_case(one))
}

/// The same of a suffix as it stands in a message, each label behind its length, without the root's zero.
pub(crate) fn is_private_in_message(suffix: &[u8]) -> bool {
    PRIVATE_SUFFIXES.iter().any(|one| {
        let mut labels = one.split(|byte| *byte == b'.');
        let behind = labels.try_fold(suffix, |rest, label| {
            let (start, rest) = rest.strip_prefix(&[label.len() as u8])?.split_at_checked(label.len())?;
            start.eq_ignore_ascii_case(label).then_some(rest)
        });
        behind.is_some_and(<[u8]>::is_empty)
    })
}

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

/// Whether a name may end in such a suffix, by its last label: most end in another one.
pub(crate) fn may_be_private(name: &[u8]) -> bool {
    may_be_private_label(memchr::memrchr(b'.', name).map_or(name, |dot| &name[dot + 1..]))
}

/// The same of the last label.
#[inline]
pub(crate) fn may_be_private_label(label: &[u8]) -> bool {
    // No two- or three-letter domain but these.
    label.len() > 3 || [&b"lan"[..], b"box", b"net"].iter().any(|one| label.eq_ignore_ascii_case(one))
}

/// Whether nobody can register names under this one, so that what stands in front of it is the name that was meant.
#[inline]
pub fn is_private_suffix(suffix: &[u8]) -> bool {
    PRIVATE_SUFFIXES.iter().any(|one| suffix.eq_ignore_ascii_case(one))
}

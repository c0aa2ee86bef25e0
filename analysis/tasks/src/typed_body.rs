//! Bodies with a business header, told from bodies that only look as if they had one.

use wiremark::dissect::longlink;

use super::catalog::TaskTable;

/// Most bytes by which encryption without blocks makes a body longer: one of RSA with 2048 bits, or tag, nonce and keys of the
/// hybrid forms.
const ENCRYPTION_BYTES: u64 = 512;

/// What a business header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypedBody {
    /// What is asked for.
    pub(super) request_type: u32,
    /// How the body is encrypted.
    pub(super) encryption: u8,
    /// Clients state their version, servers do not.
    pub(super) is_request: bool,
}

/// The business header of a body that is `whole` bytes long as a whole, of which the beginning is at hand. One random
/// body in ten looks like a header by itself; so the lengths it states must be the body's, and every other field must hold
/// what clients and servers put there.
pub(super) fn read(body: &[u8], whole: Option<u64>, table: &TaskTable) -> Option<TypedBody> {
    let header = longlink::business_header(body).found()?;
    let header_bytes = u64::from(header.header_length) + u64::from(header.marked);
    let behind = whole?.checked_sub(header_bytes)?;
    let packed = u64::from(header.packed_length);
    // What is encrypted by blocks is filled up to whole ones.
    let fits = match table.block_bytes(header.encryption)? {
        0 => (packed..=packed + ENCRYPTION_BYTES).contains(&behind),
        block => behind.checked_sub(packed).is_some_and(|added| added <= block),
    };
    // Ten fixed bytes, the cookie, three numbers, and little more in later clients.
    let fixed = 10 + u64::from(header.cookie_length);
    let is_filled =
        u64::from(header.header_length).checked_sub(fixed).is_some_and(|rest| rest <= NUMBERS_BYTES);
    let is_cookie = COOKIES.contains(&header.cookie_length);
    let is_version = header.client_version == 0 || table.is_client_version(header.client_version);
    let is_type = header.function_type <= REQUEST_TYPE_MAX;
    (fits && is_filled && is_cookie && is_version && is_type).then_some(TypedBody {
        request_type: header.function_type,
        encryption: header.encryption,
        is_request: header.client_version != 0,
    })
}

/// Request types are numbers of two to four digits (paper 004, "WeChat request types"); later ones have five.
const REQUEST_TYPE_MAX: u32 = 65_535;
/// Lengths of a session's cookie: none before it begins.
const COOKIES: [u8; 2] = [0, 15];
/// Most bytes behind the cookie: three numbers, and some that later clients add.
const NUMBERS_BYTES: u64 = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn body(encryption: u8, plain: u8, packed: u8, rest: usize) -> Vec<u8> {
        let header = [15 << 2 | 1, encryption << 4, 0x26, 1, 0, 0x41, 1, 2, 3, 4, 0xd6, 1, plain, packed, 0];
        [&header[..], &vec![0x5a; rest]].concat()
    }

    #[test]
    fn lengths_must_be_the_bodys() {
        let table = TaskTable::embedded().unwrap();
        let told = TypedBody { request_type: 214, encryption: 5, is_request: true };
        let body = body(5, 100, 60, 64);
        assert_eq!(read(&body, Some(79), &table), Some(told));
        assert_eq!(read(&body[..40], Some(79), &table), Some(told));
        for whole in [None, Some(20), Some(74), Some(92), Some(5_000)] {
            assert_eq!(read(&body, whole, &table), None, "{whole:?}");
        }
    }

    #[test]
    fn random_bodies_have_no_header() {
        let table = TaskTable::embedded().unwrap();
        let mut state = 7u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        for length in [60, 200, 1000] {
            let found = (0..2_000).filter(|_| {
                let bytes: Vec<u8> = (0..length).map(|_| random()).collect();
                read(&bytes, Some(length), &table).is_some()
            });
            assert_eq!(found.count(), 0, "{length}");
        }
    }
}

//! The first words of protocols that say who they are: so much of them stays as shows that a flow is something else.

use super::sheet::Sheet;

/// As far as the engine looks.
const BANNER_BYTES: usize = 256;

/// Of the bytes from a place on keeps those without which they would not be a banner as `is_banner` tells.
pub(super) fn keep(sheet: &mut Sheet<'_>, at: usize, is_banner: impl Fn(&[u8]) -> bool) {
    let bytes = sheet.from(at);
    if !is_banner(bytes) {
        return;
    }
    let shortest = (1..=bytes.len().min(BANNER_BYTES)).find(|end| bytes.get(..*end).is_some_and(&is_banner));
    let mut kept: Vec<u8> = bytes.iter().take(shortest.unwrap_or(0)).copied().collect();
    kept.resize(bytes.len(), 0);
    for place in 0..shortest.unwrap_or(0) {
        let Some(byte) = kept.get_mut(place) else { return };
        let before = std::mem::take(byte);
        if is_banner(&kept) {
            continue;
        }
        if let Some(byte) = kept.get_mut(place) {
            *byte = before;
            sheet.replace(at + place, &[before]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::rules;
    use super::*;
    use wiremark::dissect::banner;

    #[test]
    fn what_says_who_speaks_stays_and_no_more() {
        let classifier =
            wiremark::Classifier::new(wiremark_signatures::embedded().unwrap(), Default::default());
        let rules = rules(&classifier);
        let kept = |bytes: &[u8]| {
            let mut sheet = Sheet::new(bytes);
            keep(&mut sheet, 0, banner::is_foreign_stream);
            sheet.finish(&rules)
        };
        assert_eq!(kept(b"SSH-2.0-alice"), b"SSH-\0\0\0\0\0\0\0\0\0");
        assert_eq!(kept(b"\x10\x0c\x00\x04MQTT\x04"), b"\x10\0\0\0MQTT\0");
        assert_eq!(kept(b"alice says SSH-"), [0; 15]);
    }
}

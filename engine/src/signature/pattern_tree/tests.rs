use super::super::pattern::Pattern;
use super::*;

fn tree(patterns: &[Pattern]) -> PatternTree {
    PatternTree::new(&patterns.iter().map(Pattern::all_elements).collect::<Vec<_>>())
}

fn parsed(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::parse(text, 0).unwrap()).collect()
}

/// A number below `below`; the state is that of xorshift (Marsaglia, 2003).
fn random(state: &mut u64, below: u64) -> u64 {
    for (left, by) in [(true, 13), (false, 7), (true, 17)] {
        *state ^= if left { *state << by } else { *state >> by };
    }
    *state % below
}

#[test]
fn a_tree_says_of_each_pattern_what_the_pattern_says() {
    const WORDS: [&str; 9] =
        ["00", "01", "??", "(00|02)", "(!01)", "0? ?1", "{u8 0-3}", "{u16 1-2}", "02 00*9 01"];
    let state = &mut 0x1234_5678_9abc_def1;
    let (mut fitting, mut cut) = (0, 0);
    for _ in 0..400 {
        let count = 1 + random(state, PATTERNS_MAX as u64);
        let patterns: Vec<Pattern> = (0..count)
            .map(|_| {
                let words = (0..=random(state, 6)).map(|_| WORDS[random(state, 9) as usize]);
                Pattern::parse(&words.collect::<Vec<_>>().join(" "), random(state, 8) as usize / 6).unwrap()
            })
            .collect();
        let tree = tree(&patterns);
        for _ in 0..40 {
            let bytes: Vec<u8> = (0..=random(state, 24)).map(|_| random(state, 3) as u8).collect();
            let fits = tree.walk(&bytes);
            for (number, pattern) in patterns.iter().enumerate() {
                let has = |bits: u64| bits >> number & 1 != 0;
                let known = (has(fits.yes), has(fits.more));
                match pattern.matches(&bytes) {
                    Match::Yes => assert_eq!(known, (true, false), "{pattern:?} {bytes:?}"),
                    Match::No => assert_eq!(known, (false, false), "{pattern:?} {bytes:?}"),
                    // The first byte of a length may tell before its second is there.
                    Match::NeedMore if !has(fits.more) => {
                        assert!(!has(fits.yes));
                        let mut longer = bytes.clone();
                        for _ in 0..30 {
                            longer.push(random(state, 3) as u8);
                            assert_ne!(pattern.matches(&longer), Match::Yes, "{pattern:?} {bytes:?}");
                        }
                        cut += 1;
                    }
                    Match::NeedMore => assert!(!has(fits.yes)),
                }
                fitting += u32::from(has(fits.yes));
            }
        }
    }
    assert!(fitting > 10_000 && cut > 100, "{fitting} {cut}");
}

#[test]
fn lengths_tell_by_the_bytes_that_their_bounds_have_in_common() {
    let tree = tree(&parsed(&["45 {u24 1-64} 57", "45 {u16 0-300}", "{u32 0-4294967295} 00", "{u8 2-2}"]));
    let walk = |bytes: &[u8]| {
        let Fits { yes, more } = tree.walk(bytes);
        (yes, more)
    };
    assert_eq!(walk(&[0x45]), (0, 0b0111));
    assert_eq!(walk(&[0x45, 0]), (0, 0b0111));
    assert_eq!(walk(&[0x45, 9]), (0, 0b0110), "a length of 24 bits up to 64 begins with 0");
    assert_eq!(walk(&[0x45, 0, 0, 2, 9, 9, 0x57]), (0b0011, 0b0100));
    assert_eq!(walk(&[2, 0]), (0, 0b1100));
    assert_eq!(walk(&[2, 0, 0]), (0b1000, 0b0100));
    assert_eq!(walk(&[0xff; 9]), (0, 0b0100), "a length beyond all that can be");
}

#[test]
fn long_patterns_take_few_steps_and_no_stack() {
    let texts = ["00*65535 01", "00*65535 02", "??*60000 01", "00*8 ??*9 03"];
    let (patterns, mut bytes) = (parsed(&texts), alloc::vec![0; 65_535]);
    let tree = tree(&patterns);
    assert_eq!(tree.walk(&bytes), Fits { yes: 0, more: 0b0011 });
    bytes.push(2);
    assert_eq!(tree.walk(&bytes).yes, 0b0010);
    bytes[17] = 3;
    bytes[60_000] = 1;
    assert_eq!(tree.walk(&bytes), Fits { yes: 0b1100, more: 0 });
}

#[test]
fn as_many_branches_as_there_can_be_keep_their_places_apart() {
    // A full binary tree of 64 leaves, behind a jump, so that every branch begins at a place of its own.
    let patterns: Vec<Pattern> = (0..64u32)
        .map(|leaf| {
            let turns = (0..6).map(|bit| if leaf >> bit & 1 == 0 { "00 {u8 1-1}" } else { "01 {u8 2-2}" });
            Pattern::parse(&turns.collect::<Vec<_>>().join(" "), 0).unwrap()
        })
        .collect();
    let tree = tree(&patterns);
    for leaf in 0..64u32 {
        let bytes: Vec<u8> = (0..6)
            .flat_map(|bit| if leaf >> bit & 1 == 0 { &[0, 1, 9][..] } else { &[1, 2, 9, 9] })
            .copied()
            .collect();
        assert_eq!(tree.walk(&bytes), Fits { yes: 1 << leaf, more: 0 }, "{leaf}");
        assert_eq!(tree.walk(&bytes[..bytes.len() - 1]), Fits { yes: 0, more: 1 << leaf }, "{leaf}");
    }
}

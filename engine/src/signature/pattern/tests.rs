use super::*;
use alloc::vec;

fn matches(pattern: &str, bytes: &[u8]) -> Match {
    Pattern::parse(pattern, 0).unwrap().matches(bytes)
}

#[test]
fn bytes_masks_sets_and_text() {
    assert_eq!(matches("16 f1 (03|04)", &[0x16, 0xf1, 4]), Match::Yes);
    assert_eq!(matches("16 f1 (03|04)", &[0x16, 0xf1, 5]), Match::No);
    assert_eq!(matches("16 f1 (03|04)", &[0x16]), Match::NeedMore);
    assert_eq!(matches("16 f1 (03|04)", &[0x17]), Match::No);
    assert_eq!(matches("1? ?f ??", &[0x1a, 0x0f, 0]), Match::Yes);
    assert_eq!(matches("1? ?f ??", &[0x2a, 0x0f, 0]), Match::No);
    assert_eq!(matches("\"a\\r\\n\\\"\" (!61)", b"a\r\n\"b"), Match::Yes);
    assert_eq!(matches("(!61|00-1f)", b"a"), Match::No);
    assert_eq!(matches("00*3 01", &[0, 0, 0, 1]), Match::Yes);
}

#[test]
fn jumps_skip_what_their_length_says() {
    let pattern = "45 {u24 1-4} 57";
    assert_eq!(matches(pattern, &[0x45, 0, 0, 2, 9, 9, 0x57]), Match::Yes);
    assert_eq!(matches(pattern, &[0x45, 0, 0, 2, 9, 9, 0x58]), Match::No);
    assert_eq!(matches(pattern, &[0x45, 0, 0, 5]), Match::No);
    assert_eq!(matches(pattern, &[0x45, 0, 0]), Match::NeedMore);
    assert_eq!(matches(pattern, &[0x45, 0, 0, 2, 9]), Match::NeedMore);
    assert_eq!(matches("{u8 2-2}", &[2, 0]), Match::NeedMore);
    assert_eq!(matches("{u8 2-2}", &[2, 0, 0]), Match::Yes);
    assert_eq!(matches("{u32 0-4294967295} 00", &[0xff; 8]), Match::NeedMore);
}

#[test]
fn a_first_byte_may_rule_a_pattern_out() {
    let pattern = Pattern::parse("16 (03|04) 1? {u8 0-9} 44", 1).unwrap();
    assert!(pattern.may_begin_with(0x99), "offset 0 is free");
    assert!(!Pattern::parse("(03|04)", 0).unwrap().may_begin_with(5));
    let jump = Pattern::parse("{u24 1-64} 57", 0).unwrap();
    assert!(jump.may_begin_with(0) && !jump.may_begin_with(1));
}

#[test]
fn errors_say_what_was_expected() {
    for (text, part) in [
        ("", "at least one byte"),
        ("1", "two hex digits"),
        ("zz", "a byte such as"),
        ("\"WA", "closing quote"),
        ("(03", "closing ')'"),
        ("(zz)", "inside ( )"),
        ("(04-03)", "upward"),
        ("{u24 1}", "jump"),
        ("{u8 1-300}", "jump"),
        ("00*0", "count"),
        ("\"ab\"*2", "one byte before"),
    ] {
        let error = Pattern::parse(text, 0).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn only_plain_bytes_are_literal() {
    assert_eq!(Pattern::parse("\"WA\" 01", 0).unwrap().literal(), Some(vec![0x57, 0x41, 1]));
    assert_eq!(Pattern::parse("?? 01", 0).unwrap().literal(), None);
}

use super::*;
use alloc::vec::Vec;

#[test]
fn every_link_type_has_one_number() {
    for link_type in LinkType::ALL {
        assert_eq!(LinkType::from_number(link_type.number()), Some(link_type));
    }
    for (number, expected) in [
        (12, LinkType::Raw),
        (14, LinkType::Raw),
        (50, LinkType::Ppp),
        (106, LinkType::AtmRfc1483),
        (149, LinkType::Pktap),
        (204, LinkType::PppDirection),
    ] {
        assert_eq!(LinkType::from_number(number), Some(expected));
    }
    assert_eq!(LinkType::from_number(189), None);
    assert_eq!(LinkType::from_number(-1), None);
    assert_eq!(LinkType::from_number(65_537), None);
}

#[test]
fn no_bytes_are_too_few_for_every_link_type() {
    for link_type in LinkType::ALL.into_iter().filter(|one| !matches!(one, LinkType::Ipv4 | LinkType::Ipv6)) {
        assert_eq!(parse(link_type, &[]), Err(ParseError::Truncated), "{link_type:?}");
    }
}

#[test]
fn headers_that_name_another_link_type() {
    let ppi = |link_type: u8, inside: &[u8]| [&[0, 0, 8, 0, link_type, 0, 0, 0][..], inside].concat();
    let mut frame: Vec<u8> = [&[0; 12][..], &[8, 0, 0x45]].concat();
    frame = ppi(1, &frame);
    assert_eq!(parse(LinkType::Ppi, &frame), Ok((EtherType::IPV4, &[0x45][..])));
    for _ in 0..2 {
        frame = ppi(192, &frame);
    }
    assert_eq!(parse(LinkType::Ppi, &frame), Ok((EtherType::IPV4, &[0x45][..])));
    frame = ppi(192, &frame);
    assert_eq!(parse(LinkType::Ppi, &frame), Err(ParseError::Unsupported), "without end");
    assert_eq!(parse(LinkType::Ppi, &ppi(189, &[0; 9])), Err(ParseError::Unsupported), "USB");
}

#[test]
fn cooked_captures_of_other_links() {
    let llc = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45];
    let wireless = [&[8][..], &[0; 23], &llc].concat();
    let radiotap = [&[0, 0, 8, 0, 0, 0, 0, 0][..], &wireless].concat();
    let prism = [&[0x44, 0, 0, 0, 8, 0, 0, 0][..], &wireless].concat();
    for (hardware, rest) in
        [(803_u16, radiotap), (801, wireless), (802, prism), (770, [0x18, 0x41, 3, 0xcc, 0x45].to_vec())]
    {
        let [high, low] = hardware.to_be_bytes();
        let sll = [&[0, 3, high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4][..], &rest].concat();
        assert_eq!(parse(LinkType::LinuxSll, &sll), Ok((EtherType::IPV4, &[0x45][..])), "{hardware}");
        let sll2 = [&[0, 4, 0, 0, 0, 0, 0, 1, high, low][..], &[0; 10], &rest].concat();
        assert_eq!(parse(LinkType::LinuxSll2, &sll2), Ok((EtherType::IPV4, &[0x45][..])), "{hardware}");
    }
}

#[test]
fn what_comes_first_is_stepped_over() {
    let ipv4: Parsed<'_> = Ok((EtherType::IPV4, &[0x45]));
    assert_eq!(parse(LinkType::PppDirection, &[1, 0xff, 3, 0, 0x21, 0x45]), ipv4);
    assert_eq!(parse(LinkType::CiscoHdlcDirection, &[1, 0x0f, 0, 8, 0, 0x45]), ipv4);
    assert_eq!(parse(LinkType::FrameRelayDirection, &[1, 0x18, 0x41, 3, 0xcc, 0x45]), ipv4);
    assert_eq!(parse(LinkType::Mpls, &[0, 2, 1, 64, 0x45]), ipv4);
    assert_eq!(parse(LinkType::JuniperPpp, b"MGC\x01\xff\x03\x00\x21\x45"), ipv4);
    assert_eq!(parse(LinkType::JuniperHdlc, b"MGC\x01\x0f\x00\x08\x00\x45"), ipv4);
    assert_eq!(parse(LinkType::JuniperFrameRelay, b"MGC\x01\x18\x41\x03\xcc\x45"), ipv4);
    assert_eq!(parse(LinkType::JuniperEther, b"MGC\x02\x02\x00\x00\x00\x45"), ipv4);
}

//! Tests of the dissector, on bytes made by hand.

use super::super::torture::{mutations, prefixes};
use super::name::POINTERS_MAX;
use super::*;
use alloc::string::String;
use alloc::vec::Vec;

const QUERY: &[u8] = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x01g\x07Example\x03NET\0\0\x01\0\x01";
/// CNAME to chat.cdn.example.net, then A, AAAA and HTTPS for it, and one TXT.
const RESPONSE: &[u8] = b"\x12\x34\x81\x80\0\x01\0\x05\0\0\0\0\x01g\x07example\x03net\0\0\x01\0\x01\
    \xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x0b\x04chat\x03cdn\xc0\x0e\
    \xc0\x2b\0\x01\0\x01\0\0\0\x1e\0\x04\xc0\0\x02\x01\
    \xc0\x2b\0\x10\0\x01\0\0\0\x1e\0\x02\x01a\
    \xc0\x2b\0\x1c\0\x01\0\0\0\x1e\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\
    \xc0\x2b\0\x41\0\x01\0\0\0\x1e\0\x2a\0\x01\0\0\x01\0\x03\x02h3\0\x04\0\x08\xc0\0\x02\x02\xc0\0\x02\x03\
    \0\x06\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02";

fn read(name: Name<'_>) -> String {
    name.read(&mut NameBuffer::new()).into()
}

#[test]
fn a_query_gives_its_name() {
    let told = message(QUERY).found().unwrap();
    assert_eq!((told.id, told.response, told.opcode, told.truncated), (0x1234, false, 0, false));
    let question = told.questions().next().unwrap();
    assert_eq!((read(question.name).as_str(), question.kind, question.class), ("g.example.net", 1, 1));
    assert_eq!((told.questions().count(), told.answers().count()), (1, 0));
}

#[test]
fn a_response_gives_addresses_and_aliases() {
    let told = message(RESPONSE).found().unwrap();
    assert_eq!((told.response, told.rcode, told.answer_count), (true, 0, 5));
    let answers: Vec<_> = told.answers().collect();
    assert_eq!(answers.len(), 4);
    assert_eq!((read(answers[0].name).as_str(), answers[0].ttl), ("g.example.net", 60));
    let Record::Alias(alias) = answers[0].record else { panic!() };
    assert_eq!(read(alias), "chat.cdn.example.net");
    assert_eq!(read(answers[1].name), "chat.cdn.example.net");
    assert_eq!(answers[1].record, Record::V4([192, 0, 2, 1].into()));
    assert_eq!(answers[2].record, Record::V6("2001:db8::1".parse().unwrap()));
    let Record::Service(service) = answers[3].record else { panic!() };
    assert_eq!((service.priority, read(service.target).as_str()), (1, ""));
    assert!(service.v4_hints().eq([Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(192, 0, 2, 3)]));
    assert!(service.v6_hints().eq(["2001:db8::2".parse::<Ipv6Addr>().unwrap()]));
}

#[test]
fn a_cut_message_gives_what_parses() {
    let question_end = QUERY.len();
    let whole: Vec<_> = message(RESPONSE).found().unwrap().answers().map(|answer| answer.ttl).collect();
    prefixes(RESPONSE, |length, prefix| {
        let told = message(prefix);
        assert_eq!(told.found().is_some(), length >= question_end);
        if let Dissection::Found(told) = told {
            let question = told.questions().next().unwrap();
            assert_eq!(read(question.name), "g.example.net");
            let answers: Vec<_> = told.answers().map(|answer| answer.ttl).collect();
            assert!(whole.starts_with(&answers));
        }
    });
}

#[test]
fn tcp_waits_for_the_question_only() {
    let stream = [&(RESPONSE.len() as u16).to_be_bytes(), RESPONSE, b"next"].concat();
    prefixes(&stream, |length, prefix| match tcp_message(prefix) {
        Dissection::NeedMore => assert!(length < QUERY.len() + 2),
        Dissection::Found(told) => {
            assert!(length >= QUERY.len() + 2);
            assert_eq!(told.complete, length >= RESPONSE.len() + 2);
        }
        Dissection::NotMine => panic!("prefix of {length} bytes refused"),
    });
    assert_eq!(tcp_message(&[0, 11, 1]), Dissection::NotMine);
    assert_eq!(tcp_message(&[&[0, 20], QUERY].concat()), Dissection::NotMine);
}

#[test]
fn a_response_without_question_needs_an_answer() {
    let mdns = b"\0\0\x84\0\0\0\0\x01\0\0\0\0\x04host\x05local\0\0\x01\x80\x01\0\0\0\x78\0\x04\xc0\0\x02\x09";
    let told = message(mdns).found().unwrap();
    assert_eq!(told.answers().next().unwrap().record, Record::V4([192, 0, 2, 9].into()));
    assert_eq!(message(&mdns[..30]), Dissection::NotMine);
    let mut class = Vec::from(mdns);
    class[27] = 9;
    assert_eq!(message(&class), Dissection::NotMine);
    assert_eq!(message(&[0, 1, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]), Dissection::NotMine);
    let mut query = Vec::from(mdns);
    query[2] = 0;
    assert_eq!(message(&query), Dissection::NotMine);
}

#[test]
fn a_bounded_number_of_names_is_handed_out() {
    let one = b"\x01g\0\0\x01\0\x01";
    let record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x1e\0\x04\xc0\0\x02\x01";
    let many = [&b"\0\x01\x81\x80\0\x40\x01\0\0\0\0\0"[..], &one.repeat(64), &record.repeat(256)].concat();
    let told = message(&many).found().unwrap();
    assert_eq!((told.question_count, told.answer_count), (64, 256));
    assert_eq!((told.questions().count(), told.answers().count()), (QUESTIONS_READ, ANSWERS_READ));
}

#[test]
fn a_name_that_leads_astray_is_empty() {
    // The second question points to itself.
    let odd = [&b"\0\x01\x01\0\0\x02\0\0\0\0\0\0\x01g\0\0\x01\0\x01"[..], b"\xc0\x13\0\x01\0\x01"].concat();
    let told = message(&odd).found().unwrap();
    let names: Vec<_> = told.questions().map(|question| read(question.name)).collect();
    assert_eq!(names, ["g", ""]);
}

#[test]
fn implausible_headers_are_refused() {
    for (at, value) in [(2, 0x38), (3, 0x40), (4, 1), (5, 65), (6, 5), (8, 5), (10, 5)] {
        let mut bytes = Vec::from(QUERY);
        bytes[at] = value;
        assert_eq!(message(&bytes), Dissection::NotMine, "byte {at}");
    }
    let class = [&QUERY[..QUERY.len() - 1], &[7]].concat();
    assert_eq!(message(&class), Dissection::NotMine);
}

fn query_for(name: &[u8]) -> Vec<u8> {
    [&QUERY[..12], name, &[0, 1, 0, 1]].concat()
}

#[test]
fn names_cannot_loop_or_grow() {
    assert_eq!(message(&query_for(b"\xc0\x0c")), Dissection::NotMine);
    assert_eq!(message(&query_for(b"\x01a\xc0\x0c")), Dissection::NotMine);
    assert_eq!(message(&query_for(b"\x01a\xc0\x20\xc0\x0c")), Dissection::NotMine);
    assert_eq!(message(&query_for(b"\xc0\x02")), Dissection::NotMine);
    assert_eq!(message(&query_for(b"\x40a\0")), Dissection::NotMine);
    let labels = |count: usize, last: usize| {
        let mut name = Vec::new();
        for length in core::iter::repeat_n(63, count).chain([last]) {
            name.push(length as u8);
            name.extend(core::iter::repeat_n(b'a', length));
        }
        name.push(0);
        query_for(&name)
    };
    let longest = labels(3, 61);
    let name = message(&longest).found().unwrap().questions().next().unwrap().name;
    assert_eq!(read(name).len(), 253);
    assert_eq!(message(&labels(3, 62)), Dissection::NotMine);
}

#[test]
fn a_chain_of_pointers_is_bounded() {
    // A question `a`, then answers whose name is a pointer to the answer's before it.
    let message_with = |pointers: usize| {
        let mut bytes = Vec::from(b"\0\x01\x81\x80\0\x01\0\x28\0\0\0\0\x01a\0\0\x01\0\x01");
        let mut to = 12;
        for _ in 0..pointers {
            let here = bytes.len();
            bytes.extend([0xc0 | (to >> 8) as u8, to as u8, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
            to = here;
        }
        bytes
    };
    assert_eq!(message(&message_with(40)).found().unwrap().answers().count(), POINTERS_MAX);
}

#[test]
fn odd_bytes_of_labels_are_masked() {
    let bytes = query_for(b"\x05a.b\x00\xff\x01C\0");
    let question = message(&bytes).found().unwrap().questions().next().unwrap();
    assert_eq!(read(question.name), "a?b??.c");
}

#[test]
fn no_bytes_make_it_panic() {
    let mut buffer = NameBuffer::new();
    mutations(RESPONSE, |bytes| {
        if let Dissection::Found(told) = message(bytes) {
            for question in told.questions() {
                question.name.read(&mut buffer);
            }
            for answer in told.answers() {
                answer.name.read(&mut buffer);
                if let Record::Service(service) = answer.record {
                    service.v4_hints().for_each(drop);
                    service.v6_hints().for_each(drop);
                }
            }
        }
    });
}

//! What a flow keeps of itself.

use super::*;

#[test]
fn a_call_is_taught_when_another_row_shows_it_or_time_has_passed() {
    let mut flow = FlowState::default();
    let step = 1 << TEACHING_STEP;
    let mut teaches = |row, now_us| flow.teaches_anew(SignatureId(row), now_us);
    assert!(teaches(120, 5), "for the first time");
    assert!(!teaches(120, step - 1));
    assert!(teaches(135, step - 1) && teaches(120, step - 1), "another row");
    assert!(teaches(120, step) && !teaches(120, 2 * step - 1) && teaches(120, 2 * step), "later");
    // The place may be a slot's number: then every packet teaches.
    flow.park(1, 7);
    assert!(flow.teaches_anew(SignatureId(120), 2 * step) && flow.teaches_anew(SignatureId(120), 2 * step));
    assert_eq!(flow.slot(1), Some(7));
}

#[test]
fn when_a_flow_asked_last_stands_beside_its_first_bytes() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let mut flow = FlowState::default();
        for is_unnamed in [true, false, true] {
            let asked = Asked { is_unnamed, epoch: 9 };
            flow.note_asked(transport, asked);
            match transport {
                Transport::Tcp => flow.fill_head(0, 0, b"some"),
                Transport::Udp => _ = flow.note_datagram(0, b"thirteen byte"),
            }
            assert!(flow.asked(transport) == asked && flow.verdict() == Verdict::default());
        }
    }
    let mut flow = FlowState::default();
    let asked = Asked { is_unnamed: true, epoch: 9 };
    flow.note_asked(Transport::Tcp, asked);
    flow.fill_head(0, 0, b"first bytes");
    assert!(flow.head(0) == b"first bytes" && !flow.is_head_full(0));
    flow.fill_head(0, 12, b"behind a gap");
    flow.fill_head(0, 0, b"First");
    assert!(flow.head(0) == b"First bytes", "what comes twice lies over what was there");
    flow.fill_head(0, 11, b" and more");
    assert!(flow.head(0) == b"First bytes and " && flow.is_head_full(0));
    flow.restart(0, 7);
    assert!(flow.head(0).is_empty() && flow.asked(Transport::Tcp) == asked);
    #[cfg(feature = "quic")]
    {
        flow.count_opened(0, 64);
        flow.count_opened(0, u8::MAX);
        assert!(flow.opened(0) == 0x7f && flow.asked(Transport::Tcp) == asked);
    }
}

//! The captures that were handed, where they lie beside the project.

use super::{handed, of_capture};

/// Every handed look-alike: no flow has a verdict by payload, and none is related to one.
#[test]
fn look_alikes_earn_nothing() {
    let Some(folder) = handed("lookalikes") else { return };
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_none_or(|extension| extension != "pcap") {
            continue;
        }
        for (port, said) in of_capture(&format!("lookalikes/{name}")).expect("it is there") {
            // A name that is the app's own may stay.
            assert!(said == "nothing" || said.ends_with(" name"), "{name} port {port}: {said}");
        }
    }
    for name in ["01-goim-live-chat.pcap", "01-goim-live-chat-midway.pcap"] {
        for (port, said) in of_capture(name).unwrap_or_default() {
            assert_eq!(said, "nothing", "{name} port {port}");
        }
    }
}

/// What the handed captures must give: capture, client's port, what is said of the flow begins so.
const HANDED: &[(&str, &[(u16, &str)])] = &[
    (
        "wc57_content_sizes_vary.pcap",
        &[
            (46000, "wechat voip"),
            (46001, "wechat voip"),
            (46002, "wechat voip"),
            (46003, "wechat voip"),
            (46004, "wechat voip"),
            (46005, "wechat voip"),
            (46006, "wechat voip"),
        ],
    ),
    (
        "wxcall_p2p_varying.pcap",
        &[(45555, "wechat longlink payload"), (40500, "wechat voip payload"), (40501, "wechat voip")],
    ),
    (
        "wx_udp_onesided.pcap",
        &[
            (50100, "wechat voip"),
            (50101, "wechat voip"),
            (50102, "wechat voip"),
            (50103, "wechat voip"),
            (50111, "wechat voip"),
        ],
    ),
    ("nm_misc_udp.pcap", &[(50403, "nothing"), (50402, "nothing"), (50401, "nothing")]),
    ("nm_zero_rating.pcap", &[(50300, "nothing"), (50301, "wechat mmtls-short name")]),
    (
        "sp_spread.pcap",
        &[
            (50001, "wechat mmtls-long payload"),
            (50002, "nothing"),
            (50003, "nothing"),
            (50004, "nothing"),
            (50005, "nothing"),
            (50006, "nothing"),
            (50007, "nothing"),
            (50011, "nothing"),
            (50012, "nothing"),
            (50013, "nothing"),
            (50014, "nothing"),
            (50015, "nothing"),
        ],
    ),
    ("wa28_alloc_after_foreign.pcap", &[(45395, "whatsapp call payload")]),
    (
        "wc13_newdns.pcap",
        &[
            (42310, "wechat mmtls-long related"),
            (42313, "wechat http related"),
            (42314, "nothing"),
            (42330, "nothing"),
        ],
    ),
    (
        "wc14_newdns_split.pcap",
        &[(42410, "wechat mmtls-short related"), (42413, "wechat mmtls-short related")],
    ),
    (
        "04-split-preamble-teaches-nothing.pcap",
        &[(40000, "whatsapp chat payload"), (41000, "whatsapp chat related")],
    ),
    ("05-hello-without-name-tls.pcap", &[(40000, "whatsapp files related")]),
    ("15-quic-initials-nine-repeats.pcap", &[(50000, "whatsapp files name")]),
    ("15-quic-initials-server-first.pcap", &[(50000, "whatsapp files name")]),
    ("16-start-over-4096-tls.pcap", &[(40000, "whatsapp files name")]),
];

#[test]
fn handed_captures_give_what_is_right() {
    for (name, flows) in HANDED {
        let Some(found) = of_capture(name) else { continue };
        for (port, wanted) in *flows {
            let said = found.get(port).map_or("no such flow", String::as_str);
            assert!(said.starts_with(wanted), "{name} port {port}: {said}, not {wanted}");
        }
    }
}

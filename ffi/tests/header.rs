//! `include/wiremark.h` is what the code says, and its macros are Cargo's version.
//!
//! `WIREMARK_WRITE_HEADER=1 cargo test -p wiremark-ffi --test all -- header::` writes it anew.

use std::path::Path;
use std::{env, fs};

/// Files with types and functions for C, in the order in which the header has them.
const MODULES: [&str; 10] = [
    "status",
    "last_error",
    "version",
    "verdict",
    "classifier",
    "names",
    "packet",
    "classify",
    "flow_record",
    "tracker",
];

const ABOUT: &str = "\
wiremark: which messenger a packet belongs to, and what it does there.

Made by cbindgen from ffi/src; not to be edited.

Two doors. You have flows: keep a wiremark_flow of 64 bytes in each and call wiremark_classify() for every packet, in both
directions, also after your own engine has made up its mind. You have frames: wiremark_tracker_frame() keeps the flows.

Owners. What a *_new() or *_from_*() function gives you is yours to free with its *_free() function; all other structs are
yours from the start, and wiremark neither keeps nor frees them. Texts are wiremark's; each says how long it is good.
Threads. wiremark_classifier and wiremark_names: any number at the same time. wiremark_context, wiremark_tracker and
wiremark_flow: one at a time. The library has no threads, signals, log or environment variables of its own.
Structs. The first field of most is struct_bytes: set it to sizeof the struct, zero the rest. So programs made with
this header go on working with newer libraries, whose structs may be longer.
Errors. Calls that can fail give a wiremark_status, 0 when all is well; outputs are then written, and else left alone.
wiremark_last_error() has the sentence. NULL, misaligned pointers and wrong sizes are errors, except where NULL is said
to be fine; an array or payload of length 0 may be NULL. No call ends the program or lets a Rust panic out.
Other pointers must be what they are said to be: no library can tell that they are not.
Versions. WIREMARK_CHECK_ABI() at start makes sure that library and header go together.

A whole program (ffi/examples/classify.c):
";

const AFTER_INCLUDES: &str = r#"
#define WIREMARK_VERSION_MAJOR {major}
#define WIREMARK_VERSION_MINOR {minor}
#define WIREMARK_VERSION_PATCH {patch}
#define WIREMARK_VERSION "{version}"

// WIREMARK_OK where this header and the library go together.
#define WIREMARK_CHECK_ABI() \
    wiremark_check_abi(WIREMARK_ABI_VERSION, sizeof(wiremark_flow), sizeof(wiremark_verdict))
"#;

const TRAILER: &str = r#"
// Whether a packet can tell anything of its flow: to be asked before a wiremark_packet is filled in. 0 for most packets, by a
// look at one line of your own memory: the flow's verdict is final, or there is no payload. wiremark_classify() would then
// leave flow and verdict as they are, at the price of a call: the last verdict still holds (wiremark_flow_verdict() has it).
//
// flow: not NULL. tcp_flags: as in wiremark_packet, 0 for UDP. No errors.
static inline int wiremark_wants(const wiremark_flow *flow, uint8_t tcp_flags, size_t payload_bytes)
{
    const unsigned char *bytes = (const unsigned char *)flow;
    uint16_t state;
    memcpy(&state, bytes + 10, sizeof state);
    if ((bytes[7] & WIREMARK_VERDICT_FINAL) && (state & 0xc000) != 0x4000) {
        return 0;
    }
    return payload_bytes != 0 || !(state & 1) || (tcp_flags & 0x02);
}

// Whether a flow that wiremark_wants() wants was looked at to its end without an app, so that no packet tells anything until the context
// learns something that may tell: half of the packets that are still wanted are of such flows. Ask it of packets that are no
// fragments, where all packets that go through the context are looked at with one classifier (its signatures may be replaced).
//
// context: a live one, not NULL. flow: not NULL. transport, tcp_flags, payload, payload_bytes: as in wiremark_packet. No errors.
static inline int wiremark_rests(const wiremark_context *context, const wiremark_flow *flow, uint8_t transport,
                                 uint8_t tcp_flags, const uint8_t *payload, size_t payload_bytes)
{
    const unsigned char *bytes = (const unsigned char *)flow;
    uint32_t pulse = *(const volatile uint32_t *)((const unsigned char *)context + 12);
    uint16_t app, state, signatures;
    int is_spent;
    memcpy(&app, bytes + 2, sizeof app);
    memcpy(&state, bytes + 10, sizeof state);
    memcpy(&signatures, bytes + 14, sizeof signatures);
    if (app || !(bytes[8] & 0x80) || bytes[5] == WIREMARK_CARRIER_DNS || signatures != pulse >> 16) {
        return 0;
    }
    is_spent = (pulse & 0xff00) != 0 && bytes[12] >= (pulse >> 8 & 0xff);
    if (transport == WIREMARK_TCP) {
        return bytes[13] == (pulse & 0xff) && ((state & 0xc05) == 0xc05 || (is_spent && !(state & 0x300)))
            && !(tcp_flags & 0x02);
    }
    return bytes[16] == (pulse & 0xff) && is_spent
        && (payload_bytes < 8 || memcmp(payload + 4, "\x21\x12\xa4\x42", 4) != 0);
}

// Both: whether a packet can tell anything of its flow, with what other flows have taught meanwhile.
static inline int wiremark_wants_now(const wiremark_context *context, const wiremark_flow *flow, uint8_t transport,
                                     uint8_t tcp_flags, const uint8_t *payload, size_t payload_bytes)
{
    if (!wiremark_wants(flow, tcp_flags, payload_bytes)) {
        return 0;
    }
    return !wiremark_rests(context, flow, transport, tcp_flags, payload, payload_bytes);
}

// What was decided of the flow, as one number: app, role, signature and confidence. 0 without an app. Another one than before a call of
// wiremark_classify() says that the packet changed the verdict, which the flags of wiremark_verdict do not say of the signature.
//
// flow: not NULL. No errors.
static inline uint64_t wiremark_flow_decision(const wiremark_flow *flow)
{
    const unsigned char *bytes = (const unsigned char *)flow;
    uint16_t signature, app;
    memcpy(&signature, bytes, sizeof signature);
    memcpy(&app, bytes + 2, sizeof app);
    return app ? (uint64_t)bytes[6] << 40 | (uint64_t)bytes[4] << 32 | (uint32_t)app << 16 | signature : 0;
}

#if defined(__cplusplus)
#if __cplusplus >= 201103L
static_assert(sizeof(wiremark_flow) == 64, "wiremark_flow is 64 bytes");
static_assert(sizeof(wiremark_verdict) == 8, "wiremark_verdict is 8 bytes");
#endif
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(wiremark_flow) == 64, "wiremark_flow is 64 bytes");
_Static_assert(sizeof(wiremark_verdict) == 8, "wiremark_verdict is 8 bytes");
#endif

#endif // WIREMARK_H
"#;

fn generated() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = fs::read_to_string(folder.join("examples/classify.c")).unwrap();
    assert!(!example.contains("/*") && !example.contains("*/"), "the example stands in a comment");
    let mut about = String::from("/*\n");
    for line in ABOUT.lines().chain([""]) {
        about += format!(" * {line}").trim_end();
        about += "\n";
    }
    for line in example.lines() {
        about += format!(" *     {line}").trim_end();
        about += "\n";
    }
    about += " */\n#ifndef WIREMARK_H\n#define WIREMARK_H\n";
    let mut config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).unwrap();
    config.header = Some(about);
    config.after_includes = Some(
        AFTER_INCLUDES
            .replace("{major}", env!("CARGO_PKG_VERSION_MAJOR"))
            .replace("{minor}", env!("CARGO_PKG_VERSION_MINOR"))
            .replace("{patch}", env!("CARGO_PKG_VERSION_PATCH"))
            .replace("{version}", env!("CARGO_PKG_VERSION")),
    );
    config.trailer = Some(TRAILER.to_owned());
    let builder = MODULES.iter().fold(cbindgen::Builder::new().with_config(config), |builder, module| {
        builder.with_src(folder.join(format!("src/{module}.rs")))
    });
    let mut bytes = Vec::new();
    builder.generate().expect("cbindgen reads the sources").write(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_committed_header_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/wiremark.h");
    let fresh = generated();
    if env::var_os("WIREMARK_WRITE_HEADER").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &fresh).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(fresh.lines()).position(|(committed, fresh)| committed != fresh);
    assert!(
        committed == fresh,
        "include/wiremark.h differs from the code from line {} on; write it anew with \
         WIREMARK_WRITE_HEADER=1 cargo test -p wiremark-ffi --test all -- header::",
        differs.unwrap_or(committed.lines().count().min(fresh.lines().count())) + 1,
    );
}

/// Every file with an export is among the modules, so that none is missing from the header.
#[test]
fn the_header_has_every_export() {
    let header = generated();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut exports = 0;
    for entry in fs::read_dir(sources).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for (at, _) in text.match_indices("extern \"C\" fn wiremark_") {
            let name = &text[at + "extern \"C\" fn ".len()..];
            let name = &name[..name.find('(').unwrap()];
            assert!(header.contains(&format!("{name}(")), "{name} is not in the header");
            exports += 1;
        }
    }
    assert!(exports > 20);
}

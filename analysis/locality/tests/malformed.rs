//! Malformed path files: an error with its line, and no hop of it.

use crate::paths::traces;

/// Of each: the text, the line of the error, a word of it, and how many whole traces stand beside it.
const MALFORMED: [(&str, u64, &str, usize); 34] = [
    ("not a path at all\n", 1, "expected \"traceroute to", 0),
    ("1  4.0.0.1  1.0 ms\n", 1, "expected \"traceroute to", 0),
    ("traceroute to example.net, 30 hops max\n 1  4.0.0.1  1.0 ms\n", 1, "expected", 0),
    ("traceroute to example.net (4.0.0.256), 30 hops max\n 1  4.0.0.1  1.0 ms\n", 1, "no address", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n", 1, "no hop follows", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n 1  4.0.0.1  1.0 ms\n 2  4.0.0", 3, "unexpected \"4.0.0\"", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n 1  4.0.0.1  1.0 ms\n 2  4.0.0.2", 3, "cut", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n 1  4.0.0.1  1.0 ms\n 2  4.0.0.2  1.5", 3, "cut", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n 1  gw.example.net (4.0.0.\n", 2, "(4.0.0.", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n 1  4.0.0.300  1.0 ms\n", 2, "4.0.0.300", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n 1  4.0.0.1  1.0 s\n", 2, "expected \"ms\"", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n 1  4.0.0.1  -1.0 ms\n", 2, "-1.0", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n 1  4.0.0.1  99999999.0 ms\n", 2, "no round trip", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n 1  1.0 ms\n", 2, "before any address", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n 0  4.0.0.1  1.0 ms\n", 2, "number 0", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n 300  4.0.0.1  1.0 ms\n", 2, "number 300", 0),
    (
        "traceroute to x (4.0.0.9), 30 hops max\n 2  4.0.0.1  1.0 ms\n 1  4.0.0.2  1.0 ms\n",
        3,
        "hop 1 stands behind hop 2",
        0,
    ),
    ("traceroute to x (4.0.0.9), 30 hops max\n 1  4.0.0.1  1.0 ms !Y\n", 2, "!Y", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n 1  gw.example.net  1.0 ms\n", 2, "gw.example.net", 0),
    ("traceroute to x (4.0.0.9), 30 hops max\n 1  4.0.0.1 4.0.0.2  1.0 ms\n", 2, "no time", 0),
    (
        "traceroute to x (4.0.0.9), 30 hops max\n 1  4.0.0.1  oops\ntraceroute to y (4.0.0.8), 30 hops max\n 1  4.0.0.8  1.0 ms\n",
        2,
        "oops",
        1,
    ),
    (
        "traceroute to x (4.0.0.9), 30 hops max\n 1  4.0.0.9  1.0 ms\ntraceroute to y, 30 hops max\n 1  4.0.0.8  1.0 ms\n",
        3,
        "expected",
        1,
    ),
    (
        "{\"report\":{\"mtr\":{\"dst\":\"4.0.0.9\"},\"hubs\":[{\"count\":1,\"host\":\"4.0.0.300\",\"Best\":1.0}]}}\n",
        1,
        "4.0.0.300",
        0,
    ),
    (
        "{\"report\":{\"mtr\":{\"dst\":\"4.0.0.9\"},\"hubs\":[{\"count\":0,\"host\":\"4.0.0.1\",\"Best\":1.0}]}}\n",
        1,
        "count",
        0,
    ),
    (
        "{\n \"report\": {\n  \"mtr\": {\"dst\": \"4.0.0.9\"},\n  \"hubs\": [\n   {\"count\": 1}\n  ]\n }\n}\n",
        5,
        "missing field `host`",
        0,
    ),
    (
        "{\"report\":{\"mtr\":{\"dst\":\"4.0.0.9\"},\"hubs\":[{\"count\":1,\"host\":\"4.0.0.1\",\"Loss%\":\"many\"}]}}\n",
        1,
        "Loss%",
        0,
    ),
    ("{\"report\":{\"mtr\":{\"dst\":\"4.0.0.9\"},\"hubs\":[\n", 1, "breaks off", 0),
    (
        "{\"type\":\"trace\",\"src\":\"4.0.0.1\",\"dst\":\"4.0.0.9\",\"hops\":[{\"addr\":\"4.0.0\",\"probe_ttl\":1,\"rtt\":1.0}]}\n",
        1,
        "scamper output: invalid IP address",
        0,
    ),
    (
        "{\"type\":\"trace\",\"src\":\"4.0.0.1\",\"hops\":[{\"addr\":\"4.0.0.2\",\"probe_ttl\":1,\"rtt\":1.0}]}\n",
        1,
        "src and dst",
        0,
    ),
    (
        "{\"type\":\"trace\",\"src\":\"4.0.0.1\",\"dst\":\"4.0.0.9\",\"hops\":[{\"addr\":\"4.0.0.2\",\"probe_ttl\":256,\"rtt\":1.0}]}\n",
        1,
        "scamper output",
        0,
    ),
    (
        "{\"prb_id\":1,\"dst_addr\":\"4.0.0.9\",\"result\":[{\"hop\":1,\"result\":[{\"from\":\"4.0.0.2\",\"rtt\":-4}]}]}\n",
        1,
        "no round trip",
        0,
    ),
    (
        "{\"prb_id\":1,\"dst_addr\":\"4.0.0.9\",\"result\":[{\"hop\":1,\"result\":[{\"from\":\"nobody\",\"rtt\":4}]}]}\n",
        1,
        "\"nobody\" is no address",
        0,
    ),
    (
        "{\"prb_id\":1,\"dst_addr\":\"4.0.0.9\",\"result\":[{\"hop\":2,\"result\":[]},{\"hop\":1,\"result\":[]}]}\n{\"prb_id\":1,\"dst_addr\":\"4.0.0.9\",\"result\":[{\"hop\":1,\"result\":[{\"x\":\"*\"}]}]}\n",
        1,
        "hop 1 stands behind hop 2",
        1,
    ),
    ("{\"answer\":42}\n", 1, "neither", 0),
];

#[test]
fn each_is_told_with_its_line_and_kept_out() {
    for (text, line, word, whole) in MALFORMED {
        let found = traces(text);
        let errors: Vec<&String> = found.iter().filter_map(|trace| trace.as_ref().err()).collect();
        assert_eq!(errors.len(), 1, "{text:?}: {found:?}");
        assert!(errors[0].starts_with(&format!("x, line {line}: ")), "{text:?}: {}", errors[0]);
        assert!(errors[0].contains(word), "{text:?}: {}", errors[0]);
        assert_eq!(found.len(), whole + 1, "{text:?}");
    }
}

/// Cut anywhere, a file gives its whole traces and at most one error; no hop is invented: what is there was there before the cut.
#[test]
fn no_cut_moves_a_hop() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/paths");
    for file in [
        "traceroute/as-numbers.txt",
        "traceroute/bsd.txt",
        "mtr/both.json",
        "scamper/labels.json",
        "ripe-atlas/lines.json",
    ] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let whole: Vec<_> = traces(&text).into_iter().map(Result::unwrap).collect();
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let found = traces(&text[..cut]);
            assert!(found.iter().filter(|trace| trace.is_err()).count() <= 1, "{file} {cut}");
            for (trace, whole) in found.iter().filter_map(|trace| trace.as_ref().ok()).zip(&whole) {
                for (hop, before) in trace.hops.iter().zip(&whole.hops) {
                    let addresses = |hop: &wiremark_locality::path::Hop| hop.addresses().collect::<Vec<_>>();
                    assert_eq!(hop.ttl, before.ttl, "{file} {cut}");
                    assert!(addresses(before).starts_with(&addresses(hop)), "{file} {cut}");
                }
            }
        }
    }
}

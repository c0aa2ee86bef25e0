//! Signature files: what is refused and how that is said, what stays in force, and all it takes to add an app.

use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use wiremark::{
    Address, AppId, Carrier, Classifier, Confidence, Context, FiveTuple, FlowState, Fragment, LoadError,
    Options, Packet, SignatureSet, Source, TcpFields, Transport, Verdict,
};

const APP: &str =
    "[app]\nid = 9\nname = \"example\"\nroles = [\"chat\", \"files\"]\nlookup_role = \"files\"\n";

/// A row at line 6 that is right in all but what `more` says, which begins at line 15.
fn with_row(more: &str) -> String {
    format!(
        "{APP}[[signature]]\nid = 901\nname = \"hello\"\nrole = \"chat\"\nwhy = \"because\"\nsource = \"nowhere\"\n\
         hit = [\"16 f1\"]\nmiss = [\"17 f1\"]\n# what follows is tried\n{more}\n"
    )
}

fn load(text: &str) -> Result<SignatureSet, LoadError> {
    SignatureSet::load(&[Source { file: "example.toml", text }])
}

/// What is loaded in place of the row at lines 6 to 13.
fn in_full(text: &str) -> String {
    format!("{APP}{text}")
}

/// Text, line, part of the key, part of what was expected.
fn broken() -> Vec<(String, usize, &'static str, &'static str)> {
    let tcp = "transport = \"tcp\"\n";
    let prefix = "transport = \"tcp\"\nprefix = \"16 f1\"\n";
    vec![
        (String::from("[app\n"), 1, "syntax", ""),
        (String::from("a = 1\n"), 1, "app", "a table [app]"),
        (String::from("[app]\nname = \"x\"\nroles = [\"a\"]\n"), 1, "id", "1 to 65535"),
        (String::from("[app]\nid = 0\nname = \"x\"\nroles = [\"a\"]\n"), 2, "id", "1 to 65535"),
        (String::from("[app]\nid = 70000\nname = \"x\"\nroles = [\"a\"]\n"), 2, "id", "65535"),
        (String::from("[app]\nid = 1\nname = \"Example\"\nroles = [\"a\"]\n"), 3, "name", "lower-case"),
        (String::from("[app]\nid = 1\nname = \"x\"\nroles = []\n"), 4, "roles", "1 to 255"),
        (
            String::from("[app]\nid = 1\nname = \"x\"\nroles = [\"a\"]\nlookup_role = \"b\"\n"),
            5,
            "lookup_role",
            "found \"b\"",
        ),
        (
            String::from("[app]\nid = 1\nname = \"x\"\nroles = [\"a\"]\ncolour = 3\n"),
            5,
            "colour",
            "one of the keys",
        ),
        (in_full("[[signatures]]\nid = 1\n"), 6, "signatures", "the key signature, found signatures"),
        (in_full("[[signature]]\nname = \"hello\"\n"), 6, "id", "a number"),
        (in_full("[[signature]]\nid = \"x\"\nname = \"hello\"\n"), 7, "id", "a whole number"),
        (in_full("[[signature]]\nid = 1\n"), 6, "name", "a string"),
        (
            in_full("[[signature]]\nid = 1\nname = \"a\"\n[[signature]]\nid = 1\nname = \"b\"\n"),
            10,
            "id",
            "of its own",
        ),
        (
            in_full("[[signature]]\nid = 1\nname = \"a\"\n[[signature]]\nid = 2\nname = \"a\"\n"),
            11,
            "name",
            "no other row",
        ),
        (
            in_full("[[signature]]\nid = 1\nname = \"a\"\nrole = \"talk\"\n"),
            9,
            "signature \"a\", role",
            "chat, files",
        ),
        (in_full("[[signature]]\nid = 1\nname = \"a\"\n"), 6, "role", "chat, files"),
        (in_full("[[signature]]\nid = 1\nname = \"a\"\nveto = true\nrole = \"chat\"\n"), 10, "role", "veto"),
        (in_full("[[signature]]\nid = 1\nname = \"a\"\nveto = 1\n"), 9, "veto", "true or false"),
        (with_row("prefix = \"16 f1\""), 6, "transport", "\"tcp\" or \"udp\" beside prefix"),
        (with_row("transport = \"sctp\"\nprefix = \"16\""), 15, "transport", "found \"sctp\""),
        (with_row(&format!("{tcp}prefix = \"16 fx\"")), 16, "prefix", "a byte such as"),
        (with_row(&format!("{tcp}prefix = \"{{u24 64-1}}\"")), 16, "prefix", "a jump such as"),
        (with_row(&format!("{tcp}prefix = [\"16\", \"17\"]")), 16, "prefix", "one string"),
        (with_row(&format!("{prefix}port = 0")), 17, "port", "1 to 65535"),
        (with_row(&format!("{prefix}length = \"9-3\"")), 17, "length", "a range"),
        (with_row(&format!("{prefix}equation = \"u9@0 = 3\"")), 17, "equation", "a term such as"),
        (with_row(&format!("{prefix}equation = \"u8@0\"")), 17, "equation", "a relation"),
        (with_row(&format!("{prefix}direction = \"out\"")), 17, "direction", "found \"out\""),
        (with_row(&format!("{prefix}reverse = \"goodbye\"")), 17, "reverse", "found \"goodbye\""),
        (with_row(&format!("{prefix}unless = [\"hello\"]")), 17, "unless", "a veto row"),
        (with_row(&format!("{prefix}every = \"g\"")), 15, "transport", "\"udp\" beside every"),
        (with_row(&format!("{prefix}confidence = \"sure\"")), 17, "confidence", "payload"),
        (with_row(&format!("{prefix}confidence = \"none\"")), 17, "confidence", "payload"),
        (with_row(&format!("{prefix}colour = \"red\"")), 17, "colour", "one of the keys"),
        (with_row(&format!("{tcp}contains = \"16 ??\"")), 16, "contains", "no wildcards"),
        (with_row(&format!("{tcp}length = 7")), 6, "prefix", "a condition to find the row by"),
        (with_row("port = 443"), 6, "prefix", "a condition to find the row by"),
        (with_row("host = \"Example.net\""), 15, "host", "lower-case host name"),
        (with_row("host = \"a.*.net\""), 15, "host", "'*'"),
        (with_row("host = \"{a,b.net\""), 15, "host", "alternatives"),
        (with_row("host = \"example.net\"\ncarrier = \"smtp\""), 16, "carrier", "found \"smtp\""),
        (with_row("host = \"example.net\"\ntransport = \"tcp\"\nprefix = \"16\""), 15, "host", "beside host"),
        (with_row("address = \"10.0.0.0/33\""), 15, "address", "a block such as"),
        (with_row("address = \"example.net\""), 15, "address", "a block such as"),
        (with_row("address = \"91.108.4.1/22\""), 15, "address", "first address, 91.108.4.0/22, found"),
        (with_row("address = \"2001:db8::1/32\""), 15, "address", "2001:db8::/32"),
        (with_row("seen = { since = 2023, until = 2016 }"), 15, "seen", "since no later than until"),
        // A misspelt key is told as such, not as a missing one.
        (
            with_row("transprt = \"tcp\"\nprefix = \"16\""),
            15,
            "transprt",
            "the key transport, found transprt",
        ),
        (with_row("prefix == \"16\""), 15, "syntax", "found: prefix == \"16\""),
        (in_full("[[signature]\nid = 1\n"), 6, "syntax", "found: [[signature]"),
        (with_row("http = 3"), 15, "http", "a table"),
        (with_row("http = { url = \"seven\" }"), 15, "url", "begins with '/'"),
        (with_row("http = { verb = \"GET\" }"), 15, "verb", "one of the keys"),
        (with_row("http = { disposition = \"a\", method = \"GET\" }"), 15, "disposition", "response"),
        (with_row("http = { disposition = \"a\", upgrade = \"b\" }"), 15, "disposition", "response"),
        (with_row("http = { method = \"GET\" }\ntransport = \"udp\""), 16, "transport", "\"tcp\" or nothing"),
        (with_row("stun = { type = 99999 }"), 15, "type", "0 to 16383"),
        (with_row("stun = { attributes = \"4000\" }"), 15, "attributes", "TYPE:LENGTH"),
        (with_row("stun = { first = \"40\" }"), 15, "first", "four hex digits"),
        (with_row("stun = { only = true }\ntransport = \"tcp\""), 16, "transport", "\"udp\" or nothing"),
        (with_row("rtp = { payload_type = 128 }"), 15, "payload_type", "0 to 127"),
        (with_row("rtp = { profile = \"bed\" }"), 15, "profile", "four hex digits"),
        (with_row(&format!("{prefix}start = \"middle\"")), 17, "start", "found \"middle\""),
        (
            with_row("transport = \"udp\"\nprefix = \"16\"\nstart = \"segment\""),
            17,
            "start",
            "transport \"tcp\"",
        ),
        (
            in_full(&with_row(prefix).replace(APP, "").replace("hit = [\"16 f1\"]", "hit = []")),
            12,
            "hit",
            "at least one",
        ),
        (
            in_full(&with_row(prefix).replace(APP, "").replace("miss = [\"17 f1\"]\n", "")),
            6,
            "miss",
            "at least one",
        ),
        (
            in_full(&with_row(prefix).replace(APP, "").replace("\"16 f1\"]\n", "\"16 ??\"]\n")),
            12,
            "hit",
            "plain bytes",
        ),
        (
            in_full(&with_row(prefix).replace(APP, "").replace("\"nowhere\"", "\"\"")),
            11,
            "source",
            "not empty",
        ),
    ]
}

#[test]
fn what_is_refused_is_told_with_file_line_key_and_what_was_expected() {
    let mut complaints = Vec::new();
    for (text, line, key, expected) in broken() {
        match load(&text) {
            Ok(_) => complaints.push(format!("taken: {key} ({expected})\n{text}")),
            Err(error) => {
                let right =
                    error.line == line && error.key.contains(key) && error.expected.contains(expected);
                let shown = error.to_string();
                if !right || !shown.starts_with(&format!("example.toml:{line}: ")) || shown.contains('\n') {
                    complaints.push(format!("line {line}, {key}, {expected}: {shown}\n{text}"));
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(
        load(&with_row("transport = \"tcp\"\nprefix = \"16 f1\"")).is_ok(),
        "without the mistake it loads"
    );
}

#[test]
fn two_files_may_not_share_an_app_or_a_number() {
    let one = with_row("transport = \"tcp\"\nprefix = \"16 f1\"");
    let two = |from: &str, to: &str| {
        let text = one.replace(from, to);
        let sources = [Source { file: "one.toml", text: &one }, Source { file: "two.toml", text: &text }];
        SignatureSet::load(&sources).map(|_| ()).expect_err("refused")
    };
    let same_app = two("901", "902");
    assert_eq!((same_app.file.as_str(), same_app.line), ("two.toml", 2));
    assert!(same_app.expected.contains("one.toml"), "{same_app}");
    let same_row = two("id = 9\nname = \"example\"", "id = 10\nname = \"other\"");
    assert_eq!((same_row.file.as_str(), same_row.line), ("two.toml", 7));
    assert!(same_row.expected.contains("901 is \"hello\" already"), "{same_row}");
}

#[test]
fn two_apps_may_not_have_the_same_name() {
    let one =
        with_row("host = [\"example.net\", \"example.org\"]").replace("\"16 f1\"", "\"name example.net\"");
    let one = one.replace("\"17 f1\"", "\"name a.example\"");
    let other = |host: &str| {
        let text =
            one.replace("id = 9\nname = \"example\"", "id = 10\nname = \"other\"").replace("901", "902");
        text.replace("[\"example.net\", \"example.org\"]", host)
            .replace("name example.net", "name b.example.org")
    };
    let load = |text: &str| {
        let sources = [Source { file: "one.toml", text: &one }, Source { file: "two.toml", text }];
        SignatureSet::load(&sources).map(|_| ())
    };
    let refused = load(&other("\"example.org\"")).expect_err("refused");
    assert_eq!((refused.file.as_str(), refused.line), ("two.toml", 6));
    assert!(refused.expected.contains("example.org is in \"hello\" of example"), "{refused}");
    // A more specific name is another one.
    load(&other("\"b.example.org\"")).unwrap();
}

#[test]
fn more_vetoes_and_pairs_than_a_flow_has_bits_for_are_refused() {
    let mut text = APP.to_owned();
    for id in 1..=33 {
        // A row that waits for itself in the other direction takes two bits.
        text += &format!(
            "[[signature]]\nid = {id}\nname = \"v{id}\"\nrole = \"chat\"\nreverse = \"v{id}\"\nwhy = \"w\"\nsource = \"s\"\ntransport = \"tcp\"\n\
             prefix = \"16\"\nhit = [\"16\"]\nmiss = [\"17\"]\n"
        );
    }
    let error = load(&text).map(|_| ()).expect_err("refused");
    assert_eq!((error.file.as_str(), error.line), ("example.toml", 6 + 32 * 11), "{error}");
    assert!(error.expected.contains("64"), "{error}");
}

/// A row with its own conditions, and vetoes that it names.
fn row_and_vetoes(number: usize, vetoes: usize) -> String {
    let row = |id: usize, name: &str, more: &str| {
        format!(
            "[[signature]]\nid = {id}\nname = \"{name}\"\nwhy = \"w\"\nsource = \"s\"\ntransport = \"tcp\"\n\
             prefix = \"16\"\nhit = [\"16\"]\nmiss = [\"17\"]\n{more}\n"
        )
    };
    let names: Vec<String> = (0..vetoes).map(|veto| format!("v{number}-{veto}")).collect();
    let mut text = row(number * 1000, &format!("r{number}"), &format!("role = \"chat\"\nunless = {names:?}"));
    for (veto, name) in names.iter().enumerate() {
        text += &row(number * 1000 + veto + 1, name, "veto = true");
    }
    text
}

#[test]
fn vetoes_named_together_take_one_bit() {
    assert!(load(&format!("{APP}{}", row_and_vetoes(1, 100))).is_ok());
    let of = |rows: usize| {
        let rows: String = (1..=rows).map(|number| row_and_vetoes(number, 2)).collect();
        load(&format!("{APP}{rows}"))
    };
    assert!(of(64).is_ok());
    let error = of(65).map(|_| ()).expect_err("refused");
    assert!(error.to_string().contains("64 bits"), "{error}");
}

/// A packet of 10.0.0.1 to a server.
fn classify(classifier: &Classifier, port: u16, transport: Transport, payload: &[u8]) -> Verdict {
    let five_tuple = FiveTuple {
        src: Address::v4([10, 0, 0, 1]),
        dst: Address::v4([192, 0, 2, 1]),
        src_port: 40_000,
        dst_port: port,
        transport,
    };
    let tcp = TcpFields { sequence: 1, flags: TcpFields::ACK };
    let packet = Packet { five_tuple, tcp, time_us: 0, payload, fragment: Fragment::Whole };
    classifier.classify(&mut Context::default(), &mut FlowState::default(), &packet)
}

/// How a host changes signatures under its running workers: each takes the current classifier for a packet or a batch.
struct Current(RwLock<Arc<Classifier>>);

impl Current {
    fn get(&self) -> Arc<Classifier> {
        Arc::clone(&self.0.read().expect("no writer panics"))
    }

    fn replace(&self, text: &str) -> Result<(), LoadError> {
        let fresh = Arc::new(Classifier::new(load(text)?, Options::default()));
        *self.0.write().expect("no writer panics") = fresh;
        Ok(())
    }
}

#[test]
fn a_broken_file_leaves_the_set_in_force() {
    let good = with_row("transport = \"tcp\"\nprefix = \"16 f1\"");
    let current = Current(RwLock::new(Arc::new(Classifier::new(load(&good).unwrap(), Options::default()))));
    let ours =
        |current: &Current, payload: &[u8]| classify(&current.get(), 443, Transport::Tcp, payload).is_match();
    assert!(ours(&current, b"\x16\xf1"));
    let error = current.replace(&good.replace("16 f1\"\n", "16 fx\"\n")).unwrap_err();
    assert_eq!((error.line, error.file.as_str()), (16, "example.toml"));
    assert!(ours(&current, b"\x16\xf1"), "the old set still classifies");
    let worker = current.get();
    current.replace(&good.replace("16 f1", "17 f1").replace("\"17 f1\"]\n#", "\"18 f1\"]\n#")).unwrap();
    assert!(ours(&current, b"\x17\xf1") && !ours(&current, b"\x16\xf1"), "the new set is in force");
    assert!(
        classify(&worker, 443, Transport::Tcp, b"\x16\xf1").is_match(),
        "who holds the old one goes on with it"
    );
}

#[test]
fn a_flow_lives_on_under_a_new_set() {
    // Bits of vetoes and pairs mean other rows in another set: what was gathered is forgotten, the verdict is not.
    let text = with_row("transport = \"tcp\"\nprefix = \"16 f1\"\nunless = [\"no\"]")
        + "[[signature]]\nid = 902\nname = \"no\"\nveto = true\nwhy = \"w\"\nsource = \"s\"\ntransport = \"tcp\"\n\
           prefix = \"99\"\nhit = [\"99\"]\nmiss = [\"98\"]\n";
    let before = Classifier::new(load(&text).unwrap(), Options::default());
    let after = Classifier::new(load(&text.replace("902", "903")).unwrap(), Options::default());
    let (mut context, mut flow) = (Context::default(), FlowState::default());
    let up = FiveTuple {
        src: Address::v4([10, 0, 0, 1]),
        dst: Address::v4([192, 0, 2, 1]),
        src_port: 40_000,
        dst_port: 443,
        transport: Transport::Tcp,
    };
    let mut play = |classifier: &Classifier, five_tuple, payload: &[u8]| {
        let tcp = TcpFields { sequence: 1, flags: TcpFields::ACK };
        let packet = Packet { five_tuple, tcp, time_us: 0, payload, fragment: Fragment::Whole };
        classifier.classify(&mut context, &mut flow, &packet)
    };
    assert!(play(&before, up, b"\x16\xf1").is_match());
    assert!(!play(&after, up.reversed(), b"\x99").is_match(), "the new set's veto withdraws");
}

/// A folder of its own under the system's temporary one, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wiremark-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.0.join(file), text).expect("a file");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const NEW_APP: &str = r#"
[app]
id = 40
name = "postbox"
roles = ["letters", "look-ups"]
lookup_role = "look-ups"

[[signature]]
id = 4001
name = "greeting"
role = "letters"
why = "each letter begins with its length and POST"
source = "the author's own captures"
transport = "tcp"
prefix = '{u8 1-9} "POST" (01|02)'
port = 2525
hit = ['03 00*3 "POST" 01']
miss = ['03 00*3 "POST" 03', 'port 443: 03 00*3 "POST" 01']

[[signature]]
id = 4002
name = "names"
role = "letters"
why = "the maker's domain"
source = "the author's own captures"
host = "postbox.example"
hit = ["name letters.postbox.example"]
miss = ["name postbox.example.org"]
"#;

#[test]
fn an_app_is_added_with_one_file() {
    let folder = Folder::new("new-app");
    for (file, text) in wiremark_signatures::EMBEDDED {
        folder.write(file, text);
    }
    let shipped = wiremark_signatures::read_folder(&folder.0).expect("the shipped files");
    folder.write("postbox.toml", NEW_APP);
    let set = wiremark_signatures::read_folder(&folder.0).expect("and one more");
    assert_eq!(set.apps().len(), shipped.apps().len() + 1);
    let classifier = Classifier::new(set, Options::default());
    let failures: Vec<String> = wiremark::check(&classifier).iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "its examples and everyone else's hold: {failures:#?}");

    let letter = classify(&classifier, 2525, Transport::Tcp, b"\x02..POST\x01");
    assert_eq!((letter.app, letter.confidence), (AppId(40), Confidence::Payload));
    assert_eq!(classifier.set().role_name(letter.app, letter.role), "letters");
    let query = wiremark_tests::protocol::dns::query(1, "www.postbox.example", 1);
    let look_up = classify(&classifier, 53, Transport::Udp, &query);
    assert_eq!((look_up.app, look_up.carrier), (AppId(40), Carrier::Dns));
    assert_eq!(classifier.set().role_name(look_up.app, look_up.role), "look-ups");
}

#[test]
fn a_folder_says_which_of_its_files_is_wrong() {
    let folder = Folder::new("wrong");
    folder.write("a.toml", NEW_APP);
    folder.write(
        "b.toml",
        &NEW_APP.replace("40", "41").replace("postbox\"", "pillarbox\"").replace("(01|02)", "(01|zz)"),
    );
    folder.write("notes.txt", "not a signature file");
    let error = wiremark_signatures::read_folder(&folder.0).map(|_| ()).expect_err("refused").to_string();
    assert!(error.contains("b.toml:15: ") && error.contains("greeting") && !error.contains('\n'), "{error}");
    let empty = Folder::new("empty");
    let error = wiremark_signatures::read_folder(&empty.0).map(|_| ()).expect_err("empty").to_string();
    assert!(error.contains("*.toml"), "{error}");
}

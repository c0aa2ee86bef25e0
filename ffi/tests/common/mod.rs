//! The library as users get it, and C programs made with it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::{env, fs, io};

use engine::{Classifier, Flow, Options, TrackerConfig};
use wiremark_capture::Capture;
use wiremark_probe::beside::Beside;
use wiremark_probe::flows::{flows, record};

/// Warnings are errors in everything that is compiled here.
const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];
/// What `wiremark.pc` names for those who link statically.
const PRIVATE: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Shared,
    Static,
}

pub const BOTH: [Link; 2] = [Link::Shared, Link::Static];

pub fn ffi() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn repository() -> PathBuf {
    ffi().parent().unwrap().to_path_buf()
}

/// Where tests put what they make.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Says past the test harness, which keeps what passing tests print to itself, that something was not run.
pub fn skip(why: &str) {
    let _ = writeln!(io::stderr(), "skipped: {why}");
}

pub fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Standard output of a command that must succeed.
pub fn must(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

pub fn is_there(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Whether programs can be linked with a system library; says so where not.
pub fn has_library(name: &str, header: &str, package: &str) -> bool {
    static PROBES: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one_at_a_time = PROBES.lock();
    let source = scratch("probes").join(format!("{name}.c"));
    fs::write(&source, format!("#include <{header}>\nint main(void) {{ return 0; }}\n")).unwrap();
    let out = source.with_extension("out");
    let there = run(Command::new("cc").arg(&source).arg(format!("-l{name}")).arg("-o").arg(out));
    if !there.status.success() {
        skip(&format!("lib{name} is not here (Debian: {package})"));
    }
    there.status.success()
}

pub fn has_pcap() -> bool {
    has_library("pcap", "pcap/pcap.h", "libpcap-dev")
}

/// The library, installed: `include`, `lib`, `lib/pkgconfig`.
pub fn installed() -> &'static Path {
    static STAGE: LazyLock<PathBuf> = LazyLock::new(|| {
        let stage = scratch("installed");
        must(install().env("PREFIX", &stage));
        stage
    });
    &STAGE
}

/// `install.sh` with libraries that are built already; where to stands in `PREFIX` and `DESTDIR`.
pub fn install() -> Command {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        // Chosen as this program was, so that all their parts are there: Cargo builds a part anew for the features that
        // others want of it.
        let selection = if wiremark_probe::IS_FULL { "--workspace" } else { "--package=wiremark-ffi" };
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--profile=test", "--locked", "--tests", "--lib", selection]);
        must(build.current_dir(repository()).env("CARGO_TARGET_DIR", target()));
        target().join("debug")
    });
    let mut install = Command::new("sh");
    install.arg(ffi().join("install.sh")).env("BUILT", &*BUILT);
    install.env_remove("DESTDIR").env_remove("LIBDIR");
    install
}

/// Cargo's target folder, whose name tests know only through their own.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_path_buf()
}

/// One C or C++ program, to be made with the installed library.
pub struct Program<'a> {
    pub source: PathBuf,
    pub standard: &'a str,
    pub link: Link,
    pub with: &'a [&'a str],
    /// A folder with another wiremark.h.
    pub include: Option<PathBuf>,
}

impl<'a> Program<'a> {
    pub fn new(source: &str, standard: &'a str, link: Link, with: &'a [&'a str]) -> Self {
        Self { source: ffi().join(source), standard, link, with, include: None }
    }

    /// The compiler's command line, but for what to write.
    fn command(&self) -> Command {
        let stage = installed();
        let mut command = Command::new(if self.standard.starts_with("c++") { "c++" } else { "cc" });
        command.arg(format!("-std={}", self.standard)).args(STRICT).arg("-g").arg("-O1");
        let include = self.include.clone().unwrap_or_else(|| stage.join("include"));
        command.arg(format!("-I{}", include.display())).arg(&self.source);
        let libraries = stage.join("lib");
        match self.link {
            Link::Shared => {
                command.arg(format!("-L{}", libraries.display())).arg("-lwiremark");
                command.arg(format!("-Wl,-rpath,{}", libraries.display()));
            }
            Link::Static => {
                command.arg(libraries.join("libwiremark.a")).args(PRIVATE);
            }
        }
        command.args(self.with);
        command
    }

    /// Compiles and links it, without a warning.
    pub fn make(&self, name: &str) -> PathBuf {
        let out = scratch("programs").join(format!("{name}-{:?}", self.link).to_lowercase());
        must(self.command().arg("-o").arg(&out));
        out
    }
}

/// The made capture that everybody has.
pub fn demo() -> PathBuf {
    let demo = repository().join("tests/demo.pcap");
    assert!(demo.exists(), "{} is missing", demo.display());
    demo
}

/// The folder of real captures, where there is one beside the repository (`shared/traces`).
pub fn traces() -> Option<PathBuf> {
    let found =
        repository().ancestors().map(|folder| folder.join("shared/traces")).find(|path| path.is_dir());
    if found.is_none() {
        skip("no real captures here (../shared/traces)");
    }
    found
}

/// The records that `wiremark classify --format json` prints, made in here: the command itself would have to be built first.
pub fn records(capture: &Path) -> Vec<serde_json::Value> {
    static SHIPPED: LazyLock<Classifier> =
        LazyLock::new(|| Classifier::new(wiremark_signatures::embedded().unwrap(), Options::default()));
    let mut records = Vec::new();
    let config = TrackerConfig::default();
    let config = Capture::frames_at_most(capture).map_or(config, |frames| config.for_frames(frames));
    // One that cannot be read has none, as the probe has none of it.
    let Ok(mut capture) = Capture::open(capture) else { return records };
    let take = |flow: &Flow, beside: Option<Box<Beside>>| {
        records.push(serde_json::to_value(record("-", flow, beside, SHIPPED.set())).unwrap());
    };
    flows(&mut capture, &SHIPPED, config, 1, take, |_| true);
    records
}

/// A flow and its verdict, as text that can be compared: end points, verdict, counts.
pub type Row = String;

/// What the command says of every flow, sorted.
pub fn rows_of_records(capture: &Path) -> Vec<Row> {
    let mut rows: Vec<Row> = records(capture).iter().map(row_of_json).collect();
    rows.sort();
    rows
}

pub fn word(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn row_of_json(flow: &serde_json::Value) -> Row {
    let end = |ip: &str, port: &str| {
        let ip: std::net::IpAddr = flow[ip].as_str().unwrap().parse().unwrap();
        std::net::SocketAddr::new(ip, flow[port].as_u64().unwrap() as u16)
    };
    // The command's records exchange the ends of what begins with a service's answer; the library has the end seen first.
    let is_turned = flow["originator_by"] == "port";
    let ways = |up: &str, down: &str| {
        let [up, down] = if is_turned { [down, up] } else { [up, down] };
        format!("{}/{}", flow[up], flow[down])
    };
    let ends = [end("src_ip", "src_port"), end("dest_ip", "dest_port")];
    let [src, dst] = if is_turned { [ends[1], ends[0]] } else { ends };
    format!(
        "{} {src} > {dst} {} {} {} {} {} {} {} packet {} packets {} bytes {}",
        word(&flow["proto"]),
        word(&flow["app"]),
        word(&flow["role"]),
        word(&flow["carrier"]),
        flow["confidence"].as_str().unwrap_or("none"),
        word(&flow["signature"]),
        flow["signature_id"].as_u64().unwrap_or(0),
        if flow["final"].as_bool().unwrap() { "final" } else { "open" },
        flow["decided_at_packet"].as_u64().unwrap_or(0),
        ways("packets_toserver", "packets_toclient"),
        ways("bytes_toserver", "bytes_toclient"),
    )
}

/// What the C probe says of every flow, sorted. Of a capture that is broken off it says what it could read.
pub fn rows_of_probe(command: &mut Command) -> Vec<Row> {
    let output = run(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{command:?}: {}\n{said}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let mut rows: Vec<Row> =
        text.lines().filter_map(|line| line.strip_prefix("ended ")).map(row_of_line).collect();
    rows.sort();
    rows
}

/// Without the flow's number, and with addresses as Rust writes them.
fn row_of_line(line: &str) -> Row {
    let mut words: Vec<String> = line.split(' ').skip(1).map(str::to_owned).collect();
    for at in [1, 3] {
        let end: std::net::SocketAddr = words[at].parse().unwrap();
        words[at] = end.to_string();
    }
    words.join(" ")
}

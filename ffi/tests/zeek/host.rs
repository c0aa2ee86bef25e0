//! A Zeek that is on the machine, with the plugin built for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

use crate::common::{installed, is_there, must, repository, run, scratch, skip};

pub(super) fn package() -> PathBuf {
    repository().join("plugins/zeek")
}

/// The folder of Zeek's commands: on the path, or where its packages put them.
pub(super) fn bin() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/opt/zeek/bin", "/usr/local/zeek/bin"].map(PathBuf::from))
        .find(|folder| folder.join("zeek").is_file() && folder.join("zeek-config").is_file())
}

/// Built as its README says, and Zeek's commands. `None`, and a word about it, where Zeek or a tool is missing.
pub(super) fn plugin() -> Option<&'static (PathBuf, PathBuf)> {
    static PLUGIN: OnceLock<Option<(PathBuf, PathBuf)>> = OnceLock::new();
    let built = PLUGIN.get_or_init(|| {
        let Some(bin) = bin() else {
            skip("Zeek is not here (8.1 or later; in no registry, built from source), so its plugin is neither built nor run");
            return None;
        };
        for tool in ["cmake", "pkg-config", "c++"] {
            if !is_there(tool) {
                skip(&format!("{tool} is not here, so Zeek's plugin is not built"));
                return None;
            }
        }
        let plugin = build(&bin, &installed().join("lib/pkgconfig"), "zeek-plugin");
        Some((bin, plugin))
    });
    built.as_ref()
}

/// The plugin, made with the wiremark that a folder of pkg-config names.
pub(super) fn build(bin: &Path, pkg_config: &Path, name: &str) -> PathBuf {
    let folder = scratch(name);
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(package()).arg("-B").arg(&folder).arg("-DCMAKE_CXX_FLAGS=-Wall -Wextra");
    configure.env("PKG_CONFIG_PATH", pkg_config).env("PATH", path_with(bin));
    must(&mut configure);
    must(Command::new("cmake").arg("--build").arg(&folder).env_remove("MAKEFLAGS").env_remove("MAKELEVEL"));
    folder
}

pub(super) fn path_with(bin: &Path) -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(bin.to_path_buf()).chain(std::env::split_paths(&path))).unwrap()
}

/// Time-outs are those of the command, so that connections are its flows; checksums of captures are often not filled in yet.
pub(super) const AS_THE_COMMAND: &str = "
redef ignore_checksums = T;
redef LogAscii::use_json = T;
redef tcp_inactivity_timeout = 30 min;
redef tcp_SYN_timeout = 30 min;
redef tcp_attempt_delay = 30 min;
redef tcp_close_delay = 30 min;
redef tcp_connection_linger = 30 min;
redef tcp_partial_close_delay = 30 min;
redef tcp_reset_delay = 30 min;
redef tcp_session_timer = 30 min;
redef udp_inactivity_timeout = 1 min;
redef dns_session_timeout = 1 min;
";

/// A folder with a script and, later, logs.
pub(super) struct Host {
    pub(super) folder: PathBuf,
    pub(super) bin: PathBuf,
    pub(super) plugin: PathBuf,
}

impl Host {
    pub(super) fn new(name: &str, script: &str) -> Option<Self> {
        let (bin, plugin) = plugin()?;
        let folder = scratch(&format!("zeek-{name}"));
        for old in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if old.extension().is_some_and(|ending| ending == "log") {
                fs::remove_file(old).unwrap();
            }
        }
        fs::write(folder.join("script.zeek"), format!("{AS_THE_COMMAND}{script}")).unwrap();
        Some(Self { folder, bin: bin.clone(), plugin: plugin.clone() })
    }

    pub(super) fn zeek(&self, capture: &Path) -> Command {
        let mut command = Command::new(self.bin.join("zeek"));
        command.current_dir(&self.folder).arg("-r").arg(capture).arg("script.zeek");
        command.env("ZEEK_PLUGIN_PATH", &self.plugin).env("PATH", path_with(&self.bin));
        command
    }

    pub(super) fn read(&self, capture: &Path) -> String {
        let output = run(&mut self.zeek(capture));
        assert!(output.status.success(), "{}: {}", capture.display(), text_of(&output));
        text_of(&output)
    }

    pub(super) fn log(&self, name: &str) -> Vec<Value> {
        lines_of(&self.folder.join(format!("{name}.log")))
    }
}

pub(super) fn lines_of(log: &Path) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(super) fn text_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Captures some of whose connections are not Zeek's, and why. README.md has the same in a table.
#[rustfmt::skip]
pub(super) const OTHERWISE: [(&str, &[&str]); 5] = [
    ("the file is broken off: Zeek ends with an error", &["fuzz-2021-10-13"]),
    (
        "its time goes back and Zeek's clock does not, so that time-outs come early",
        &[
            "whatsapp", "agora-sd-rtn", "avast", "c1222", "codm", "gaijin_warthunder", "ipsec_isakmp_esp", "syncthing",
            "tftp", "trdp",
        ],
    ),
    ("the outer connection is one, too", &["false_positives", "ja3_lots_of_cipher_suites_2_anon", "teredo", "vxlan", "zoom"]),
    (
        "Zeek does not open what carries it, or does not mind contradicting lengths",
        &[
            "capwap", "capwap_data", "fuzz-2020-02-16-11740", "ip_fragmented_garbage", "kerberos_fuzz", "someip_sd_sample",
        ],
    ),
    ("cut elsewhere: a new handshake on old ports", &["mongodb", "reasm_crash_anon", "rtsp"]),
];

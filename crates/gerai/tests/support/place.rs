//! A folder for a gateway of its own: the example's configuration, a master key, a database.

use super::{Said, Server, Shop, gerai, run, text};
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// 32 bytes in base64.
pub(crate) const MASTER_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// Others.
pub(crate) const OTHER_MASTER_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

/// A folder with the example's configuration, adjusted to it.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(place.path("master.key"), format!("{MASTER_KEY}\n")).unwrap();
        let example = run(["serve", "--example"]).done().out;
        let adjusted = example
            .replace("127.0.0.1:8080", "127.0.0.1:0")
            .replace("/var/lib/gerai/gerai.db", &place.path("gerai.db").display().to_string())
            .replace("/etc/gerai/master.key", &place.path("master.key").display().to_string());
        std::fs::write(place.path("gerai.toml"), adjusted).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self) -> String {
        std::fs::read_to_string(self.path("gerai.toml")).unwrap()
    }

    /// The same place with another configuration.
    pub(crate) fn with(self, change: impl FnOnce(String) -> String) -> Self {
        let changed = change(self.config());
        assert_ne!(changed, self.config(), "nothing was changed");
        std::fs::write(self.path("gerai.toml"), changed).unwrap();
        self
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = gerai();
        command.args(["serve", "--config"]).arg(self.path("gerai.toml"));
        command
    }

    pub(crate) fn start(&self) -> Server {
        Server::start_gateway(self.command())
    }

    pub(crate) fn merchant(&self, arguments: &str) -> Said {
        let mut command = gerai();
        command.arg("merchant").args(arguments.split(' ')).arg("--config").arg(self.path("gerai.toml"));
        Said::of(&mut command)
    }

    pub(crate) fn add_shop(&self) -> Shop {
        let added = self.merchant("add TOKOKOPI01 --name Kopi --json").done().json();
        Shop::new("TOKOKOPI01", text(&added, "merchantKey"))
    }
}

/// It does not start, and says `sentences`. One that starts after all is ended.
#[track_caller]
pub(crate) fn refuses(mut command: Command, sentences: &[&str]) {
    let asked = Instant::now();
    let mut child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if asked.elapsed() > Duration::from_secs(10) {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it was to refuse with {sentences:?}, and serves");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(status.code(), Some(1), "{err}");
    for sentence in sentences {
        assert!(err.contains(sentence), "{sentence:?} in {err}");
    }
    assert!(!err.contains(MASTER_KEY) && !err.contains(OTHER_MASTER_KEY) && !err.contains("panicked"), "{err}");
}

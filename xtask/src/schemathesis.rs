//! Holds the APIs' description against a running sandbox: schemathesis makes thousands of requests of it, right and wrong
//! ones, and looks whether the answers are as described.

use crate::{cargo, run};
use anyhow::{Context, bail};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Where its programs are put, and where it works.
const HOME: &str = "target/schemathesis";
/// Requests of each kind and call.
const EXAMPLES: &str = "150";

/// Fetches schemathesis, starts a sandbox of its own, and fails on a finding.
pub(crate) fn run_against_a_sandbox() -> anyhow::Result<()> {
    run("sandbox", &mut cargo(&["build", "--locked", "-p", "gerai"]))?;
    let home = Path::new(HOME);
    if !home.join("bin/pip").exists() {
        need_python()?;
        run("a place for schemathesis", Command::new("python3").args(["-m", "venv", HOME]))?;
    }
    run(
        "schemathesis",
        Command::new(home.join("bin/pip")).args(["install", "--quiet", "-r", "xtask/schemathesis/requirements.txt"]),
    )?;
    let sandbox = Sandbox::start()?;
    let settings = Path::new("xtask/schemathesis").canonicalize()?;
    run(
        "description held against a sandbox",
        Command::new(home.join("bin/schemathesis").canonicalize()?)
            .current_dir(home)
            .env("PYTHONPATH", &settings)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg("--config-file")
            .arg(settings.join("schemathesis.toml"))
            .args(["run", &format!("{}/docs/openapi.json", sandbox.url), "--max-examples", EXAMPLES]),
    )
}

fn need_python() -> anyhow::Result<()> {
    let works = || Command::new("python3").args(["-m", "venv", "--help"]).output().is_ok_and(|o| o.status.success());
    if !works() {
        bail!(
            "the description is held against a sandbox by schemathesis, a Python program: on Debian, `apt-get install python3-venv`"
        );
    }
    Ok(())
}

/// A sandbox that ends when this goes away.
struct Sandbox {
    child: Child,
    url: String,
    /// Held open, since the sandbox goes on writing to it.
    banner: BufReader<ChildStdout>,
}

impl Sandbox {
    /// Starts one on a free port, which its banner names.
    fn start() -> anyhow::Result<Self> {
        let mut child = Command::new("target/debug/gerai")
            .args(["sandbox", "--ephemeral", "--listen", "127.0.0.1:0", "--log-level", "error"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("the sandbox")?;
        let banner = BufReader::new(child.stdout.take().context("the sandbox's output")?);
        let mut sandbox = Self { child, url: String::new(), banner };
        let mut line = String::new();
        while sandbox.banner.read_line(&mut line)? > 0 {
            // The line of the merchant API is the address with a path behind it.
            if let Some(url) = line.split_whitespace().find_map(|word| word.strip_suffix("/nicepay")) {
                url.clone_into(&mut sandbox.url);
                return Ok(sandbox);
            }
            line.clear();
        }
        bail!("the sandbox ended before it said where it listens");
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Asked to end, it takes its temporary folder with it; one that is gone already is as good.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

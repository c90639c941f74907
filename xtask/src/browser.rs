//! What the browser tests need beside programs, and the pictures that they take for the guides.

use crate::{cargo, run};
use anyhow::Context;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Where the tests look for axe-core.
const AXE: &str = "target/axe-core";
/// Where its version and its hash are pinned.
const PINNED: &str = "xtask/axe";
const PICTURES: &str = "docs/pictures";

/// Fetches axe-core, unless the pinned version is there already.
pub(crate) fn bring_axe() -> anyhow::Result<()> {
    let home = Path::new(AXE);
    let fetched = home.join("fetched.json");
    let lock = fs::read(Path::new(PINNED).join("package-lock.json")).context("axe-core's pinned version")?;
    if fs::read(&fetched).is_ok_and(|fetched| fetched == lock) {
        return Ok(());
    }
    fs::create_dir_all(home)?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(Path::new(PINNED).join(name), home.join(name)).with_context(|| format!("{PINNED}/{name}"))?;
    }
    run("axe-core", Command::new("npm").current_dir(home).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    // Written last: a fetch that broke off is made again.
    fs::write(&fetched, lock).context("axe-core")
}

/// Takes the pictures anew, into the guides' folder.
pub(crate) fn take_pictures() -> anyhow::Result<()> {
    fs::create_dir_all(PICTURES)?;
    let folder = Path::new(PICTURES).canonicalize()?;
    run(
        "pictures",
        cargo(&["test", "--locked", "-p", "gerai", "--test", "browser", "pictures::"]).env("PICTURES_TO", folder),
    )
}

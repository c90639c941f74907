//! What the build and the tests need of the system. On Debian, as root, what is missing is installed; anywhere else it is
//! named.

use crate::run;
use anyhow::bail;
use std::process::Command;

/// A program, and Debian's packages that bring it.
struct Need {
    program: &'static str,
    packages: &'static [&'static str],
    what_for: &'static str,
}

const NEEDS: [Need; 7] = [
    Need {
        program: "cc",
        packages: &["gcc", "libc6-dev"],
        what_for: "builds SQLite, and the shim that counts syncs and breaks disks in the tests",
    },
    Need { program: "chromium", packages: &["chromium"], what_for: "looks at the pages" },
    Need { program: "chromedriver", packages: &["chromium-driver"], what_for: "is how the tests use Chromium" },
    Need { program: "zbarimg", packages: &["zbar-tools"], what_for: "reads the barcodes" },
    Need { program: "pdftotext", packages: &["poppler-utils"], what_for: "reads the printed voucher" },
    Need { program: "pdftoppm", packages: &["poppler-utils"], what_for: "draws the printed voucher" },
    Need {
        program: "npm",
        packages: &["npm", "ca-certificates"],
        what_for: "fetches the accessibility rules of axe-core",
    },
];

/// Looks for all of them, and installs what is missing if it can.
pub(crate) fn bring() -> anyhow::Result<()> {
    let missing: Vec<_> = NEEDS.iter().filter(|need| !is_there(need.program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<_> = missing.iter().flat_map(|need| need.packages).copied().collect();
    packages.dedup();
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !root || !is_there("apt-get") {
        let why: Vec<_> = missing.iter().map(|need| format!("  {} {}", need.program, need.what_for)).collect();
        bail!("missing:\n{}\nOn Debian: apt-get install {}", why.join("\n"), packages.join(" "));
    }
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run("package lists", apt_get().arg("update"))?;
    run("programs of the tests", apt_get().args(["install", "-y", "--no-install-recommends"]).args(packages))
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

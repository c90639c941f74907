//! What a developer runs: `cargo xtask ci` before each commit, `cargo xtask soak` before a release, `cargo xtask bench`
//! for the figures, `cargo xtask pictures` after a page has changed.

mod browser;
mod programs;
mod schemathesis;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Checks, long runs and measurements.
#[derive(Parser)]
#[command(about, after_help = "Example:\n  cargo xtask ci")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Format, lints, all tests, documentation, and a smoke run of the bench. Green means that it can ship.
    Ci,
    /// The tests with their full counts: 50 rounds of kills, many more cases of each property; and the APIs' description
    /// held against a sandbox.
    Soak,
    /// The last step of the soak alone: the APIs' description held against a sandbox by schemathesis.
    Schemathesis,
    /// Take the pictures of the guides anew, into docs/pictures.
    Pictures,
    /// Measure for release, beside the ceilings; writes target/bench.json.
    Bench {
        /// Passed on to the bench; see `cargo run -p gerai-bench -- --help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
    std::env::set_current_dir(root)?;
    match Cli::parse().task {
        Task::Ci => ci(),
        Task::Soak => soak(),
        Task::Schemathesis => schemathesis::run_against_a_sandbox(),
        Task::Pictures => pictures(),
        Task::Bench { arguments } => bench(&arguments),
    }
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

fn run(what: &str, command: &mut Command) -> anyhow::Result<()> {
    println!("\n── {what}");
    let begun = Instant::now();
    let status = command.status().with_context(|| format!("{what}: {command:?}"))?;
    if !status.success() {
        bail!("{what} failed: {command:?}");
    }
    println!("── {what}: {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Brings what the build and the tests need and cargo does not.
fn prepare() -> anyhow::Result<()> {
    programs::bring()?;
    browser::bring_axe()
}

fn ci() -> anyhow::Result<()> {
    let begun = Instant::now();
    prepare()?;
    run("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    run("lints", &mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    run("build", &mut cargo(&["build", "--workspace", "--all-targets", "--locked"]))?;
    run("tests", &mut cargo(&["test", "--workspace", "--locked"]))?;
    run("documentation", cargo(&["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    run(
        "bench, smoke run",
        &mut cargo(&[
            "run",
            "--locked",
            "-p",
            "gerai-bench",
            "--",
            "--smoke",
            "--gerai",
            "target/debug/gerai",
            "--out",
            "target/bench-smoke.json",
        ]),
    )?;
    println!("\nAll green in {:.0} s.", begun.elapsed().as_secs_f64());
    Ok(())
}

fn soak() -> anyhow::Result<()> {
    prepare()?;
    run("build", &mut cargo(&["build", "--workspace", "--all-targets", "--locked"]))?;
    run(
        "tests with their full counts",
        cargo(&["test", "--workspace", "--locked"]).env("CRASH_ROUNDS", "50").env("PROPTEST_CASES", "20000"),
    )?;
    schemathesis::run_against_a_sandbox()
}

fn pictures() -> anyhow::Result<()> {
    prepare()?;
    browser::take_pictures()
}

fn bench(arguments: &[String]) -> anyhow::Result<()> {
    run("build for release", &mut cargo(&["build", "--release", "--locked", "-p", "gerai", "-p", "gerai-bench"]))?;
    run("bench", Command::new("target/release/gerai-bench").args(arguments))
}

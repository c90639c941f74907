//! The table and the file.

use crate::load::Measured;
use serde::Serialize;
use std::fmt::Write;

/// All figures of one run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) connections: usize,
    pub(crate) rounds: usize,
    pub(crate) smoke: bool,
    pub(crate) machine: String,
    pub(crate) lines: Vec<Line>,
}

/// One line: the medians of its rounds.
#[derive(Serialize)]
pub(crate) struct Line {
    id: &'static str,
    what: &'static str,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    server_cpu_us: f64,
    ratio: Option<f64>,
    targets: Vec<Target>,
}

/// What a line should reach.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// So much of the ceiling's rate at least.
    Ratio(f64),
    /// Its p99 within so many milliseconds.
    P99(f64),
    /// Its p99 at most so many times that of another line, in milliseconds.
    P99Ratio {
        /// How many times.
        at_most: f64,
        /// What.
        of: f64,
    },
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

/// The median rate of several rounds.
pub(crate) fn median(rounds: &[Measured]) -> f64 {
    middle(rounds.iter().map(Measured::per_second).collect())
}

/// Which machine this is, as far as it tells.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    format!("{cores} cores, {}", model.unwrap_or_else(|| "unknown processor".into()))
}

/// The median p99 of several rounds, in milliseconds.
pub(crate) fn p99(rounds: &[Measured]) -> f64 {
    middle(rounds.iter().map(|round| round.percentile_ms(0.99)).collect())
}

impl Line {
    /// A line, beside its ceiling where it has one; `None` when it was not measured.
    pub(crate) fn of(
        id: &'static str,
        what: &'static str,
        ceiling: Option<f64>,
        targets: &[Target],
        rounds: &[Measured],
    ) -> Option<Self> {
        if rounds.is_empty() {
            return None;
        }
        let per_second = median(rounds);
        Some(Self {
            id,
            what,
            per_second,
            p50_ms: middle(rounds.iter().map(|round| round.percentile_ms(0.50)).collect()),
            p99_ms: p99(rounds),
            server_cpu_us: middle(rounds.iter().map(Measured::server_cpu_us).collect()),
            ratio: ceiling.map(|ceiling| per_second / ceiling),
            targets: targets.to_vec(),
        })
    }

    fn targets(&self) -> String {
        let said: Vec<String> = self
            .targets
            .iter()
            .map(|target| match target {
                Target::Ratio(ratio) => format!("≥ {ratio:.2}"),
                Target::P99(ms) => format!("p99 ≤ {ms:.0} ms"),
                Target::P99Ratio { at_most, of } => {
                    format!("p99 ≤ {at_most:.1} × {of:.2} ms; it is {:.2} ×", self.p99_ms / of)
                }
            })
            .collect();
        said.join(", ")
    }
}

impl Report {
    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "{} · {} connections · medians of {} rounds{}\n\n{:<3} {:<42} {:>10} {:>9} {:>9} {:>9} {:>7}  target\n",
            self.machine,
            self.connections,
            self.rounds,
            if self.smoke { " · smoke run, the figures mean nothing" } else { "" },
            "",
            "",
            "per second",
            "p50 ms",
            "p99 ms",
            "cpu µs",
            "ratio"
        );
        for line in &self.lines {
            let ratio = line.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            let targets = line.targets();
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{:<3} {:<42} {:>10.0} {:>9.2} {:>9.2} {:>9.1} {:>7}  {targets}",
                line.id, line.what, line.per_second, line.p50_ms, line.p99_ms, line.server_cpu_us, ratio
            );
        }
        text
    }
}

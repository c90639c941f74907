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
    target_ratio: Option<f64>,
    target_p99_ms: Option<f64>,
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

impl Line {
    /// The ceiling itself.
    pub(crate) fn ceiling(rounds: &[Measured]) -> Self {
        Self {
            id: "–",
            what: "HTTP ceiling",
            per_second: median(rounds),
            p50_ms: middle(rounds.iter().map(|round| round.percentile_ms(0.50)).collect()),
            p99_ms: middle(rounds.iter().map(|round| round.percentile_ms(0.99)).collect()),
            server_cpu_us: middle(rounds.iter().map(Measured::server_cpu_us).collect()),
            ratio: None,
            target_ratio: None,
            target_p99_ms: None,
        }
    }

    /// A line beside its ceiling.
    pub(crate) fn of(
        id: &'static str,
        what: &'static str,
        target_ratio: f64,
        target_p99_ms: Option<f64>,
        ceiling: f64,
        rounds: &[Measured],
    ) -> Self {
        let line = Self::ceiling(rounds);
        Self {
            id,
            what,
            ratio: Some(line.per_second / ceiling),
            target_ratio: Some(target_ratio),
            target_p99_ms,
            ..line
        }
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
            let mut target = line.target_ratio.map_or_else(String::new, |ratio| format!("≥ {ratio:.2}"));
            if let Some(p99) = line.target_p99_ms {
                target.push_str(&format!(", p99 ≤ {p99:.0} ms"));
            }
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{:<3} {:<42} {:>10.0} {:>9.2} {:>9.2} {:>9.1} {:>7}  {target}",
                line.id, line.what, line.per_second, line.p50_ms, line.p99_ms, line.server_cpu_us, ratio
            );
        }
        text
    }
}

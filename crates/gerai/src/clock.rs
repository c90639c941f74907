//! `gerai clock`: reads and moves a sandbox's clock.

use crate::{Ended, client};
use anyhow::bail;
use clap::{Args, Subcommand};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// The options of `gerai clock`.
#[derive(Args)]
#[command(after_help = "Example:\n  gerai clock advance 8h\n  gerai clock set 2026-12-31T21:59:50+07:00")]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
    /// The sandbox.
    #[arg(long, global = true, env = "GERAI_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Answer in JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Action {
    /// What the sandbox's clock shows.
    Show,
    /// Move it forward: 8h, 90m, 7d, PT3H.
    Advance {
        /// How far.
        by: String,
    },
    /// Move it forward to a time, as 2026-12-31T21:59:50+07:00.
    Set {
        /// When.
        to: String,
    },
    /// Make it stand still.
    Freeze,
    /// Let it go on from where it stands.
    Unfreeze,
}

/// Carries out one command.
pub(crate) async fn run(options: Options) -> anyhow::Result<Ended> {
    let url = format!("{}/sandbox/v1/clock", options.url.trim_end_matches('/'));
    let change = match options.action {
        Action::Show => None,
        Action::Advance { by } => Some(json!({ "advance": by })),
        Action::Set { to } => Some(json!({ "set": to })),
        Action::Freeze => Some(json!({ "freeze": true })),
        Action::Unfreeze => Some(json!({ "freeze": false })),
    };
    let answer = match change {
        None => client::get(&url).await?,
        Some(change) => client::post(&url, HeaderMap::new(), change.to_string().into_bytes()).await?,
    };
    if options.json {
        println!("{}", answer.body);
    } else if let Some(now) = answer.body.get("now").and_then(Value::as_str) {
        let frozen = answer.body.get("frozen").and_then(Value::as_bool).unwrap_or(false);
        println!("{now}{}", if frozen { "  (frozen)" } else { "" });
    }
    if answer.status == 200 {
        return Ok(Ended::Done);
    }
    if answer.status == 404 {
        bail!("{} is no sandbox: its clock is the real one, and cannot be moved", options.url);
    }
    let why = answer.body.get("error").or(answer.body.get("resultMsg")).and_then(Value::as_str);
    eprintln!("gerai: {}", why.unwrap_or("the sandbox refused"));
    Ok(Ended::Refused)
}

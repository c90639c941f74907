//! The part of the configuration that is about the outside: rates, connections, TLS, the proxies in front.

use crate::config::Length;
use anyhow::{Context, bail};
use gerai_gateway::{ConnectionLimits, Rate, Rates, Settings, TlsFiles};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// How many proxies there may be in front at most; more is a mistake.
const HOPS: usize = 8;

/// Open files that are kept for everything but clients' connections: the database, notifications, log and lookups.
const OTHER_FILES: u64 = 512;

/// The keys of one rate; what is left out stays as it is by default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RateConfig {
    per_minute: Option<u32>,
    burst: Option<u32>,
}

/// `[rates]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RatesConfig {
    #[serde(default)]
    merchant: RateConfig,
    #[serde(default)]
    partner: RateConfig,
    #[serde(default)]
    terminal: RateConfig,
    #[serde(default)]
    address: RateConfig,
    #[serde(default)]
    partner_misses: RateConfig,
    #[serde(default)]
    terminal_misses: RateConfig,
    #[serde(default)]
    merchant_misses: RateConfig,
    #[serde(default)]
    address_misses: RateConfig,
    #[serde(default)]
    pages: RateConfig,
    #[serde(default)]
    page_misses: RateConfig,
}

/// `[connections]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionsConfig {
    overall: Option<usize>,
    per_address: Option<usize>,
    idle: Option<Length>,
}

/// `[tls]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsConfig {
    certificate: PathBuf,
    key: PathBuf,
    #[serde(default)]
    look_every: Option<Length>,
}

/// All of it.
pub(crate) struct Edge<'a> {
    pub(crate) rates: &'a RatesConfig,
    pub(crate) connections: &'a ConnectionsConfig,
    pub(crate) tls: Option<&'a TlsConfig>,
    pub(crate) trusted_hops: usize,
}

impl Edge<'_> {
    /// Writes it into the settings.
    pub(crate) fn apply(&self, settings: &mut Settings) -> anyhow::Result<()> {
        if self.trusted_hops > HOPS {
            bail!("trusted_hops must be the number of proxies in front, at most {HOPS}");
        }
        settings.trusted_hops = self.trusted_hops;
        settings.rates = Some(self.rates.rates()?);
        let ConnectionsConfig { overall, per_address, idle } = self.connections;
        let defaults = ConnectionLimits::default();
        // Behind a proxy all connections come from its address.
        let usual = if self.trusted_hops > 0 { None } else { defaults.per_address };
        let limits = ConnectionLimits {
            overall: overall.unwrap_or(defaults.overall),
            per_address: per_address.map(Some).unwrap_or(usual),
        };
        if limits.overall == 0 || limits.per_address == Some(0) {
            bail!("connections.overall and connections.per_address must be at least 1");
        }
        settings.connections = limits;
        if let Some(Length(idle)) = idle {
            settings.header_timeout = Duration::try_from(*idle).context("connections.idle")?;
        }
        if let Some(TlsConfig { certificate, key, look_every }) = self.tls {
            settings.tls = Some(TlsFiles {
                certificate: certificate.clone(),
                key: key.clone(),
                look_every: match look_every {
                    Some(Length(length)) => Duration::try_from(*length).context("tls.look_every")?,
                    None => Duration::from_secs(5),
                },
            });
        }
        Ok(())
    }
}

impl RatesConfig {
    fn rates(&self) -> anyhow::Result<Rates> {
        let defaults = Rates::default();
        let Self {
            merchant,
            partner,
            terminal,
            address,
            partner_misses,
            terminal_misses,
            merchant_misses,
            address_misses,
            pages,
            page_misses,
        } = self;
        Ok(Rates {
            merchant: merchant.rate("merchant", defaults.merchant)?,
            partner: partner.rate("partner", defaults.partner)?,
            terminal: terminal.rate("terminal", defaults.terminal)?,
            address: address.rate("address", defaults.address)?,
            partner_misses: partner_misses.rate("partner_misses", defaults.partner_misses)?,
            terminal_misses: terminal_misses.rate("terminal_misses", defaults.terminal_misses)?,
            merchant_misses: merchant_misses.rate("merchant_misses", defaults.merchant_misses)?,
            address_misses: address_misses.rate("address_misses", defaults.address_misses)?,
            pages: pages.rate("pages", defaults.pages)?,
            page_misses: page_misses.rate("page_misses", defaults.page_misses)?,
        })
    }
}

impl RateConfig {
    fn rate(&self, name: &str, default: Option<Rate>) -> anyhow::Result<Option<Rate>> {
        let Self { per_minute, burst } = self;
        if *per_minute == Some(0) {
            return Ok(None);
        }
        if *burst == Some(0) {
            bail!("rates.{name}.burst must be at least 1; to switch this limit off, set rates.{name}.per_minute to 0");
        }
        let per_minute = per_minute.or(default.map(|rate| rate.per_minute.get()));
        let burst = burst.or(default.map(|rate| rate.burst.get()));
        Ok(per_minute.zip(burst).map(|(per_minute, burst)| Rate::new(per_minute, burst)))
    }
}

/// Asks the system for as many open files as `connections` take beside everything else, and takes fewer connections
/// where it grants less: a gateway that has no file left for its database can answer nobody.
pub(crate) fn fit_to_open_files(connections: &mut ConnectionLimits) {
    let wanted = u64::try_from(connections.overall).unwrap_or(u64::MAX).saturating_add(OTHER_FILES);
    let granted = match rlimit::increase_nofile_limit(wanted) {
        Ok(granted) => granted,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be looked at");
            return;
        }
    };
    if granted < wanted {
        let left = granted.saturating_sub(OTHER_FILES).max(granted / 2);
        connections.overall = usize::try_from(left).unwrap_or(usize::MAX).max(1);
        tracing::warn!(
            open_files = granted,
            connections = connections.overall,
            "fewer connections are taken than configured: raise the limit of open files (ulimit -n, LimitNOFILE)"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(text: &str) -> Rates {
        let config: RatesConfig = figment::Figment::new()
            .merge(<figment::providers::Toml as figment::providers::Format>::string(text))
            .extract()
            .unwrap();
        config.rates().unwrap()
    }

    #[test]
    fn what_is_left_out_of_a_rate_stays_as_it_is() {
        let defaults = Rates::default();
        assert_eq!(rates(""), defaults);
        let changed = rates("merchant = { burst = 7 }\npartner = { per_minute = 0 }\naddress.per_minute = 9");
        assert_eq!(changed.merchant, Some(Rate::new(12_000, 7)));
        assert_eq!(changed.partner, None);
        assert_eq!(changed.address, Some(Rate::new(9, 500)));
        assert_eq!(Rates { merchant: None, partner: None, address: None, ..changed }, {
            Rates { merchant: None, partner: None, address: None, ..defaults }
        });
    }
}

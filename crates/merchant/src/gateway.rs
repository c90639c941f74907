//! The other side: where the gateway is, what it does with a request that it has seen before, and from which addresses its
//! notifications come.

use ipnet::IpNet;
use std::net::IpAddr;
use url::Url;

/// A gateway as its merchants see it.
///
/// ```
/// use gerai_merchant::Gateway;
///
/// let sandbox = Gateway::at("http://127.0.0.1:8080")?;
/// let nicepay = Gateway::nicepay_development();
/// assert_eq!(nicepay.base_url(), "https://dev.nicepay.co.id");
/// # Ok::<(), gerai_merchant::GatewayError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Gateway {
    base: String,
    resends: Resends,
    senders: Senders,
}

/// What the gateway does with a registration or a cancel that is sent again, byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resends {
    /// It gets the first answer again (rules 10 and 14), so a lost answer can be fetched.
    AnsweredAgain,
    /// It may be refused as a duplicate, so after a lost answer nobody knows what has happened.
    MayBeRefused,
}

/// From which addresses notifications are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Senders {
    /// From anywhere: the token, the signature and the status inquiry decide.
    Anyone,
    /// From these networks alone.
    Only(Vec<IpNet>),
}

/// An address that no gateway can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the gateway's address cannot be used; give an absolute http or https one without user name, query and fragment"
)]
pub struct GatewayError;

/// The networks that NICEPAY sends its notifications from.
const NICEPAY_SENDERS: [&str; 2] = ["103.20.51.0/24", "103.117.8.0/24"];

impl Gateway {
    /// A gateway of this project, by its address: `https://pay.example` or `http://127.0.0.1:8080`. A path is kept, for
    /// one that stands behind a proxy.
    ///
    /// # Errors
    /// [`GatewayError`] for anything but an absolute http(s) address.
    pub fn at(base_url: &str) -> Result<Self, GatewayError> {
        let url = Url::parse(base_url).map_err(|_| GatewayError)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(GatewayError);
        }
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { base, resends: Resends::AnsweredAgain, senders: Senders::Anyone })
    }

    /// NICEPAY's development environment, `https://dev.nicepay.co.id` (S25).
    #[must_use]
    pub fn nicepay_development() -> Self {
        Self::nicepay("https://dev.nicepay.co.id")
    }

    /// NICEPAY's production, `https://www.nicepay.co.id` (S26).
    #[must_use]
    pub fn nicepay_production() -> Self {
        Self::nicepay("https://www.nicepay.co.id")
    }

    /// NICEPAY's development environment in the cloud, `https://dev-services.nicepay.co.id`, for merchants who were told
    /// to use it.
    #[must_use]
    pub fn nicepay_development_cloud() -> Self {
        Self::nicepay("https://dev-services.nicepay.co.id")
    }

    /// NICEPAY's production in the cloud, `https://services.nicepay.co.id`, for merchants who were told to use it.
    #[must_use]
    pub fn nicepay_production_cloud() -> Self {
        Self::nicepay("https://services.nicepay.co.id")
    }

    fn nicepay(base: &str) -> Self {
        let senders = NICEPAY_SENDERS.iter().map(|network| network.parse().expect("a network")).collect();
        Self { base: base.to_owned(), resends: Resends::MayBeRefused, senders: Senders::Only(senders) }
    }

    /// What it does with a request that is sent again. Say [`Resends::MayBeRefused`] of a gateway that is neither this
    /// project's nor known to answer the same again.
    #[must_use]
    pub fn with_resends(mut self, resends: Resends) -> Self {
        self.resends = resends;
        self
    }

    /// From which addresses its notifications come.
    #[must_use]
    pub fn with_senders(mut self, senders: Senders) -> Self {
        self.senders = senders;
        self
    }

    /// The address, without a slash at its end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// What it does with a request that is sent again.
    #[must_use]
    pub fn resends(&self) -> Resends {
        self.resends
    }

    /// From which addresses its notifications come.
    #[must_use]
    pub fn senders(&self) -> &Senders {
        &self.senders
    }
}

impl Senders {
    /// Whether a notification from `address` is accepted; `None` stands for one that is not known.
    #[must_use]
    pub fn include(&self, address: Option<IpAddr>) -> bool {
        match self {
            Self::Anyone => true,
            Self::Only(networks) => address
                .map(|address| address.to_canonical())
                .is_some_and(|address| networks.iter().any(|network| network.contains(&address))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_absolute_and_plain() {
        for (given, base) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://pay.example/", "https://pay.example"),
            ("https://shop.example/gerai//", "https://shop.example/gerai"),
        ] {
            assert_eq!(Gateway::at(given).unwrap().base_url(), base);
        }
        for wrong in
            ["", "pay.example", "ftp://pay.example", "https://a:b@pay.example", "https://pay.example/?x", "http://"]
        {
            assert_eq!(Gateway::at(wrong).err(), Some(GatewayError), "{wrong}");
        }
    }

    #[test]
    fn nicepay_sends_from_its_two_networks_alone_s30() {
        let senders = Gateway::nicepay_production().senders().clone();
        for (address, included) in [
            (Some("103.20.51.0"), true),
            (Some("103.20.51.255"), true),
            (Some("103.117.8.17"), true),
            (Some("::ffff:103.117.8.17"), true),
            (Some("103.20.52.0"), false),
            (Some("103.117.7.255"), false),
            (Some("127.0.0.1"), false),
            (Some("2001:db8::1"), false),
            (None, false),
        ] {
            let parsed = address.map(|address| address.parse().unwrap());
            assert_eq!(senders.include(parsed), included, "{address:?}");
        }
        assert!(Senders::Anyone.include(None));
    }
}

//! What a shop asks to be paid for: a Direct registration, which is answered with the payment number, or a Redirect one,
//! which is answered with the address of the payment page (S1).

use crate::credentials::Credentials;
use gerai_domain::wib;
use gerai_protocol::{Failure, Kind, MitraCd, ParseFailure, RegistrationRequest, ResultCode, check_cart};
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// The buyer, as the gateway wants to know him. What a shop does not ask its buyers may stay `-`.
///
/// ```
/// let buyer = gerai_merchant::Buyer::new("Sinta Amalina", "0812-3456", "sinta@example.com")
///     .living_at("Jl. Melati 5", "Jakarta", "DKI Jakarta", "12345");
/// assert_eq!(buyer.city, "Jakarta");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Buyer {
    /// `billingNm`, up to 100 characters.
    pub name: String,
    /// `billingPhone`, up to 15 characters.
    pub phone: String,
    /// `billingEmail`, up to 40 characters.
    pub email: String,
    /// `billingAddr`, up to 100 characters.
    pub address: String,
    /// `billingCity`, up to 50 characters.
    pub city: String,
    /// `billingState`, the province, up to 50 characters.
    pub state: String,
    /// `billingPostCd`, up to 10 characters.
    pub post_code: String,
    /// `billingCountry`, up to 10 characters.
    pub country: String,
}

impl Buyer {
    /// A buyer in Indonesia whose address is not known: `-`.
    #[must_use]
    pub fn new(name: impl Into<String>, phone: impl Into<String>, email: impl Into<String>) -> Self {
        let unknown = || "-".to_owned();
        Self {
            name: name.into(),
            phone: phone.into(),
            email: email.into(),
            address: unknown(),
            city: unknown(),
            state: unknown(),
            post_code: unknown(),
            country: "Indonesia".to_owned(),
        }
    }

    /// With the address: street, city, province, post code.
    #[must_use]
    pub fn living_at(
        mut self,
        address: impl Into<String>,
        city: impl Into<String>,
        state: impl Into<String>,
        post_code: impl Into<String>,
    ) -> Self {
        self.address = address.into();
        self.city = city.into();
        self.state = state.into();
        self.post_code = post_code.into();
        self
    }
}

/// Without the buyer's data: this is what lands in a log.
impl fmt::Debug for Buyer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buyer").finish_non_exhaustive()
    }
}

/// What both kinds are made of.
#[derive(Debug, Clone)]
struct Wish {
    request: RegistrationRequest,
    valid_for: Option<SignedDuration>,
    lines: Vec<serde_json::Value>,
}

/// A Direct registration: the shop shows the payment number itself.
///
/// ```
/// use gerai_merchant::{Buyer, DirectRegistration, MitraCd};
///
/// let buyer = Buyer::new("Sinta Amalina", "0812-3456", "sinta@example.com");
/// let order = DirectRegistration::new("ORD-1", 25_000, MitraCd::Indo, "Kopi", buyer);
/// assert_eq!((order.reference_no(), order.amount()), ("ORD-1", 25_000));
/// ```
#[derive(Debug, Clone)]
pub struct DirectRegistration(Wish);

/// A Redirect registration: the customer goes to the gateway's payment page, and chooses the store there.
///
/// ```
/// use gerai_merchant::{Buyer, RedirectRegistration};
///
/// let buyer = Buyer::new("Sinta Amalina", "0812-3456", "sinta@example.com");
/// let order = RedirectRegistration::new("ORD-2", 25_000, "Kopi", buyer).item("Kopi", 12_500, 2);
/// assert_eq!(order.amount(), 25_000);
/// ```
#[derive(Debug, Clone)]
pub struct RedirectRegistration(Wish);

macro_rules! setters {
    ($name:ident) => {
        impl $name {
            /// Until when it may be paid, to the second (S28). Without it the gateway's own period counts, by default
            /// seven days (S16).
            #[must_use]
            pub fn valid_until(mut self, deadline: Timestamp) -> Self {
                self.0.request.pay_valid_dt = Some(wib::date(deadline));
                self.0.request.pay_valid_tm = Some(wib::time(deadline));
                self.0.valid_for = None;
                self
            }

            /// How long it may be paid, from the moment it is sent (S28).
            #[must_use]
            pub fn valid_for(mut self, period: SignedDuration) -> Self {
                self.0.valid_for = Some(period);
                self
            }

            /// One line of the cart: what, the price of one in rupiah, and how many. Lines must add up to the amount.
            #[must_use]
            pub fn item(mut self, goods_name: impl Into<String>, goods_amt: u64, goods_quantity: u32) -> Self {
                self.0.lines.push(serde_json::json!({
                    "goods_name": goods_name.into(), "goods_detail": "", "img_url": "",
                    "goods_amt": goods_amt.to_string(), "goods_quantity": goods_quantity.to_string(),
                }));
                self
            }

            /// `dbProcessUrl` of this order, in place of the client's own.
            #[must_use]
            pub fn notify_at(mut self, db_process_url: impl Into<String>) -> Self {
                self.0.request.db_process_url = db_process_url.into();
                self
            }

            /// `description`, up to 1000 characters.
            #[must_use]
            pub fn description(mut self, description: impl Into<String>) -> Self {
                self.0.request.description = Some(description.into());
                self
            }

            /// `userIP`: the buyer's own address.
            #[must_use]
            pub fn user_ip(mut self, address: std::net::IpAddr) -> Self {
                self.0.request.user_ip = Some(address.to_string());
                self
            }

            /// `referenceNo`.
            #[must_use]
            pub fn reference_no(&self) -> &str {
                &self.0.request.reference_no
            }

            /// `amt`, rupiah.
            #[must_use]
            pub fn amount(&self) -> u64 {
                self.0.request.amount()
            }

            /// The request as it is sent: with the merchant, the time, and what the client gives to all.
            pub(crate) fn stamped(
                &self,
                credentials: &Credentials,
                now: Timestamp,
                own: &Addresses,
            ) -> Result<Prepared, Failure> {
                self.0.stamped(credentials, now, own)
            }
        }
    };
}
setters!(DirectRegistration);
setters!(RedirectRegistration);

impl DirectRegistration {
    /// An order of `amount` rupiah, payable at one chain's stores (S8).
    #[must_use]
    pub fn new(
        reference_no: impl Into<String>,
        amount: u64,
        mitra_cd: MitraCd,
        goods_nm: impl Into<String>,
        buyer: Buyer,
    ) -> Self {
        let mut wish = Wish::new(Kind::Direct, reference_no.into(), amount, goods_nm.into(), buyer);
        wish.request.mitra_cd = Some(mitra_cd);
        Self(wish)
    }
}

impl RedirectRegistration {
    /// An order of `amount` rupiah, for which the customer chooses the store.
    #[must_use]
    pub fn new(reference_no: impl Into<String>, amount: u64, goods_nm: impl Into<String>, buyer: Buyer) -> Self {
        Self(Wish::new(Kind::Redirect, reference_no.into(), amount, goods_nm.into(), buyer))
    }

    /// The page skips the choice: the store is known already.
    #[must_use]
    pub fn at_store(mut self, mitra_cd: MitraCd) -> Self {
        self.0.request.mitra_cd = Some(mitra_cd);
        self
    }

    /// `callBackUrl` of this order, in place of the client's own.
    #[must_use]
    pub fn call_back_at(mut self, call_back_url: impl Into<String>) -> Self {
        self.0.request.call_back_url = Some(call_back_url.into());
        self
    }
}

/// Where the gateway finds the shop, unless an order says otherwise.
#[derive(Debug, Clone, Default)]
pub(crate) struct Addresses {
    pub(crate) db_process_url: Option<String>,
    pub(crate) call_back_url: Option<String>,
}

/// A registration with its time on it, ready to go. Sent again it is the same request to the gateway, byte for byte.
#[derive(Clone)]
pub(crate) struct Prepared {
    request: RegistrationRequest,
    body: String,
    /// Whether its deadline was reckoned from its time.
    for_a_period: bool,
}

/// Stands where a token would: requests are kept without one.
const NO_TOKEN: &str = "-";

impl Prepared {
    pub(crate) fn request(&self) -> &RegistrationRequest {
        &self.request
    }

    /// The body, with its token.
    pub(crate) fn body(&self) -> &str {
        &self.body
    }

    /// The token that stands in the body.
    pub(crate) fn token(&self) -> &str {
        &self.request.merchant_token
    }

    /// Of what the shop asked for, whenever it asked: the same again, or something else under the same number. What time
    /// alone makes of it is left out.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        let mut wish = RegistrationRequest { time_stamp: None, ..self.request.clone() };
        if self.for_a_period {
            (wish.pay_valid_dt, wish.pay_valid_tm) = (None, None);
        }
        wish.fingerprint()
    }

    /// The request to keep until it is answered, without its token.
    pub(crate) fn kept(&self) -> String {
        self.body.replace(self.token(), NO_TOKEN)
    }

    /// A kept request, to be sent again.
    pub(crate) fn from_kept(kind: Kind, kept: &str, credentials: &Credentials) -> Result<Self, ParseFailure> {
        let request = RegistrationRequest::parse(kind, kept.as_bytes())?;
        Self::from_body(kind, request.to_json(credentials.key()), false)
    }

    /// Reads back what is to be sent, as the gateway will.
    fn from_body(kind: Kind, body: String, for_a_period: bool) -> Result<Self, ParseFailure> {
        Ok(Self { request: RegistrationRequest::parse(kind, body.as_bytes())?, body, for_a_period })
    }
}

/// Without the body, which holds a token and a buyer's data.
impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("request", &self.request).finish_non_exhaustive()
    }
}

impl Wish {
    fn new(kind: Kind, reference_no: String, amount: u64, goods_nm: String, buyer: Buyer) -> Self {
        let Buyer { name, phone, email, address, city, state, post_code, country } = buyer;
        let request = RegistrationRequest {
            amt: amount.to_string(),
            reference_no,
            goods_nm,
            billing_nm: name,
            billing_phone: phone,
            billing_email: email,
            billing_addr: Some(address),
            billing_city: city,
            billing_state: state,
            billing_post_cd: post_code,
            billing_country: country,
            ..RegistrationRequest::new(kind)
        };
        Self { request, valid_for: None, lines: Vec::new() }
    }

    fn stamped(&self, credentials: &Credentials, now: Timestamp, own: &Addresses) -> Result<Prepared, Failure> {
        let mut request = self.request.clone();
        credentials.imid().clone_into(&mut request.imid);
        if request.db_process_url.is_empty() {
            request.db_process_url = own.db_process_url.clone().unwrap_or_default();
        }
        if !self.lines.is_empty() {
            request.cart_data = Some(serde_json::json!({ "count": self.lines.len(), "item": self.lines }).to_string());
        }
        if request.kind == Kind::Redirect {
            request.call_back_url = request.call_back_url.or_else(|| own.call_back_url.clone());
            request.cart_data.get_or_insert_with(|| "{}".to_owned());
        }
        request.time_stamp = Some(wib::stamp(now));
        if let Some(period) = self.valid_for {
            let deadline = now.checked_add(period).map_err(|_| Failure::new(ResultCode::DeadlineOutOfRange))?;
            request.pay_valid_dt = Some(wib::date(deadline));
            request.pay_valid_tm = Some(wib::time(deadline));
        }
        let body = request.to_json(credentials.key());
        let prepared = Prepared::from_body(request.kind, body, self.valid_for.is_some())
            .map_err(|failure| failure.failure().clone())?;
        if let Some(cart) = &prepared.request.cart_data {
            check_cart(cart, prepared.request.amount())?;
        }
        Ok(prepared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buyer() -> Buyer {
        Buyer::new("Sinta Amalina", "0812-3456", "sinta@example.com")
    }

    fn own() -> Addresses {
        Addresses {
            db_process_url: Some("https://shop.example/notification".into()),
            call_back_url: Some("https://shop.example/callback".into()),
        }
    }

    fn merchant() -> Credentials {
        Credentials::new("GERAITEST1", "a key").unwrap()
    }

    fn now() -> Timestamp {
        "2031-05-05T16:59:59.5Z".parse().unwrap()
    }

    #[test]
    fn times_are_jakartas_s28() {
        let order = DirectRegistration::new("ORD-1", 25_000, MitraCd::Alma, "Kopi", buyer());
        let prepared = order.clone().valid_for(SignedDuration::from_hours(24)).stamped(&merchant(), now(), &own());
        let request = prepared.unwrap().request;
        assert_eq!(request.time_stamp.as_deref(), Some("20310505235959"));
        assert_eq!(
            (request.pay_valid_dt.as_deref(), request.pay_valid_tm.as_deref()),
            (Some("20310506"), Some("235959"))
        );
        let until = order.valid_until("2031-05-31T17:00:00Z".parse().unwrap());
        let request = until.stamped(&merchant(), now(), &own()).unwrap().request;
        assert_eq!(
            (request.pay_valid_dt.as_deref(), request.pay_valid_tm.as_deref()),
            (Some("20310601"), Some("000000"))
        );
    }

    #[test]
    fn a_kept_request_is_the_same_bytes_again_and_holds_no_token_rule_14() {
        let order = RedirectRegistration::new("ORD-é \"1\"", 25_000, "Kopi & Teh", buyer()).item("Kopi", 12_500, 2);
        let prepared = order.stamped(&merchant(), now(), &own()).unwrap();
        let kept = prepared.kept();
        assert_eq!(prepared.token().len(), 64);
        assert!(!kept.contains(prepared.token()) && prepared.body().contains(prepared.token()));
        let again = Prepared::from_kept(Kind::Redirect, &kept, &merchant()).unwrap();
        assert_eq!((again.body(), again.token()), (prepared.body(), prepared.token()));
    }

    #[test]
    fn the_same_wish_at_another_time_is_the_same_and_another_one_is_not() {
        let order = |amount| DirectRegistration::new("ORD-1", amount, MitraCd::Alma, "Kopi", buyer());
        let period = SignedDuration::from_hours(1);
        let first = order(25_000).valid_for(period).stamped(&merchant(), now(), &own()).unwrap();
        let later = order(25_000).valid_for(period).stamped(&merchant(), now() + period, &own()).unwrap();
        assert_ne!(first.request, later.request);
        assert_eq!(first.fingerprint(), later.fingerprint());
        let other = order(25_001).stamped(&merchant(), now(), &own()).unwrap();
        assert_ne!(first.fingerprint(), other.fingerprint());
    }

    #[test]
    fn what_the_gateway_would_refuse_is_refused_before_it_is_sent_s27() {
        let direct =
            |reference: &str, amount| DirectRegistration::new(reference, amount, MitraCd::Alma, "Kopi", buyer());
        let none = Addresses::default();
        for (order, own, code) in [
            (direct("ORD-1", 25_000), &none, ResultCode::DbProcessUrlWrong),
            (direct("", 25_000), &own(), ResultCode::ReferenceNoMissing),
            (direct(&"x".repeat(41), 25_000), &own(), ResultCode::ReferenceNoTooLong),
            (direct("ORD-1", 1_000_000_000_000), &own(), ResultCode::AmtNotAccepted),
            (direct("ORD-1", 25_000).item("Kopi", 12_500, 1), &own(), ResultCode::CartDataSumWrong),
            (direct("ORD-1", 25_000).notify_at("shop.example"), &own(), ResultCode::DbProcessUrlWrong),
            (direct("ORD-1", 25_000).description("a\nb"), &own(), ResultCode::Malformed),
        ] {
            assert_eq!(
                order.stamped(&merchant(), now(), own).map_err(|failure| failure.code).err(),
                Some(code),
                "{order:?}"
            );
        }
        let own = Addresses { call_back_url: None, ..own() };
        let redirect = RedirectRegistration::new("ORD-1", 25_000, "Kopi", buyer());
        let refused = redirect.stamped(&merchant(), now(), &own).map_err(|failure| failure.code).err();
        assert_eq!(refused, Some(ResultCode::CallBackUrlWrong));
    }
}

//! What is asked: registrations as an SDK sends them, spread over sixteen merchants, each different and correctly
//! signed; and inquiries for what was registered.

use anyhow::{Context, ensure};
use gerai_domain::{Actor, MerchantTerms};
use gerai_ledger::{Deed, MerchantAccount};
use gerai_protocol::{InquiryRequest, Kind, MerchantKey, MitraCd, PayMethod, RegistrationRequest};
use jiff::Timestamp;

/// How many merchants there are.
pub(crate) const MERCHANTS: usize = 16;

/// The n-th merchant's id.
pub(crate) fn imid(n: usize) -> String {
    format!("BENCHSHP{:02}", n % MERCHANTS)
}

/// The n-th merchant's key.
pub(crate) fn key(n: usize) -> String {
    format!("bench-key-{:02}-{}", n % MERCHANTS, "k".repeat(72))
}

/// The n-th merchant as the gateway knows it.
pub(crate) fn account(terms: MerchantTerms, n: usize) -> MerchantAccount {
    MerchantAccount {
        terms,
        key: key(n).into(),
        retired_key: None,
        webhook_secret: "whsec_YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2g=".into(),
        retired_webhook_secret: None,
    }
}

/// What the bench does beforehand, as the audit log has it.
pub(crate) fn deed() -> Deed {
    Deed::new(&Actor::Operator("bench".into()), Timestamp::now(), "bench-prepared", "everything")
}

fn reference_no(round: usize, index: usize) -> String {
    format!("ORDER-{round}-{index:07}")
}

fn amt(index: usize) -> String {
    (10_000 + index % 1_000_000).to_string()
}

const STAMP: &str = "20260101120000";

/// Bodies of registrations.
pub(crate) fn registrations(round: usize, count: usize) -> Vec<String> {
    let keys: Vec<MerchantKey> = (0..MERCHANTS).map(|n| MerchantKey::new(key(n))).collect();
    (0..count)
        .map(|index| {
            let request = RegistrationRequest {
                time_stamp: Some(STAMP.into()),
                imid: imid(index),
                pay_method: PayMethod::Cvs,
                amt: amt(index),
                reference_no: reference_no(round, index),
                goods_nm: "Kopi Gayo 250 g, giling halus".into(),
                billing_nm: "Siti Aminah".into(),
                billing_phone: "081234567890".into(),
                billing_email: "siti.aminah@example.com".into(),
                billing_addr: Some("Jalan Merdeka Barat 12, RT 02 RW 03".into()),
                billing_city: "Jakarta Pusat".into(),
                billing_state: "DKI Jakarta".into(),
                billing_post_cd: "10110".into(),
                billing_country: "Indonesia".into(),
                mitra_cd: Some(if index % 2 == 0 { MitraCd::Alma } else { MitraCd::Indo }),
                db_process_url: "https://shop.example.com/payment/notify".into(),
                ..RegistrationRequest::new(Kind::Direct)
            };
            request.to_json(&keys[index % MERCHANTS])
        })
        .collect()
}

/// Bodies of inquiries for the payments that were registered, as many as asked for, each with a time stamp of its own.
pub(crate) fn inquiries(
    registrations: &[String],
    answers: &[(usize, String)],
    count: usize,
) -> anyhow::Result<Vec<String>> {
    ensure!(!answers.is_empty(), "no registration was answered");
    let keys: Vec<MerchantKey> = (0..MERCHANTS).map(|n| MerchantKey::new(key(n))).collect();
    (0..count)
        .map(|n| {
            let (index, t_xid) = &answers[n % answers.len()];
            let registered = RegistrationRequest::parse(
                Kind::Direct,
                registrations.get(*index).context("a request for each answer")?.as_bytes(),
            )?;
            let request = InquiryRequest {
                time_stamp: format!("{:014}", 20_260_101_000_000_u64 + n as u64),
                t_xid: t_xid.clone(),
                imid: registered.imid,
                reference_no: registered.reference_no,
                amt: registered.amt,
                ..InquiryRequest::default()
            };
            Ok(request.to_json(&keys[index % MERCHANTS]))
        })
        .collect()
}

/// Whole HTTP requests.
pub(crate) fn prepare(path: &str, bodies: &[String]) -> Vec<Vec<u8>> {
    bodies
        .iter()
        .map(|body| {
            format!(
                "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        })
        .collect()
}

/// Whole HTTP requests for the payment pages of what was registered, as many as asked for, as a phone's browser asks.
pub(crate) fn pages(answers: &[(usize, String)], count: usize) -> anyhow::Result<Vec<Vec<u8>>> {
    ensure!(!answers.is_empty(), "no registration was answered");
    Ok((0..count)
        .map(|n| {
            let (_, t_xid) = &answers[n % answers.len()];
            format!(
                "GET /nicepay/redirect/v2/payment?tXid={t_xid} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/html\r\n\
                 accept-language: id-ID,id;q=0.9\r\n\r\n"
            )
            .into_bytes()
        })
        .collect())
}

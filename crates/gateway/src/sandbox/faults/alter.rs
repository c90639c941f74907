//! Makes a notification say something else: other fields, another token, another signature, or half a body.

use super::fault::{Alteration, Signature, Token};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gerai_delivery::{Due, Parcel, Prepare, PrepareError};
use gerai_protocol::{MerchantKey, notification_token};
use url::form_urlencoded;

/// A parcel that is ready as it is.
pub(super) struct Ready(pub(super) Parcel);

impl Prepare for Ready {
    fn prepare(&self, _: &Due) -> Result<Parcel, PrepareError> {
        Ok(self.0.clone())
    }
}

/// The true parcel with its alteration. `imid` and `key` are those that make a right token.
pub(super) fn altered(true_one: Parcel, imid: &str, key: &MerchantKey, alteration: &Alteration) -> Parcel {
    let Alteration { flip, set, token, signature, cut } = alteration;
    let mut fields: Vec<(String, String)> = form_urlencoded::parse(true_one.body.as_bytes()).into_owned().collect();
    if *flip {
        let flipped = if value(&fields, "status") == "0" { "1" } else { "0" };
        put(&mut fields, "status", flipped.into());
    }
    for (name, text) in set {
        put(&mut fields, name, text.clone());
    }
    // A token that was given stays as it was given.
    if !set.iter().any(|(name, _)| name == "merchantToken") {
        let (tx_id, amt) = (value(&fields, "tXid"), value(&fields, "amt"));
        let made = match token {
            Token::Right => notification_token(imid, tx_id, amt, key),
            Token::Wrong => notification_token(imid, tx_id, amt, &MerchantKey::new(drawn())),
        };
        put(&mut fields, "merchantToken", made);
    }
    let mut body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    if *cut {
        // A form is plain ASCII, so any byte is a boundary.
        body.truncate(body.len() / 2);
    }
    let webhook_secrets = match signature {
        Signature::Right => true_one.webhook_secrets.clone(),
        Signature::Wrong => vec![drawn().into()],
        Signature::None => Vec::new(),
    };
    Parcel { body, webhook_secrets, ..true_one }
}

fn value<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
}

fn put(fields: &mut Vec<(String, String)>, name: &str, text: String) {
    match fields.iter_mut().find(|(given, _)| given == name) {
        Some((_, value)) => *value = text,
        None => fields.push((name.to_owned(), text)),
    }
}

/// A key that nobody has, in base64 as webhook secrets are.
fn drawn() -> String {
    STANDARD.encode(rand::random::<[u8; 24]>())
}

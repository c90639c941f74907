//! What the counter's forms carry from page to page, so that the server need not remember a visit and a form is good
//! after a restart too: which till, which number, and from the first attempt on the trace number, so that asking again
//! is the same attempt (rule 8).

use super::slips::SlipId;
use gerai_domain::{Brand, Chain, PayNo, Rupiah};
use std::collections::HashMap;

/// The longest text that is kept of a field; beyond what the store API takes, so that it still refuses it.
const LONGEST: usize = 128;
/// The most fields of a form that are looked at.
const FIELDS: usize = 40;

/// A form's or an address's fields as they came; of those with the same name the last.
pub(super) struct Fields(HashMap<String, String>);

impl Fields {
    pub(super) fn read(encoded: &[u8]) -> Self {
        let pairs = url::form_urlencoded::parse(encoded).take(FIELDS);
        Self(pairs.map(|(name, value)| (name.into_owned(), value.chars().take(LONGEST).collect())).collect())
    }

    /// A field that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }
}

/// A till, a number, and what is known of the attempt.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    pub(super) brand: Brand,
    pub(super) store_code: String,
    pub(super) terminal_id: String,
    /// As it was typed, less what stands between groups.
    pub(super) pay_no: String,
    /// The attempt's name.
    pub(super) trace_no: Option<String>,
    /// What is owed.
    pub(super) amount: Option<Rupiah>,
    /// The cash in the cashier's hand.
    pub(super) given: Option<Rupiah>,
    /// Whether the payment is committed in the same go.
    pub(super) commit: bool,
    /// Why it is taken back.
    pub(super) reason: Option<String>,
    /// The slip that says what is owed.
    pub(super) bill: Option<SlipId>,
}

impl Carried {
    /// A till as nobody has changed it.
    fn usual(brand: Brand) -> Self {
        Self {
            brand,
            store_code: "GERAI01".into(),
            terminal_id: "1".into(),
            pay_no: String::new(),
            trace_no: None,
            amount: None,
            given: None,
            commit: true,
            reason: None,
            bill: None,
        }
    }

    /// A till that takes this number.
    pub(super) fn at_chain(chain: Chain, pay_no: PayNo) -> Self {
        let brand = chain.brands().first().copied().unwrap_or(Brand::Alfamart);
        Self { pay_no: pay_no.to_string(), ..Self::usual(brand) }
    }

    /// The same visit at a till of another brand: another attempt.
    pub(super) fn at_brand(&self, brand: Brand) -> Self {
        let Self { store_code, terminal_id, pay_no, .. } = self.clone();
        Self { store_code, terminal_id, pay_no, ..Self::usual(brand) }
    }

    pub(super) fn read(fields: &Fields) -> Self {
        let usual = Self::usual(fields.get("storeBrand").and_then(|code| code.parse().ok()).unwrap_or(Brand::Alfamart));
        let text = |name: &str| fields.get(name).map(str::to_owned);
        Self {
            brand: usual.brand,
            store_code: text("storeCode").unwrap_or(usual.store_code),
            terminal_id: text("terminalId").unwrap_or(usual.terminal_id),
            pay_no: fields.get("payNo").map(without_groups).unwrap_or_default(),
            trace_no: text("traceNo"),
            amount: fields.get("amount").and_then(|digits| Rupiah::parse(digits).ok()),
            // A button with a note on it says more than what stands in the field beside it.
            given: fields.get("note").or(fields.get("given")).and_then(cash),
            commit: fields.get("commit") != Some("later"),
            reason: text("reason"),
            bill: fields.get("bill").and_then(|id| id.parse().ok()),
        }
    }

    /// The hidden fields of a form.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let Self { brand, store_code, terminal_id, pay_no, trace_no, amount, given, commit, reason, bill } = self;
        let mut fields = vec![
            ("payNo", pay_no.clone()),
            ("storeBrand", brand.code().to_owned()),
            ("storeCode", store_code.clone()),
            ("terminalId", terminal_id.clone()),
        ];
        let optional = [
            ("traceNo", trace_no.clone()),
            ("amount", amount.map(|amount| amount.to_string())),
            ("given", given.map(|given| given.to_string())),
            ("commit", (!commit).then(|| "later".to_owned())),
            ("reason", reason.clone()),
            ("bill", bill.map(|bill| bill.to_string())),
        ];
        fields.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        fields
    }

    /// The change, where the cash is enough.
    pub(super) fn change(&self) -> Option<Rupiah> {
        Rupiah::new(self.given?.get().checked_sub(self.amount?.get())?).ok()
    }
}

/// A number as people write it, in groups with spaces or dashes between them, less those.
fn without_groups(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}')).collect()
}

/// Cash as people write it: `50000`, `50.000`, `Rp 50.000`.
fn cash(text: &str) -> Option<Rupiah> {
    let text = text.trim();
    let text = text.get(..2).filter(|start| start.eq_ignore_ascii_case("rp")).map_or(text, |_| &text[2..]);
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '.').collect();
    Rupiah::parse(&digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_however_it_is_grouped() {
        for text in ["123456789012", "1234 5678 9012", "1234-5678-9012", " 1234\u{a0}5678\u{2013}9012\t"] {
            assert_eq!(without_groups(text), "123456789012", "{text}");
        }
        assert_eq!(without_groups("12x4"), "12x4", "what is no digit is for the gateway to refuse");
    }

    #[test]
    fn rule_2_cash_is_whole_rupiah_however_it_is_written() {
        for text in ["50000", "50.000", " Rp 50.000 ", "rp50000", "50 000"] {
            assert_eq!(cash(text).map(Rupiah::get), Some(50_000), "{text}");
        }
        for text in ["", "-1", "50,5", "lima", "1e4", "Rp", "9999999999999"] {
            assert_eq!(cash(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_form_carries_comes_back_as_it_was() {
        let fields = b"payNo=1&storeBrand=LAWSON&storeCode=%3Cb%3E&terminalId=7&traceNo=T1&amount=10000&given=20000&\
            commit=later&reason=x&bill=0000000000000000000000000000002a";
        let carried = Carried::read(&Fields::read(fields));
        let mut again = url::form_urlencoded::Serializer::new(String::new());
        again.extend_pairs(carried.fields());
        assert_eq!(again.finish().as_bytes(), fields);
        assert_eq!(carried.change().map(Rupiah::get), Some(10_000));
    }
}

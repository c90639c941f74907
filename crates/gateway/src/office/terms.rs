//! The form of a merchant's terms: as it was typed, what is wrong beside each field, and the terms that it says.

use super::figures::{length, read_length, rupiah, typed_length};
use super::form::{Fields, Typed};
use crate::app::App;
use gerai_domain::{Chain, MerchantId, MerchantTerms, TermsError};
use jiff::SignedDuration;

/// The periods that most merchants have (S16).
const PERIODS: [SignedDuration; 3] =
    [SignedDuration::from_hours(24), SignedDuration::from_hours(3 * 24), SignedDuration::from_hours(7 * 24)];

/// The form.
pub(super) struct TermsForm {
    pub(super) name: Typed,
    pub(super) periods: Vec<PeriodOption>,
    pub(super) other: bool,
    /// The period, where it is none of the usual ones.
    pub(super) period: Typed,
    pub(super) direct: bool,
    pub(super) redirect: bool,
    pub(super) methods_wrong: Option<String>,
    pub(super) chains: Vec<ChainBox>,
    pub(super) chains_wrong: Option<String>,
    pub(super) line1: Typed,
    pub(super) line2: Typed,
    /// Whether a simulated store pays by itself; a sandbox alone has it.
    pub(super) auto_paid: Option<bool>,
    longest: SignedDuration,
}

/// A usual period, to choose.
pub(super) struct PeriodOption {
    pub(super) value: String,
    pub(super) name: String,
    pub(super) chosen: bool,
}

/// A chain, to tick.
pub(super) struct ChainBox {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) ticked: bool,
    pub(super) limits: String,
}

impl TermsForm {
    /// The form with these terms in it.
    pub(super) fn of(app: &App, terms: &MerchantTerms) -> Self {
        let MerchantTerms { id: _, name, period_secs: _, direct, redirect, chains, auto_paid, receipt_lines } = terms;
        let line = |n: usize| Typed::of(receipt_lines.get(n).map_or("", String::as_str));
        let period = typed_length(terms.period());
        Self {
            name: Typed::of(name),
            direct: *direct,
            redirect: *redirect,
            methods_wrong: None,
            chains_wrong: None,
            line1: line(0),
            line2: line(1),
            ..Self::with(app, &period, |chain| chains.contains(&chain), *auto_paid)
        }
    }

    /// The form as it was sent.
    pub(super) fn read(app: &App, fields: &Fields) -> Self {
        let typed = |name| Typed::of(fields.text(name));
        let period = match fields.text("period") {
            "other" => fields.text("other"),
            usual => usual,
        };
        let ticked = |chain: Chain| fields.all("chain").any(|code| code == chain.code());
        Self {
            name: typed("name"),
            direct: fields.has("direct"),
            redirect: fields.has("redirect"),
            line1: typed("line1"),
            line2: typed("line2"),
            ..Self::with(app, period, ticked, fields.has("auto_paid"))
        }
    }

    fn with(app: &App, period: &str, ticked: impl Fn(Chain) -> bool, auto_paid: bool) -> Self {
        let chosen = read_length(period).filter(|length| PERIODS.contains(length));
        let periods = PERIODS.map(|usual| PeriodOption {
            value: typed_length(usual),
            name: length(usual),
            chosen: chosen == Some(usual),
        });
        let chains = Chain::ALL.map(|chain| {
            let limits = app.rules.limits(chain);
            ChainBox {
                code: chain.code(),
                name: chain.name(),
                ticked: ticked(chain),
                limits: format!("{} to {}", rupiah(limits.min.get()), rupiah(limits.max.get())),
            }
        });
        Self {
            name: Typed::default(),
            periods: periods.into(),
            other: chosen.is_none(),
            period: Typed::of(period),
            direct: false,
            redirect: false,
            methods_wrong: None,
            chains: chains.into(),
            chains_wrong: None,
            line1: Typed::default(),
            line2: Typed::default(),
            auto_paid: app.sandbox.as_ref().map(|_| auto_paid),
            longest: app.rules.longest_period,
        }
    }

    /// What stands in the field for another period than the usual ones.
    pub(super) fn other_period(&self) -> &str {
        if self.other { &self.period.text } else { "" }
    }

    /// The terms, or `None` once it is said beside each field what is wrong there.
    pub(super) fn judge(&mut self, id: &MerchantId) -> Option<MerchantTerms> {
        let secs = read_length(&self.period.text).and_then(|length| u32::try_from(length.as_secs()).ok());
        if secs.is_none() {
            self.period.refuse("Write the period as 12h, 36h or 14d.");
        }
        let lines = [&self.line1.text, &self.line2.text];
        let terms = MerchantTerms {
            id: id.clone(),
            name: self.name.text.clone(),
            period_secs: secs.unwrap_or_default(),
            direct: self.direct,
            redirect: self.redirect,
            chains: self.chains.iter().zip(Chain::ALL).filter(|(bx, _)| bx.ticked).map(|(_, chain)| chain).collect(),
            auto_paid: self.auto_paid.unwrap_or_default(),
            receipt_lines: lines.into_iter().filter(|line| !line.is_empty()).cloned().collect(),
        };
        // The rules say the first thing that is wrong; each field is judged among others that are right, so that
        // everything is said at once.
        let usual = || MerchantTerms::usual(id.clone(), "x");
        let MerchantTerms { name, period_secs, direct, redirect, chains, receipt_lines, id: _, auto_paid: _ } =
            terms.clone();
        for one in [
            MerchantTerms { name, ..usual() },
            MerchantTerms { period_secs, ..usual() },
            MerchantTerms { direct, redirect, ..usual() },
            MerchantTerms { chains, ..usual() },
            MerchantTerms { receipt_lines, ..usual() },
        ] {
            if let Err(error) = one.check(self.longest) {
                self.refuse(&error);
            }
        }
        let Self { name, period, methods_wrong, chains_wrong, line1, line2, .. } = &*self;
        let beside = [&name.wrong, &period.wrong, methods_wrong, chains_wrong, &line1.wrong, &line2.wrong];
        beside.into_iter().all(Option::is_none).then_some(terms)
    }

    fn refuse(&mut self, error: &TermsError) {
        match error {
            // The id is not in this form.
            TermsError::Id => {}
            TermsError::Name => self.name.refuse("Write 1 to 60 characters on one line."),
            TermsError::Period { longest_days } => {
                self.period.refuse(format!("A period lasts at least 1 second and at most {longest_days} days."));
            }
            TermsError::NoMethod => self.methods_wrong = Some("Tick at least one.".into()),
            TermsError::NoChain => self.chains_wrong = Some("Tick at least one.".into()),
            TermsError::ReceiptLines => {
                for line in [&mut self.line1, &mut self.line2] {
                    if line.text.chars().count() > 40 || line.text.chars().any(char::is_control) {
                        line.refuse("A line has at most 40 characters.");
                    }
                }
            }
        }
    }
}

/// What differs between two versions of a merchant's terms, for the audit log; empty when nothing does.
pub(super) fn changes(old: &MerchantTerms, new: &MerchantTerms) -> String {
    let both = [old, new].map(|terms| {
        let MerchantTerms { id: _, name, period_secs: _, direct, redirect, chains, auto_paid, receipt_lines } = terms;
        let codes: Vec<&str> = chains.iter().map(|chain| chain.code()).collect();
        let yes_or_no = |yes: bool| String::from(if yes { "yes" } else { "no" });
        [
            ("name", format!("{name:?}")),
            ("period", length(terms.period())),
            ("direct", yes_or_no(*direct)),
            ("redirect", yes_or_no(*redirect)),
            ("chains", codes.join(" ")),
            ("AutoPaid", yes_or_no(*auto_paid)),
            ("receipt lines", format!("{receipt_lines:?}")),
        ]
    });
    let [old, new] = both;
    let differ = old.into_iter().zip(new).filter(|(old, new)| old != new);
    let said: Vec<String> = differ.map(|((name, old), (_, new))| format!("{name}: {old} → {new}")).collect();
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_log_says_what_changed_from_what_to_what() {
        let old = MerchantTerms::usual("TOKOKOPI01".parse().unwrap(), "Toko Kopi");
        let mut new = old.clone();
        assert_eq!(changes(&old, &new), "");
        new.name = "Toko \"Kopi\" Gayo".into();
        new.period_secs = 86_400;
        new.chains = vec![Chain::Indo];
        assert_eq!(
            changes(&old, &new),
            r#"name: "Toko Kopi" → "Toko \"Kopi\" Gayo"; period: 7 days → 24 hours; chains: ALMA INDO → INDO"#
        );
    }
}

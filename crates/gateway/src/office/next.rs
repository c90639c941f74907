//! Where to go after signing in: the page that was asked for, as long as it is one of the back office's own. Whatever else
//! an address asks for leads to the first page, so that no link to the sign-in page sends anybody elsewhere.

use super::{HOME, sign_in};
use std::sync::LazyLock;
use url::{Position, Url};

/// Whatever stands here: paths are judged as a browser would resolve them from it.
static HERE: LazyLock<Url> = LazyLock::new(|| Url::parse("http://here.invalid/").expect("an address as good as any"));

/// The longest address that is kept.
const LONGEST: usize = 2_000;

/// The path and query to go to, as a browser would read them.
pub(super) fn way_on(asked: &str) -> String {
    let ours = |asked: &str| {
        if asked.len() > LONGEST || !asked.starts_with('/') {
            return None;
        }
        let url = HERE.join(asked).ok()?;
        let below = url.path().strip_prefix(HOME)?;
        let inside = below.is_empty() || below.starts_with('/');
        (url.origin() == HERE.origin() && inside && url.path() != sign_in::PATH)
            .then(|| url[Position::BeforePath..Position::AfterQuery].to_owned())
    };
    ours(asked).unwrap_or_else(|| HOME.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_the_back_office_is_gone_on_to() {
        for (asked, way) in [
            ("/office/payments?state=paid&q=a%20b", "/office/payments?state=paid&q=a%20b"),
            ("/office", "/office"),
            ("/office?x=1#y", "/office?x=1"),
            ("", HOME),
            ("office/payments", HOME),
            ("https://evil.example/office/", HOME),
            ("//evil.example/office/", HOME),
            ("/\\evil.example/office/", HOME),
            ("/\t/evil.example/office", HOME),
            ("/office/../../metrics", HOME),
            ("/office/%2e%2e/metrics", HOME),
            ("/officers", HOME),
            ("/office@evil.example/", HOME),
            ("/office/sign-in?next=/office", HOME),
            ("javascript:alert(1)", HOME),
            ("/office\r\nSet-Cookie: a=b", HOME),
            (&format!("/office/{}", "x".repeat(LONGEST)), HOME),
        ] {
            assert_eq!(way_on(asked), way, "{asked:?}");
        }
        assert_eq!(way_on("/office/a\r\nb"), "/office/ab", "as a browser reads it");
    }
}

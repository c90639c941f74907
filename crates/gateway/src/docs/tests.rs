use super::Docs;
use crate::app::App;
use crate::{merchant_api, sandbox, store_api};
use axum::Router;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The paths of a router. axum keeps its table to itself but for its debug text, where every path stands between
/// quotation marks, and so do the two that its fallback is made of.
fn paths(router: &Router<Arc<App>>) -> BTreeSet<String> {
    let text = format!("{router:?}");
    let own = |path: &&str| path.starts_with('/') && *path != "/" && !path.contains("axum_fallback");
    let paths: BTreeSet<String> = text.split('"').filter(own).map(|path| path.replace("{pay_no}", "{payNo}")).collect();
    assert!(paths.len() >= 4, "the paths of {text}");
    paths
}

#[test]
fn every_route_of_the_three_apis_is_described_and_nothing_else() {
    let mut routed = paths(&merchant_api::router());
    routed.extend(paths(&store_api::router()));
    let real: BTreeSet<String> = Docs::new(false, "https://pay.example", false).paths();
    assert_eq!(real, routed, "a gateway that is no sandbox");
    routed.extend(paths(&sandbox::router()).into_iter().map(|path| format!("/sandbox/v1{path}")));
    assert_eq!(Docs::new(true, "https://pay.example", false).paths(), routed, "a sandbox");
}

impl Docs {
    fn paths(&self) -> BTreeSet<String> {
        self.calls().iter().map(|call| call.path.to_owned()).collect()
    }
}

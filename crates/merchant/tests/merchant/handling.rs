//! The handlers' runs: one that hangs holds up its own order alone, and no stop (S23).

use crate::shop::{Stage, client, direct, open_book};
use crate::support::until;
use gerai_merchant::{Gateway as OtherSide, HandlerError, Shop, Transition};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn s23_a_handler_that_hangs_is_cut_off_and_holds_up_no_other_order() {
    let stage = Stage::set().await;
    let dir = tempfile::tempdir().unwrap();
    let (hung, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (Arc::clone(&hung), Arc::clone(&done));
    let other_side = OtherSide::at(&format!("http://{}", stage.gateway.addr)).unwrap();
    let shop = Shop::builder(client(other_side).notify_at("https://shop.example/notification"), open_book(&dir))
        .handler(move |change: Transition| {
            let (hung, done) = counts.clone();
            async move {
                if change.reference_no == "ORD-1" {
                    hung.fetch_add(1, Ordering::SeqCst);
                    std::future::pending::<()>().await;
                }
                done.fetch_add(1, Ordering::SeqCst);
                Ok::<(), HandlerError>(())
            }
        })
        .handler_patience(Duration::from_secs(2))
        .build()
        .unwrap();
    let stop = CancellationToken::new();
    let working = tokio::spawn(shop.clone().run(stop.clone()));
    shop.register_direct(&direct("ORD-1")).await.unwrap();
    until("the first hangs", async || hung.load(Ordering::SeqCst) == 1).await;
    shop.register_direct(&direct("ORD-2")).await.unwrap();
    until("the second is handled", async || done.load(Ordering::SeqCst) == 1).await;
    // It has failed, so it comes again.
    until("the first is run again", async || hung.load(Ordering::SeqCst) == 2).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(15), working).await.unwrap().unwrap();
    assert_eq!(shop.book().tally().await.unwrap().unhandled, 1, "it is not taken for done");
}

//! Who finds the addresses of a host name. The system's resolver holds a thread for each look-up, for as long as a name
//! server does not answer, and longer than the attempt that asked. So names that resolved the last time have threads of
//! their own, which no number of names that hang can take from them, and of each name one look-up runs at a time.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

/// Finds the addresses of a host name.
#[async_trait]
pub trait Lookup: Send + Sync + 'static {
    /// The addresses of `name`, in the order in which they should be tried.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's own resolver, with a bound on how many of its look-ups run at one time.
pub struct SystemLookup {
    desk: Arc<Desk>,
}

impl SystemLookup {
    /// Look-ups of names that resolved the last time. With the others, three quarters of the threads that Tokio keeps
    /// for blocking work.
    const KNOWN_AT_ONCE: usize = 128;
    /// Look-ups of names that are new or did not resolve the last time.
    const OTHERS_AT_ONCE: usize = 256;

    fn new(known_at_once: usize, others_at_once: usize, resolve: Box<Resolve>) -> Self {
        Self {
            desk: Arc::new(Desk {
                resolve,
                known: Arc::new(Semaphore::new(known_at_once)),
                others: Arc::new(Semaphore::new(others_at_once)),
                names: Mutex::default(),
            }),
        }
    }
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self::new(
            Self::KNOWN_AT_ONCE,
            Self::OTHERS_AT_ONCE,
            Box::new(|name| Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())),
        )
    }
}

impl fmt::Debug for SystemLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemLookup").finish_non_exhaustive()
    }
}

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut answer = self.desk.ask(name);
        match &*answer.wait_for(Option::is_some).await.map_err(io::Error::other)? {
            Some(Ok(addresses)) => Ok(addresses.to_vec()),
            Some(Err(error)) => Err(io::Error::new(error.kind(), Arc::clone(error))),
            None => Err(io::ErrorKind::Interrupted.into()),
        }
    }
}

/// A resolver that blocks the thread that calls it.
type Resolve = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// What a look-up found, for all who asked while it ran; nothing yet while it does.
type Answer = Option<Result<Arc<[IpAddr]>, Arc<io::Error>>>;

struct Desk {
    resolve: Box<Resolve>,
    known: Arc<Semaphore>,
    others: Arc<Semaphore>,
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    /// Those that resolved the last time, and when that was.
    resolved: HashMap<Arc<str>, Instant>,
    /// The look-ups that run, or wait until they may.
    under_way: HashMap<Arc<str>, Arc<watch::Sender<Answer>>>,
}

impl Names {
    /// How many that resolved are remembered; the one that did so longest ago is forgotten first.
    const REMEMBERED: usize = 10_000;

    fn ended(&mut self, name: Arc<str>, resolved: bool) {
        self.under_way.remove(&name);
        if !resolved {
            self.resolved.remove(&name);
            return;
        }
        if self.resolved.len() >= Self::REMEMBERED
            && !self.resolved.contains_key(&name)
            && let Some(oldest) = self.resolved.iter().min_by_key(|(_, at)| **at).map(|(name, _)| Arc::clone(name))
        {
            self.resolved.remove(&oldest);
        }
        self.resolved.insert(name, Instant::now());
    }
}

impl Desk {
    /// Joins the look-up of this name that is under way, or begins one.
    fn ask(self: &Arc<Self>, name: &str) -> watch::Receiver<Answer> {
        let mut names = self.names.lock();
        if let Some(under_way) = names.under_way.get(name) {
            return under_way.subscribe();
        }
        let name: Arc<str> = name.into();
        let (tell, answer) = watch::channel(None);
        let tell = Arc::new(tell);
        names.under_way.insert(Arc::clone(&name), Arc::clone(&tell));
        let turns = if names.resolved.contains_key(&name) { &self.known } else { &self.others };
        tokio::spawn(Arc::clone(self).look_up(name, Arc::clone(turns), tell));
        answer
    }

    async fn look_up(self: Arc<Self>, name: Arc<str>, turns: Arc<Semaphore>, tell: Arc<watch::Sender<Answer>>) {
        let mut turn = pin!(turns.acquire_owned());
        let turn = loop {
            tokio::select! {
                turn = &mut turn => break turn,
                () = tell.closed() => {
                    let mut names = self.names.lock();
                    // Under the lock nobody can join any more.
                    if tell.receiver_count() == 0 {
                        names.under_way.remove(&name);
                        return;
                    }
                }
            }
        };
        let (desk, asked) = (Arc::clone(&self), Arc::clone(&name));
        let resolving = tokio::task::spawn_blocking(move || {
            // Held until the system answers, whether or not anybody still waits.
            let _turn = turn;
            (desk.resolve)(&asked)
        });
        let found = resolving.await.map_err(io::Error::from).flatten().map(Arc::from).map_err(Arc::new);
        self.names.lock().ended(name, found.is_ok());
        tell.send_replace(Some(found));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parking_lot::Condvar;
    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A resolver whose names hang, while it is shut, if they say so.
    #[derive(Default)]
    struct Script {
        state: Mutex<State>,
        changed: Condvar,
    }

    #[derive(Default)]
    struct State {
        open: bool,
        hanging: usize,
        asked: usize,
        fails: bool,
    }

    impl Script {
        fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
            let mut state = self.state.lock();
            state.asked += 1;
            if name.contains("hangs") {
                state.hanging += 1;
                while !state.open {
                    self.changed.wait(&mut state);
                }
                state.hanging -= 1;
                return Err(io::ErrorKind::TimedOut.into());
            }
            if state.fails { Err(io::ErrorKind::NotFound.into()) } else { Ok(vec![IpAddr::from([8, 8, 8, 8])]) }
        }

        fn open(&self) {
            self.state.lock().open = true;
            self.changed.notify_all();
        }

        async fn until(&self, what: &str, holds: impl Fn(&State) -> bool) {
            let begun = Instant::now();
            while !holds(&self.state.lock()) {
                assert!(begun.elapsed() < PATIENCE, "in vain: {what}");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    /// Lets go of every thread at the end, or the runtime would wait for them.
    struct Rehearsal {
        script: Arc<Script>,
        lookup: Arc<SystemLookup>,
    }

    impl Rehearsal {
        fn new(known: usize, others: usize) -> Self {
            let script = Arc::new(Script::default());
            let played = Arc::clone(&script);
            let lookup = Arc::new(SystemLookup::new(known, others, Box::new(move |name| played.resolve(name))));
            Self { script, lookup }
        }

        async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>> {
            timeout(PATIENCE, self.lookup.lookup(name)).await.expect("it hangs")
        }

        fn asking(&self, names: impl IntoIterator<Item = String>) -> JoinSet<io::Result<Vec<IpAddr>>> {
            let mut asking = JoinSet::new();
            for name in names {
                let lookup = Arc::clone(&self.lookup);
                asking.spawn(async move { lookup.lookup(&name).await });
            }
            asking
        }
    }

    impl Drop for Rehearsal {
        fn drop(&mut self) {
            self.script.open();
        }
    }

    #[tokio::test]
    async fn rule_13_names_that_resolved_before_do_not_wait_for_any_number_that_hang() {
        let rehearsal = Rehearsal::new(2, 4);
        rehearsal.look_up("shop.example").await.unwrap();
        let asking = rehearsal.asking((0..100).map(|n| format!("hangs-{n}.example")));
        rehearsal.script.until("as many hang as may", |state| state.hanging == 4).await;
        for _ in 0..10 {
            rehearsal.look_up("shop.example").await.unwrap();
        }
        // A new one cannot be told from one that hangs.
        assert!(timeout(Duration::from_millis(50), rehearsal.lookup.lookup("new.example")).await.is_err());
        assert_eq!(rehearsal.script.state.lock().hanging, 4);
        drop(asking);
        rehearsal.script.open();
        rehearsal.look_up("new.example").await.unwrap();
    }

    #[tokio::test]
    async fn a_name_that_did_not_resolve_the_last_time_is_like_a_new_one_until_it_does() {
        let rehearsal = Rehearsal::new(2, 4);
        rehearsal.look_up("shop.example").await.unwrap();
        rehearsal.script.state.lock().fails = true;
        assert_eq!(rehearsal.look_up("shop.example").await.unwrap_err().kind(), io::ErrorKind::NotFound);
        rehearsal.script.state.lock().fails = false;
        let _asking = rehearsal.asking((0..4).map(|n| format!("hangs-{n}.example")));
        rehearsal.script.until("all threads are taken", |state| state.hanging == 4).await;
        assert!(timeout(Duration::from_millis(50), rehearsal.lookup.lookup("shop.example")).await.is_err());
        rehearsal.script.open();
        rehearsal.look_up("shop.example").await.unwrap();
        assert!(rehearsal.lookup.desk.names.lock().resolved.contains_key("shop.example"));
    }

    #[tokio::test]
    async fn whoever_asks_for_a_name_that_is_being_looked_up_shares_its_thread_and_its_answer() {
        let rehearsal = Rehearsal::new(2, 4);
        let mut asking = rehearsal.asking((0..50).map(|_| "hangs.example".to_owned()));
        rehearsal.script.until("it hangs", |state| state.hanging == 1).await;
        let others = rehearsal.asking((0..3).map(|n| format!("hangs-{n}.example")));
        rehearsal.script.until("there are threads left", |state| state.hanging == 4).await;
        rehearsal.script.open();
        while let Some(answer) = asking.join_next().await {
            assert_eq!(answer.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
        drop(others);
        assert_eq!(rehearsal.script.state.lock().asked, 4);
    }

    #[tokio::test]
    async fn a_look_up_that_nobody_waits_for_any_more_does_not_begin() {
        let rehearsal = Rehearsal::new(2, 4);
        let first = rehearsal.asking((0..4).map(|n| format!("hangs-{n}.example")));
        rehearsal.script.until("all threads are taken", |state| state.hanging == 4).await;
        let mut gone = rehearsal.asking((0..200).map(|n| format!("hangs-too-{n}.example")));
        let under_way = || rehearsal.lookup.desk.names.lock().under_way.len();
        rehearsal.script.until("all have asked", |_| under_way() == 204).await;
        gone.shutdown().await;
        rehearsal.script.until("those that began are left", |_| under_way() == 4).await;
        drop(first);
        rehearsal.script.open();
        rehearsal.script.until("none is left", |_| under_way() == 0).await;
        assert_eq!(rehearsal.script.state.lock().asked, 4);
    }

    #[test]
    fn what_is_remembered_of_names_is_bounded() {
        let mut names = Names::default();
        for n in 0..Names::REMEMBERED + 10 {
            names.ended(format!("{n}.example").into(), true);
        }
        assert_eq!(names.resolved.len(), Names::REMEMBERED);
        assert!(!names.resolved.contains_key("0.example") && !names.resolved.contains_key("9.example"));
        assert!(names.resolved.contains_key("10.example"));
        names.ended("10.example".into(), true);
        assert!(names.resolved.contains_key("11.example"), "one that is known takes nobody's place");
    }
}

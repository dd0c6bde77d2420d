//! The threads that make the calls of jobs: no more than asked for, started when there is work, parked when there is none, and gone
//! after some time of that.

#[cfg(test)]
mod tests;
mod waiting_work;

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::call::thread as ours;
use crate::error::{Code, Error, Result};
use crate::mutex::{lock, wait, wait_while};
use crate::options::options;
use waiting_work::WaitingWork;

/// How long a thread without work stays.
const PARKED: Duration = Duration::from_secs(5);
/// How long a thread may take from the end of its work, which others hear of, to its rest.
const SETTLED: Duration = Duration::from_millis(200);
/// How often what is held is looked through for what need not be.
const LOOK: Duration = Duration::from_millis(100);
/// How many threads that wait for answers others take the place of.
const MOST_ASKING: usize = 1024;

options! {
    /// How many threads there may be.
    #[derive(Debug, Clone)]
    pub struct PoolOptions {
        /// how many threads may make the calls of jobs, at most 1024
        ///
        /// calls that wait for ocireg_job_answer (at most 1024) leave their place to others. While all threads are at work, a call
        /// to a registry host that none of them is for gets one more, at most as many again
        pub job_threads: usize = 16,
    }
}

impl PoolOptions {
    pub(crate) fn check(&self) -> Result<()> {
        match self.job_threads {
            1..=1024 => Ok(()),
            _ => Err(Error::new(Code::InvalidArgument, "the option job_threads must be from 1 to 1024")),
        }
    }
}

/// What a thread of the pool does.
pub(crate) trait Work: Send + Sync {
    fn run(self: Arc<Self>);
}

/// The registry hosts that a call concerns.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallHosts {
    /// None of them: a call for no registry.
    pub(crate) all: Vec<String>,
    /// Those about which it may ask the caller.
    pub(crate) may_ask: Vec<String>,
}

impl CallHosts {
    pub(crate) fn new(all: Vec<String>, may_ask: impl Fn(&str) -> bool) -> CallHosts {
        let may_ask = all.iter().filter(|host| may_ask(host)).cloned().collect();
        CallHosts { all, may_ask }
    }
}

/// Work that waits for a thread: a call's, whose owner drops it when that ends meanwhile, or what must be done.
pub(crate) enum Waiting {
    Wanted { work: Weak<dyn Work>, hosts: CallHosts },
    Owned(Arc<dyn Work>),
}

impl Waiting {
    fn is_wanted(&self) -> bool {
        match self {
            Waiting::Wanted { work, .. } => work.strong_count() > 0,
            Waiting::Owned(_) => true,
        }
    }

    fn may_ask(&self) -> &[String] {
        match self {
            Waiting::Wanted { hosts, .. } => &hosts.may_ask,
            Waiting::Owned(_) => &[],
        }
    }

    fn hosts(&self) -> &[String] {
        match self {
            Waiting::Wanted { hosts, .. } => &hosts.all,
            Waiting::Owned(_) => &[],
        }
    }

    fn into_work(self) -> Option<Arc<dyn Work>> {
        match self {
            Waiting::Wanted { work, .. } => work.upgrade(),
            Waiting::Owned(work) => Some(work),
        }
    }
}

pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    most: usize,
    parked: Duration,
    state: Mutex<PoolState>,
    /// There is work, or the threads are to end.
    changed: Condvar,
    /// A thread has done its work.
    rested: Condvar,
}

#[derive(Default)]
struct PoolState {
    waiting: WaitingWork,
    /// Work that would only wait, on a thread, for answers that others wait for already; and how many do, host by host.
    held: Vec<Waiting>,
    asked: HashMap<String, usize>,
    /// How many threads are at work, host by host.
    at_work: HashMap<String, usize>,
    /// When what is held was looked through.
    looked: Option<Instant>,
    /// Threads that take work, those among them that look for some, and those that wait for an answer of the caller's.
    alive: usize,
    idle: usize,
    asking: usize,
    /// Threads of an earlier one take nothing more, and are no longer counted.
    generation: u64,
    /// Those that were started, to be joined at the end.
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// At most so many threads.
    pub(crate) fn new(most: usize) -> Pool {
        Pool::with(most, PARKED)
    }

    fn with(most: usize, parked: Duration) -> Pool {
        let (changed, rested) = (Condvar::new(), Condvar::new());
        Pool { shared: Arc::new(Shared { most, parked, state: Mutex::default(), changed, rested }) }
    }

    /// Work for the next free thread. An error when there is no thread, and none can be started.
    pub(crate) fn add(&self, work: Waiting) -> Result<()> {
        let mut state = lock(&self.shared.state);
        state.waiting.enqueue(work);
        let started = self.shared.serve(&mut state);
        if started.is_err() && state.alive == 0 {
            state.waiting.withdraw_last();
            return started;
        }
        Ok(())
    }

    /// Waits for the caller's answer about a host on a thread of the pool: another may take its place meanwhile.
    pub(crate) fn asking<T>(&self, host: &str, wait: impl FnOnce() -> T) -> T {
        let _asking = Asking::new(&self.shared, host);
        wait()
    }

    /// How much is held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        lock(&self.shared.state).held.len()
    }

    /// Ends the threads, which must have nothing to do, and waits for them. Whether it could.
    pub(crate) fn quiesce(&self) -> bool {
        let state = lock(&self.shared.state);
        let busy = |state: &mut PoolState| state.idle < state.alive || !state.waiting.is_empty();
        let (mut state, still) = wait_while(&self.shared.rested, state, SETTLED, busy);
        if still {
            return false;
        }
        let threads = state.dismiss();
        drop(state);
        self.shared.changed.notify_all();
        threads.into_iter().for_each(|thread| drop(thread.join()));
        true
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let threads = lock(&self.shared.state).dismiss();
        self.shared.changed.notify_all();
        // The last job may drop it, on a thread of ours for which these may wait: then they end by themselves.
        if !ours::is_current() {
            threads.into_iter().for_each(|thread| drop(thread.join()));
        }
    }
}

/// A thread that waits for the caller's answer about a host, until this is dropped.
struct Asking<'a> {
    shared: &'a Arc<Shared>,
    host: &'a str,
}

impl<'a> Asking<'a> {
    fn new(shared: &'a Arc<Shared>, host: &'a str) -> Asking<'a> {
        let mut state = lock(&shared.state);
        state.ask(host);
        let _ = shared.serve(&mut state);
        Asking { shared, host }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        state.answered(self.host);
        let _ = self.shared.serve(&mut state);
    }
}

impl PoolState {
    /// How many threads there may be: `most`, and others in the place of those that wait for answers.
    fn places(&self, most: usize) -> usize {
        most + self.asking.min(MOST_ASKING)
    }

    /// How many threads there are at most: one host that does not answer takes all places, and the others must not wait for it.
    fn most_alive(&self, most: usize) -> usize {
        self.places(most) + most
    }

    /// The next work for hosts only for which no thread is at work. What would only become another that waits for an answer is held.
    fn take_first_of_its_hosts(&mut self, most: usize) -> Option<Waiting> {
        loop {
            let PoolState { waiting, at_work, .. } = self;
            let work = waiting.dequeue_for(|host| !at_work.contains_key(host))?;
            if self.asking < most || !self.would_wait(&work) {
                return Some(work);
            }
            self.held.push(work);
        }
    }

    /// Whether a thread more would have such work.
    fn has_first_of_its_hosts(&self) -> bool {
        self.waiting.has_for(|host| !self.at_work.contains_key(host))
    }

    /// A thread begins work for these hosts.
    fn begin(&mut self, hosts: &[String]) {
        hosts.iter().for_each(|host| *self.at_work.entry(host.clone()).or_default() += 1);
    }

    /// A thread has ended work for these hosts.
    fn end(&mut self, hosts: &[String]) {
        for host in hosts {
            if let Some(count) = self.at_work.get_mut(host) {
                *count -= 1;
                if *count == 0 {
                    self.at_work.remove(host);
                }
            }
        }
    }

    /// The next work for a thread, unless `most` threads wait for answers already, and it would only become another.
    fn take(&mut self, most: usize) -> Option<Waiting> {
        self.look();
        while let Some(work) = self.waiting.dequeue() {
            if self.asking < most || !self.would_wait(&work) {
                return Some(work);
            }
            self.held.push(work);
        }
        None
    }

    fn would_wait(&self, work: &Waiting) -> bool {
        work.may_ask().iter().any(|host| self.asked.contains_key(host)) && work.is_wanted()
    }

    /// Now and then: entries that are held and no longer wanted are dropped.
    fn look(&mut self) {
        if self.held.is_empty() || self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return;
        }
        self.looked = Some(Instant::now());
        self.held.retain(Waiting::is_wanted);
    }

    /// A thread waits for an answer about a host.
    fn ask(&mut self, host: &str) {
        *self.asked.entry(host.to_owned()).or_default() += 1;
        self.asking += 1;
    }

    /// One that waited for an answer about a host no longer does. After the last of them what was held has its turn, before what came
    /// later.
    fn answered(&mut self, host: &str) {
        let Some(count) = self.asked.get_mut(host) else { return };
        *count -= 1;
        self.asking -= 1;
        if *count == 0 {
            self.asked.remove(host);
            self.held.drain(..).rev().for_each(|work| self.waiting.enqueue_first(work));
        }
    }

    fn dismiss(&mut self) -> Vec<JoinHandle<()>> {
        self.generation += 1;
        (self.alive, self.idle) = (0, 0);
        std::mem::take(&mut self.threads)
    }
}

impl Shared {
    /// Sees to it that there are threads for what waits, and one that looks at what is held.
    fn serve(self: &Arc<Self>, state: &mut PoolState) -> Result<()> {
        let wanted = state.waiting.len() + usize::from(!state.held.is_empty());
        (0..wanted.min(state.idle)).for_each(|_| self.changed.notify_one());
        while wanted > state.idle && state.alive < state.places(self.most) {
            self.start(state)?;
        }
        // All are at work, in each place. Where no more can be had, what waits has its turn later.
        if state.idle == 0 && state.alive < state.most_alive(self.most) && state.has_first_of_its_hosts() {
            let _ = self.start(state);
        }
        Ok(())
    }

    fn start(self: &Arc<Self>, state: &mut PoolState) -> Result<()> {
        state.threads.retain(|thread| !thread.is_finished());
        let (shared, generation) = (self.clone(), state.generation);
        state.threads.push(ours::spawn("ocireg-job", move || shared.work(generation))?);
        state.alive += 1;
        state.idle += 1;
        Ok(())
    }

    fn work(self: &Arc<Self>, generation: u64) {
        while let Some(work) = self.next(generation) {
            let hosts = work.hosts().to_vec();
            if let Some(work) = work.into_work() {
                let _ = catch_unwind(AssertUnwindSafe(|| work.run()));
            }
            let mut state = lock(&self.state);
            state.end(&hosts);
            if state.generation == generation {
                state.idle += 1;
                self.rested.notify_all();
            }
        }
    }

    /// The next work; None when this thread is to end.
    fn next(self: &Arc<Self>, generation: u64) -> Option<Waiting> {
        let mut state = lock(&self.state);
        let mut rested = false;
        while state.generation == generation {
            // Those whose place it took ask no more.
            let is_surplus = state.alive > state.places(self.most);
            let work = if is_surplus { state.take_first_of_its_hosts(self.most) } else { state.take(self.most) };
            // The last one at rest stays for what is held.
            let ends = is_surplus || rested && (state.held.is_empty() || state.idle > 1);
            if work.is_some() || ends {
                work.iter().for_each(|work| state.begin(work.hosts()));
                state.idle -= 1;
                state.alive -= usize::from(work.is_none());
                // It may be this one that was told of more work, or looked at what is held.
                let _ = self.serve(&mut state);
                return work;
            }
            let rest = if state.held.is_empty() { self.parked } else { self.parked.min(LOOK) };
            (state, rested) = wait(&self.changed, state, rest);
        }
        None
    }
}

//! Credentials that are wanted: of several jobs that want those of one host one asks the caller, and the answer is for all.

use std::sync::{Arc, Weak};

use tokio::sync::{oneshot, watch};

use super::{Job, Jobs, Question};
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::mutex::lock;

/// Asks the caller, unless that was done for another job and has no answer yet, and waits as long as the call may.
pub(super) fn ask<R: Send + Sync + 'static>(job: &Weak<Job<R>>, call: &Call, host: &str) -> Result<Credentials> {
    let job = job.upgrade().ok_or_else(gone)?;
    let jobs = job.jobs.clone();
    let share = AnswerShare::new(&jobs, host);
    let (found, finder) = jobs.pool.asking(host, || jobs.find(&job, call, host))?;
    if let Finder::Me = finder {
        // Until this call ends the answer is for others too: they may come before anybody has noted it.
        lock(&job.answers).push(share);
    }
    Ok(found)
}

/// The caller's, which is still to come as long as it is None.
type AwaitedAnswer = watch::Receiver<Option<Credentials>>;

pub(super) enum Inquiry {
    Mine(watch::Sender<Option<Credentials>>),
    Another(AwaitedAnswer),
}

/// Which call has asked for what was answered.
enum Finder {
    Me,
    Another,
}

/// A host that jobs ask about: the answer, which may be still to come, is kept as long as anybody may want it.
#[derive(Default)]
pub(super) struct HostQuestion {
    shares: usize,
    answer: Option<AwaitedAnswer>,
}

impl<R: Send + Sync + 'static> Jobs<R> {
    fn find(&self, job: &Arc<Job<R>>, call: &Call, host: &str) -> Result<(Credentials, Finder)> {
        loop {
            // The job that asked before may have ended because all must.
            call.check()?;
            match self.inquire(host) {
                Inquiry::Mine(answer) => {
                    let found = question(job, call, host);
                    if let Ok(found) = &found {
                        let _ = answer.send(Some(found.clone()));
                    }
                    // Without an answer one of the jobs that wait asks then.
                    drop(answer);
                    return found.map(|found| (found, Finder::Me));
                }
                Inquiry::Another(mut answer) => {
                    let found = call.wait(None, answer.wait_for(Option::is_some))?;
                    if let Some(found) = found.ok().and_then(|found| found.clone()) {
                        return Ok((found, Finder::Another));
                    }
                }
            }
        }
    }

    pub(super) fn inquire(&self, host: &str) -> Inquiry {
        let mut asked = lock(&self.asked);
        let asked = asked.entry(host.to_owned()).or_default();
        // The call that asked may have ended, for any reason, before there was an answer.
        let stands = |answer: &&AwaitedAnswer| answer.has_changed().is_ok() || answer.borrow().is_some();
        match asked.answer.as_ref().filter(stands) {
            Some(answer) => Inquiry::Another(answer.clone()),
            None => {
                let (sender, receiver) = watch::channel(None);
                asked.answer = Some(receiver);
                Inquiry::Mine(sender)
            }
        }
    }
}

/// An answer that a host refused is given to no other job: the caller is asked again.
pub(super) fn refuse<R: Send + Sync + 'static>(job: &Weak<Job<R>>, host: &str, refused: &Credentials) {
    let Some(job) = job.upgrade() else { return };
    let mut asked = lock(&job.jobs.asked);
    if let Some(asked) = asked.get_mut(host) {
        // Another may have been asked for meanwhile.
        asked.answer.take_if(|answer| answer.borrow().as_ref() == Some(refused));
    }
}

/// A call wants the answer about a host, until this is dropped.
pub(super) struct AnswerShare<R> {
    jobs: Arc<Jobs<R>>,
    host: String,
}

impl<R> AnswerShare<R> {
    fn new(jobs: &Arc<Jobs<R>>, host: &str) -> AnswerShare<R> {
        lock(&jobs.asked).entry(host.to_owned()).or_default().shares += 1;
        AnswerShare { jobs: jobs.clone(), host: host.to_owned() }
    }
}

impl<R> Drop for AnswerShare<R> {
    fn drop(&mut self) {
        let mut asked = lock(&self.jobs.asked);
        let Some(left) = asked.get_mut(&self.host) else { return };
        left.shares -= 1;
        if left.shares == 0 {
            asked.remove(&self.host);
        }
    }
}

fn gone() -> Error {
    Error::new(Code::Cancelled, "the job was freed")
}

/// The caller's answer.
fn question<R: Send + Sync + 'static>(job: &Arc<Job<R>>, call: &Call, host: &str) -> Result<Credentials> {
    let (answer, answered) = oneshot::channel();
    job.jobs.events.post(job, |news| news.ask(Question { host: host.to_owned(), answer, is_told: false }));
    let outcome = call.wait(None, answered);
    if outcome.is_err() {
        job.jobs.events.post(job, |news| news.forget(host));
    }
    outcome?.map_err(|_| gone())
}

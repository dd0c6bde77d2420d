//! What has happened to the jobs of a client, in the order in which it did: a job stands in the queue once, however much there is to
//! tell of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Event, Job, Question};
use crate::error::{Error, Result};
use crate::mutex::lock;
use crate::os::descriptor::RawFd;
use crate::os::wake_descriptor::WakeDescriptor;

/// The shortest time between two events of one job's progress.
const PACE: Duration = Duration::from_millis(50);
/// How many texts are kept for a caller that does not take them.
const MOST_TEXTS: usize = 1000;

pub(crate) struct Events<R> {
    queue: Mutex<VecDeque<Arc<Job<R>>>>,
    bell: WakeDescriptor,
}

impl<R> Events<R> {
    pub(crate) fn new() -> Result<Events<R>> {
        let bell =
            WakeDescriptor::new().map_err(|error| Error::io("cannot make the descriptor of the events", &error))?;
        Ok(Events { queue: Mutex::default(), bell })
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.bell.descriptor()
    }

    /// Changes what there is to tell of a job.
    pub(super) fn post(&self, job: &Arc<Job<R>>, change: impl FnOnce(&mut News)) {
        let mut queue = lock(&self.queue);
        let mut news = lock(&job.news);
        if news.is_retired {
            return;
        }
        change(&mut news);
        if !news.is_queued && news.is_some() {
            news.is_queued = true;
            queue.push_back(job.clone());
            if queue.len() == 1 {
                self.bell.ring();
            }
        }
    }

    /// The next event; None when nothing has happened.
    pub(crate) fn next(&self) -> Option<(Arc<Job<R>>, Event)> {
        let mut queue = lock(&self.queue);
        let found = std::iter::from_fn(|| Self::turn(&mut queue)).find_map(|(job, event)| Some((job, event?)));
        if queue.is_empty() {
            self.bell.hush();
        }
        found
    }

    /// What there is to tell of the first job of the queue, which goes to its end when there is more.
    fn turn(queue: &mut VecDeque<Arc<Job<R>>>) -> Option<NextEvent<R>> {
        let job = queue.pop_front()?;
        let mut news = lock(&job.news);
        let event = news.take();
        news.is_queued = news.is_some();
        if news.is_queued {
            queue.push_back(job.clone());
        }
        drop(news);
        Some((job, event))
    }

    /// Tells nothing more of a job.
    pub(super) fn retire(&self, job: &Job<R>) {
        let mut queue = lock(&self.queue);
        *lock(&job.news) = News { is_retired: true, ..News::default() };
        queue.retain(|other| !std::ptr::eq(&raw const **other, job));
        if queue.is_empty() {
            self.bell.hush();
        }
    }
}

/// A job, and what has happened to it: nothing that is worth telling any more, perhaps.
type NextEvent<R> = (Arc<Job<R>>, Option<Event>);

/// What there is to tell of a job.
#[derive(Default)]
pub(super) struct News {
    texts: VecDeque<Event>,
    questions: VecDeque<Question>,
    has_moved: bool,
    told: Option<Instant>,
    has_ended: bool,
    is_queued: bool,
    is_retired: bool,
}

impl News {
    fn is_some(&self) -> bool {
        self.has_moved || self.has_ended || !self.texts.is_empty() || self.questions.iter().any(|one| !one.is_told)
    }

    /// In the order of what matters: what led to a question or to the end comes before it.
    fn take(&mut self) -> Option<Event> {
        if let Some(text) = self.texts.pop_front() {
            return Some(text);
        }
        if let Some(question) = self.questions.iter_mut().find(|one| !one.is_told) {
            question.is_told = true;
            return Some(Event::Credentials(question.host.clone()));
        }
        if std::mem::take(&mut self.has_moved) && !self.has_ended {
            self.told = Some(Instant::now());
            return Some(Event::Progress);
        }
        std::mem::take(&mut self.has_ended).then_some(Event::Done)
    }

    /// What was still to be reported of the previous call is dropped.
    pub(super) fn restart(&mut self) {
        (self.has_moved, self.has_ended, self.told) = (false, false, None);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.is_retired
    }

    /// The call tells how far it is, also when nothing has moved for a while: passed on, but not too often.
    pub(super) fn moved(&mut self) {
        self.has_moved |= self.told.is_none_or(|told| told.elapsed() >= PACE);
    }

    pub(super) fn end(&mut self) {
        self.has_ended = true;
        self.has_moved = false;
        self.questions.clear();
    }

    /// Adds a text. They must not pile up when the caller does not take them: the oldest are dropped.
    pub(super) fn text(&mut self, event: Event) {
        if self.texts.len() == MOST_TEXTS {
            self.texts.pop_front();
        }
        self.texts.push_back(event);
    }

    pub(super) fn ask(&mut self, question: Question) {
        self.questions.push_back(question);
    }

    /// The question that was told first and has no answer.
    pub(super) fn answered(&mut self) -> Option<Question> {
        let told = self.questions.front().is_some_and(|question| question.is_told);
        told.then(|| self.questions.pop_front()).flatten()
    }

    /// No call waits for the answers any more.
    pub(super) fn forget(&mut self, host: &str) {
        self.questions.retain(|question| question.host != host);
    }
}

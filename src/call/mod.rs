//! One call: the only place where the library waits.

pub(crate) mod cancel;
pub mod context;
pub(crate) mod engine;
mod lock_wait;
mod nested_question;
pub(crate) mod own_loop;
mod progress_interval;
pub(crate) mod stack;
pub(crate) mod thread;

use std::fs::File;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{json, Value};

use self::cancel::{CancelFlag, ClientLife};
use self::context::{Context, CopyProgress};
use self::engine::{Engine, WaitPlace};
use self::own_loop::OwnLoop;
use self::progress_interval::ProgressInterval;
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::memory_by_type::Memories;
use crate::os::descriptor::AsFd;
use crate::os::output::Output;
use crate::os::output_target::DirectOutput;

/// How long clean-up may take after a cancelled call: too short for the caller to notice.
const FAREWELL: Duration = Duration::from_millis(120);

/// The limit of a wait, and what to say when it takes too long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitLimit {
    pub(crate) time: Duration,
    /// What did not happen in that time, for the message.
    pub(crate) what: &'static str,
    /// It is shorter than it is otherwise, because the call has no more time.
    pub(crate) hurried: bool,
}

impl WaitLimit {
    /// A limit that does not depend on the call.
    pub(crate) fn new(time: Duration, what: &'static str) -> WaitLimit {
        WaitLimit { time, what, hurried: false }
    }

    fn passed(self) -> Error {
        let message = format!("{} within {} s", self.what, self.time.as_secs_f64());
        Error::new(Code::Timeout, message).into_stall().with_hurry(self.hurried)
    }
}

/// A call: the client's engine, the client's close flag and the caller's context, if any.
#[derive(Clone)]
pub struct Call {
    engine: Arc<Engine>,
    closed: Arc<CancelFlag>,
    /// Keeps the client alive while the result of the call may be wanted.
    _life: Option<Arc<ClientLife>>,
    context: Option<Arc<Context>>,
    quiet: bool,
    /// For the caller's own progress hook; None in calls made of this one.
    beat: Option<Arc<ProgressInterval>>,
    memories: Arc<Memories>,
}

impl Call {
    pub(crate) fn new(engine: Arc<Engine>, life: Arc<ClientLife>, context: Option<Arc<Context>>) -> Call {
        let (closed, beat) = (life.closed().clone(), context.as_ref().map(|_| Arc::new(ProgressInterval::new())));
        Call { engine, closed, _life: Some(life), context, quiet: false, beat, memories: Arc::default() }
    }

    /// A call without a client, for tests.
    #[cfg(test)]
    pub(crate) fn alone(context: Option<Arc<Context>>) -> Call {
        Call::new(Arc::new(Engine::start().unwrap()), Arc::default(), context)
    }

    /// State that other rooms keep for this call, and for those that are made of it: one value of each type.
    pub(crate) fn memory<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.memories.get()
    }

    /// The thread that does the network's work for this call.
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// A call for clean-up that must be tried although the caller has left, with a short time limit.
    pub(crate) fn farewell(&self) -> Call {
        let context = Context::new();
        context.set_deadline(Some(FAREWELL));
        self.with_context(Arc::new(context))
    }

    /// The same call, for bytes that do not count for the caller's progress.
    pub(crate) fn without_progress(&self) -> Call {
        Call { quiet: true, ..self.clone() }
    }

    /// The same call for a worker thread, with a separate context.
    pub fn with_context(&self, context: Arc<Context>) -> Call {
        Call { context: Some(context), beat: None, ..self.clone() }
    }

    /// A call that does not keep the client alive: it ends when the client and everything that belongs to it are gone.
    pub(crate) fn of_nobody(&self, context: Arc<Context>) -> Call {
        Call { _life: None, ..self.with_context(context) }
    }

    /// Whether anybody reads the log.
    pub(crate) fn is_logged(&self) -> bool {
        self.context.as_ref().is_some_and(|context| context.log_hook().is_some())
    }

    /// Sets the progress details of a copy.
    pub(crate) fn describe(&self, detail: impl FnOnce() -> CopyProgress) {
        if let Some(context) = &self.context {
            context.describe(detail());
        }
    }

    /// Returns an error when the call must stop. Whatever may take long calls this often: the progress hook is called from here too, when
    /// it has heard nothing for a while, so no lock may be held.
    pub fn check(&self) -> Result<()> {
        self.check_quietly()?;
        match &self.beat {
            Some(beat) if beat.is_due() => self.tell(beat.has_begun()),
            _ => Ok(()),
        }
    }

    /// The same without the hook, which may make calls of its own: while a lock is held.
    pub(crate) fn check_quietly(&self) -> Result<()> {
        if self.closed.is_raised() {
            return Err(closed());
        }
        if let Some(context) = &self.context {
            if context.cancelled().is_raised() {
                return Err(cancelled());
            }
            if context.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(out_of_time());
            }
        }
        Ok(())
    }

    /// Waits for a future, until the call must stop or the limit has passed.
    pub(crate) fn wait<F: Future>(&self, limit: Option<WaitLimit>, future: F) -> Result<F::Output> {
        self.wait_at(&*self.engine, limit, future)
    }

    /// The same, in a loop of its own.
    pub(crate) fn wait_in<F: Future>(
        &self,
        own: &mut OwnLoop,
        limit: Option<WaitLimit>,
        future: F,
    ) -> Result<F::Output> {
        self.wait_at(own, limit, future)
    }

    fn wait_at<F: Future>(&self, place: impl WaitPlace, limit: Option<WaitLimit>, future: F) -> Result<F::Output> {
        self.check()?;
        let deadline = self.context.as_ref().and_then(|context| context.deadline());
        let over = limit.and_then(|limit| Instant::now().checked_add(limit.time));
        let end = [deadline, over].into_iter().flatten().min();
        // Without a context, whatever ends the call wakes it.
        let look = self.context.is_some().then_some(|| self.check());
        let outcome = place.block_until(end, look, async {
            tokio::select! {
                biased;
                output = future => Ok(output),
                error = self.interrupted() => Err(error),
            }
        })?;
        match (outcome, limit) {
            (Some(outcome), _) => outcome,
            (None, Some(limit)) if over.is_some_and(|over| deadline.is_none_or(|end| over <= end)) => {
                Err(limit.passed())
            }
            (None, _) => Err(out_of_time()),
        }
    }

    /// Wraps a descriptor of the caller for writing, until the call must stop.
    pub(crate) fn output<'a>(&'a self, descriptor: &'a impl AsFd) -> Result<Output<'a>> {
        Output::new(descriptor.as_fd(), || self.check())
            .map_err(|error| Error::io("cannot write to the descriptor", &error))
    }

    /// Opens a pipe or device for writing, once it has a reader.
    pub(crate) fn open_through(&self, through: DirectOutput) -> Result<File> {
        through.open(&|| self.sleep(Duration::from_millis(20)))
    }

    /// Waits so long, unless the call must stop.
    pub(crate) fn sleep(&self, time: Duration) -> Result<()> {
        self.wait(None, async { tokio::time::sleep(time).await })
    }

    /// The time left until the deadline; None without one.
    pub fn remaining(&self) -> Option<Duration> {
        let deadline = self.context.as_ref()?.deadline()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    async fn interrupted(&self) -> Error {
        let Some(context) = &self.context else {
            self.closed.raised().await;
            return closed();
        };
        tokio::select! {
            () = self.closed.raised() => closed(),
            () = context.cancelled().raised() => cancelled(),
        }
    }

    /// Passes an event to the log hook.
    pub(crate) fn log(&self, event: impl FnOnce() -> Value) -> Result<()> {
        let Some(hook) = self.context.as_ref().and_then(|context| context.log_hook()) else { return Ok(()) };
        hook(&event()).map_err(|_| stopped("log"))
    }

    /// Tells what a thread of ours has logged meanwhile.
    pub(crate) fn pass_on(&self, event: &Value) -> Result<()> {
        match (event["event"].as_str(), event["host"].as_str(), event["text"].as_str()) {
            (Some("warning"), Some(place), Some(text)) => self.warn_of(place, text),
            _ => self.log(|| event.clone()),
        }
    }

    /// Keeps the warnings of a response in the context, and passes new ones to the log hook.
    pub(crate) fn warn(&self, host: &str, warnings: Vec<String>) -> Result<()> {
        warnings.iter().try_for_each(|text| self.warn_of(host, text))
    }

    /// Keeps a warning about a place, which need not be a host, and passes it to the log hook if it is new.
    pub(crate) fn warn_of(&self, place: &str, text: &str) -> Result<()> {
        match &self.context {
            Some(context) if context.add_warning(place, text) => {
                self.log(|| json!({"event": "warning", "host": place, "text": text}))
            }
            _ => Ok(()),
        }
    }

    /// Sets the caller's progress to the beginning of a transfer: its name, and its bytes where they are known.
    pub(crate) fn begin(&self, operation: &'static str, total: Option<u64>) -> Result<()> {
        if let Some(context) = &self.context {
            context.begin(operation, total);
        }
        if let Some(beat) = &self.beat {
            beat.begin();
        }
        self.moved_to(0)
    }

    /// Reports the progress of the transfer. A hook that is slow is not told of each piece, or the transfer would take
    /// as many times as long, but it is told of the last one.
    pub(crate) fn moved_to(&self, done: u64) -> Result<()> {
        let Some(context) = self.context.as_ref().filter(|_| !self.quiet) else { return Ok(()) };
        context.moved_to(done);
        let (done, total) = context.position();
        match &self.beat {
            Some(beat) if done != total && beat.is_slow() => Ok(()),
            _ => self.tell(true),
        }
    }

    /// The transfer has ended. Where its size was not known, nobody could tell that a piece was the last one.
    pub(crate) fn ended(&self) -> Result<()> {
        match &self.beat {
            Some(beat) if !self.quiet && beat.is_owed() => self.tell(true),
            _ => Ok(()),
        }
    }

    /// Calls the progress hook, with zeros when what the context knows is about an earlier call.
    fn tell(&self, begun: bool) -> Result<()> {
        let Some(context) = &self.context else { return Ok(()) };
        let Some(hook) = context.progress_hook() else { return Ok(()) };
        let (done, total) = if begun { context.position() } else { (0, 0) };
        let told = match &self.beat {
            Some(beat) => beat.strike(|| hook(done, total)),
            None => hook(done, total),
        };
        told.map_err(|_| stopped("progress"))
    }

    /// Whether there is a hook for blobs.
    pub(crate) fn watches_blobs(&self) -> bool {
        self.context.as_ref().is_some_and(|context| context.blob_hook().is_some())
    }

    /// Reports the progress of a blob.
    pub(crate) fn tell_blob(&self, event: &Value) -> Result<()> {
        match self.context.as_ref().and_then(|context| context.blob_hook()) {
            Some(hook) => hook(event).map_err(|_| stopped("blob progress")),
            None => Ok(()),
        }
    }

    /// Whether the caller can be asked for credentials.
    pub(crate) fn asks_for_credentials(&self) -> bool {
        self.context.as_ref().is_some_and(|context| context.credentials_hook().is_some())
    }

    /// Asks the caller for a host's credentials; None without a hook.
    pub(crate) fn credentials(&self, host: &str) -> Result<Option<Credentials>> {
        let Some(context) = &self.context else { return Ok(None) };
        match context.credentials_hook() {
            Some(hook) => nested_question::ask(context.questions(), self.client(), host, || hook(self, host)).map(Some),
            None => Ok(None),
        }
    }

    /// Whether this call is made for the answer to a question for a host's credentials, so that it must not wait for that.
    pub(crate) fn is_for_credentials_of(&self, host: &str) -> bool {
        self.context
            .as_ref()
            .is_some_and(|context| nested_question::is_for_answer(context.questions(), self.client(), host))
    }

    /// A number for the client: it has one engine while calls of it are made.
    fn client(&self) -> usize {
        Arc::as_ptr(&self.engine).addr()
    }

    /// Reports, to where they came from, that a host refused the caller's credentials.
    pub(crate) fn credentials_were_refused(&self, host: &str, credentials: &Credentials) {
        if let Some(hook) = self.context.as_ref().and_then(|context| context.refused_hook()) {
            hook(host, credentials);
        }
    }
}

fn cancelled() -> Error {
    Error::new(Code::Cancelled, "the call was cancelled")
}

fn closed() -> Error {
    Error::new(Code::Closed, "the client is closed")
}

fn out_of_time() -> Error {
    Error::new(Code::Timeout, "the call's deadline has passed")
}

/// The error for a hook that stopped the call.
pub(crate) fn stopped(which: &str) -> Error {
    Error::new(Code::Callback, format!("the caller's {which} callback stopped the call"))
}

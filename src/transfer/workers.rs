//! Work on several threads at once, for one call. What the caller must see (log, progress, a request for credentials)
//! is passed to the caller's thread, which waits here: callbacks run on no other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{mpsc as reply, Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

use super::meter::Meter;
use crate::call::context::{Context, CopyProgress};
use crate::call::thread;
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::mutex::{into_inner, lock};

/// How often the caller's progress is updated.
const TICK: Duration = Duration::from_millis(50);

enum WorkerEvent {
    Log(Value),
    Credentials(String, reply::Sender<Result<Credentials>>),
}

/// The width that the option `concurrency` asks for.
pub(crate) fn width_of(concurrency: u64) -> Result<usize> {
    match usize::try_from(concurrency) {
        Ok(width @ 1..=64) => Ok(width),
        _ => Err(Error::new(Code::InvalidArgument, "the option concurrency must be 1 to 64")),
    }
}

/// Runs every job, `width` at a time. The first error ends the rest.
pub(crate) fn in_parallel<T: Send>(
    call: &Call,
    width: usize,
    meter: &Arc<Meter>,
    jobs: Vec<T>,
    work: impl Fn(&Call, usize, T) -> Result<()> + Sync,
) -> Result<()> {
    let width = width.clamp(1, jobs.len().max(1));
    let jobs = Mutex::new(VecDeque::from(jobs));
    let failure = Mutex::new(None);
    let (events, arriving) = mpsc::unbounded_channel();
    let contexts: Vec<Arc<Context>> = (0..width).map(|worker| context(call, worker, meter, &events)).collect();
    drop(events);
    let stop = |error: Error| {
        lock(&failure).get_or_insert(error);
        lock(&jobs).clear();
        contexts.iter().for_each(|context| context.cancel());
    };
    let run = |worker: usize, ended: mpsc::UnboundedSender<WorkerEvent>| {
        let own = call.with_context(contexts[worker].clone());
        loop {
            let Some(job) = lock(&jobs).pop_front() else { break };
            if let Err(error) = work(&own, worker, job) {
                stop(error);
            }
        }
        drop(ended);
    };
    let (alive, ending) = mpsc::unbounded_channel();
    std::thread::scope(|scope| {
        for worker in 0..width {
            let (run, alive) = (&run, alive.clone());
            if let Err(error) = thread::scoped(scope, "ocireg-copy", move || run(worker, alive)) {
                stop(error);
            }
        }
        drop(alive);
        attend(call, meter, arriving, ending, &stop);
    });
    // Those that no log hook has heard.
    for warning in contexts.iter().flat_map(|context| context.warnings()) {
        if let Err(error) = call.warn_of(&warning.host, &warning.text) {
            lock(&failure).get_or_insert(error);
        }
    }
    match into_inner(failure) {
        Some(error) => Err(error),
        None => call.check(),
    }
}

/// The same for jobs that each have a result; the results are in the order of the jobs.
pub(crate) fn gather<T: Send, R: Send>(
    call: &Call,
    width: usize,
    meter: &Arc<Meter>,
    jobs: Vec<T>,
    work: impl Fn(&Call, usize, T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let found = Mutex::new(BTreeMap::new());
    in_parallel(call, width, meter, jobs.into_iter().enumerate().collect(), |call, worker, (at, job)| {
        let result = work(call, worker, job)?;
        lock(&found).insert(at, result);
        Ok(())
    })?;
    Ok(into_inner(found).into_values().collect())
}

/// The context of one worker: the caller's deadline, and hooks that send to the caller's thread.
fn context(
    call: &Call,
    worker: usize,
    meter: &Arc<Meter>,
    events: &mpsc::UnboundedSender<WorkerEvent>,
) -> Arc<Context> {
    let context = Context::new();
    context.set_deadline(call.remaining());
    let meter = meter.clone();
    context.set_progress(Some(Arc::new(move |done, _| {
        meter.moved_to(worker, done);
        Ok(())
    })));
    if call.is_logged() {
        let events = events.clone();
        context.set_log(Some(Arc::new(move |event: &Value| {
            let _ = events.send(WorkerEvent::Log(event.clone()));
            Ok(())
        })));
    }
    if call.asks_for_credentials() {
        let events = events.clone();
        context.set_credentials(Some(Arc::new(move |_: &Call, host: &str| {
            let (answer, answered) = reply::channel();
            let _ = events.send(WorkerEvent::Credentials(host.to_owned(), answer));
            answered.recv().unwrap_or_else(|_| Err(Error::new(Code::Cancelled, "the copy has ended")))
        })));
        let caller = call.clone();
        context.set_refused(Arc::new(move |host, refused| caller.credentials_were_refused(host, refused)));
    }
    Arc::new(context)
}

/// Serves the workers until the last one has ended.
fn attend(
    call: &Call,
    meter: &Meter,
    mut arriving: mpsc::UnboundedReceiver<WorkerEvent>,
    mut ending: mpsc::UnboundedReceiver<WorkerEvent>,
    stop: &dyn Fn(Error),
) {
    let mut stopped = false;
    let mut tick = tokio::time::Instant::now() + TICK;
    loop {
        let next = async {
            tokio::select! {
                biased;
                // First, and at fixed times: a stream of events must not delay progress.
                () = tokio::time::sleep_until(tick) => Wakeup::Tick,
                Some(event) = arriving.recv() => Wakeup::Event(event),
                _ = ending.recv() => Wakeup::End,
            }
        };
        // Once stopped, the workers must be waited for even if the caller's own context ends.
        let outcome = match stopped {
            true => Ok(call.engine().block_on(next)),
            false => call.wait(None, next),
        };
        if matches!(outcome, Ok(Wakeup::Tick)) {
            tick = tokio::time::Instant::now() + TICK;
        }
        let served = match outcome {
            Ok(Wakeup::End) => break,
            Ok(Wakeup::Tick) if stopped => Ok(()),
            Ok(Wakeup::Tick) => report(call, meter),
            Ok(Wakeup::Event(event)) => serve(call, event, stopped),
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            stopped = true;
            stop(error);
        }
    }
    if !stopped {
        while let Ok(event) = arriving.try_recv() {
            let _ = serve(call, event, false);
        }
        if let Err(error) = report(call, meter) {
            stop(error);
        }
    }
}

enum Wakeup {
    Event(WorkerEvent),
    End,
    Tick,
}

fn report(call: &Call, meter: &Meter) -> Result<()> {
    call.describe(|| CopyProgress { blobs: meter.to_json(), active: meter.active() });
    for event in meter.events() {
        call.tell_blob(&event)?;
    }
    call.moved_to(meter.done())
}

fn serve(call: &Call, event: WorkerEvent, stopped: bool) -> Result<()> {
    match event {
        WorkerEvent::Log(_) if stopped => Ok(()),
        WorkerEvent::Log(event) => call.pass_on(&event),
        WorkerEvent::Credentials(host, answer) => {
            let credentials = match stopped {
                true => Err(Error::new(Code::Cancelled, "the copy has ended")),
                false => call.credentials(&host).map(Option::unwrap_or_default),
            };
            let _ = answer.send(credentials);
            Ok(())
        }
    }
}

use std::sync::mpsc::{channel, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::*;
use crate::call::engine::Engine;

type TestJobs = Jobs<Result<()>>;

const ASKS: JobOptions = JobOptions { progress: false, blob_progress: false, log: false, credentials: true };

/// What asks about a host until it is dropped.
struct Asker(Option<(Sender<()>, JoinHandle<()>)>);

impl Asker {
    fn new(jobs: &Arc<TestJobs>, host: &'static str) -> Asker {
        let (jobs, (begun, asks), (answer, answered)) = (jobs.clone(), channel(), channel::<()>());
        let asker = thread::spawn(move || {
            jobs.pool.asking(host, || {
                begun.send(()).unwrap();
                let _ = answered.recv();
            });
        });
        asks.recv().unwrap();
        Asker(Some((answer, asker)))
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        let (answer, asker) = self.0.take().unwrap();
        drop(answer);
        asker.join().unwrap();
    }
}

/// Occupies a thread until what it returns is dropped.
fn occupy(jobs: &TestJobs) -> Sender<()> {
    let ((begun, begins), (end, ended)) = (channel(), channel::<()>());
    jobs.aside(move || {
        begun.send(()).unwrap();
        let _ = ended.recv();
    });
    begins.recv().unwrap();
    end
}

/// Work of no job's was done, and so was all that came before it.
fn done(jobs: &TestJobs) -> Receiver<()> {
    let (sender, done) = channel();
    jobs.aside(move || sender.send(()).unwrap());
    done
}

/// A call that heeds its cancellation.
fn call(job: &Arc<Job<Result<()>>>) -> CallOfJob<Result<()>> {
    let context = job.context.clone();
    Box::new(move |go| match context.cancelled().is_raised() {
        true => Err(Error::new(Code::Cancelled, "seen when it was made")),
        false => go,
    })
}

fn begin(job: &Arc<Job<Result<()>>>, host: &str) {
    let hosts = vec![host.to_owned()];
    job.start(call(job), CallHosts { all: hosts.clone(), may_ask: hosts }, CallProgress::FromNothing).unwrap();
}

fn code(job: &Job<Result<()>>) -> Option<Code> {
    job.result().map(|result| (*result).as_ref().map_or_else(Error::code, |()| Code::Internal))
}

fn within(time: Duration, what: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !what() && begun.elapsed() < time {
        thread::sleep(Duration::from_millis(5));
    }
    what()
}

#[test]
fn a_call_of_a_cancelled_job_ends_when_it_begins_also_when_it_would_be_held() {
    let jobs = Arc::new(TestJobs::new(1).unwrap());
    let _asker = Asker::new(&jobs, "h");
    let job = Job::new(jobs, &ASKS);
    job.cancel();
    begin(&job, "h");
    assert_eq!(code(&job), Some(Code::Cancelled));
}

#[test]
fn a_held_call_ends_soon_when_a_signal_cancels_it() {
    let jobs = Arc::new(TestJobs::new(1).unwrap());
    let engine = Arc::new(Engine::start().unwrap());
    jobs.wait_with(&engine);
    let _asker = Asker::new(&jobs, "h");
    let others: Vec<_> = (0..3).map(|_| Job::new(jobs.clone(), &ASKS)).collect();
    others.iter().for_each(|job| begin(job, "h"));
    done(&jobs).recv().unwrap();
    let job = &others[1];
    assert_eq!(code(job), None);
    thread::sleep(Duration::from_millis(20));
    job.context.cancel_from_signal();
    assert!(within(Duration::from_secs(2), || code(job) == Some(Code::Cancelled)));
    assert!(others[0].is_waiting() && others[2].is_waiting());
}

/// The place in the queue is the call's: one that ended there does not make a later one of the job.
#[test]
fn a_call_is_not_made_in_the_place_of_an_earlier_one() {
    let jobs = Arc::new(TestJobs::new(1).unwrap());
    let busy = occupy(&jobs);
    let job = Job::new(jobs.clone(), &ASKS);
    begin(&job, "other");
    job.make(Err(Error::new(Code::Timeout, "late")));
    let _asker = Asker::new(&jobs, "h");
    begin(&job, "h");
    drop(busy);
    done(&jobs).recv().unwrap();
    assert!(job.is_waiting());
}

#[test]
fn calls_that_ended_while_they_were_held_take_no_room() {
    let jobs = Arc::new(TestJobs::new(1).unwrap());
    let _asker = Asker::new(&jobs, "h");
    let job = Job::new(jobs.clone(), &ASKS);
    for _ in 0..300 {
        begin(&job, "h");
        job.make(Err(Error::new(Code::Timeout, "late")));
    }
    done(&jobs).recv().unwrap();
    begin(&job, "h");
    assert!(within(Duration::from_secs(5), || jobs.pool.held() == 1), "{} are held", jobs.pool.held());
}

/// A call that asked and ended without an answer, for any reason, does not keep others from asking.
#[test]
fn a_question_that_nobody_waits_for_any_more_is_none() {
    let jobs = TestJobs::new(1).unwrap();
    drop(jobs.inquire("h"));
    assert!(matches!(jobs.inquire("h"), credential_questions::Inquiry::Mine(_)));
}

/// An answer that turned out to be wrong is not given to other calls while the call that got it runs; a newer one is.
#[test]
fn an_answer_that_was_refused_is_asked_for_again() {
    let jobs = Arc::new(TestJobs::new(1).unwrap());
    let job = Job::new(jobs.clone(), &ASKS);
    let answer = |password: &str| Credentials::Password { username: "u".into(), password: password.to_owned().into() };
    let credential_questions::Inquiry::Mine(sender) = jobs.inquire("h") else { panic!("nobody has asked before") };
    sender.send(Some(answer("old"))).unwrap();
    credential_questions::refuse(&Arc::downgrade(&job), "h", &answer("another"));
    assert!(matches!(jobs.inquire("h"), credential_questions::Inquiry::Another(_)));
    credential_questions::refuse(&Arc::downgrade(&job), "h", &answer("old"));
    assert!(matches!(jobs.inquire("h"), credential_questions::Inquiry::Mine(_)));
}

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::thread;

struct Send(Mutex<Sender<usize>>, usize);

impl Work for Send {
    fn run(self: Arc<Self>) {
        lock(&self.0).send(self.1).unwrap();
    }
}

struct Panic;

impl Work for Panic {
    fn run(self: Arc<Self>) {
        std::panic::resume_unwind(Box::new("on purpose"));
    }
}

/// Ends when it is told to.
struct Wait(Mutex<Receiver<()>>);

impl Work for Wait {
    fn run(self: Arc<Self>) {
        let _ = lock(&self.0).recv();
    }
}

fn send(pool: &Pool, sender: &Sender<usize>, number: usize) {
    pool.add(Waiting::Owned(Arc::new(Send(Mutex::new(sender.clone()), number)))).unwrap();
}

/// Work that comes just when the only thread gives up waiting for some is done by another.
#[test]
fn no_work_is_lost_when_threads_go() {
    let pool = Pool::with(1, Duration::from_millis(1));
    let (sender, done) = channel();
    for number in 0..300 {
        send(&pool, &sender, number);
        assert_eq!(done.recv_timeout(Duration::from_secs(20)).unwrap(), number);
        thread::sleep(Duration::from_micros(900 + number as u64));
    }
}

#[test]
fn a_panic_costs_no_thread() {
    let pool = Pool::new(1);
    let (sender, done) = channel();
    for _ in 0..3 {
        pool.add(Waiting::Owned(Arc::new(Panic))).unwrap();
    }
    send(&pool, &sender, 7);
    assert_eq!(done.recv_timeout(Duration::from_secs(20)).unwrap(), 7);
    until("the others are gone", || lock(&pool.shared.state).alive == 1);
}

/// The network thread may drop it with the last job, and what is at work may wait for that thread.
#[test]
fn a_thread_of_ours_that_drops_it_does_not_wait() {
    let pool = Pool::new(1);
    let (end, ended) = channel();
    let _work = add_for(&pool, "h", Arc::new(Wait(Mutex::new(ended))));
    until("it is at work", || !lock(&pool.shared.state).at_work.is_empty());
    let (dropped, is_dropped) = channel();
    let thread = ours::spawn("ocireg-test", move || {
        drop(pool);
        dropped.send(()).unwrap();
    });
    is_dropped.recv_timeout(Duration::from_secs(20)).unwrap();
    end.send(()).unwrap();
    thread.unwrap().join().unwrap();
}

#[test]
fn what_nobody_wants_is_not_done_and_takes_no_room() {
    let pool = Pool::new(1);
    let (end, ended) = channel();
    let _first = add_for(&pool, "h", Arc::new(Wait(Mutex::new(ended))));
    until("it is at work", || !lock(&pool.shared.state).at_work.is_empty());
    let (sender, done) = channel();
    for number in 0..1000 {
        drop(add_for(&pool, "h", Arc::new(Send(Mutex::new(sender.clone()), number))));
    }
    assert!(lock(&pool.shared.state).waiting.len() < 100);
    let _last = add_for(&pool, "h", Arc::new(Send(Mutex::new(sender.clone()), 5000)));
    end.send(()).unwrap();
    assert_eq!(done.recv_timeout(Duration::from_secs(20)).unwrap(), 5000);
}

#[test]
fn threads_that_ask_leave_their_place_to_others() {
    let pool = Arc::new(Pool::new(1));
    let (sender, done) = channel();
    let asked = pool.clone();
    let (answer, answered) = channel();
    pool.add(Waiting::Owned(Arc::new(Ask(asked, "h".to_owned(), Mutex::new(answered))))).unwrap();
    send(&pool, &sender, 1);
    assert_eq!(done.recv_timeout(Duration::from_secs(20)).unwrap(), 1);
    assert!(!pool.quiesce());
    answer.send(()).unwrap();
    while !pool.quiesce() {}
    assert_eq!(lock(&pool.shared.state).asking, 0);
}

/// When as many wait for answers as there may be threads, what would only join them gets none; other work does.
#[test]
fn what_would_only_wait_is_held() {
    let pool = Arc::new(Pool::new(1));
    let (sender, done) = channel();
    let (begun, asking) = channel();
    let (answer, answered) = channel::<()>();
    let waits = pool.clone();
    let asker = thread::spawn(move || {
        waits.asking("a", || {
            begun.send(()).unwrap();
            answered.recv().unwrap();
        });
    });
    asking.recv().unwrap();
    let work: Vec<Arc<dyn Work>> =
        (0..4).map(|number| Arc::new(Send(Mutex::new(sender.clone()), number)) as Arc<dyn Work>).collect();
    for (work, host) in work.iter().zip(["a", "b", "a", "c"]) {
        let hosts = CallHosts { all: vec![host.to_owned()], may_ask: vec![host.to_owned()] };
        pool.add(Waiting::Wanted { work: Arc::downgrade(work), hosts }).unwrap();
    }
    let next = || done.recv_timeout(Duration::from_secs(20)).unwrap();
    let two = || std::collections::BTreeSet::from([next(), next()]);
    assert_eq!(two(), [1, 3].into());
    answer.send(()).unwrap();
    assert_eq!(two(), [0, 2].into());
    asker.join().unwrap();
    assert!(lock(&pool.shared.state).asked.is_empty());
}

#[test]
fn it_goes_on_after_it_was_quiet() {
    let pool = Pool::new(4);
    let (sender, done) = channel();
    for number in 0..50 {
        send(&pool, &sender, number);
        done.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(pool.quiesce());
        assert!(pool.quiesce());
    }
}

/// Asks about a host, and is answered when it is told to.
struct Ask(Arc<Pool>, String, Mutex<Receiver<()>>);

impl Work for Ask {
    fn run(self: Arc<Self>) {
        self.0.asking(&self.1, || {
            let _ = lock(&self.2).recv();
        });
    }
}

/// Counts how many are at it at once, and how many ever were.
#[derive(Default)]
struct Together {
    now: AtomicUsize,
    most: AtomicUsize,
    done: AtomicUsize,
}

struct CountTogether(Arc<Together>);

impl Work for CountTogether {
    fn run(self: Arc<Self>) {
        let now = self.0.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most.fetch_max(now, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(5));
        self.0.now.fetch_sub(1, Ordering::SeqCst);
        self.0.done.fetch_add(1, Ordering::SeqCst);
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "never: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The threads that took the place of those that asked go when they ask no more, whether they are at rest or have work.
#[test]
fn after_the_answers_no_more_work_is_done_at_once_than_before() {
    let pool = Arc::new(Pool::new(2));
    let answers: Vec<_> = (0..30)
        .map(|number| {
            let (answer, answered) = channel();
            let ask = Ask(pool.clone(), format!("h{number}"), Mutex::new(answered));
            pool.add(Waiting::Owned(Arc::new(ask))).unwrap();
            answer
        })
        .collect();
    until("all ask", || lock(&pool.shared.state).asking == 30);
    drop(answers);
    until("none asks", || {
        let state = lock(&pool.shared.state);
        state.asking == 0 && state.idle == state.alive
    });
    let together = Arc::new(Together::default());
    let _work: Vec<_> = (0..60).map(|_| add_for(&pool, "h", Arc::new(CountTogether(together.clone())))).collect();
    until("all is done", || together.done.load(Ordering::SeqCst) == 60);
    assert_eq!(together.most.load(Ordering::SeqCst), 2);
    assert_eq!(lock(&pool.shared.state).alive, 2);
}

/// Also those that got no place for another are counted as long as they ask.
#[test]
fn each_that_asks_is_counted_until_it_has_its_answer() {
    let mut state = PoolState::default();
    for number in 0..MOST_ASKING + 16 {
        state.ask(&format!("h{number}"));
    }
    assert_eq!(state.asking, MOST_ASKING + 16);
}

#[test]
fn a_panic_while_it_asks_leaves_nothing_behind() {
    let pool = Pool::new(1);
    let asked =
        catch_unwind(AssertUnwindSafe(|| pool.asking("h", || std::panic::resume_unwind(Box::new("on purpose")))));
    asked.map(|(): ()| ()).unwrap_err();
    let state = lock(&pool.shared.state);
    assert!(state.asking == 0 && state.asked.is_empty());
}

/// Adds work for a host; it is wanted as long as what is returned is.
fn add_for(pool: &Pool, host: &str, work: Arc<dyn Work>) -> Arc<dyn Work> {
    let hosts = CallHosts { all: vec![host.to_owned()], may_ask: Vec::new() };
    pool.add(Waiting::Wanted { work: Arc::downgrade(&work), hosts }).unwrap();
    work
}

/// A registry that does not answer takes every thread; the calls to each of the others go on all the same, whatever came between them.
#[test]
fn one_host_does_not_stop_the_others() {
    let pool = Pool::new(2);
    let (sender, done) = channel();
    let (mut ends, mut work) = (Vec::new(), Vec::new());
    for number in 0..40 {
        let (end, ended) = channel();
        ends.push(end);
        work.push(add_for(&pool, "silent", Arc::new(Wait(Mutex::new(ended)))));
        let host = ["a", "b", "c", ""][number % 4];
        work.push(add_for(&pool, host, Arc::new(Send(Mutex::new(sender.clone()), number))));
    }
    for _ in 0..40 {
        done.recv_timeout(Duration::from_secs(20)).unwrap();
    }
    until("only the silent ones have threads", || {
        let state = lock(&pool.shared.state);
        state.alive == 2 && state.at_work == HashMap::from([("silent".to_owned(), 2)])
    });
    drop((ends, work));
    until("nothing is at work", || lock(&pool.shared.state).at_work.is_empty());
}

/// What must be done has a thread, whoever is silent; and what is no longer wanted starts none.
#[test]
fn what_must_be_done_is_done() {
    let pool = Pool::new(1);
    let (end, ended) = channel();
    let _silent = add_for(&pool, "silent", Arc::new(Wait(Mutex::new(ended))));
    until("it is at work", || !lock(&pool.shared.state).at_work.is_empty());
    let (sender, done) = channel();
    drop(add_for(&pool, "a", Arc::new(Send(Mutex::new(sender.clone()), 1))));
    send(&pool, &sender, 2);
    assert_eq!(done.recv_timeout(Duration::from_secs(20)).unwrap(), 2);
    until("the thread more is gone", || lock(&pool.shared.state).alive == 1);
    assert!(done.try_recv().is_err());
    drop(end);
}

/// Of the work for one host no more is done at once than there are places, and of all no more than twice as much.
#[test]
fn threads_are_bounded_however_many_hosts_are_silent() {
    let pool = Pool::new(2);
    let (ends, silent): (Vec<_>, Vec<_>) = (0..40)
        .map(|number| {
            let (end, ended) = channel();
            (end, add_for(&pool, &format!("h{}", number % 10), Arc::new(Wait(Mutex::new(ended)))))
        })
        .unzip();
    until("all places are taken", || lock(&pool.shared.state).at_work.len() == 4);
    thread::sleep(Duration::from_millis(50));
    let state = lock(&pool.shared.state);
    assert_eq!((state.at_work.values().sum::<usize>(), state.alive), (4, 4));
    drop(state);
    drop((ends, silent));
    until("nothing is at work", || lock(&pool.shared.state).at_work.is_empty());
}

use super::*;
use std::sync::mpsc::{channel, Receiver, Sender};

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
    assert_eq!(lock(&pool.shared.state).alive, 1);
}

#[test]
fn what_nobody_wants_is_not_done_and_takes_no_room() {
    let pool = Pool::new(1);
    let (end, ended) = channel();
    pool.add(Waiting::Owned(Arc::new(Wait(Mutex::new(ended))))).unwrap();
    let (sender, done) = channel();
    for number in 0..1000 {
        let work: Arc<dyn Work> = Arc::new(Send(Mutex::new(sender.clone()), number));
        pool.add(Waiting::Wanted { work: Arc::downgrade(&work), may_ask: Vec::new() }).unwrap();
    }
    assert!(lock(&pool.shared.state).waiting.len() <= FEW + 1);
    send(&pool, &sender, 5000);
    end.send(()).unwrap();
    assert_eq!(done.recv_timeout(Duration::from_secs(20)).unwrap(), 5000);
}

#[test]
fn threads_that_ask_leave_their_place_to_others() {
    let pool = Arc::new(Pool::new(1));
    let (sender, done) = channel();
    let asked = pool.clone();
    struct Ask(Arc<Pool>, Mutex<Receiver<()>>);
    impl Work for Ask {
        fn run(self: Arc<Self>) {
            self.0.asking("h", || lock(&self.1).recv().unwrap());
        }
    }
    let (answer, answered) = channel();
    pool.add(Waiting::Owned(Arc::new(Ask(asked, Mutex::new(answered))))).unwrap();
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
        pool.add(Waiting::Wanted { work: Arc::downgrade(work), may_ask: vec![host.to_owned()] }).unwrap();
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

//! What this library and other programs make of each other's places, as a table: each operation with each program at each kind of
//! place, with the same digest on both sides. Where a program or a place cannot do it, the reason stands below the table.

mod artifacts;
mod cell;
mod changes;
mod entries;
mod home;
mod images;
mod pieces;
mod spot;
mod tools;
mod whole;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;

use cell::{Cell, Checked, Fault};
use home::Home;
use spot::{Spot, KINDS};
use tools::TOOLS;

/// An operation, what checks it, and how many of its cells (four programs, seven places) have to be the same: one that falls out of
/// the table is missed.
type Operation = (&'static str, fn(&Cell) -> Checked, usize);

const OPERATIONS: [Operation; 24] = [
    ("copy: we write, they read", images::read_by, 23),
    ("copy: they write, we read", images::written_by, 23),
    ("artifact push: we push, they read", artifacts::read_by, 20),
    ("artifact pull: they push, we pull", artifacts::pushed_by, 20),
    ("attach: we attach, they list", artifacts::listed_by, 8),
    ("referrers: they attach, we list", artifacts::attached_by, 8),
    ("index: we make, they read", images::index_read_by, 20),
    ("index: they make, we read", images::index_made_by, 11),
    ("append, remove: we do, they read", entries::changes_read_by, 20),
    ("append, remove: they do, we read", entries::changed_by, 11),
    ("sync: we bring, they read", whole::read_by, 18),
    ("sync: they bring, we find it", whole::brought_and_found, 17),
    ("blob: we put, they read", pieces::blob_read_by, 12),
    ("blob: they put, we read", pieces::blob_put_by, 8),
    ("manifest: we put, they read", pieces::manifest_read_by, 18),
    ("manifest: they put, we read", pieces::manifest_put_by, 8),
    ("extract, cat: what they brought", pieces::extracted, 23),
    ("export: the same files", images::exported, 7),
    ("validate: the same verdicts", images::validated, 5),
    ("list: the same names", changes::listed, 16),
    ("tag: we give, they read", changes::tag_read_by, 18),
    ("tag: they give, we read", changes::tag_given_by, 15),
    ("untag, delete: we do, they see", changes::removal_seen_by, 18),
    ("delete: they do, we see", changes::removed_by, 14),
];

/// All that is in the table, each with its number.
fn cells() -> Vec<(usize, usize, usize)> {
    let all = |operation| {
        TOOLS.iter().enumerate().flat_map(move |(tool, _)| (0..KINDS.len()).map(move |kind| (operation, tool, kind)))
    };
    (0..OPERATIONS.len()).flat_map(all).collect()
}

fn check(home: &Home, (operation, tool, kind): (usize, usize, usize)) -> Checked {
    let name = format!("table/{operation}-{tool}-{kind}");
    let cell = Cell { home, tool: TOOLS[tool], spot: Spot::new(&KINDS[kind], name), client: home.place.client() };
    // What a check takes for granted may fail too, and the others are checked all the same.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| OPERATIONS[operation].1(&cell)));
    outcome.unwrap_or_else(|_| Err(Fault::Wrong("it panicked, as is told above".to_owned())))
}

/// A row for each operation and program, and the reasons.
fn shown(outcomes: &[Checked]) -> String {
    let reasons: BTreeSet<&str> =
        outcomes.iter().filter_map(|one| if let Err(Fault::Cannot(why)) = one { Some(*why) } else { None }).collect();
    let reasons: Vec<&str> = reasons.into_iter().collect();
    let mut text = format!("{:<34} {:<7}", "", "");
    KINDS.iter().for_each(|(name, _)| text += &format!("{name:>16}"));
    let mut rest = outcomes.iter();
    for ((operation, ..), tool) in OPERATIONS.iter().flat_map(|one| TOOLS.iter().map(move |tool| (one, tool))) {
        text += &format!("\n{operation:<34} {:<7}", tool.name());
        for one in rest.by_ref().take(KINDS.len()) {
            let verdict = match one {
                Ok(()) => "same".to_owned(),
                Err(Fault::Cannot(why)) => {
                    format!("no ({})", reasons.iter().position(|one| one == why).unwrap_or(0) + 1)
                }
                Err(Fault::Wrong(_)) => "WRONG".to_owned(),
            };
            text += &format!("{verdict:>16}");
        }
    }
    reasons.iter().enumerate().for_each(|(number, why)| text += &format!("\n  ({}) {why}", number + 1));
    text + "\n"
}

#[test]
fn operations_by_tools_by_places() {
    let (home, cells) = (Home::new(), cells());
    let (next, outcomes) = (Mutex::new(cells.iter().copied().enumerate()), Mutex::new(Vec::new()));
    // They mostly wait for other programs.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| loop {
                let Some((number, cell)) = next.lock().unwrap().next() else { break };
                let outcome = check(&home, cell);
                outcomes.lock().unwrap().push((number, outcome));
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap();
    outcomes.sort_by_key(|(number, _)| *number);
    let outcomes: Vec<Checked> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    // Past what the test's runner keeps for itself: the table is the result.
    std::io::stdout().write_all(shown(&outcomes).as_bytes()).unwrap();
    let wrong = |(cell, outcome): (&(usize, usize, usize), &Checked)| match outcome {
        Err(Fault::Wrong(why)) => {
            Some(format!("{}, {}, {}: {why}", OPERATIONS[cell.0].0, TOOLS[cell.1].name(), KINDS[cell.2].0))
        }
        _ => None,
    };
    let wrong: Vec<String> = cells.iter().zip(&outcomes).filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    for ((name, _, wanted), row) in OPERATIONS.iter().zip(outcomes.chunks(TOOLS.len() * KINDS.len())) {
        assert_eq!(row.iter().filter(|one| one.is_ok()).count(), *wanted, "{name}");
    }
}

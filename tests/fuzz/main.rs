//! Fuzzing that any Rust can run: each target is called with its seeds, and with changes of them that a number decides.
//!
//!     cargo test --locked --test fuzz                                    some seconds, always the same inputs
//!     OCIREG_TEST_SEED=7 cargo test --locked --test fuzz extract         others
//!     OCIREG_TEST_INPUT=FILE cargo test --locked --test fuzz extract     one input
//!     make fuzz SECONDS=60                                               guided by coverage (libfuzzer/)

#[path = "../faults/common.rs"]
#[allow(dead_code)]
mod common;
mod held_memory;
#[path = "../faults/memory.rs"]
#[allow(dead_code)]
mod memory;
mod mutate;
mod sandbox;
#[path = "../faults/server.rs"]
#[allow(dead_code)]
mod server;
mod targets;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use held_memory::{Held, HELD};
use targets::Target;

#[global_allocator]
static ALLOCATOR: Held = HELD;

/// No target takes longer: four calls, each of which ends at its deadline of 900 ms, and as much again where others have the processor.
const LONGEST: Duration = Duration::from_secs(8);

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{name} has no seeds");
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Calls a target; what it does wrong.
fn wrong(target: &Target, bytes: &[u8]) -> Option<String> {
    let begun = Instant::now();
    let (outcome, held) = held_memory::most_during(|| std::panic::catch_unwind(|| (target.run)(bytes)));
    if let Err(panic) = outcome {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        return Some(said.unwrap_or_default());
    }
    if held > target.memory {
        return Some(format!("it holds {held} bytes at once, {} are its bound", target.memory));
    }
    // Something else may have had the processor.
    let again = || {
        let begun = Instant::now();
        (target.run)(bytes);
        begun.elapsed()
    };
    (begun.elapsed() > LONGEST && (0..3).all(|_| again() > LONGEST))
        .then(|| format!("it takes longer than {LONGEST:?}"))
}

/// A failure is kept, with the command that runs it again.
fn check(target: &Target, bytes: &[u8]) {
    let Some(why) = wrong(target, bytes) else { return };
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/fuzz/failures");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{}-{}", target.name, &common::digest(bytes).hex()[..12]));
    std::fs::write(&file, bytes).unwrap();
    panic!(
        "{}: {why}\nagain: OCIREG_TEST_INPUT={} cargo test --locked --test fuzz -- --exact {}",
        target.name,
        file.display(),
        target.name
    );
}

/// An input that the caller names.
fn given(file: &Path) -> Vec<u8> {
    let file = sandbox::given(file);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn fuzz(name: &str) {
    let target = targets::find(name).unwrap();
    sandbox::folder();
    if let Some(file) = std::env::var_os("OCIREG_TEST_INPUT") {
        return check(target, &given(file.as_ref()));
    }
    let seed = std::env::var("OCIREG_TEST_SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("OCIREG_TEST_SEED={seed}");
    let (seeds, mut dice) = (seeds(name), mutate::Dice::new(seed, name));
    seeds.iter().for_each(|seed| check(target, seed));
    for _ in 0..target.rounds {
        check(target, &mutate::mutated(&seeds, &mut dice));
    }
}

macro_rules! tests {
    ($($name:ident)*) => {
        $(#[test] fn $name() { fuzz(stringify!($name)) })*

        #[test]
        fn every_target_is_a_test() {
            let tests = [$(stringify!($name)),*];
            assert_eq!(targets::TARGETS.map(|target| target.name), tests);
        }
    };
}

tests! {
    challenge realm scope link range retry_after rate_limit warning location reference digest platform place auth_file token_answer
    refusal registries_conf hosts_toml registries_yaml daemon_json registries_d manifest index config page v1_json schema1 keys
    layout_index saved_archive tar extract unpack options json_pointer ffi_strings answers
}

/// The current folder is another one when the targets run.
#[test]
fn an_input_is_named_from_where_the_tests_were_started() {
    let name = Path::new("tests/fuzz/seeds/tar");
    sandbox::folder();
    assert!(!name.exists(), "the current folder has changed");
    let seed = std::fs::read_dir(sandbox::given(name)).unwrap().next().unwrap().unwrap();
    assert_eq!(given(&name.join(seed.file_name())), std::fs::read(seed.path()).unwrap());
}

#[test]
fn every_function_with_strings_is_fuzzed() {
    let listed: Vec<String> =
        targets::ffi_arguments::functions().into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(listed, targets::ffi_arguments::with_strings());
}

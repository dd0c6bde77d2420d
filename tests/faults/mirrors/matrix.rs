//! Each operation with each fault of mirrors under each configuration: the whole list of hosts that are asked, in order, which one serves it, and
//! the same once more, with what is remembered of the first time.

use super::configurations::*;
use super::expectation::{Expectation, Expected};
use super::house::Manner::{self, *};
use super::house::*;
use super::operations::{operate, Operation, OPERATIONS};
use crate::common::within;

const FAULTS: [Manner; 15] = [
    Healthy,
    Down,
    HangsUp,
    Status(400),
    Status(401),
    Status(403),
    Status(404),
    Status(429),
    Status(500),
    Status(503),
    Busy(503, 20),
    WebPage,
    Lies,
    LiesInHeader,
    BreaksAt(100_000),
];

const NAMES: [&str; 3] = ["m1", "m2", "origin"];

/// The mirrors with the fault, and a registry that is healthy: one to which no connection may be made, where it must not be asked.
fn house(configuration: &Configuration, faulty: &[&str], fault: Manner) -> House {
    let manner = |name| if faulty.contains(&name) { fault } else { Healthy };
    let mut house = House::new(&[("m1", manner("m1")), ("m2", manner("m2"))]);
    match configuration.by_digest.contains(&"origin") {
        true => house.add("origin", healthy),
        false => house.add_closed("origin"),
    }
    house.registry =
        if configuration.registry.is_empty() { house.host("origin") } else { configuration.registry }.into();
    house
}

/// Twice the same, with a client that knows nothing before.
fn prove(configuration: &Configuration, faulty: &[&'static str], fault: Manner, operation: Operation) {
    let (house, folder) = (house(configuration, faulty, fault), tempfile::tempdir().unwrap());
    let client = (configuration.client)(&house, folder.path());
    let mut expectation = Expectation::new(configuration, faulty, fault);
    for time in ["first", "again"] {
        let outcome = operate(&house, &client, operation);
        let cell = format!("{operation:?}, {fault:?} of {faulty:?}, {time}: {:?}", outcome.as_ref().err());
        let served_by = outcome.ok().map(|hosts| names(hosts, |name| house.host(name)));
        let found = Expected { asked: names(house.asked(), |name| name), served_by };
        assert_eq!(found, expectation.of(operation), "{cell}");
    }
    house.check_prefix(configuration.prefix);
    assert!(configuration.by_digest.contains(&"origin") || house.is_untouched("origin"), "{operation:?}, {fault:?}");
}

/// The servers that are called so.
fn names<'a>(all: Vec<String>, of: impl Fn(&'static str) -> &'a str) -> Vec<&'static str> {
    let name = |text: &String| NAMES.into_iter().find(|name| of(name) == text).unwrap_or_else(|| panic!("{text}"));
    all.iter().map(name).collect()
}

/// One that is busy is waited for where no other can be asked.
fn is_waited_for(fault: Manner, operation: Operation, faulty: &[&str]) -> bool {
    matches!(fault, Busy(..)) && (operation == Operation::Push || faulty.len() > 1)
}

/// Each fault of the first mirror, and of both.
fn prove_all(configuration: &Configuration) {
    for fault in FAULTS {
        for operation in OPERATIONS {
            for faulty in [["m1"].as_slice(), &["m1", "m2"]] {
                if !is_waited_for(fault, operation, faulty) {
                    prove(configuration, faulty, fault, operation);
                }
            }
        }
    }
}

/// The same without what does not depend on where mirrors are configured: of both only what is most usual.
fn prove_each(configuration: &Configuration) {
    let faults = FAULTS.into_iter().filter(|fault| !matches!(fault, Status(400) | Busy(..) | LiesInHeader));
    let is_way = |operation: &Operation| matches!(operation, Operation::File | Operation::Reader | Operation::BlobHead);
    for fault in faults {
        for operation in OPERATIONS.into_iter().filter(|operation| !is_way(operation)) {
            prove(configuration, &["m1"], fault, operation);
            if matches!(fault, Down | Status(404)) {
                prove(configuration, &["m1", "m2"], fault, operation);
            }
        }
    }
}

#[test]
fn mirrors_of_the_option() {
    prove_all(&OPTION);
}

#[test]
fn mirrors_with_a_prefix() {
    prove_each(&PREFIX);
}

#[test]
fn a_mirror_by_digest_only() {
    prove_each(&DIGEST_ONLY);
}

#[test]
fn mirrors_only() {
    prove_all(&ONLY);
}

#[test]
fn a_mirror_that_is_written_to() {
    prove_each(&PUSH);
}

#[test]
fn mirrors_of_registries_conf() {
    prove_each(&REGISTRIES_CONF);
}

#[test]
fn mirrors_of_registries_conf_by_digest_only() {
    prove_each(&CONF_DIGEST_ONLY);
}

#[test]
fn mirrors_of_registries_conf_of_a_blocked_registry() {
    prove_each(&CONF_BLOCKED);
}

#[test]
fn hosts_of_hosts_toml() {
    prove_each(&HOSTS_TOML);
}

#[test]
fn hosts_of_hosts_toml_with_a_server() {
    prove_each(&HOSTS_TOML_SERVER);
}

#[test]
fn mirrors_of_daemon_json() {
    prove_each(&DAEMON_JSON);
}

#[test]
fn mirrors_of_registries_yaml() {
    prove_each(&REGISTRIES_YAML);
}

/// Silence takes real time: here it is shown that it is a fault like the others.
#[test]
fn a_silent_one_is_passed_over() {
    for (configuration, operation) in [(&OPTION, Operation::ByTag), (&REGISTRIES_CONF, Operation::Memory)] {
        prove(configuration, &["m1"], Silent, operation);
    }
}

#[test]
fn a_silent_one_costs_one_limit() {
    let house = House::new(&[("m1", Silent), ("origin", Healthy)]);
    let client = house.client(&["m1"]);
    within(std::time::Duration::from_millis(1900), || drop(operate(&house, &client, Operation::ByTag).unwrap()));
    assert_eq!(house.requests(), ["m1", "origin"]);
}

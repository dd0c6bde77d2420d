//! Each endpoint has limits of its own: those of the registry are not its mirror's.

use std::time::{Duration, Instant};

use ocireg::registry::manifest::GetOptions;
use serde_json::json;

use super::house::Manner::*;
use super::house::*;
use crate::common::*;

#[test]
fn requests_a_second_are_counted_for_each_by_itself() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let slow = json!({"requests_per_second": 0.01, "mirrors": [house.host("m1")]});
    let client = house.client_with(slow);
    let read = |times: usize| {
        let begun = Instant::now();
        for _ in 0..times {
            client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
        }
        begun.elapsed()
    };
    let taken = read(5);
    assert!(taken < Duration::from_secs(50), "one more request to the registry would take 100 s: {taken:?}");
    client.set_host(house.host("m1"), host_options(json!({"requests_per_second": 2.0}))).unwrap();
    let taken = read(4);
    assert!(taken >= Duration::from_millis(1400), "{taken:?}");
    assert!(house.server("origin").seen().is_empty());
}

/// The registry asks for a pause; its mirror is asked meanwhile.
#[test]
fn a_pause_is_the_registrys_alone() {
    let house = House::new(&[("m1", Healthy), ("origin", Busy(503, 100))]);
    let client = house.client(&["m1"]);
    let blob = house.repository();
    assert!(client.put_blob(&house.call(&client), &blob, b"x", &Default::default()).is_err());
    let begun = Instant::now();
    client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(50));
}

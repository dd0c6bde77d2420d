//! Pulls of artifacts killed at any moment: each file that is there is whole, and the next pull brings the rest.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::artifacts::{artifact, push, same};
use super::copy::{command, end};
use super::moments::{kill_one, rounds};
use super::{noise, TestRegistry};

/// After a kill at any moment each file that is there is whole, and the next pull brings the rest.
#[test]
fn a_killed_pull_shows_nothing_half() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let source = tempfile::tempdir().unwrap();
    std::fs::create_dir(source.path().join("folder")).unwrap();
    let names: Vec<String> =
        (0..6).map(|number| format!("file-{number}")).chain((0..4).map(|number| format!("folder/{number}"))).collect();
    for (seed, name) in names.iter().enumerate() {
        std::fs::write(source.path().join(name), noise(1 << 20, seed as u64 * 2 + 1)).unwrap();
    }
    let parts: Vec<&str> = names[..6].iter().map(String::as_str).chain(["folder"]).collect();
    push(&place, "killed:v1", &artifact(source.path(), &parts, None), json!({}));
    let name = format!("{}/killed:v1", place.host);
    let start = |out: &Path| {
        let mut child = Command::new(command());
        child
            .args(["artifact", "pull", &name, "-o", out.to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        child.spawn().unwrap()
    };
    let begun = std::time::Instant::now();
    end(start(&source.path().join("whole")));
    let whole = begun.elapsed();
    let mut resumed = 0;
    for round in 0..rounds(20) {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        kill_one(start(&out), round, whole);
        for name in names.iter().filter(|name| out.join(name).exists()) {
            assert!(
                std::fs::read(out.join(name)).unwrap() == std::fs::read(source.path().join(name)).unwrap(),
                "{name} is not whole"
            );
        }
        resumed += end(start(&out))["bytes_resumed"].as_u64().unwrap();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        same(source.path(), &out, &names);
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 7, "nothing else is left");
    }
    assert!(resumed > 0, "no pull went on with what another had left");
}

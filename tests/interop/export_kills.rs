//! Exports killed at any moment: the file is the old one or the new one.

use std::process::{Command, Stdio};

use ocireg::image::append::{append, AppendOptions};
use ocireg::image::Scratch;
use ocireg::place::Place;

use super::copy::command;
use super::moments::{kill_one, rounds};
use super::{env, noise, TestRegistry};

/// After a kill at any moment the file is the old one or the new one, and what was on its way is hidden beside it.
#[test]
fn a_killed_export_leaves_the_file_whole() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let folder = tempfile::tempdir_in(env("OCIREG_TEST_TMP")).unwrap();
    let (tar, out) = (folder.path().join("layer.tar"), folder.path().join("out"));
    let mut layer = tar::Builder::new(std::fs::File::create(&tar).unwrap());
    for number in 0..6u64 {
        let (mut header, bytes) = (tar::Header::new_ustar(), noise(1 << 20, number * 2 + 1));
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        layer.append_data(&mut header, format!("file-{number}"), &bytes[..]).unwrap();
    }
    layer.finish().unwrap();
    let name = format!("{}/image/killed:1", place.host);
    let to = Place::parse(&name).unwrap().destination(&client).unwrap();
    let options = AppendOptions { layers: vec![tar.display().to_string()], ..AppendOptions::default() };
    append(&client.call(None).unwrap(), &Scratch::new(None).unwrap(), to.as_ref(), &options).unwrap();
    std::fs::create_dir(&out).unwrap();
    let target = out.join("image.tar");
    let start = || {
        let mut child = Command::new(command());
        child.args(["export", &name, "-o"]).arg(&target).stdout(Stdio::null()).stderr(Stdio::piped());
        child.spawn().unwrap()
    };
    let begun = std::time::Instant::now();
    let output = start().wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (took, whole) = (begun.elapsed(), std::fs::read(&target).unwrap());
    let (mut old, mut new) = (0, 0);
    for round in 0..rounds(16) {
        std::fs::write(&target, "old").unwrap();
        kill_one(start(), round, took);
        match std::fs::read(&target).unwrap() {
            bytes if bytes == b"old" => old += 1,
            bytes => {
                assert!(bytes == whole, "round {round}: {} bytes", bytes.len());
                new += 1;
            }
        }
        let names = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let strange: Vec<String> = names
            .filter(|name| name != "image.tar" && !(name.starts_with('.') && name.ends_with(".partial")))
            .collect();
        assert!(strange.is_empty(), "{strange:?}");
    }
    assert!(old > 0, "none was killed on its way: {old} {new}");
}

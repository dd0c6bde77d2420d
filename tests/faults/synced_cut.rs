//! A sync to an archive that is killed at any step, and made again: nothing is left beside the archive.

use std::fs;

use serde_json::json;

use crate::common::*;
use crate::cut::{image, put, start, SHIM};
use crate::memory::Memory;
use crate::own_process::preload;
use crate::synced::*;

#[test]
fn nothing_is_left_beside_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let shim = preload(folder.path(), SHIM);
    let source = format!("oci:{}", folder.path().join("source").display());
    let images: Vec<Memory> = (1..5).map(|number| Memory::new(&[vec![0; 3000], vec![number; 3000]])).collect();
    for (number, image) in images.iter().enumerate() {
        put(image, &format!("{source}:h.io/a:{number}"));
    }
    for kind in ["oci-archive", "docker-archive"] {
        let mut left_by_killed = 0;
        for at in 0.. {
            let room = folder.path().join(format!("{kind}-{at}"));
            fs::create_dir(&room).unwrap();
            let (mark, to) =
                (folder.path().join(format!("mark-{kind}-{at}")), format!("{kind}:{}/place", room.display()));
            let mut child = start(&source, &to);
            child.env("OCIREG_TEST_CHANGE", "sync").env("LD_PRELOAD", &shim);
            child.env("CUT_AT", at.to_string()).env("CUT_HOW", "kill").env("CUT_MARK", &mark);
            let status = child.status().unwrap();
            let left =
                || fs::read_dir(&room).unwrap().filter(|entry| entry.as_ref().unwrap().file_name() != "place").count();
            // Then there is nothing to write any more.
            left_by_killed += usize::from(room.join("place").exists() && left() > 0);
            let result = synced_by(&client(), &source, &to, json!({})).unwrap();
            assert_eq!((&result["tags"]["failed"], left()), (&json!(0), 0), "{kind} at step {at}: {status}");
            if !mark.exists() {
                assert!(status.success() && at > 20, "{at} {status}");
                break;
            }
        }
        // Of each blob, and of the folders.
        assert!(left_by_killed > 10, "{kind}: {left_by_killed}");
    }
    assert_ne!(image(&images[0]), image(&images[1]));
}

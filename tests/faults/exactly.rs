//! Checks at their edges: an offset just behind a chunk, a token that is about to end, a link to the root below a folder, a tree that only
//! links make too deep, a file that was replaced while its lock was waited for.

use std::time::{Duration, SystemTime};

use ocireg::error::Code;
use ocireg::image::cat::{cat, CatOptions};
use ocireg::image::files::{files, FilesOptions};
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::upload::UploadOptions;

use crate::common::*;
use crate::images::{file, folder, layer, pax, symlink, unpack};
use crate::memory::Memory;
use crate::server::*;

/// After a chunk that broke, the registry says that it has more than was ever sent.
#[test]
fn an_offset_behind_the_chunk_is_not_believed() {
    for says in ["0-1000", "0-9999", "0-18446744073709551614"] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "POST" => reply(202).header("Location", "/up/1"),
            "PATCH" => reply(500),
            "GET" => reply(204).header("Location", "/up/1").header("Range", says),
            "HEAD" => reply(404),
            _ => created(seen),
        });
        let client = client();
        let options = UploadOptions { chunk_size: 1000 };
        let mut upload = client.start_upload(&call(&client), &repository(&server.host), &options).unwrap();
        let outcome = upload.write(&noise(1000)).and_then(|()| upload.finish(None).map(drop));
        fails(outcome, Code::Protocol, "of the upload");
        assert_eq!(server.count("PUT", "/up"), 0, "{says}");
    }
}

/// A token is not used in its last seconds: it would end on the way.
#[test]
fn a_token_that_is_about_to_end_is_not_used_again() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    for (age, lasts, fetched) in [(200, 205, 2), (0, 300, 1)] {
        let issued = written_time(now - age);
        let server = Server::start(move |seen| match (seen.path(), seen.header("authorization")) {
            ("/token", _) => {
                reply(200).json(&format!(r#"{{"token":"t","expires_in":{lasts},"issued_at":"{issued}"}}"#))
            }
            (_, Some("Bearer t")) => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
            _ => {
                let host = seen.header("host").unwrap();
                reply(401).header("WWW-Authenticate", format!("Bearer realm=\"http://{host}/token\",service=\"s\""))
            }
        });
        let client = client();
        for _ in 0..2 {
            client.get_manifest(&call(&client), &tag(&server.host), &GetOptions::default()).unwrap();
        }
        assert_eq!(server.count("GET", "/token"), fetched, "{lasts} s, {age} s ago");
    }
}

/// As token servers write times (RFC 3339).
fn written_time(seconds: u64) -> String {
    let at = format!("@{seconds}");
    let output = std::process::Command::new("date").args(["-u", "-d", &at, "+%Y-%m-%dT%H:%M:%SZ"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// An absolute link leads to the image's root, also where it is in a folder that has the same names.
#[test]
fn an_absolute_link_below_a_folder_leads_to_the_root() {
    let lower = layer(&[
        folder("d"),
        folder("d/e"),
        folder("e"),
        file("e/f", "at the root"),
        file("d/e/f", "in the folder"),
        symlink("d/to", "/e"),
        symlink("d/file", "/e/f"),
    ]);
    let upper = layer(&[file("d/to/new", "new")]);
    let here = tempfile::tempdir().unwrap();
    let into = here.path().join("image");
    // This also compares the list of files and the archive of the image with what was extracted.
    unpack(&[lower.clone(), upper.clone()], &into).unwrap();
    assert!(into.join("e/new").exists() && !into.join("d/e/new").exists());
    // The newer layer has files behind a link of the older one, which no reader of the newest layer first can know.
    let (client, images) = (client(), [Memory::new(std::slice::from_ref(&lower)), Memory::new(&[lower, upper])]);
    for (path, content) in [("d/to/f", "at the root"), ("d/file", "at the root"), ("d/e/f", "in the folder")] {
        let read = |image| {
            let mut out = Vec::new();
            cat(&call(&client), image, path, &mut out, &CatOptions::default()).map(|_| String::from_utf8(out).unwrap())
        };
        assert_eq!(read(&images[0]).unwrap(), content, "{path}");
        fails(read(&images[1]), Code::Unsupported, "newest layer first");
    }
}

/// No name is deeper than is allowed, but what is behind a link is.
#[test]
fn links_make_no_tree_deeper_than_names_may() {
    let deep = "d/".repeat(200);
    let layers = [layer(&[
        pax(&[("path", &deep)]),
        folder("x"),
        pax(&[("linkpath", deep.trim_end_matches('/'))]),
        symlink("link", "x"),
        pax(&[("path", &format!("link/{}f", "e/".repeat(200)))]),
        file("x", ""),
    ])];
    let here = tempfile::tempdir().unwrap();
    fails(unpack(&layers, &here.path().join("image")), Code::LimitExceeded, "folders deep");
    let (client, image) = (client(), Memory::new(&layers));
    within(Duration::from_secs(10), || {
        fails(files(&call(&client), &image, &FilesOptions::default()).map(drop), Code::LimitExceeded, "folders deep");
    });
}

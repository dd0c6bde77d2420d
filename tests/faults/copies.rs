//! Copies whose registries break off, forget, lie or refuse: no byte that was kept is lost, and nothing unfinished
//! becomes visible.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use ocireg::digest::Digest;
use ocireg::error::{Code, Error};
use ocireg::layout::check::check;
use ocireg::layout::directory::Directory;
use ocireg::layout::oci::OciLayout;
use ocireg::registry::{Client, RegistryStore};
use ocireg::store::ReadStore;
use ocireg::transfer::copy::{copy, Copied, CopyOptions};

use crate::common::*;
use crate::memory::{Memory, Watched};
use crate::server::*;

const SIZE: usize = 24 << 20;

fn push(client: &Client, from: &dyn ReadStore, host: &str) -> Result<Copied, Error> {
    copy(&call(client), from, &RegistryStore::new(client, tag(host)), &CopyOptions::default())
}

/// What a registry has of the large layer.
#[derive(Default)]
struct Held {
    /// The bytes of each session.
    open: HashMap<String, Vec<u8>>,
    bytes: Vec<u8>,
    done: bool,
    breaks: usize,
    sessions: usize,
}

/// How a registry treats an upload that broke.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    /// It keeps all bytes but the last few, and reports how many.
    Keeps,
    /// It forgets the session.
    Forgets,
    /// It says that it kept them, but did not.
    Lies,
    /// It forgets, and does not accept chunks.
    Whole,
    /// It keeps them, but refuses chunks with this status.
    Closed(u16),
}

impl Habit {
    /// The status with which it refuses a chunk.
    fn refusal(self) -> u16 {
        match self {
            Habit::Closed(status) => status,
            _ => 405,
        }
    }
}

/// How much arrives before an upload breaks, and how much of that is lost.
const ARRIVED: usize = (10 << 20) + 5;
const LOST: usize = 1000;

/// A registry where the first PUT of the large layer ends in the middle with `broken`.
fn breaks(blob: &[u8], habit: Habit, broken: Reply) -> (Server, Arc<Mutex<Held>>) {
    let held = Arc::new(Mutex::new(Held::default()));
    let (shared, blob) = (held.clone(), blob.to_vec());
    let server = Server::start(move |seen| {
        let mut held = shared.lock().unwrap();
        let length: usize = seen.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        let wants = |digest: &Digest| seen.target.contains(digest.hex());
        let large = wants(&digest(&blob));
        // The handler sees each request twice, the second time with its body.
        let whole = seen.body.len() == length;
        // Other blobs have their own sessions, at any time.
        let session = seen.path().rsplit('/').next().unwrap_or_default().to_owned();
        let mut bytes = held.open.remove(&session).unwrap_or_default();
        let outcome = match (seen.method.as_str(), seen.path().contains("/uploads/")) {
            ("HEAD", _) => reply(if large && held.done { 200 } else { 404 }).unframed(),
            ("POST", _) => {
                held.sessions += 1;
                reply(202).header("Location", format!("/v2/a/b/blobs/uploads/{}", held.sessions))
            }
            ("GET", true) if matches!(habit, Habit::Keeps | Habit::Lies | Habit::Closed(_)) => {
                bytes = match habit {
                    Habit::Lies => vec![0; ARRIVED - LOST],
                    _ => blob[..ARRIVED - LOST].to_vec(),
                };
                reply(204).header("Range", format!("0-{}", bytes.len() - 1))
            }
            ("PATCH", _) if matches!(habit, Habit::Whole | Habit::Closed(_)) => reply(habit.refusal()),
            ("PATCH", _) if !whole => reply(202),
            ("PATCH", _) => {
                let range = format!("{}-{}", bytes.len(), bytes.len() + length - 1);
                assert_eq!(seen.header("content-range"), Some(range.as_str()));
                bytes.extend_from_slice(&seen.body);
                reply(202).header("Range", format!("0-{}", bytes.len() - 1))
            }
            ("PUT", true) if large && length > 0 && held.breaks == 0 => {
                held.breaks += 1;
                broken.clone().after(ARRIVED)
            }
            ("PUT", true) if !whole => created(seen),
            ("PUT", true) if large => {
                bytes.extend_from_slice(&seen.body);
                if digest(&bytes) != digest(&blob) {
                    return reply(400).json(r#"{"errors":[{"code":"DIGEST_INVALID","message":"not that"}]}"#);
                }
                (held.done, held.bytes) = (true, bytes.clone());
                created(seen)
            }
            ("PUT", _) => created(seen),
            _ => reply(404),
        };
        held.open.insert(session, bytes);
        outcome
    });
    (server, held)
}

fn reset() -> Reply {
    reply(500).cut(0, Then::Reset)
}

#[test]
fn a_broken_upload_goes_on_where_the_registry_is() {
    let blob = noise(SIZE);
    for broken in [reset(), reply(502).then(Then::Close), reply(503).then(Then::Close)] {
        let from = Watched::new(&blob);
        let (server, held) = breaks(&blob, Habit::Keeps, broken);
        push(&client(), &from, &server.host).unwrap();
        let held = held.lock().unwrap();
        assert!(held.done && held.bytes == blob);
        let patches =
            server.seen().iter().filter(|seen| seen.method == "PATCH").map(|seen| seen.body.len()).sum::<usize>();
        assert_eq!(patches, SIZE - (ARRIVED - LOST), "no byte that had arrived came again");
        let opened = from.opened.lock().unwrap();
        assert_eq!((opened.len(), opened[0]), (2, 0));
        let behind = (ARRIVED - LOST) as u64 - opened[1];
        assert!(behind < 2 << 20, "read again from {}, {behind} bytes before it had to", opened[1]);
        assert_eq!(server.count("PUT", "/manifests/t"), 1);
    }
}

#[test]
fn a_registry_that_lost_it_gets_it_anew() {
    let blob = noise(SIZE);
    let closed = [403, 405, 501].map(|status| (Habit::Closed(status), false));
    for (habit, patched) in
        [(Habit::Forgets, true), (Habit::Lies, true), (Habit::Whole, false)].into_iter().chain(closed)
    {
        let from = Watched::new(&blob);
        let (server, held) = breaks(&blob, habit, reset());
        push(&client(), &from, &server.host).unwrap();
        let held = held.lock().unwrap();
        assert!(held.done && held.bytes == blob);
        let patches =
            server.seen().iter().filter(|seen| seen.method == "PATCH").map(|seen| seen.body.len()).sum::<usize>();
        assert_eq!(patches >= SIZE, patched, "{patches} bytes in chunks");
        assert_eq!(server.count("PUT", "/manifests/t"), 1);
    }
}

/// What the source registry sent before the upload broke is not fetched again either.
#[test]
fn a_broken_upload_from_another_registry() {
    let blob = noise(SIZE);
    let image = Memory::new(std::slice::from_ref(&blob));
    let client = client();
    let root = image.root(&call(&client)).unwrap();
    let config = image.config().to_vec();
    let layer = blob.clone();
    let source = Server::start(move |seen| match seen.path() {
        path if path.contains("/manifests/") => {
            reply(200).header("Content-Type", &root.document.media_type).body(&root.bytes)
        }
        path if path.contains(digest(&layer).hex()) => serve(&layer, seen),
        _ => serve(&config, seen),
    });
    let (server, held) = breaks(&blob, Habit::Keeps, reset());
    push(&client, &RegistryStore::new(&client, tag(&source.host)), &server.host).unwrap();
    assert!(held.lock().unwrap().bytes == blob);
    let begins: Vec<usize> = source
        .seen()
        .iter()
        .filter(|seen| seen.method == "GET" && seen.path().contains(digest(&blob).hex()))
        .map(|seen| seen.range_start().unwrap_or(0))
        .collect();
    assert!(begins.len() == 2 && ARRIVED - LOST - begins[1] < 2 << 20, "{begins:?}");
}

/// The token of either registry is refused in the middle: the download and the upload continue with a new one.
#[test]
fn tokens_that_end_in_the_middle() {
    let blob = noise(SIZE);
    let image = Memory::new(std::slice::from_ref(&blob));
    let manifest = image.root(&call(&client())).unwrap();
    let config = manifest.document.config().unwrap().clone();
    let config_bytes = {
        let mut open = image.open(&call(&client()), &config, None).unwrap();
        open.piece().unwrap().unwrap().to_vec()
    };
    // The source: after one truncated response, the first token is invalid.
    let (bytes, name) = (blob.clone(), digest(&blob));
    let tokens = Arc::new(Mutex::new((0, 1)));
    let source = Server::start(move |seen| {
        let (given, valid) = &mut *tokens.lock().unwrap();
        let challenge = format!("Bearer realm=\"http://{}/token\",service=\"s\"", seen.header("host").unwrap());
        let wanted = format!("Bearer token-{valid}");
        if seen.path() == "/token" {
            *given += 1;
            return reply(200).json(&format!(r#"{{"token":"token-{given}","expires_in":300}}"#));
        }
        if seen.header("authorization") != Some(wanted.as_str()) {
            return reply(401).header("WWW-Authenticate", challenge);
        }
        match seen.path() {
            path if path.ends_with("/manifests/t") => {
                reply(200).header("Content-Type", MANIFEST_TYPE).body(&manifest.bytes)
            }
            path if path.contains(name.hex()) && *valid == 1 => {
                *valid = 2;
                serve(&bytes, seen).cut(9 << 20, Then::Close)
            }
            path if path.contains(name.hex()) => serve(&bytes, seen),
            path if path.contains(config.digest.hex()) => reply(200).body(&config_bytes),
            _ => reply(404),
        }
    });
    let issuer = Server::start(|_| reply(200).json(r#"{"token":"fresh","expires_in":300}"#));
    let realm = format!(r#"Bearer realm="{}",service="s""#, issuer.url("/token"));
    let refused = reply(401).then(Then::Close);
    let (target, held) = breaks(&blob, Habit::Keeps, refused.header("WWW-Authenticate", realm));
    let client = client();
    let (from, to) = (RegistryStore::new(&client, tag(&source.host)), RegistryStore::new(&client, tag(&target.host)));
    let outcome = copy(&call(&client), &from, &to, &CopyOptions::default());
    let ranges: Vec<_> = source.seen().iter().filter_map(|seen| seen.range_start()).collect();
    assert!(outcome.is_ok(), "{outcome:?} {ranges:?}");
    assert!(held.lock().unwrap().done);
    assert_eq!(ranges.first(), Some(&(9 << 20)), "{ranges:?}");
    let patches: Vec<Seen> = target.seen().into_iter().filter(|seen| seen.method == "PATCH").collect();
    assert_eq!(patches.iter().map(|seen| seen.body.len()).sum::<usize>(), SIZE - (ARRIVED - LOST));
    assert!(patches.iter().all(|seen| seen.header("authorization") == Some("Bearer fresh")));
}

/// There are many codes for a missing name, and permission to push does not imply permission to read.
#[test]
fn a_destination_that_shows_no_manifest() {
    let from = Memory::new(&[noise(1000)]);
    for (status, code) in
        [(404, "BLOB_UNKNOWN"), (404, "MANIFEST_BLOB_UNKNOWN"), (404, "NAME_UNKNOWN"), (403, "DENIED")]
    {
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"no"}}]}}"#);
        let server = Server::start(move |seen| match (seen.method.as_str(), seen.path().contains("/manifests/")) {
            ("GET" | "HEAD", true) => reply(status).json(&body),
            ("HEAD", false) => reply(404),
            ("POST", _) => reply(202).header("Location", "/up"),
            _ => created(seen),
        });
        push(&client(), &from, &server.host).unwrap_or_else(|error| panic!("{status} {code}: {error}"));
        let read = client().get_manifest(&call(&client()), &tag(&server.host), &Default::default());
        let expected = if status == 404 { Code::NotFound } else { Code::Forbidden };
        fails(read.map(drop), expected, "no");
    }
}

fn is_manifest_put(seen: &Seen) -> bool {
    seen.method == "PUT" && seen.path().contains("/manifests/t")
}

fn errors(code: &str, message: &str) -> String {
    format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#)
}

/// Pushes to a registry that answers some requests with a status and a body. The error is the destination's. Returns whether the
/// tag was put.
fn puts_tag(refused: fn(&Seen) -> bool, status: u16, body: String, code: Code, part: &str) -> bool {
    let server = Server::start(move |seen| match seen.method.as_str() {
        _ if refused(seen) => reply(status).json(&body),
        "POST" => reply(202).header("Location", "/v2/a/b/blobs/uploads/1"),
        "PUT" => created(seen),
        "DELETE" => reply(204),
        _ => reply(404),
    });
    let error = fails(push(&client(), &Memory::new(&[noise(100_000)]), &server.host), code, part);
    assert_eq!((error.http_status(), &error.to_json()["side"]), (Some(status), &"destination".into()), "{error}");
    server.seen().iter().any(is_manifest_put)
}

/// Where blobs are refused, the tag is never set.
#[test]
fn a_destination_that_refuses_blobs() {
    let begins: fn(&Seen) -> bool = |seen| seen.method == "POST";
    let ends: fn(&Seen) -> bool = |seen| seen.method == "PUT" && seen.path().contains("/uploads/");
    let any: fn(&Seen) -> bool = |seen| seen.method != "HEAD" && seen.method != "GET";
    let quota = errors("DENIED", "the quota is used up");
    for (refused, status, body, code, part) in [
        (begins, 403, quota.clone(), Code::Forbidden, "the quota is used up"),
        (ends, 403, quota, Code::Forbidden, "quota"),
        (begins, 405, errors("UNSUPPORTED", "read-only mode"), Code::Unsupported, "read-only mode"),
        (begins, 404, errors("NAME_UNKNOWN", "no such project"), Code::NotFound, "no such project"),
        (any, 507, String::new(), Code::Server, "507"),
    ] {
        assert!(!puts_tag(refused, status, body, code, part), "{status}: {part}");
    }
}

#[test]
fn a_destination_that_refuses_the_manifest() {
    let invalid = errors("MANIFEST_INVALID", "not this one");
    assert!(puts_tag(is_manifest_put, 400, invalid, Code::InvalidManifest, "not this one"));
    let immutable = errors("TAG_IMMUTABLE", "the tag cannot be overwritten");
    assert!(puts_tag(is_manifest_put, 412, immutable, Code::Http, "cannot be overwritten"));
}

/// The registry reports a wrong digest for a blob from a file: the error says whether the file was wrong, or what
/// arrived.
#[test]
fn a_refused_blob_is_looked_at_again() {
    let layer = noise(100_000);
    let server = Server::start(|seen| match (seen.method.as_str(), seen.body.len()) {
        ("POST", _) => reply(202).header("Location", "/v2/a/b/blobs/uploads/1"),
        ("PUT", 100_000) => reply(400).json(r#"{"errors":[{"code":"DIGEST_INVALID","message":"not that"}]}"#),
        ("PUT", _) => created(seen),
        _ => reply(404),
    });
    for (spoilt, side, part) in [(false, "destination", "not that"), (true, "source", "memory holds a blob")] {
        let mut from = Memory::new(std::slice::from_ref(&layer));
        if spoilt {
            from.spoil(&layer);
        }
        let error = fails(push(&client(), &from, &server.host), Code::DigestMismatch, part);
        assert_eq!(error.to_json()["side"], side, "{error}");
        assert_eq!(server.count("PUT", "/manifests/"), 0);
    }
}

/// A large one is found to be wrong while it is sent: its last bytes are never sent, and it is read once.
#[test]
fn a_large_blob_is_found_wrong_on_its_way() {
    let layer = noise(64 << 20);
    let server = Server::start(|seen| match (seen.method.as_str(), seen.path().contains("/uploads/")) {
        ("POST", _) => reply(202).header("Location", "/v2/a/b/blobs/uploads/1"),
        ("PUT" | "DELETE", true) => created(seen),
        _ => reply(404),
    });
    let mut from = Watched::new(&layer);
    from.image.spoil(&layer);
    let error = fails(push(&client(), &from, &server.host), Code::DigestMismatch, "memory holds a blob");
    assert_eq!(error.to_json()["side"], "source", "{error}");
    assert_eq!(*from.opened.lock().unwrap(), [0]);
    let seen = server.seen();
    let whole = |seen: &&Seen| seen.method == "PUT" && seen.body.len() == layer.len();
    assert_eq!(seen.iter().filter(whole).count(), 0, "it was sent whole");
    assert_eq!(server.count("PUT", "/manifests/"), 0);
}

/// Two copies into one layout each have one layer and wait for the other's: each must name its finished layer before
/// its copy ends.
#[test]
fn two_copies_that_wait_for_each_other() {
    let layers = [noise(70_000), noise(70_001)[1..].to_vec()];
    let folder = tempfile::tempdir().unwrap();
    let step = Arc::new(Barrier::new(2));
    std::thread::scope(|scope| {
        for name in ["1", "2"] {
            let mut layers = layers.clone();
            if name == "2" {
                layers.reverse();
            }
            let from = Watched::in_step(&layers, &step);
            let root = folder.path();
            scope.spawn(move || {
                let client = client();
                let (context, call) = with_context(&client);
                context.set_deadline(Some(Duration::from_secs(20)));
                let to = OciLayout::create(root, Some(name)).unwrap();
                let one = CopyOptions { concurrency: 1, ..CopyOptions::default() };
                copy(&call, &from, &to, &one).unwrap();
            });
        }
    });
    let client = client();
    let checked = check(&call(&client), &OciLayout::open(folder.path(), None).unwrap()).unwrap();
    assert!(checked.ok, "{checked:?}");
}

/// The hidden file of a layer in a layout.
fn hidden(root: &Path, layer: &[u8]) -> PathBuf {
    let hex = digest(layer).hex().to_owned();
    root.join("blobs/sha256").join(format!(".{hex}.{}.partial", &hex[..12]))
}

/// A crash may leave small files with the right size but other bytes.
#[test]
fn small_files_that_are_there_are_read() {
    let (folder, layer, client) = (tempfile::tempdir().unwrap(), noise(10_000), client());
    let call = call(&client);
    let fill = |root: &Path| {
        let to = OciLayout::create(root, Some("1")).unwrap();
        copy(&call, &Watched::new(&layer), &to, &CopyOptions::default()).map(|_| to)
    };
    let (good, root) = (folder.path().join("good"), folder.path().join("zeros"));
    fill(&good).unwrap();
    std::fs::create_dir_all(root.join("blobs/sha256")).unwrap();
    for blob in std::fs::read_dir(good.join("blobs/sha256")).unwrap().map(Result::unwrap) {
        let size = blob.metadata().unwrap().len() as usize;
        std::fs::write(root.join("blobs/sha256").join(blob.file_name()), vec![0; size]).unwrap();
    }
    let filled = fill(&root).unwrap();
    assert!(check(&call, &filled).unwrap().ok);
}

/// A blob that cannot be renamed into place ends the copy, even if others are still to come.
#[test]
fn a_blob_that_cannot_be_kept_ends_the_copy() {
    let folder = tempfile::tempdir().unwrap();
    let layers: Vec<Vec<u8>> = (0..100).map(|number| noise(70_000 - number)[1..].to_vec()).collect();
    let (root, first) = (folder.path().to_owned(), layers[0].clone());
    let opened = Arc::new(Mutex::new(0));
    let count = opened.clone();
    let from = Watched::doing(&layers, move |wanted| {
        *count.lock().unwrap() += 1;
        if *wanted == digest(&first) {
            // An obstacle: the finished blob cannot be renamed.
            std::fs::create_dir(root.join("blobs/sha256").join(wanted.hex())).unwrap();
        } else {
            let end = Instant::now() + Duration::from_secs(60);
            while hidden(&root, &first).exists() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let client = client();
    let to = OciLayout::create(folder.path(), Some("1")).unwrap();
    let one = CopyOptions { concurrency: 1, ..CopyOptions::default() };
    fails(copy(&call(&client), &from, &to, &one), Code::Io, "cannot create");
    assert!(*opened.lock().unwrap() < layers.len() / 2, "{opened:?}");
    assert!(to.entries().unwrap().is_empty());
}

/// What an earlier attempt left may be wrong (power failed before it was on disk), and what has its name may not be a
/// file of the library.
#[test]
fn what_lies_in_the_way_of_a_layer_does_not_stop_it() {
    let layer = noise(300_000);
    for size in [1000, layer.len()] {
        let folder = tempfile::tempdir().unwrap();
        let client = client();
        for kind in ["zeros", "link", "hard link", "folder"] {
            let root = folder.path().join(format!("{kind} {size}"));
            let to = OciLayout::create(&root, Some("1")).unwrap();
            let (hidden, other) = (hidden(&root, &layer), folder.path().join("precious"));
            std::fs::write(&other, "precious").unwrap();
            match kind {
                "zeros" => std::fs::write(&hidden, vec![0; size]).unwrap(),
                "link" => std::os::unix::fs::symlink(&other, &hidden).unwrap(),
                "hard link" => std::fs::hard_link(&other, &hidden).unwrap(),
                _ => std::fs::create_dir(&hidden).unwrap(),
            }
            let (context, call) = with_context(&client);
            context.set_deadline(Some(Duration::from_secs(60)));
            copy(&call, &Watched::new(&layer), &to, &CopyOptions::default())
                .unwrap_or_else(|error| panic!("{kind}: {error}"));
            assert!(check(&call, &to).unwrap().ok);
            assert!(std::fs::read(to.blob_path(&digest(&layer))).unwrap() == layer, "{kind}");
            assert_eq!(std::fs::read(&other).unwrap(), b"precious");
        }
        let root = folder.path().join("dir");
        let to = Directory::create(&root).unwrap();
        let name = digest(&layer).hex().to_owned();
        let hidden = root.join(format!(".{name}.{}.partial", &digest(&layer).hex()[..12]));
        std::fs::write(&hidden, vec![0; size]).unwrap();
        copy(&call(&client), &Watched::new(&layer), &to, &CopyOptions::default()).unwrap();
        assert!(std::fs::read(root.join(name)).unwrap() == layer);
    }
}

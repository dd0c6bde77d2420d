//! Layouts and folders that are incomplete, or that another user has tampered with.

use std::os::unix::fs::{symlink, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::stat::Mode;
use ocireg::error::Code;
use ocireg::image::config::ImageConfig;
use ocireg::image::Image;
use ocireg::inside::{OnContention, Partial};
use ocireg::layout::directory::Directory;
use ocireg::layout::oci::OciLayout;
use ocireg::registry::Client;
use ocireg::registry::{ClientOptions, Texts};
use ocireg::transfer::copy::{copy, CopyOptions};

use crate::cleaning::{chmod, copied, digest_of, give_away, Layout};
use crate::common::*;
use crate::memory::{Memory, Watched};

/// Creates something other than a regular file.
fn put_trap(kind: &str, path: &Path) {
    let _ = std::fs::remove_file(path);
    match kind {
        "pipe" => nix::unistd::mkfifo(path, Mode::S_IRWXU).unwrap(),
        "link to a pipe" => {
            let pipe = path.with_extension("pipe");
            let _ = std::fs::remove_file(&pipe);
            nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
            symlink(pipe, path).unwrap();
        }
        "device" => symlink("/dev/zero", path).unwrap(),
        "folder" => std::fs::create_dir(path).unwrap(),
        _ => drop(UnixListener::bind(path).unwrap()),
    }
}

const TRAPS: [&str; 4] = ["pipe", "link to a pipe", "device", "socket"];

/// Anyone who may write to a folder can create something there that makes a reader wait for ever.
#[test]
fn nothing_waits_for_what_is_no_file() {
    let config = digest(br#"{"name":"a"}"#);
    for kind in TRAPS {
        for trapped in ["oci-layout", "index.json", "manifest", "config", "folder"] {
            let layout = Layout::new(&[]);
            let manifest = layout.image("a");
            layout.name(std::slice::from_ref(&manifest));
            let root = layout.0.path().to_owned();
            let path = match trapped {
                "manifest" => layout.blob(&digest_of(&manifest)),
                "config" => layout.blob(&config),
                "folder" => root.join("new"),
                name => root.join(name),
            };
            put_trap(kind, &path);
            let read = || {
                let root = if trapped == "folder" { &path } else { &root };
                let layout = OciLayout::open(root, None)?;
                let call = call(&client());
                let image = Image::find(&call, &layout, None)?;
                ImageConfig::read(&call, &layout, &image)
            };
            within(Duration::from_secs(2), || {
                let error = read().map(|_| ()).unwrap_err();
                assert_eq!(error.code(), Code::Io, "{kind} for {trapped}: {error}");
                let why = if trapped == "folder" { "Not a directory" } else { "not a regular file" };
                assert!(error.message().contains(why), "{kind} for {trapped}: {error}");
            });
            if ["manifest", "config"].contains(&trapped) {
                within(Duration::from_secs(2), || assert!(!layout.check().ok, "{kind} for {trapped}"));
            }
        }
        for trapped in ["manifest.json", "blob"] {
            let folder = tempfile::tempdir().unwrap();
            let image = Memory::new(&[]);
            let to = Directory::create(folder.path()).unwrap();
            copy(&call(&client()), &image, &to, &CopyOptions::default()).unwrap();
            let name = if trapped == "blob" { digest(image.config()).hex().to_owned() } else { trapped.to_owned() };
            put_trap(kind, &folder.path().join(name));
            within(Duration::from_secs(2), || {
                let call = call(&client());
                let read = Image::find(&call, &to, None).and_then(|image| ImageConfig::read(&call, &to, &image));
                fails(read.map(|_| ()), Code::Io, "not a regular file");
            });
        }
    }
}

/// The same for files named in a client's options.
#[test]
fn no_client_waits_for_what_is_no_file() {
    for kind in TRAPS {
        let folder = tempfile::tempdir().unwrap();
        let trap = folder.path().join("trap");
        put_trap(kind, &trap);
        let trap = trap.to_str().unwrap().to_owned();
        let good = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md").to_owned();
        for options in [
            changed(ClientOptions::default(), |options| options.http.tls.ca_file = Texts(vec![trap.clone()])),
            changed(ClientOptions::default(), |options| options.http.tls.client_cert_file = Some(trap.clone())),
            changed(options(), |options| options.credentials.credentials_file = Some(trap.clone())),
            changed(ClientOptions::default(), |options| {
                options.http.tls.client_cert_file = Some(trap);
                options.http.tls.client_key_file = Some(good);
            }),
        ] {
            let client = Client::new(options).unwrap();
            let server =
                crate::server::Server::start(|_| crate::server::reply(401).header("WWW-Authenticate", "Basic"));
            within(Duration::from_secs(2), || {
                let options = ocireg::registry::manifest::GetOptions::default();
                let error = client.get_manifest(&call(&client), &tag(&server.host), &options).map(|_| ()).unwrap_err();
                assert_eq!(error.code(), Code::Io, "{kind}: {error}");
                assert!(error.message().contains("regular file"), "{kind}: {error}");
            });
        }
    }
}

/// The hidden file of a layer in a layout.
fn hidden(root: &Path, layer: &[u8]) -> PathBuf {
    let hex = digest(layer).hex().to_owned();
    root.join("blobs/sha256").join(format!(".{hex}.{}.partial", &hex[..12]))
}

/// A blob of the right size exists, but with other bytes, and another user may have written it.
#[test]
fn a_blob_that_a_stranger_may_have_put_there_is_read_before_it_counts() {
    let (layer, wrong) = (noise(100_000), vec![7; 100_000]);
    for way in ["writable", "in a writable folder", "link", "hard link", "another user's"] {
        for bytes in [&wrong, &layer] {
            let folder = tempfile::tempdir().unwrap();
            let to = OciLayout::create(folder.path(), Some("1")).unwrap();
            let path = to.blob_path(&digest(&layer));
            let other = folder.path().join(".other");
            std::fs::write(&other, bytes).unwrap();
            match way {
                "link" => symlink(&other, &path).unwrap(),
                "hard link" => std::fs::hard_link(&other, &path).unwrap(),
                _ => std::fs::write(&path, bytes).unwrap(),
            }
            match way {
                "writable" => chmod(&path, 0o666),
                "in a writable folder" => chmod(path.parent().unwrap(), 0o777),
                "another user's" if !give_away(&path) => continue,
                _ => {}
            }
            let image = Watched::new(&layer);
            copied(&image, &to);
            assert!(std::fs::read(&path).unwrap() == layer, "{way}");
            assert_eq!(image.opened.lock().unwrap().len(), usize::from(*bytes != layer), "{way}");
            assert!(std::fs::read(&other).unwrap() == *bytes, "{way}");
        }
    }
}

/// What another user left, or may still write to, is not continued.
#[test]
fn a_partial_file_that_a_stranger_may_have_written_is_not_continued() {
    let layer = noise(300_000);
    for (way, begin) in
        [("own", 100_000), ("writable", 0), ("writable by a group", 0), ("another user's", 0), ("pipe", 0)]
    {
        let folder = tempfile::tempdir().unwrap();
        let to = OciLayout::create(folder.path(), Some("1")).unwrap();
        let path = hidden(folder.path(), &layer);
        std::fs::write(&path, &layer[..100_000]).unwrap();
        match way {
            "own" => chmod(&path, 0o644),
            "writable" => chmod(&path, 0o646),
            "writable by a group" => {
                // A group that is not the user's own.
                if std::os::unix::fs::chown(&path, None, Some(12345)).is_err() {
                    continue;
                }
                chmod(&path, 0o664);
            }
            "pipe" => put_trap("pipe", &path),
            _ if !give_away(&path) => continue,
            _ => {}
        }
        let image = Watched::new(&layer);
        within(Duration::from_secs(20), || drop(copied(&image, &to)));
        assert_eq!(*image.opened.lock().unwrap(), [begin], "{way}");
        assert!(std::fs::read(to.blob_path(&digest(&layer))).unwrap() == layer, "{way}");
        // It must not be removed or changed either.
        assert_eq!(path.symlink_metadata().is_ok(), way != "own", "{way}");
    }
}

/// Another process holds the lock of the hidden file: the copy does not wait for it.
#[test]
fn a_strangers_lock_holds_nobody() {
    let layer = noise(1000);
    let folder = tempfile::tempdir().unwrap();
    let to = OciLayout::create(folder.path(), Some("1")).unwrap();
    let path = hidden(folder.path(), &layer);
    let locked = std::fs::File::create(&path).unwrap();
    locked.try_lock().unwrap();
    chmod(&path, 0o666);
    within(Duration::from_secs(20), || drop(copied(&Watched::new(&layer), &to)));
}

/// While it is written it is private; afterwards it is like any other file that this user creates.
#[test]
fn a_partial_file_is_private_until_it_has_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let (target, usual) = (folder.path().join("target"), folder.path().join("usual"));
    std::fs::write(&usual, "").unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    let call = call(&client());
    for continued in [true, false] {
        let mut partial = match continued {
            true => Partial::open(&call, &target, &digest(b"text"), Some(4), OnContention::WriteOwn).unwrap().unwrap(),
            false => Partial::private(&target).unwrap(),
        };
        partial.write(b"text").unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.to_str().unwrap().ends_with(".partial") {
                assert_eq!(mode(&path), 0o600);
            }
        }
        partial.settle(Ok(()), &target).unwrap();
        assert_eq!(mode(&target), mode(&usual));
        std::fs::remove_file(&target).unwrap();
    }
}

/// Small JSON values take many times the memory of their text: such an index is not parsed.
#[test]
fn an_index_of_small_values_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let junk = vec!["[]"; 1_000_000].join(",");
    std::fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let index = format!("{{\"schemaVersion\":2,\"x\":[{junk}],\"manifests\":[]}}");
    std::fs::write(folder.path().join("index.json"), index).unwrap();
    let opened = OciLayout::open(folder.path(), None).unwrap();
    fails(opened.entries().map(drop), Code::InvalidManifest, "small values");
}

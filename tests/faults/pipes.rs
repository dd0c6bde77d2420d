//! Archives that arrive through a pipe, and pipes through which nothing arrives.

use std::path::Path;
use std::time::{Duration, Instant};

use ocireg::call::context::Context;
use ocireg::error::{Code, Error};
use ocireg::place::Place;
use ocireg::registry::Client;
use ocireg::store::RawManifest;
use tar::EntryType;

use crate::common::*;
use crate::images::{file, layer, raw};
use crate::packed::{bzip2, gzip, xz, zstd};
use crate::saved::digests;

fn fifo(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    path
}

fn root(client: &Client, call: &ocireg::call::Call, place: &str) -> Result<RawManifest, Error> {
    Place::parse(place)?.source(client)?.root(call)
}

/// A docker-archive of one image with one layer of these bytes.
fn archive(content: &[u8]) -> (Vec<u8>, String) {
    let config = format!(r#"{{"os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#, digest(content));
    let saved = r#"[{"Config":"c","RepoTags":["x:1"],"Layers":["l"]}]"#;
    let entries =
        [raw(b"l", EntryType::Regular, b"", 0o644, content), file("c", &config), file("manifest.json", saved)];
    (layer(&entries), digest(content).to_string())
}

#[test]
fn an_archive_may_come_by_a_pipe_and_packed() {
    let (whole, right) = archive(&noise(3 << 20));
    for bytes in [whole.clone(), gzip(&whole), zstd(&whole), xz(&whole), bzip2(&whole)] {
        let folder = tempfile::tempdir().unwrap();
        let path = fifo(folder.path());
        let writing = std::thread::spawn({
            let path = path.clone();
            move || std::fs::write(path, bytes).unwrap()
        });
        let client = client();
        let found = root(&client, &call(&client), &format!("docker-archive:{}:x:1", path.display())).unwrap();
        assert_eq!(digests(&found), [right.as_str()]);
        writing.join().unwrap();
    }
}

#[test]
fn a_pipe_that_nobody_writes_to_is_left() {
    for transport in ["docker-archive", "oci-archive"] {
        let folder = tempfile::tempdir().unwrap();
        let path = fifo(folder.path());
        let place = format!("{transport}:{}", path.display());
        let client = client();
        let context = std::sync::Arc::new(Context::new());
        context.set_deadline(Some(Duration::from_millis(200)));
        let call = client.call(Some(context)).unwrap();
        within(Duration::from_secs(2), || drop(fails(root(&client, &call, &place), Code::Timeout, "deadline")));
        let (context, call) = with_context(&client);
        // A writer that writes a little and then nothing more is treated the same.
        let holds = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        std::io::Write::write_all(&mut &holds, &[0x1f, 0x8b]).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(200));
                context.cancel();
            });
            let begun = Instant::now();
            fails(root(&client, &call, &place), Code::Cancelled, "");
            assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
        });
    }
}

#[test]
fn what_waits_on_the_disk_is_bounded() {
    let (whole, _) = archive(&vec![0; 8 << 20]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar.gz");
    std::fs::write(&path, gzip(&whole)).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let options = changed(options(), |options| {
        options.temporary.temporary_dir = Some(temporary.path().display().to_string());
        options.temporary.max_temporary_bytes = 1 << 20;
    });
    let client = Client::new(options).unwrap();
    let place = format!("docker-archive:{}", path.display());
    fails(root(&client, &call(&client), &place), Code::LimitExceeded, "max_temporary_bytes");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn what_is_no_archive_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let client = client();
    for (path, why) in [
        ("/dev/zero".to_owned(), "device"),
        (folder.path().display().to_string(), "directory"),
        (folder.path().join("socket").display().to_string(), "socket"),
        (folder.path().join("none").display().to_string(), "No such file"),
    ] {
        for transport in ["docker-archive", "oci-archive"] {
            let place = format!("{transport}:{path}");
            let error = root(&client, &call(&client), &place).unwrap_err();
            assert_eq!(error.code(), Code::Io, "{error}");
            assert!(error.message().contains(why) && error.message().contains(&path), "{error}");
        }
    }
    drop(listener);
}

/// A sparse file, so that no gigabyte has to be written.
fn sparse(folder: &Path, headers: &[Vec<u8>], length: u64) -> String {
    let path = folder.join("huge.tar");
    std::fs::write(&path, headers.concat()).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
    path.display().to_string()
}

fn claiming(kind: EntryType, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path("x").unwrap();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// 512 bytes behind as many that are a hole.
fn sparse_file() -> Vec<u8> {
    let mut header = tar::Header::from_byte_slice(&claiming(EntryType::GNUSparse, 512)).clone();
    let gnu = header.as_gnu_mut().unwrap();
    gnu.set_real_size(1024);
    gnu.sparse[0].set_offset(512);
    gnu.sparse[0].set_length(512);
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[test]
fn headers_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let client = client();
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader, EntryType::XGlobalHeader] {
        // To read all of it takes a minute.
        let path = sparse(folder.path(), &[claiming(kind, 1 << 36)], (1 << 36) + 4096);
        for transport in ["docker-archive", "oci-archive"] {
            let begun = Instant::now();
            fails(
                root(&client, &call(&client), &format!("{transport}:{path}")),
                Code::LimitExceeded,
                "extended header",
            );
            assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        }
    }
    let path = sparse(folder.path(), &[claiming(EntryType::GNUSparse, 512)], 4096);
    fails(root(&client, &call(&client), &format!("oci-archive:{path}")), Code::Io, "map of a sparse file");
    let path = sparse(folder.path(), &[sparse_file()], 4096);
    fails(root(&client, &call(&client), &format!("oci-archive:{path}")), Code::Unsupported, "sparse");
    for (kind, size) in
        [(EntryType::Regular, 8 << 30), (EntryType::Regular, u64::MAX >> 1), (EntryType::Continuous, 8192)]
    {
        let path = sparse(folder.path(), &[claiming(kind, size)], 4096);
        fails(root(&client, &call(&client), &format!("oci-archive:{path}")), Code::Io, "cut short within a file");
    }
}

#[test]
fn headers_without_end_are_left() {
    let folder = tempfile::tempdir().unwrap();
    // Empty files only: cancel must be checked at each header.
    let path = folder.path().join("many.tar");
    let mut entries = Vec::new();
    for at in 0..190_000 {
        entries.extend(file(&format!("f{at}"), ""));
    }
    for _ in 0..4 {
        std::io::Write::write_all(
            &mut std::fs::OpenOptions::new().create(true).append(true).open(&path).unwrap(),
            &entries,
        )
        .unwrap();
    }
    let client = client();
    let context = std::sync::Arc::new(Context::new());
    context.set_deadline(Some(Duration::from_millis(200)));
    let call = client.call(Some(context)).unwrap();
    let begun = Instant::now();
    fails(root(&client, &call, &format!("oci-archive:{}", path.display())), Code::Timeout, "");
    assert!(begun.elapsed() < Duration::from_millis(700), "{:?}", begun.elapsed());
    let more: Vec<u8> = (0..20_000).flat_map(|at| file(&format!("g{at}"), "")).collect();
    std::io::Write::write_all(&mut std::fs::OpenOptions::new().append(true).open(&path).unwrap(), &more).unwrap();
    let call = self::call(&client);
    fails(
        root(&client, &call, &format!("oci-archive:{}", path.display())),
        Code::LimitExceeded,
        "more than 200000 files",
    );
}

//! Every loop that hostile bytes can make long ends when the call is cancelled: each gets its worst input.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::write::GzEncoder;
use flate2::Compression;
use ocireg::call::context::Context;
use ocireg::call::Call;
use ocireg::error::{Code, Error};
use ocireg::image::append::{append, AppendOptions};
use ocireg::image::cat::{cat, CatOptions};
use ocireg::image::export::{export, ExportOptions};
use ocireg::image::extract::{extract, ExtractOptions};
use ocireg::image::files::{files, FilesOptions};
use ocireg::image::Scratch;
use ocireg::layout::oci::OciLayout;
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::CatalogOptions;
use ocireg::store::ReadStore;
use tar::EntryType;

use crate::bounds::{folder as empty_folder, packed};
use crate::common::*;
use crate::images::*;
use crate::memory::{Memory, Watched};
use crate::server::*;

/// When the caller cancels, and how soon the call must then end: what the header promises, plus an allowance for a
/// debug build on a busy machine.
const PATIENCE: Duration = Duration::from_millis(300);
const AT_ONCE: Duration = Duration::from_secs(1);

/// As from a signal handler, which wakes no thread. Until then the progress hook is called on this thread, even if nothing moves.
#[track_caller]
pub fn left(name: &str, work: impl FnOnce(&Call) -> Result<(), Error>) {
    let client = client();
    let (context, call) = with_context(&client);
    let (beats, caller) = (Arc::new(AtomicUsize::new(0)), std::thread::current().id());
    let counted = beats.clone();
    context.set_progress(Some(Arc::new(move |_, _| {
        assert_eq!(std::thread::current().id(), caller);
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    })));
    let remote = context.clone();
    std::thread::spawn(move || {
        std::thread::sleep(PATIENCE);
        remote.cancel_from_signal();
    });
    let begun = Instant::now();
    let outcome = work(&call);
    let taken = begun.elapsed();
    println!("{name}: left {:.0?} after it was cancelled", taken.saturating_sub(PATIENCE));
    assert_eq!(outcome.err().map(|error| error.code()), Some(Code::Cancelled), "{name}: after {taken:?}");
    assert!(taken < PATIENCE + AT_ONCE, "{name}: {taken:?}");
    assert!(beats.load(Ordering::Relaxed) > 0, "{name}: no progress was told");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut gzip, bytes).unwrap();
    gzip.finish().unwrap()
}

/// One frame of zstd with these blocks, in a window of that many KiB.
fn frame(window: u8, blocks: &[u8]) -> Vec<u8> {
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, window << 3][..], blocks, &[1, 0, 0]].concat()
}

/// A zstd block: one byte repeated 128 Ki times.
fn run_of(byte: u8) -> [u8; 4] {
    let [a, b, c, _] = ((128u32 << 10) << 3 | 0b010).to_le_bytes();
    [a, b, c, byte]
}

/// Layers that unpack almost endlessly, though none of them is large.
pub fn endless() -> Vec<(&'static str, Vec<u8>)> {
    let headers: Vec<u8> = (0..1000).flat_map(|_| file("a", "")).collect();
    let extended: Vec<u8> = (0..1000).flat_map(|_| pax(&[("comment", "x")])).collect();
    let names: Vec<u8> = (0..1000).flat_map(|_| raw(b"l", EntryType::GNULongName, b"", 0, b"name")).collect();
    let unknown: Vec<u8> = (0..1000).flat_map(|_| raw(b"u", EntryType::new(b'Z'), b"", 0, b"")).collect();
    let mut large = tar::Header::new_gnu();
    large.set_path("large").unwrap();
    large.set_size(50 << 30);
    large.set_cksum();
    vec![
        ("headers", gzip(&headers).repeat(4000)),
        ("pax headers", gzip(&extended).repeat(4000)),
        ("long names", gzip(&names).repeat(4000)),
        ("entries that nobody knows", gzip(&unknown).repeat(4000)),
        ("empty members of gzip", gzip(b"").repeat(2_000_000)),
        ("empty frames of zstd", frame(0, b"").repeat(2_000_000)),
        ("empty frames with a great window", frame(17, b"").repeat(1_000_000)),
        ("skipped frames of zstd", [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0].repeat(8_000_000)),
        ("empty blocks of zstd", frame(7, &[0, 0, 0].repeat(30_000_000))),
        (
            "a large file",
            [frame(7, &[&[0, 16, 0][..], large.as_bytes()].concat()), frame(7, &run_of(b'x').repeat(400_000))].concat(),
        ),
        ("zeros behind the end", frame(7, &run_of(0).repeat(8000))),
    ]
}

#[test]
fn layers() {
    for (name, layer) in endless() {
        let image = Memory::with_ids(&[layer], &[]);
        left(&format!("files: {name}"), |call| files(call, &image, &FilesOptions::default()).map(drop));
        left(&format!("export: {name}"), |call| {
            export(call, &image, &mut std::io::sink(), &ExportOptions::default()).map(drop)
        });
        left(&format!("cat: {name}"), |call| {
            cat(call, &image, "none", &mut std::io::sink(), &CatOptions::default()).map(drop)
        });
        let folder = empty_folder();
        left(&format!("extract: {name}"), |call| {
            extract(call, &image, &folder.path().join("image"), &ExtractOptions::default()).map(drop)
        });
        let (path, to) = (folder.path().join("layer"), folder.path().join("layout"));
        std::fs::write(&path, image.blobs.values().max_by_key(|blob| blob.len()).unwrap()).unwrap();
        let layers = vec![path.display().to_string()];
        let options = AppendOptions { layers, scratch: true, ..AppendOptions::default() };
        left(&format!("append: {name}"), |call| {
            append(call, &Scratch::new(None)?, &OciLayout::create(&to, None)?, &options).map(drop)
        });
    }
}

/// The removed files exist in the layer below.
#[test]
fn whiteouts() {
    let lower = packed((0..20_000).map(|number| file(&format!("d/{}/{number}", number % 100), "")));
    for mark in [".wh.d", ".wh..wh..opq", "d/.wh..wh..opq"] {
        let upper = packed([file(mark, "")].into_iter().chain((0..1000).map(|number| file(&format!("n{number}"), ""))));
        let context = Arc::new(Context::new());
        let (remote, last) = (context.clone(), digest(&upper));
        let layers = [lower.clone(), upper];
        let mut image = Watched::doing(&layers, move |digest| {
            let remote = remote.clone();
            if *digest == last {
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(15));
                    remote.cancel();
                });
            }
        });
        image.image = Memory::with_ids(&layers, &[]);
        let (client, folder) = (client(), empty_folder());
        let call = client.call(Some(context)).unwrap();
        let outcome = extract(&call, &image, &folder.path().join("image"), &ExtractOptions::default());
        fails(outcome.map(drop), Code::Cancelled, "");
    }
}

/// Each path is just below the limit, and there are many.
#[test]
fn links() {
    let loops = symlink("l", &"d/../".repeat(19));
    let through = (0..1_000_000).map(|number| file(&format!("l/{number}"), ""));
    let layer = packed([folder("d"), loops].into_iter().chain(through.take(300_000)));
    let image = Memory::with_ids(&[layer], &[]);
    left("files: links", |call| files(call, &image, &FilesOptions::default()).map(drop));
    let folder = empty_folder();
    left("extract: links", |call| {
        extract(call, &image, &folder.path().join("image"), &ExtractOptions::default()).map(drop)
    });
}

#[test]
fn pages() {
    let server = Server::start(|seen| {
        let next = format!("<{}?last={}>; rel=next", seen.path(), seen.number);
        let name = format!("n{}", seen.number);
        reply(200).header("Link", next).json(&format!(r#"{{"tags":["{name}"],"repositories":["{name}"]}}"#))
    });
    let client = client();
    for name in ["tags", "catalog"] {
        left(name, |call| match name {
            "tags" => client.tags(call, &format!("{}/a/b", server.host), &TagsOptions::default()).map(drop),
            _ => client.catalog(call, &server.host, &CatalogOptions::default()).map(drop),
        });
    }
}

/// A named pipe without a writer blocks nothing: where a file is read more than once it is refused.
#[test]
fn named_pipes() {
    let folder = empty_folder();
    let path = folder.path().join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let name = path.display().to_string();
    let server = Server::start(|_| reply(404));
    let client = client();
    let call = call(&client);
    within(AT_ONCE, || {
        let blob = client.put_blob_file(&call, &repository(&server.host), &path, &Default::default());
        fails(blob.map(drop), Code::Io, "a named pipe");
        let options = AppendOptions { layers: vec![name.clone()], scratch: true, ..AppendOptions::default() };
        let layout = OciLayout::create(&folder.path().join("layout"), None).unwrap();
        fails(append(&call, &Scratch::new(None).unwrap(), &layout, &options).map(drop), Code::Io, "a named pipe");
        let options = serde_json::from_value(serde_json::json!({"ca_file": name})).unwrap();
        let trusting = ocireg::registry::Client::new(options).and_then(|client| {
            client.get_manifest(&client.call(None)?, &tag("registry.example:1"), &Default::default())
        });
        fails(trusting.map(drop), Code::Io, "a named pipe");
    });
    assert!(Scratch::new(None).unwrap().root(&call).is_ok());
}

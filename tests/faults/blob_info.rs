//! Which repositories have which blobs, as one process tells the next in a file. It is only a hint, whichever program wrote it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::{symlink, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ocireg::error::{Code, Error};
use ocireg::reference::Reference;
use ocireg::registry::{Client, RegistryStore};
use ocireg::transfer::copy::{copy, Copied, CopyOptions};
use serde_json::json;

use crate::common::*;
use crate::memory::Memory;
use crate::server::*;
use crate::two_sizes::BYTES;

/// A registry with repositories that can mount from each other, or that refuses mounts with a status.
struct Registry {
    server: Server,
    blobs: Arc<Mutex<HashMap<String, HashSet<String>>>>,
}

impl Registry {
    fn start(refuses: Option<u16>) -> Registry {
        Registry::behind(refuses, |_| None)
    }

    /// With a gate that may answer before it.
    fn behind(refuses: Option<u16>, gate: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Registry {
        let blobs = Arc::<Mutex<HashMap<String, HashSet<String>>>>::default();
        let shared = blobs.clone();
        let server = Server::start(move |seen| {
            if let Some(answer) = gate(seen) {
                return answer;
            }
            let mut blobs = shared.lock().unwrap();
            let path = seen.path().to_owned();
            let name =
                path.trim_start_matches("/v2/").split("/blobs/").next().unwrap().split("/manifests/").next().unwrap();
            let query = |key: &str| {
                let pairs = seen.target.split_once('?').map_or("", |(_, query)| query).split('&');
                pairs
                    .filter_map(|pair| pair.split_once('='))
                    .find(|(name, _)| *name == key)
                    .map(|(_, value)| value.replace("%3A", ":"))
            };
            let has = |name: &str, digest: &str| blobs.get(name).is_some_and(|blobs| blobs.contains(digest));
            match (seen.method.as_str(), path.contains("/manifests/")) {
                ("PUT", true) => reply(201).header("Docker-Content-Digest", digest(&seen.body)),
                (_, true) => reply(404),
                ("HEAD", _) if has(name, path.rsplit('/').next().unwrap()) => reply(200),
                ("HEAD", _) => reply(404),
                ("POST", _) => match (query("mount"), query("from"), refuses) {
                    (Some(_), Some(_), Some(status)) => reply(status),
                    (Some(digest), Some(from), None) if has(&from, &digest) => {
                        blobs.entry(name.to_owned()).or_default().insert(digest.clone());
                        reply(201).header("Docker-Content-Digest", digest)
                    }
                    _ => reply(202).header("Location", format!("/v2/{name}/blobs/uploads/1")),
                },
                _ => {
                    if let Some(digest) = query("digest") {
                        blobs.entry(name.to_owned()).or_default().insert(digest);
                    }
                    created(seen)
                }
            }
        });
        Registry { server, blobs }
    }

    fn mounts(&self) -> usize {
        self.server.seen().iter().filter(|seen| seen.method == "POST" && seen.target.contains("mount=")).count()
    }
}

/// A client of its own stands for a process of its own: it shares nothing with others but the file.
fn process(cache: &Path) -> Client {
    Client::new(changed(options(), |options| {
        options.blob_info.blob_info_cache = Some(cache.to_str().unwrap().to_owned());
    }))
    .unwrap()
}

fn push_by(client: &Client, registry: &Registry, repository: &str, image: &Memory) -> Result<Copied, Error> {
    let to = Reference::parse(&format!("{}/{repository}:t", registry.server.host), None).unwrap();
    copy(&call(client), image, &RegistryStore::new(client, to), &CopyOptions::default())
}

fn push(cache: &Path, registry: &Registry, repository: &str, image: &Memory) -> Copied {
    push_by(&process(cache), registry, repository, image).unwrap()
}

fn image() -> Memory {
    Memory::new(&[noise(1000), noise(2000)])
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("blob-info")
    }
}

/// A mount does not tell a size: what this client has put with another one is read at its source, which knows.
#[test]
fn a_blob_is_not_mounted_with_another_size() {
    let (from, registry, client) = (crate::synced::shelf_of(&[]), Registry::start(None), client());
    crate::two_sizes::image(&from, "good", &[BYTES.len()]);
    crate::two_sizes::image(&from, "bad", &[BYTES.len() + 1]);
    let push = |tag: &str, repository: &str| {
        let at = |name: String| RegistryStore::new(&client, Reference::parse(&name, None).unwrap());
        let from = at(format!("{}/a/b:{tag}", from.host()));
        copy(&call(&client), &from, &at(format!("{}/{repository}:t", registry.server.host)), &CopyOptions::default())
    };
    push("good", "one").unwrap();
    assert_eq!(push("good", "two").unwrap().blobs["mounted"], 2);
    fails(push("bad", "three"), Code::SizeMismatch, &format!("{} bytes", BYTES.len() + 1));
}

#[test]
fn a_second_process_mounts_what_the_first_has_put() {
    let (folder, registry) = (Folder::new(), Registry::start(None));
    let first = push(&folder.cache(), &registry, "one", &image());
    assert_eq!((&first.blobs["copied"], &first.blobs["mounted"]), (&3.into(), &0.into()));
    let second = push(&folder.cache(), &registry, "two", &image());
    assert_eq!((&second.blobs["copied"], &second.blobs["mounted"]), (&0.into(), &3.into()));
    assert_eq!((registry.mounts(), registry.server.count("PUT", "/blobs/")), (3, 3));
    // What was mounted is known there too, and only the owner may read it.
    let text = fs::read_to_string(folder.cache()).unwrap();
    assert_eq!((text.lines().count(), text.matches(" two").count()), (7, 3));
    assert!(text.lines().skip(1).all(|line| line.starts_with(&registry.server.host)));
    assert_eq!(fs::metadata(folder.cache()).unwrap().permissions().mode() & 0o777, 0o600);
    // Another registry has nothing to do with it.
    let other = Registry::start(None);
    assert_eq!(push(&folder.cache(), &other, "one", &image()).blobs["copied"], 3);
    assert_eq!(other.mounts(), 0);
    // Without the option nothing is remembered.
    assert_eq!(push_by(&client(), &registry, "three", &image()).unwrap().blobs["copied"], 3);
}

/// What is remembered of a registry is found by all its names, and by none of the registry at the other port.
#[test]
fn what_a_registry_has_is_known_by_each_of_its_names() {
    for (one, two, mounted) in [
        ("reg.test", "Reg.Test.:0443", 3),
        ("reg.test:443", "reg.test", 3),
        ("https://reg.test", "reg.test:443", 3),
        ("http://reg.test", "reg.test:80", 3),
        ("reg.test:443", "http://reg.test", 0),
        ("reg.test:80", "https://reg.test", 0),
    ] {
        for processes in [1, 2] {
            let (folder, registry) = (Folder::new(), Registry::start(None));
            let new = || {
                let client = process(&folder.cache());
                for name in [one, two] {
                    let options = json!({"address": registry.server.host, "plain_http": true});
                    client.set_host(name, host_options(options)).unwrap();
                }
                client
            };
            let (first, second) = (new(), new());
            let push = |client: &Client, name: &str| {
                let to = Reference::parse(&format!("{name}:t"), None).unwrap();
                copy(&call(client), &image(), &RegistryStore::new(client, to), &CopyOptions::default()).unwrap()
            };
            push(&first, &format!("{one}/one"));
            let copied = push(if processes == 1 { &first } else { &second }, &format!("{two}/two"));
            assert_eq!(copied.blobs["mounted"], mounted, "{one} {two} {processes}");
        }
    }
}

#[test]
fn a_hint_that_is_wrong_costs_a_request_and_is_replaced() {
    for (refuses, more) in [(None, 0), (Some(404), 1), (Some(405), 1), (Some(500), 1), (Some(403), 1), (Some(401), 1)] {
        let folder = Folder::new();
        let registry = Registry::start(refuses);
        push(&folder.cache(), &registry, "one", &image());
        let before = registry.server.seen().len();
        push(&folder.cache(), &registry, "fresh", &Memory::new(&[noise(3000), noise(4000)]));
        let plain = registry.server.seen().len() - before;
        registry.blobs.lock().unwrap().remove("one");
        let before = registry.server.seen().len();
        let second = push(&folder.cache(), &registry, "two", &image());
        assert_eq!((&second.blobs["copied"], &second.blobs["mounted"]), (&3.into(), &0.into()), "{refuses:?}");
        // A mount that is declined opens the session for the upload.
        let most = plain + 3 * more + if refuses == Some(401) { 4 } else { 0 };
        assert!(registry.server.seen().len() - before <= most, "{refuses:?}");
        assert_eq!(registry.blobs.lock().unwrap()["two"].len(), 3);
        let text = fs::read_to_string(folder.cache()).unwrap();
        assert!(text.trim_end().ends_with(" two"), "{text}");
    }
}

/// Another account of the machine may not pull from where this one has put it: its token server, or its registry, says so once for all
/// blobs, and what the hook gave is not asked for again.
#[test]
fn a_source_that_is_refused_is_not_tried_for_every_blob() {
    for by_token in [true, false] {
        let is_for_one = |seen: &Seen| seen.target.replace("%3A", ":").contains("repository:one:pull");
        let gate = move |seen: &Seen| {
            let is_token = seen.path() == "/token";
            let refused = is_token && seen.target.contains("two") && is_for_one(seen);
            let challenge = || format!("Bearer realm=\"http://{}/token\"", seen.header("host").unwrap());
            match (is_token, seen.header("authorization")) {
                (true, _) if refused => Some(reply(401)),
                (true, _) => Some(reply(200).json(r#"{"token": "t"}"#)),
                (false, None) => Some(reply(401).header("WWW-Authenticate", challenge())),
                _ => None,
            }
        };
        let (folder, image) = (Folder::new(), Memory::new(&(1..20).map(|size| noise(100 * size)).collect::<Vec<_>>()));
        let registry = match by_token {
            true => Registry::behind(None, gate),
            false => Registry::start(Some(403)),
        };
        push(&folder.cache(), &registry, "one", &image);
        let client = process(&folder.cache());
        let (context, call) = with_context(&client);
        let asked = Arc::new(Mutex::new(0));
        let count = asked.clone();
        context.set_credentials(Some(Arc::new(move |_, _| {
            *count.lock().unwrap() += 1;
            let secrets = serde_json::json!({"username": "u", "password": "p"});
            serde_json::from_value::<ocireg::registry::Secrets>(secrets).unwrap().credentials()
        })));
        let to = Reference::parse(&format!("{}/two:t", registry.server.host), None).unwrap();
        let found = copy(&call, &image, &RegistryStore::new(&client, to), &CopyOptions::default()).unwrap();
        assert_eq!(found.blobs["copied"], 20);
        let seen = registry.server.seen();
        let tries = match by_token {
            true => seen
                .iter()
                .filter(|seen| seen.path() == "/token" && seen.target.contains("two") && is_for_one(seen))
                .count(),
            false => registry.mounts(),
        };
        // Of the blobs that go at once each may have begun.
        assert!((1..=8).contains(&tries), "{by_token}: {tries}");
        assert!(*asked.lock().unwrap() <= 1, "{by_token}: {}", asked.lock().unwrap());
    }
}

#[test]
fn several_processes_write_at_once() {
    let (folder, registry) = (Folder::new(), Registry::start(None));
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (folder, registry) = (&folder, &registry);
            scope.spawn(move || {
                let image = Memory::new(&(0..10).map(|layer| noise(100 + 10 * number + layer)).collect::<Vec<_>>());
                push(&folder.cache(), registry, &format!("r{number}"), &image);
            });
        }
    });
    let text = fs::read_to_string(folder.cache()).unwrap();
    assert!(text.lines().skip(1).all(|line| line.split(' ').count() == 3), "{text}");
    for number in 0..8 {
        assert!(text.contains(&format!(" r{number}\n")));
    }
}

/// A file that must not be used: it stays as it is, and the copy does what it does without.
#[track_caller]
fn is_left_alone(path: &Path, what: &str) {
    let registry = Registry::start(None);
    let is_file = fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    let before = is_file.then(|| fs::read(path).unwrap());
    let client = process(path);
    let (context, call) = with_context(&client);
    let told = Arc::<Mutex<Vec<String>>>::default();
    let heard = told.clone();
    context.set_log(Some(Arc::new(move |event: &serde_json::Value| {
        heard.lock().unwrap().push(format!("{} {}", event["event"], event["text"]));
        Ok(())
    })));
    let to = Reference::parse(&format!("{}/one:t", registry.server.host), None).unwrap();
    let found = copy(&call, &image(), &RegistryStore::new(&client, to), &CopyOptions::default()).unwrap();
    assert_eq!(found.blobs["copied"], 3, "{what}");
    assert_eq!(registry.mounts(), 0, "{what}");
    let told = told.lock().unwrap();
    assert!(
        told.iter().any(|text| text.starts_with("\"warning\" \"the blob-info cache is not used")),
        "{what}: {told:?}"
    );
    let kept = |context: &ocireg::call::context::Context| {
        let kept = context.warnings();
        assert!(kept.iter().any(|warning| warning.text.starts_with("the blob-info cache is not used")), "{what}");
    };
    kept(&context);
    // Also where nobody reads the log.
    let client = process(path);
    let (context, call) = with_context(&client);
    let to = Reference::parse(&format!("{}/two:t", registry.server.host), None).unwrap();
    copy(&call, &image(), &RegistryStore::new(&client, to), &CopyOptions::default()).unwrap();
    kept(&context);
    if let Some(before) = before {
        assert!(fs::read(path).unwrap() == before, "{what}");
    }
}

#[test]
fn what_others_can_have_written_is_not_used() {
    let folder = Folder::new();
    let path = |name: &str| folder.0.path().join(name);
    let write = |name: &str, mode: u32, text: &[u8]| {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(path(name)).unwrap();
        std::io::Write::write_all(&mut file, text).unwrap();
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
        path(name)
    };
    let magic = b"ocireg blob-info-cache 1\n";
    is_left_alone(&write("readable", 0o644, magic), "others may read it");
    is_left_alone(&write("writable", 0o622, magic), "other users may write to it");
    is_left_alone(&write("other", 0o600, b"a letter to a friend\n"), "another kind of file");
    is_left_alone(&write("short", 0o600, b"ocireg"), "too short to be one");
    is_left_alone(&write("garbage", 0o600, &noise(100_000)), "garbage");
    let target = write("target", 0o600, magic);
    symlink("target", path("link")).unwrap();
    is_left_alone(&path("link"), "a link");
    assert_eq!(fs::read(&target).unwrap(), magic);
    fs::hard_link(&target, path("hard")).unwrap();
    is_left_alone(&target, "a hard link");
    symlink("/dev/zero", path("device")).unwrap();
    is_left_alone(&path("device"), "a device");
    nix::unistd::mkfifo(&path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    is_left_alone(&path("pipe"), "a pipe");
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    is_left_alone(&path("socket"), "a socket");
    fs::create_dir(path("folder")).unwrap();
    is_left_alone(&path("folder"), "a folder");
    is_left_alone(&path("no/where"), "no folder");
    is_left_alone(Path::new("/"), "no name");
    if nix::unistd::geteuid().is_root() {
        let foreign = write("foreign", 0o600, magic);
        nix::unistd::chown(&foreign, Some(nix::unistd::Uid::from_raw(12345)), None).unwrap();
        is_left_alone(&foreign, "another user's");
    }
}

#[test]
fn hints_of_any_content_are_harmless() {
    let (folder, registry) = (Folder::new(), Registry::start(None));
    let host = registry.server.host.clone();
    let image = image();
    let mut lines = b"ocireg blob-info-cache 1\n".to_vec();
    for (number, bytes) in image.blobs.values().enumerate() {
        let name = ["x&from=other", "../../admin", "nowhere"][number % 3];
        lines.extend_from_slice(format!("{host} {} {name}\n", digest(bytes)).as_bytes());
    }
    lines.extend_from_slice(&noise(50_000));
    fs::write(folder.cache(), &lines).unwrap();
    fs::set_permissions(folder.cache(), fs::Permissions::from_mode(0o600)).unwrap();
    let found = push(&folder.cache(), &registry, "one", &image);
    assert_eq!((&found.blobs["copied"], registry.mounts()), (&3.into(), 1));
    // Half a line, of a process that was killed, and then those of this one.
    let second = push(&folder.cache(), &registry, "two", &image);
    assert_eq!(second.blobs["mounted"], 3);
}

#[test]
fn the_file_stays_small() {
    const MOST: u64 = 4 << 20;
    let (folder, registry) = (Folder::new(), Registry::start(None));
    let mut text = String::from("ocireg blob-info-cache 1\n");
    for number in 0u32.. {
        text += &format!("h.example {} some/repository\n", digest(&number.to_le_bytes()));
        if text.len() as u64 > MOST - 50 {
            break;
        }
    }
    for size in [text.len(), text.len() * 2, text.len() * 3] {
        let bytes: Vec<u8> = text.bytes().cycle().take(size).collect();
        fs::write(folder.cache(), bytes).unwrap();
        fs::set_permissions(folder.cache(), fs::Permissions::from_mode(0o600)).unwrap();
        push(&folder.cache(), &registry, &format!("one{size}"), &image());
        assert!(fs::metadata(folder.cache()).unwrap().len() <= MOST / 2 + 1000);
        assert_eq!(push(&folder.cache(), &registry, &format!("two{size}"), &image()).blobs["mounted"], 3);
        assert_eq!(fs::metadata(folder.cache()).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn who_holds_the_lock_is_not_waited_for() {
    let (folder, registry) = (Folder::new(), Registry::start(None));
    push(&folder.cache(), &registry, "one", &image());
    let held = fs::File::open(folder.cache()).unwrap();
    held.lock().unwrap();
    within(std::time::Duration::from_secs(10), || {
        assert_eq!(push(&folder.cache(), &registry, "two", &image()).blobs["mounted"], 3);
    });
    // Nor for each blob: 41 times 300 ms.
    let many = Memory::new(&(0..40).map(|size| noise(100 + size)).collect::<Vec<_>>());
    within(std::time::Duration::from_secs(8), || {
        assert_eq!(push(&folder.cache(), &registry, "two", &many).blobs["copied"], 41);
    });
}

/// Servers warn of blobs too, which threads of a copy's own ask for.
#[test]
fn what_is_told_of_a_copys_blobs_is_told_to_the_caller() {
    use crate::mirrors::house::healthy;
    let from = Server::start(|seen| match seen.path().contains("/blobs/") {
        true => healthy(seen).header("Warning", "299 - \"the blob says hello\""),
        false => healthy(seen),
    });
    let to = Server::start(|seen| match seen.method.as_str() {
        "GET" | "HEAD" => reply(404),
        _ => healthy(seen),
    });
    let client = client();
    let (context, call) = with_context(&client);
    let [from, to] = [&from.host, &to.host].map(|host| RegistryStore::new(&client, tag(host)));
    copy(&call, &from, &to, &CopyOptions::default()).unwrap();
    assert!(context.warnings().iter().any(|warning| warning.text == "the blob says hello"));
}

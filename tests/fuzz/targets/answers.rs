//! A registry that answers as random bytes say, and a whole copy from it into a layout.
//!
//! Whatever it answers: every blob of the layout is what its digest says, `index.json` can be read, and the tag leads to what it led to
//! or to a manifest that was served under it. A copy that succeeds has brought the whole image.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ocireg::call::context::Context;
use ocireg::layout::check::check;
use ocireg::layout::oci::OciLayout;
use ocireg::place::{self, Place};
use ocireg::registry::{Client, ClientOptions};
use ocireg::store::ReadStore;
use ocireg::transfer::copy::CopyOptions;
use serde_json::json;

use super::tar_script;
use crate::common::{changed, digest, options, INDEX_TYPE, MANIFEST, MANIFEST_TYPE};
use crate::memory::Memory;
use crate::sandbox::{fit, fresh};
use crate::server::{reply, serve, verbatim, Reply, Seen, Server, Then};

/// What the registry has: by digest, and the type of each manifest.
struct Holdings {
    manifests: HashMap<String, (&'static str, Vec<u8>)>,
    blobs: HashMap<String, Vec<u8>>,
    tag: String,
}

impl Holdings {
    fn new(is_index: bool) -> Holdings {
        let layers =
            [tar_script::archives(b"#f a content").remove(0), tar_script::archives(b"#d b\nf b/c more").remove(0)];
        let image = Memory::new(&layers);
        let root = image.root(&crate::sandbox::call()).unwrap().bytes;
        let blobs = image.blobs.values().map(|blob| (digest(blob).to_string(), blob.clone())).collect();
        let mut manifests = HashMap::from([(digest(&root).to_string(), (MANIFEST_TYPE, root.clone()))]);
        let mut tag = digest(&root).to_string();
        if is_index {
            let entry = json!({"mediaType": MANIFEST_TYPE, "digest": tag, "size": root.len(), "platform": {"os": "linux", "architecture": "amd64"}});
            let index =
                json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}).to_string().into_bytes();
            tag = digest(&index).to_string();
            manifests.insert(tag.clone(), (INDEX_TYPE, index));
        }
        Holdings { manifests, blobs, tag }
    }

    fn right(&self, seen: &Seen) -> Reply {
        let Some((kind, name)) = seen.path().rsplit_once('/') else { return reply(404) };
        let name = if name == "t" { &self.tag } else { name };
        if seen.path() == "/v2/" {
            return reply(200);
        }
        if seen.path() == "/token" {
            return reply(200).json(r#"{"token": "a-token", "expires_in": 300}"#);
        }
        match (self.manifests.get(name), self.blobs.get(name)) {
            (Some((kind, bytes)), _) => {
                reply(200).header("Content-Type", kind).header("Docker-Content-Digest", name).body(bytes)
            }
            (_, Some(blob)) if kind.ends_with("/blobs") => serve(blob, seen),
            _ => reply(404).json(r#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "not known"}]}"#),
        }
    }
}

/// What is left of the script. Four bytes an answer; when there are none the answers are right.
struct Script {
    steps: Vec<u8>,
    at: usize,
}

impl Script {
    fn step(&mut self) -> [u8; 4] {
        let step = self.steps.get(self.at..self.at + 4).map_or([0; 4], |step| step.try_into().unwrap());
        self.at += 4;
        step
    }

    /// The rest as one piece.
    fn rest(&mut self) -> Vec<u8> {
        let from = self.at.min(self.steps.len());
        self.at = self.steps.len();
        self.steps[from..].to_vec()
    }
}

const STATUSES: [u16; 24] = [
    200, 201, 202, 204, 206, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 409, 410, 416, 429, 500, 502, 503,
    504,
];

fn answer(host: &str, right: Reply, seen: &Seen, script: &Mutex<Script>) -> Reply {
    let [kind, a, b, c] = script.lock().unwrap().step();
    let some = usize::from(a) * 16 + usize::from(b);
    let body = right.bytes_of_body();
    match kind % 18 {
        6 => reply(STATUSES[some % STATUSES.len()]).json(r#"{"errors": [{"code": "UNKNOWN", "message": "no"}]}"#),
        7 => right.cut(some, Then::Close),
        8 => right.cut(some, Then::Reset),
        9 if !body.is_empty() => {
            let mut body = body;
            let at = some % body.len();
            body[at] ^= c | 1;
            right.body(body)
        }
        10 => right.header("Docker-Content-Digest", digest(&[a, b])),
        11 => right.header("Content-Type", ["text/html", INDEX_TYPE, "application/vnd.oci.empty.v1+json"][some % 3]),
        12 => right
            .header("Content-Length", (body.len() + usize::from(a)).saturating_sub(usize::from(b)))
            .then(Then::Close),
        13 => {
            let realm = ["/token", "//127.0.0.1:1/token", "http://169.254.169.254/token"][some % 3];
            let scope = "repository:a/b:pull";
            reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{realm}\",service=\"s\",scope=\"{scope}\""))
        }
        14 => {
            let elsewhere = format!("http://{host}{}?again", seen.path());
            let to = ["/v2/a/b/blobs/elsewhere", elsewhere.as_str(), "https://127.0.0.1:1/x", "file:///etc/passwd"];
            reply(307).header("Location", to[some % 4])
        }
        15 => verbatim(script.lock().unwrap().rest()),
        16 => right.header("Content-Encoding", ["gzip", "zstd", "identity"][some % 3]),
        17 => reply(206).header("Content-Range", format!("bytes {a}-{b}/{c}")).body(body),
        _ => right,
    }
}

/// The tag leads to another image before.
fn old(folder: &Path) {
    std::fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    for blob in [MANIFEST, "{}"] {
        std::fs::write(folder.join("blobs/sha256").join(digest(blob.as_bytes()).hex()), blob).unwrap();
    }
    let entry = json!({"mediaType": MANIFEST_TYPE, "digest": digest(MANIFEST.as_bytes()), "size": MANIFEST.len(),
                       "annotations": {"org.opencontainers.image.ref.name": "t"}});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]});
    std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
}

pub fn copy(bytes: &[u8]) {
    let (first, steps) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
    let holdings = Arc::new(Holdings::new(first & 1 == 1));
    let script = Arc::new(Mutex::new(Script { steps: steps.to_vec(), at: 0 }));
    let served = Arc::new(Mutex::new(vec![digest(MANIFEST.as_bytes())]));
    let (all, own, host) = (holdings.clone(), served.clone(), Arc::<Mutex<String>>::default());
    let named = host.clone();
    let server = Server::start(move |seen| {
        let answer = answer(&named.lock().unwrap().clone(), all.right(seen), seen, &script);
        if seen.path().ends_with("/manifests/t") {
            own.lock().unwrap().push(digest(&answer.bytes_of_body()));
        }
        answer
    });
    host.lock().unwrap().clone_from(&server.host);
    let folder = fresh("answers");
    old(&folder);

    let client = Client::new(changed(options(), |options: &mut ClientOptions| {
        options.http.retries = u32::from(first & 6 == 6);
        options.http.idle_timeout_ms = 400;
        options.http.connect_timeout_ms = 200;
    }));
    let (client, context) = (client.unwrap(), Arc::new(Context::new()));
    context.set_deadline(Some(Duration::from_millis(700)));
    let call = client.call(Some(context)).unwrap();
    let from = Place::parse(&format!("docker://{}/a/b:t", server.host)).unwrap();
    let to = Place::parse(&format!("oci:{}:t", folder.display())).unwrap();
    let outcome = fit(place::copy(&client, &call, &from, &to, &CopyOptions::default()));
    drop((client, call));
    is_right(&folder, &served.lock().unwrap(), outcome.is_some());
}

fn is_right(folder: &Path, served: &[ocireg::digest::Digest], copied: bool) {
    let blobs = std::fs::read_dir(folder.join("blobs/sha256")).unwrap().map(|entry| entry.unwrap());
    for blob in blobs.filter(|blob| blob.file_name().len() == 64) {
        let bytes = std::fs::read(blob.path()).unwrap();
        assert_eq!(digest(&bytes).hex(), blob.file_name().to_str().unwrap());
    }
    let layout = OciLayout::open(folder, None).unwrap();
    let entries = layout.entries().unwrap();
    let named: Vec<_> =
        entries.iter().filter(|entry| entry.annotation("org.opencontainers.image.ref.name") == Some("t")).collect();
    assert_eq!(named.len(), 1, "{entries:?}");
    assert!(served.contains(&named[0].digest), "the tag leads to {}, {served:?} were served", named[0].digest);
    let is_old = named[0].digest == served[0];
    assert!(!(copied && is_old), "a copy that succeeds sets the tag");
    let result = check(&crate::sandbox::call(), &layout).unwrap();
    assert!(result.problems.is_empty(), "{:?}", result.problems);
}

//! Servers that are mirrors and registries at once, each healthy or with a fault of its own; and the hosts that a client asked, in
//! order.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, LazyLock, Mutex};

use ocireg::call::context::Context;
use ocireg::call::Call;
use ocireg::digest::Digest;
use ocireg::reference::{Reference, Repository};
use ocireg::registry::Client;
use serde_json::{json, Value};

use crate::common::*;
use crate::server::*;

/// How a server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Healthy,
    /// Nothing listens.
    Down,
    /// It accepts, and never answers.
    Silent,
    /// It answers everything with this status.
    Status(u16),
    /// And says after how many seconds it can be asked again.
    Busy(u16, u64),
    /// It closes the connection instead of answering.
    HangsUp,
    /// It answers everything with a web page.
    WebPage,
    /// It sends other bytes than those that were asked for.
    Lies,
    /// The tag's digest in its header is not that of the bytes.
    LiesInHeader,
    /// It sends this many bytes of a blob, and then breaks off.
    BreaksAt(usize),
    /// It asks for credentials, and names a token server.
    Asks,
}

/// A layer that is large enough to be cut.
pub fn layer() -> Vec<u8> {
    LAYER.clone()
}

static LAYER: LazyLock<Vec<u8>> = LazyLock::new(|| noise(300_000));
static LAYER_DIGEST: LazyLock<Digest> = LazyLock::new(|| digest(&LAYER));
static OTHER: LazyLock<Vec<u8>> = LazyLock::new(|| noise(300_001)[1..].to_vec());
static IMAGE: LazyLock<String> = LazyLock::new(image);
static IMAGE_DIGEST: LazyLock<Digest> = LazyLock::new(|| digest(IMAGE.as_bytes()));

/// The bytes that a liar sends instead.
pub fn other() -> Vec<u8> {
    OTHER.clone()
}

/// The manifest that the tag `t` names.
pub fn manifest() -> String {
    IMAGE.clone()
}

fn image() -> String {
    let layer = layer();
    json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
           "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(b"{}"), "size": 2},
           "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(&layer), "size": layer.len(),
                       "annotations": {"org.opencontainers.image.title": "f"}}]})
    .to_string()
}

/// A healthy registry's answer.
pub fn healthy(seen: &Seen) -> Reply {
    let path = seen.path();
    let last = path.rsplit('/').next().unwrap_or_default();
    let is = |digest: &Digest| last == digest.as_str();
    let tagged = || {
        let all = reply(200).header("Content-Type", MANIFEST_TYPE).body(IMAGE.as_str());
        all.header("Docker-Content-Digest", &*IMAGE_DIGEST)
    };
    match seen.method.as_str() {
        "POST" => reply(202).header("Location", format!("{path}1")),
        "PUT" => created(seen),
        "PATCH" => reply(202),
        "DELETE" => reply(202),
        _ if path.ends_with("/v2/") => reply(200),
        _ if path.ends_with("/tags/list") => reply(200).json(r#"{"name":"a/b","tags":["t"]}"#),
        _ if path.contains("/referrers/") => reply(200).header("Content-Type", INDEX_TYPE).body(
            json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [
                {"mediaType": MANIFEST_TYPE, "digest": digest(b"signature"), "size": 9, "artifactType": "a/b"}]})
            .to_string(),
        ),
        _ if path.ends_with("/manifests/t") || is(&IMAGE_DIGEST) => tagged(),
        _ if is(&digest(b"{}")) => reply(200).body("{}"),
        _ if is(&LAYER_DIGEST) => serve(&LAYER, seen),
        _ => reply(404),
    }
}

fn answer(manner: Manner, seen: &Seen) -> Reply {
    match manner {
        Manner::Healthy | Manner::Down => healthy(seen),
        Manner::Silent => reply(200).lost().then(Then::Stall),
        Manner::Status(status) => reply(status),
        Manner::Busy(status, seconds) => reply(status).header("Retry-After", seconds),
        Manner::HangsUp => lost(),
        Manner::WebPage => reply(200).header("Content-Type", "text/html").body("<html><body>welcome</body></html>"),
        Manner::Lies if seen.method == "GET" && seen.path().contains("/blobs/") => serve(&OTHER, seen),
        Manner::Lies if seen.path().contains("/manifests/") => reply(200)
            .header("Content-Type", MANIFEST_TYPE)
            .body(MANIFEST)
            .header("Docker-Content-Digest", digest(b"x")),
        Manner::LiesInHeader if seen.path().contains("/manifests/") => reply(200)
            .header("Content-Type", MANIFEST_TYPE)
            .body(manifest())
            .header("Docker-Content-Digest", digest(b"x")),
        Manner::BreaksAt(bytes) if seen.method == "GET" && seen.path().ends_with(LAYER_DIGEST.as_str()) => {
            match seen.range_start() {
                Some(_) => lost(),
                None => serve(&LAYER, seen).cut(bytes, Then::Reset),
            }
        }
        Manner::Asks if seen.path() == "/token" => reply(200).json(r#"{"token":"granted"}"#),
        Manner::Asks if seen.header("authorization").is_none() => reply(401).header(
            "WWW-Authenticate",
            format!("Bearer realm=\"http://{}/token\",service=\"s\"", seen.header("host").unwrap()),
        ),
        Manner::Lies | Manner::LiesInHeader | Manner::BreaksAt(_) | Manner::Asks => healthy(seen),
    }
}

/// Servers by their names; "origin" is the registry that references name.
pub struct House {
    /// What references call that registry; "": by its host.
    pub registry: String,
    servers: BTreeMap<&'static str, Server>,
    /// Those to which no connection may be made.
    closed: BTreeMap<&'static str, TcpListener>,
    nobodies: Vec<Nobody>,
    hosts: BTreeMap<&'static str, String>,
    asked: Arc<Mutex<Vec<String>>>,
    events: Arc<Mutex<Vec<Value>>>,
}

impl House {
    pub fn new(manners: &[(&'static str, Manner)]) -> House {
        let mut house = House::empty();
        for (name, manner) in manners {
            match *manner {
                Manner::Down => house.add_nobody(name),
                manner => house.add(name, move |seen| answer(manner, seen)),
            }
        }
        house
    }

    pub fn empty() -> House {
        House {
            registry: String::new(),
            servers: BTreeMap::new(),
            closed: BTreeMap::new(),
            nobodies: Vec::new(),
            hosts: BTreeMap::new(),
            asked: Arc::default(),
            events: Arc::default(),
        }
    }

    /// One that is down.
    fn add_nobody(&mut self, name: &'static str) {
        let nobody = Nobody::new();
        self.hosts.insert(name, nobody.host.clone());
        self.nobodies.push(nobody);
    }

    /// One to which no connection may be made.
    pub fn add_closed(&mut self, name: &'static str) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        self.hosts.insert(name, listener.local_addr().unwrap().to_string());
        self.closed.insert(name, listener);
    }

    /// Whether no connection was made to it.
    pub fn is_untouched(&self, name: &str) -> bool {
        match self.closed.get(name) {
            Some(listener) => listener.accept().is_err(),
            None => self.servers[name].seen().is_empty(),
        }
    }

    /// All that was asked of the mirrors is below a prefix of the repositories, and nothing of what was asked of the registry.
    pub fn check_prefix(&self, prefix: &str) {
        for (name, server) in &self.servers {
            let prefix = if *name == "origin" { "" } else { prefix };
            for seen in server.seen().iter().filter(|seen| seen.path() != "/v2/") {
                assert!(seen.path().starts_with(&format!("/v2/{prefix}a/b/")), "{name}: {}", seen.path());
            }
        }
    }

    /// A server with answers of its own.
    pub fn add(&mut self, name: &'static str, handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) {
        let server = Server::start(handler);
        self.hosts.insert(name, server.host.clone());
        self.servers.insert(name, server);
    }

    pub fn host(&self, name: &str) -> &str {
        &self.hosts[name]
    }

    /// What results call it.
    pub fn name_of(&self, name: &str) -> &str {
        if name == "origin" && !self.registry.is_empty() {
            &self.registry
        } else {
            self.host(name)
        }
    }

    pub fn server(&self, name: &str) -> &Server {
        &self.servers[name]
    }

    /// A client whose registry has these mirrors, by name.
    pub fn client(&self, mirrors: &[&str]) -> Client {
        let list: Vec<&str> = mirrors.iter().map(|name| self.host(name)).collect();
        self.client_with(json!({"mirrors": list}))
    }

    /// A client with these options for the registry.
    pub fn client_with(&self, options: Value) -> Client {
        let client = client();
        client.set_host(self.host("origin"), host_options(options)).unwrap();
        client
    }

    /// A call whose requests are listed.
    pub fn call(&self, client: &Client) -> Call {
        let context = Arc::new(Context::new());
        let (asked, events) = (self.asked.clone(), self.events.clone());
        let names: Vec<(String, &str)> = self.hosts.iter().map(|(name, host)| (format!("//{host}/"), *name)).collect();
        context.set_log(Some(Arc::new(move |event| {
            let url = event["url"].as_str().unwrap_or_default();
            if let Some((_, name)) = names.iter().find(|(host, _)| event["event"] == "request" && url.contains(host)) {
                asked.lock().unwrap().push((*name).to_owned());
            }
            events.lock().unwrap().push(event.clone());
            Ok(())
        })));
        client.call(Some(context)).unwrap()
    }

    /// The hosts that were asked since the last time, in order; several requests to one in a row count once.
    pub fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.dedup();
        asked
    }

    /// Each request since the last time.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// The events of a kind.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        self.events.lock().unwrap().iter().filter(|event| event["event"] == kind).cloned().collect()
    }

    pub fn tagged(&self) -> Reference {
        tag(self.name_of("origin"))
    }

    pub fn at(&self, digest: &Digest) -> Reference {
        at(self.name_of("origin"), digest)
    }

    pub fn repository(&self) -> Repository {
        repository(self.name_of("origin"))
    }
}

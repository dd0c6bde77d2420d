//! A whole registry in memory, to copy from and to: it accepts a manifest only when it has everything that it refers
//! to, records the order in which manifests arrived, and refuses one of them on demand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ocireg::digest::Digest;
use serde_json::{json, Value};

use crate::common::*;
use crate::registry::*;
use crate::server::*;

/// How the registry treats writes.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Mood {
    /// The number of the write that is refused, counted from 0.
    pub refused: Option<usize>,
    /// A tag can be written only once.
    pub once: bool,
}

/// What arrived, and what exists besides manifests.
#[derive(Default)]
pub struct Held {
    pub blobs: HashMap<String, Vec<u8>>,
    /// What manifests were put under, in order.
    pub names: Vec<String>,
    /// The requests that write, in order: starts and ends of uploads, puts of manifests.
    pub writes: Vec<String>,
    pub mood: Mood,
}

pub struct Shelf {
    pub registry: Registry,
    pub held: Arc<Mutex<Held>>,
}

impl Shelf {
    pub fn start(abilities: Abilities) -> Shelf {
        Shelf::with(abilities, |_| ())
    }

    /// `before` sees each request.
    pub fn with(abilities: Abilities, before: impl Fn(&Seen) + Send + Sync + 'static) -> Shelf {
        let held = Arc::<Mutex<Held>>::default();
        let inside = held.clone();
        let registry = Registry::with(abilities, move |seen, manifests| {
            before(seen);
            inside.lock().unwrap().answer(seen, manifests)
        });
        Shelf { registry, held }
    }

    pub fn host(&self) -> &str {
        &self.registry.server.host
    }

    pub fn set_mood(&self, mood: Mood) {
        self.held.lock().unwrap().mood = mood;
    }

    /// The names under which manifests were put since the last call.
    pub fn names(&self) -> Vec<String> {
        std::mem::take(&mut self.held.lock().unwrap().names)
    }

    /// The writes since the last call.
    pub fn writes(&self) -> Vec<String> {
        std::mem::take(&mut self.held.lock().unwrap().writes)
    }

    /// The digest that a tag names.
    pub fn tag(&self, name: &str) -> Option<String> {
        self.registry.manifests.lock().unwrap().tags.get(name).cloned()
    }

    /// Stores a manifest by digest or tag, on behalf of the case.
    pub fn manifest(&self, name: &str, value: &Value) -> Value {
        let bytes = value.to_string();
        let media_type = value["mediaType"].as_str().unwrap();
        let digest = self.registry.manifests.lock().unwrap().put(name, media_type, bytes.as_bytes());
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    pub fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = digest(bytes);
        self.held.lock().unwrap().blobs.insert(digest.to_string(), bytes.to_vec());
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    /// Stores an image with one unique layer, by digest; its entry for an index has the platform.
    pub fn image(&self, architecture: &str) -> Value {
        let layer = architecture.repeat(100);
        let config = json!({"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": [digest(layer.as_bytes())]}});
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": self.blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes()),
            "layers": [self.blob("application/vnd.oci.image.layer.v1.tar", layer.as_bytes())]});
        let mut entry = self.manifest("sha256:", &manifest);
        entry["platform"] = json!({"os": "linux", "architecture": architecture});
        entry
    }
}

impl Held {
    fn answer(&mut self, seen: &Seen, manifests: &mut Manifests) -> Option<Reply> {
        let path = seen.path();
        let name = path.rsplit('/').next().unwrap_or_default();
        let denied =
            |code: &str| reply(403).json(&json!({"errors": [{"code": code, "message": "not this"}]}).to_string());
        let (is_write, is_manifest) = (["POST", "PUT"].contains(&seen.method.as_str()), path.contains("/manifests/"));
        if is_write {
            self.writes.push(format!("{} {}", seen.method, seen.target));
            self.names.extend(is_manifest.then(|| name.to_owned()));
        }
        if is_write && self.mood.refused == Some(self.writes.len() - 1) {
            return Some(denied("DENIED"));
        }
        if path.contains("/blobs/") {
            return Some(self.blobs(seen, name));
        }
        if !is_write || !is_manifest {
            return None;
        }
        if self.mood.once && manifests.tags.contains_key(name) {
            return Some(denied("TAG_IMMUTABLE"));
        }
        let document: Value = serde_json::from_slice(&seen.body).unwrap();
        let list = |key: &str| document[key].as_array().cloned().unwrap_or_default();
        let below = |entry: &Value| manifests.stored.contains_key(entry["digest"].as_str().unwrap());
        let has = |entry: &Value| self.blobs.contains_key(entry["digest"].as_str().unwrap());
        let config = document.get("config").is_none_or(has);
        match list("manifests").iter().all(below) && list("layers").iter().all(has) && config {
            true => None,
            false => Some(denied("MANIFEST_BLOB_UNKNOWN")),
        }
    }

    fn blobs(&mut self, seen: &Seen, name: &str) -> Reply {
        let query = seen.target.split_once("digest=").map(|(_, digest)| digest.replace("%3A", ":"));
        match (seen.method.as_str(), query) {
            ("POST", _) => reply(202).header("Location", "/v2/a/b/blobs/uploads/1"),
            ("PUT", Some(digest)) => {
                let digest: Digest = digest.parse().unwrap();
                assert_eq!(digest, self::digest(&seen.body));
                self.blobs.insert(digest.to_string(), seen.body.clone());
                reply(201).header("Docker-Content-Digest", digest)
            }
            ("GET" | "HEAD", _) => match self.blobs.get(name) {
                Some(bytes) => serve(bytes, seen),
                None => reply(404),
            },
            _ => reply(405),
        }
    }
}

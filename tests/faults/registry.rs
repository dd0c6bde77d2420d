//! A registry's manifests in memory, for cases where the responses depend on earlier requests. What it can and
//! cannot do is set by the case.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ocireg::digest::Algorithm;
use serde_json::{json, Value};

use crate::server::*;

/// What the registry supports.
#[derive(Clone, Copy, Default)]
pub struct Abilities {
    /// It supports ETag, If-Match and If-None-Match.
    pub conditions: bool,
    /// A manifest whose media type is not in the Accept header is not found, as with distribution and GHCR.
    pub by_accept: bool,
    /// It has the referrers API, and sends OCI-Subject.
    pub referrers: bool,
    /// DELETE of a tag deletes that tag only.
    pub tag_delete: bool,
    /// DELETE of a tag deletes the manifest with all its tags.
    pub tag_delete_of_all: bool,
    /// It supports DELETE of a digest.
    pub delete: bool,
    /// DELETE of a digest keeps its tags.
    pub tags_stay: bool,
    /// How many of the tags in a PUT by digest are set.
    pub tags_at_once: usize,
}

pub struct Registry {
    pub server: Server,
    pub manifests: Arc<Mutex<Manifests>>,
}

/// The manifests by digest, and the digests of tags.
#[derive(Default)]
pub struct Manifests {
    pub stored: HashMap<String, (String, Vec<u8>)>,
    pub tags: HashMap<String, String>,
}

impl Manifests {
    fn find(&self, name: &str) -> Option<(String, &(String, Vec<u8>))> {
        let digest = self.tags.get(name).map_or(name, String::as_str);
        self.stored.get(digest).map(|found| (digest.to_owned(), found))
    }

    pub fn put(&mut self, name: &str, content_type: &str, body: &[u8]) -> String {
        let digest = Algorithm::Sha256.digest(body).to_string();
        self.stored.insert(digest.clone(), (content_type.to_owned(), body.to_vec()));
        if !name.contains(':') {
            self.tags.insert(name.to_owned(), digest.clone());
        }
        digest
    }

    /// The manifest under a name.
    pub fn json(&self, name: &str) -> Option<Value> {
        self.find(name).map(|(_, (_, body))| serde_json::from_slice(body).unwrap())
    }
}

impl Registry {
    pub fn start(abilities: Abilities) -> Registry {
        Registry::with(abilities, |_, _| None)
    }

    /// `first` may answer a request before the registry does, and may change what is stored.
    pub fn with(
        abilities: Abilities,
        first: impl Fn(&Seen, &mut Manifests) -> Option<Reply> + Send + Sync + 'static,
    ) -> Registry {
        let manifests = Arc::<Mutex<Manifests>>::default();
        let inside = manifests.clone();
        let server = Server::start(move |seen| {
            // The server calls the handler before it has read the body, for early responses.
            if seen.method == "PUT" && seen.body.is_empty() {
                return reply(500);
            }
            let mut manifests = inside.lock().unwrap();
            first(seen, &mut manifests).unwrap_or_else(|| answer(abilities, seen, &mut manifests))
        });
        Registry { server, manifests }
    }

    pub fn json(&self, name: &str) -> Option<Value> {
        self.manifests.lock().unwrap().json(name)
    }

    pub fn tags(&self) -> Vec<String> {
        let mut tags: Vec<String> = self.manifests.lock().unwrap().tags.keys().cloned().collect();
        tags.sort();
        tags
    }
}

fn answer(abilities: Abilities, seen: &Seen, manifests: &mut Manifests) -> Reply {
    let name = seen.path().rsplit('/').next().unwrap_or_default().to_owned();
    if seen.path().contains("/referrers/") {
        return referrers(abilities, &name, manifests);
    }
    if seen.path().ends_with("/tags/list") {
        let mut tags: Vec<&String> = manifests.tags.keys().collect();
        tags.sort();
        return reply(200).json(&json!({"name": "a/b", "tags": tags}).to_string());
    }
    match seen.method.as_str() {
        "PUT" => put(abilities, seen, &name, manifests),
        "DELETE" => delete(abilities, &name, manifests),
        _ => match manifests.find(&name) {
            None => reply(404).json(r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#),
            Some((_, (content_type, _))) if abilities.by_accept && !accepts(seen, content_type) => {
                reply(404).json(r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"not of that media type"}]}"#)
            }
            Some((digest, (content_type, body))) => {
                let found = reply(200).header("Content-Type", content_type).header("Docker-Content-Digest", &digest);
                match abilities.conditions {
                    true => found.header("ETag", format!("\"{digest}\"")).body(body),
                    false => found.body(body),
                }
            }
        },
    }
}

fn accepts(seen: &Seen, content_type: &str) -> bool {
    let accepted = seen.header("accept").unwrap_or_default();
    accepted.split(',').any(|media_type| media_type.trim() == content_type)
}

fn put(abilities: Abilities, seen: &Seen, name: &str, manifests: &mut Manifests) -> Reply {
    let current = manifests.find(name).map(|(digest, _)| format!("\"{digest}\""));
    if abilities.conditions {
        let changed = seen.header("if-match").is_some_and(|tag| current.as_deref() != Some(tag));
        if changed || (seen.header("if-none-match") == Some("*") && current.is_some()) {
            return reply(412);
        }
    }
    let content_type = seen.header("content-type").unwrap_or_default();
    let digest = manifests.put(name, content_type, &seen.body);
    let mut answer = reply(201).header("Docker-Content-Digest", &digest);
    let query = seen.target.split_once('?').map_or("", |(_, query)| query);
    for tag in query.split('&').filter_map(|pair| pair.strip_prefix("tag=")).take(abilities.tags_at_once) {
        manifests.put(tag, content_type, &seen.body);
        answer = answer.header("OCI-Tag", tag);
    }
    let document: Value = serde_json::from_slice(&seen.body).unwrap();
    match document.pointer("/subject/digest").and_then(Value::as_str) {
        Some(subject) if abilities.referrers => answer.header("OCI-Subject", subject),
        _ => answer,
    }
}

fn delete(abilities: Abilities, name: &str, manifests: &mut Manifests) -> Reply {
    let Some((digest, _)) = manifests.find(name) else { return reply(404) };
    let is_tag = !name.contains(':');
    if is_tag && abilities.tag_delete {
        manifests.tags.remove(name);
        return reply(202);
    }
    if is_tag && !abilities.tag_delete_of_all || !is_tag && !abilities.delete {
        return reply(405).json(r#"{"errors":[{"code":"UNSUPPORTED","message":"not here"}]}"#);
    }
    if !abilities.tags_stay {
        manifests.stored.remove(&digest);
        manifests.tags.retain(|_, named| *named != digest);
    }
    reply(202)
}

fn referrers(abilities: Abilities, subject: &str, manifests: &Manifests) -> Reply {
    if !abilities.referrers {
        return reply(404).body("404 page not found");
    }
    let mut entries = vec![];
    for (digest, (content_type, body)) in &manifests.stored {
        let document: Value = serde_json::from_slice(body).unwrap();
        if document.pointer("/subject/digest").and_then(Value::as_str) == Some(subject) {
            entries.push(json!({"mediaType": content_type, "digest": digest, "size": body.len()}));
        }
    }
    let index = json!({"schemaVersion": 2, "mediaType": crate::common::INDEX_TYPE, "manifests": entries});
    reply(200).header("Content-Type", crate::common::INDEX_TYPE).body(index.to_string())
}

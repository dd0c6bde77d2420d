//! The referrers tag: where a registry has no referrers API, clients themselves maintain the list of a manifest's
//! referrers, as an index under a tag made of the manifest's digest (distribution-spec "Referrers Tag Schema").
//!
//! The list is read, changed and written back, so two writers can undo each other's work. Within a client there is one
//! writer at a time for a list. Against others the write is conditional (If-Match, If-None-Match); registries that
//! ignore conditions are common, so the list is checked again a little later.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use ::http::header::{HeaderName, HeaderValue, ACCEPT, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use ::http::{Method, StatusCode};
use bytes::Bytes;
use serde_json::{json, Value};

use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::http::retry::Backoff;
use crate::http::upload::Body;
use crate::http::{Repeat, Request};
use crate::manifest::MOST_BYTES;
use crate::manifest::{Descriptor, Document};
use crate::media_type;
use crate::registry::lock;
use crate::registry::repository::delete::delete;
use crate::registry::repository::Remote;
use crate::resource::Resource;
use crate::statuses;

/// How often a change is tried while others change the same list.
const TRIES: u32 = 16;

/// The longest time before a written list is checked again.
const MOST_SETTLE: Duration = Duration::from_secs(1);

/// The tag that lists the referrers of a digest: the algorithm cut at 32 characters, the value at 64.
pub fn tag_of(digest: &Digest) -> String {
    let fit = |text: &str, most: usize| -> String {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        text.chars().take(most).map(|c| if valid(c) { c } else { '-' }).collect()
    };
    format!("{}-{}", fit(digest.algorithm().name(), 32), fit(digest.hex(), 64))
}

/// Serializes changes of a list.
#[derive(Default)]
struct ListLocks(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl ListLocks {
    fn of(&self, list: String) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = lock(&self.0);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = turns.get(&list).and_then(Weak::upgrade).unwrap_or_default();
        turns.insert(list, Arc::downgrade(&turn));
        turn
    }
}

/// A list as it is at the registry.
pub(crate) struct ReferrersList {
    pub(crate) entries: Vec<Descriptor>,
    value: Value,
    digest: Digest,
    etag: Option<HeaderValue>,
}

/// What exists under the referrers tag of a digest.
pub(crate) enum UnderTag {
    Nothing,
    List(ReferrersList),
    /// Something else, and why it is not a list. Some registries interpret such a tag as the digest in it, and return
    /// the subject itself.
    Other(Error),
}

/// The list of a digest's referrers, if there is one; anything else must not be overwritten.
fn read(remote: &Remote, subject: &Digest) -> Result<Option<ReferrersList>> {
    match tagged(remote, subject, &["pull", "push"])? {
        UnderTag::Nothing => Ok(None),
        UnderTag::List(list) => Ok(Some(list)),
        UnderTag::Other(error) => Err(error),
    }
}

/// Reads the list under the referrers tag of a digest.
pub(crate) fn tagged(remote: &Remote, subject: &Digest, actions: &[&str]) -> Result<UnderTag> {
    let tag = tag_of(subject);
    let what = format!("get the referrers tag {tag} of {}", remote.full_name());
    let limit = remote.client.options().max_manifest_bytes;
    let mut request = Request::new(Method::GET)
        .whole(limit, "the list of referrers")
        .header(ACCEPT, &media_type::DEFAULT_ACCEPT.join(", "))?;
    let reply = remote.ask(Resource::Manifest(&tag), &mut request, &remote.scopes(actions))?;
    let mut response = remote.expect(reply, &[StatusCode::OK, StatusCode::NOT_FOUND], &what)?;
    if response.status == StatusCode::NOT_FOUND {
        return Ok(UnderTag::Nothing);
    }
    let bytes = response.take_whole();
    let wrong = |why: &str| {
        Error::new(Code::Protocol, format!("{what}: it is not a list of referrers: {why}")).with_url(&response.url)
    };
    let digest = Algorithm::Sha256.digest(&bytes);
    if subject.algorithm().digest(&bytes) == *subject {
        return Ok(UnderTag::Other(wrong("it is the manifest itself")));
    }
    let (entries, value) = match empty_list(&bytes) {
        Some(value) => (Vec::new(), value),
        None => match Document::parse(&bytes, response.header(CONTENT_TYPE), Algorithm::Sha256) {
            Ok(document) if document.media_type == media_type::OCI_INDEX => {
                (document.manifests().to_vec(), document.value)
            }
            Ok(document) => return Ok(UnderTag::Other(wrong(&format!("it is {}", document.media_type)))),
            // A list that is spoilt is not nothing.
            Err(error) if has_entries(&bytes) => return Err(wrong(error.message())),
            Err(error) => return Ok(UnderTag::Other(wrong(error.message()))),
        },
    };
    // A weak one cannot be a condition (RFC 9110 13.1.1).
    let etag = response.headers.get(ETAG).filter(|etag| etag.as_bytes().starts_with(b"\"")).cloned();
    Ok(UnderTag::List(ReferrersList { entries, digest, value, etag }))
}

/// Replaces a null list in an index, as some clients write it, by an empty one.
fn empty_list(bytes: &[u8]) -> Option<Value> {
    let mut value = crate::json::parse(bytes).ok()?;
    let manifests = value.as_object_mut()?.get_mut("manifests").filter(|manifests| manifests.is_null())?;
    *manifests = json!([]);
    Some(value)
}

fn has_entries(bytes: &[u8]) -> bool {
    crate::json::parse(bytes).is_ok_and(|value| value.get("manifests").is_some_and(Value::is_array))
}

/// Puts manifests on the list of a digest's referrers, by one write. Returns whether they were not on it.
pub(crate) fn add(remote: &Remote, subject: &Digest, entries: &[Descriptor]) -> Result<bool> {
    change(remote, subject, ListChange::Add(entries))
}

/// Removes a manifest from the list of a digest's referrers. A list that has become empty is deleted, where the
/// registry can.
pub(crate) fn remove(remote: &Remote, subject: &Digest, referrer: &Digest) -> Result<()> {
    change(remote, subject, ListChange::Remove(referrer)).map(drop)
}

#[derive(Clone, Copy)]
enum ListChange<'a> {
    Add(&'a [Descriptor]),
    Remove(&'a Digest),
}

impl ListChange<'_> {
    fn is_done(&self, list: Option<&ReferrersList>) -> bool {
        let lists = |digest: &Digest| list.is_some_and(|list| list.entries.iter().any(|entry| entry.digest == *digest));
        match self {
            ListChange::Add(entries) => entries.iter().all(|entry| lists(&entry.digest)),
            ListChange::Remove(digest) => !lists(digest),
        }
    }

    /// The list with the change. Other members are kept.
    fn apply(&self, list: Option<&ReferrersList>) -> Value {
        let new = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": []});
        let mut value = list.map_or(new, |list| list.value.clone());
        // Some registries require it.
        value["mediaType"] = media_type::OCI_INDEX.into();
        if let Some(manifests) = crate::json::list_mut(&mut value, "manifests") {
            match self {
                ListChange::Add(entries) => {
                    for entry in *entries {
                        if manifests.iter().all(|listed| listed["digest"] != entry.digest.as_str()) {
                            manifests.push(serde_json::to_value(entry).unwrap_or_default());
                        }
                    }
                }
                ListChange::Remove(digest) => manifests.retain(|entry| entry["digest"] != digest.as_str()),
            }
        }
        value
    }
}

/// Returns whether there was anything to change.
fn change(remote: &Remote, subject: &Digest, change: ListChange) -> Result<bool> {
    let turn = remote.client.memory::<ListLocks>().of(format!("{} {} {subject}", remote.account.base.url, remote.name));
    let _turn = remote.call.wait(None, turn.lock())?;
    let mut backoff = Backoff::new();
    let mut writer = TagWriter { remote, subject, may_delete: true, may_condition: true };
    for attempt in 1..=TRIES {
        let begun = Instant::now();
        let list = read(remote, subject)?;
        if change.is_done(list.as_ref()) {
            return Ok(attempt > 1);
        }
        if writer.write(change, list.as_ref())? {
            // A client that read the list before this write will write its own in about the time that this one took,
            // and overwrite what it has not seen. With several writers, others may be slower.
            let settle = (begun.elapsed() * 3).min(MOST_SETTLE);
            remote.call.sleep(if attempt > 1 { settle + backoff.delay(2) } else { settle })?;
            if writer.is_kept(change)? {
                return Ok(true);
            }
        }
        remote.call.sleep(backoff.delay(attempt.min(3)))?;
    }
    let message = format!("the referrers tag {} of {} keeps changing", tag_of(subject), remote.full_name());
    Err(Error::new(Code::Http, message).with_attempts(TRIES).with_hint("try again when fewer clients write to it"))
}

struct TagWriter<'a> {
    remote: &'a Remote,
    subject: &'a Digest,
    may_delete: bool,
    may_condition: bool,
}

impl TagWriter<'_> {
    /// Writes the changed list; false when another client has changed it since it was read.
    fn write(&mut self, change: ListChange, list: Option<&ReferrersList>) -> Result<bool> {
        let value = change.apply(list);
        let is_empty = value["manifests"].as_array().is_some_and(Vec::is_empty);
        match list.filter(|_| is_empty && self.may_delete) {
            Some(list) => {
                // Once: some registries delete the manifest and leave the tag as it was.
                self.may_delete = false;
                self.delete(&list.digest)
            }
            None => self.put(&value, list),
        }
    }

    /// Deletes a list by its digest, so that a newer one under the same tag stays.
    fn delete(&self, digest: &Digest) -> Result<bool> {
        let what = format!("delete the empty referrers tag {}", tag_of(self.subject));
        match delete(self.remote, Resource::Manifest(digest.as_str()), &what) {
            Ok(_) => Ok(true),
            Err(error) if error.http_status().is_some_and(statuses::keeps_an_empty_list) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn put(&mut self, value: &Value, list: Option<&ReferrersList>) -> Result<bool> {
        let tag = tag_of(self.subject);
        let what = format!("put the referrers tag {tag} into {}", self.remote.full_name());
        let bytes = value.to_string().into_bytes();
        if bytes.len() as u64 > MOST_BYTES {
            return Err(Error::new(Code::LimitExceeded, format!("{what}: it would have {} bytes", bytes.len())));
        }
        let mut request = Request::new(Method::PUT)
            .header(CONTENT_TYPE, media_type::OCI_INDEX)?
            .repeat(Repeat::WhenRefused)
            .body(Body::Bytes(Bytes::from(bytes)));
        if let Some((name, value)) = self.condition(list) {
            request.headers.insert(name, value);
        }
        let conditional = request.headers.contains_key(IF_NONE_MATCH);
        let reply =
            match self.remote.ask(Resource::Manifest(&tag), &mut request, &self.remote.scopes(&["pull", "push"])) {
                Ok(reply) => reply,
                // The next look at the list shows whether it was done.
                Err(error) if error.code() == Code::Network => return Ok(false),
                Err(error) => return Err(error.within(what)),
            };
        match reply.response.status {
            status if statuses::was_written_meanwhile(status.as_u16()) => {
                // A registry that refuses to create a missing list has misunderstood the condition.
                self.may_condition &= !(conditional && read(self.remote, self.subject)?.is_none());
                Ok(false)
            }
            status if statuses::is_success(status.as_u16()) => Ok(true),
            _ => Err(self.remote.failure(reply, &what)),
        }
    }

    fn condition(&self, list: Option<&ReferrersList>) -> Option<(HeaderName, HeaderValue)> {
        match list {
            _ if !self.may_condition => None,
            Some(list) => list.etag.clone().map(|etag| (IF_MATCH, etag)),
            None => Some((IF_NONE_MATCH, HeaderValue::from_static("*"))),
        }
    }

    fn is_kept(&self, change: ListChange) -> Result<bool> {
        Ok(change.is_done(read(self.remote, self.subject)?.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

    fn parse(value: Value) -> Document {
        Document::parse(value.to_string().as_bytes(), None, Algorithm::Sha256).unwrap()
    }

    #[test]
    fn tags_are_made_of_digests() {
        let (sha256, sha512) = (Algorithm::Sha256.digest(b""), Algorithm::Sha512.digest(b""));
        assert_eq!(tag_of(&sha256), format!("sha256-{}", sha256.hex()));
        assert_eq!(tag_of(&sha512), format!("sha512-{}", &sha512.hex()[..64]));
        assert!(crate::reference::is_tag(&tag_of(&sha512)));
    }

    #[test]
    fn entries_say_what_the_specification_wants() {
        let config = json!({"mediaType": "application/x", "digest": Algorithm::Sha256.digest(b"{}"), "size": 2});
        let mut image = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": []});
        assert_eq!(parse(image.clone()).listed().artifact_type.as_deref(), Some("application/x"));
        image["artifactType"] = "".into();
        assert_eq!(parse(image.clone()).listed().artifact_type.as_deref(), Some("application/x"));
        image["artifactType"] = "application/y".into();
        image["annotations"] = json!({"a": "b"});
        let document = parse(image);
        let found = serde_json::to_value(document.listed()).unwrap();
        let expected = json!({"mediaType": IMAGE, "digest": document.digest, "size": document.size,
                              "annotations": {"a": "b"}, "artifactType": "application/y"});
        assert_eq!(found, expected);
        let index = parse(json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": []}));
        assert_eq!(index.listed().artifact_type, None);
    }

    #[test]
    fn a_change_leaves_the_rest_alone() {
        let entry = |text: &str| {
            let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [],
                                  "annotations": {"name": text}});
            parse(manifest).listed()
        };
        let first = ListChange::Add(&[entry("a")]).apply(None);
        let document = parse(first);
        let mut value = document.value.clone();
        value["annotations"] = json!({"kept": "yes"});
        value["manifests"][0]["vendor"] = "kept".into();
        let list = ReferrersList {
            entries: document.manifests().to_vec(),
            value,
            digest: document.digest.clone(),
            etag: None,
        };
        assert!(
            ListChange::Add(&[entry("a")]).is_done(Some(&list)) && !ListChange::Add(&[entry("b")]).is_done(Some(&list))
        );
        let second = ListChange::Add(&[entry("b")]).apply(Some(&list));
        assert_eq!(second["annotations"]["kept"], "yes");
        assert_eq!(
            (second["manifests"].as_array().unwrap().len(), &second["manifests"][0]["vendor"]),
            (2, &"kept".into())
        );
        let removed = ListChange::Remove(&entry("a").digest).apply(Some(&list));
        assert_eq!(removed["manifests"], json!([]));
        assert!(
            ListChange::Remove(&entry("b").digest).is_done(Some(&list))
                && ListChange::Remove(&entry("a").digest).is_done(None)
        );
    }
}

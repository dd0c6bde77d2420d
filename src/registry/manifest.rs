//! Manifests: get, head, put, delete (distribution-spec end-3, end-7, end-9), by tag, by digest or by both.

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::remote::{digest_header, headers_json, Remote};
use super::Client;
use crate::auth::failure;
use crate::auth::Reply;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::retry::Backoff;
use crate::http::settings::MANIFEST_CEILING;
use crate::http::upload::Body;
use crate::http::{redact, Repeat, Request};
use crate::manifest::{Descriptor, Document, Kind};
use crate::media_type;
use crate::platform::Platform;
use crate::reference::Reference;

/// Options of [`Client::get_manifest`] and [`Client::manifest_digest`].
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GetOptions {
    /// Of an index, the manifest for this platform.
    pub platform: Option<String>,
    /// The media types to ask for, instead of the default.
    pub accept: Vec<String>,
    /// 1 asks for schema 1 only.
    pub max_schema_version: u64,
    /// Whether an index is welcome.
    pub accept_index: bool,
}

impl Default for GetOptions {
    fn default() -> GetOptions {
        GetOptions { platform: None, accept: Vec::new(), max_schema_version: 2, accept_index: true }
    }
}

/// Options of [`Client::head_manifest`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeadOptions {
    /// The media types to ask for, instead of the default.
    pub accept: Vec<String>,
}

/// Options of [`Client::put_manifest`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PutOptions {
    /// The media type, instead of the one that the bytes say.
    pub media_type: Option<String>,
}

/// A manifest with its exact bytes.
pub struct Manifest {
    /// What it is.
    pub document: Document,
    /// The bytes as the registry sent them.
    pub bytes: Vec<u8>,
    /// Where it is: `host/repository@digest`.
    pub reference: String,
    /// The answer's headers.
    pub headers: Map<String, Value>,
    /// The platform that was picked from an index.
    pub platform: Option<Platform>,
}

impl Manifest {
    /// The documented JSON shape.
    pub fn to_json(&self) -> Value {
        let mut json = self.document.to_json();
        json["reference"] = self.reference.as_str().into();
        json["headers"] = self.headers.clone().into();
        if let Some(platform) = &self.platform {
            json["platform"] = serde_json::to_value(platform).unwrap_or_default();
        }
        json
    }
}

/// The descriptor of a manifest, without its bytes.
#[derive(Debug, Serialize)]
pub struct Head {
    /// Its media type.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
    /// The answer's headers.
    pub headers: Map<String, Value>,
}

/// What became of a manifest that was put.
#[derive(Debug, Serialize)]
pub struct Put {
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
    /// The media type it was put as.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// Where the registry says it is.
    pub location: Option<String>,
}

/// What became of a delete.
#[derive(Debug, Serialize)]
pub struct Deleted {
    /// The registry's status.
    pub status: u16,
}

impl Client {
    /// Gets a manifest, verified; with a platform, the one for it.
    pub fn get_manifest(&self, call: &Call, reference: &Reference, options: &GetOptions) -> Result<Manifest> {
        let platform = options.platform.as_deref().map(str::parse::<Platform>).transpose()?;
        let remote = Remote::repository(self, call, reference.repository())?;
        let found = fetch(&remote, reference, options)?;
        let (Some(platform), Kind::Index) = (platform, found.document.kind) else { return Ok(found) };
        let mut found = found;
        // An index may hold indexes; the limit is far above what anybody builds.
        for _ in 0..16 {
            let entry = found.document.choose(&platform)?.clone();
            let one = GetOptions { platform: None, ..options.clone() };
            found = fetch(&remote, &reference.with_digest(&entry.digest), &one)?;
            check_entry(&entry, &found)?;
            found.platform = entry.platform.clone().or(found.platform);
            if found.document.kind != Kind::Index {
                return Ok(found);
            }
        }
        Err(Error::new(Code::LimitExceeded, "the index holds indexes more than 16 deep"))
    }

    /// The descriptor of a manifest. A registry that does not answer HEAD well is asked by GET.
    pub fn head_manifest(&self, call: &Call, reference: &Reference, options: &HeadOptions) -> Result<Head> {
        let remote = Remote::repository(self, call, reference.repository())?;
        let accept = GetOptions { accept: options.accept.clone(), ..GetOptions::default() };
        let mut request =
            Request::new(Method::HEAD, manifest_url(&remote, reference)?).header(ACCEPT, &accept_header(&accept))?;
        let reply = remote.send(&mut request, &remote.scopes(&["pull"]))?;
        if !matches!(reply.answer.status, StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED) {
            let answer = remote.expect(reply, &[StatusCode::OK], &format!("head of the manifest {reference}"))?;
            if let Some(head) = head_of(&answer, reference)? {
                return Ok(head);
            }
        }
        let found = fetch(&remote, reference, &accept)?;
        let document = found.document;
        Ok(Head {
            media_type: document.media_type,
            digest: document.digest,
            size: document.size,
            headers: found.headers,
        })
    }

    /// The digest of a manifest; with a platform, of the one for it.
    pub fn manifest_digest(&self, call: &Call, reference: &Reference, options: &GetOptions) -> Result<Digest> {
        let Some(platform) = options.platform.as_deref() else {
            let head = HeadOptions { accept: options.accept.clone() };
            return Ok(self.head_manifest(call, reference, &head)?.digest);
        };
        let platform: Platform = platform.parse()?;
        let remote = Remote::repository(self, call, reference.repository())?;
        let found = fetch(&remote, reference, options)?;
        match found.document.kind {
            Kind::Index => Ok(found.document.choose(&platform)?.digest.clone()),
            _ => Ok(found.document.digest),
        }
    }

    /// Puts a manifest, its bytes unchanged.
    pub fn put_manifest(&self, call: &Call, reference: &Reference, bytes: &[u8], options: &PutOptions) -> Result<Put> {
        if bytes.len() as u64 > MANIFEST_CEILING {
            return Err(Error::new(Code::LimitExceeded, format!("a manifest is at most {MANIFEST_CEILING} bytes")));
        }
        let algorithm = reference.digest().map_or(Algorithm::Sha256, Digest::algorithm);
        let document = Document::parse(bytes, options.media_type.as_deref(), algorithm)?;
        if let Some(expected) = reference.digest().filter(|expected| **expected != document.digest) {
            let message = format!("the manifest has the digest {}, not {expected}", document.digest);
            return Err(Error::new(Code::DigestMismatch, message));
        }
        let remote = Remote::repository(self, call, reference.repository())?;
        // A tag is what was asked for when both are given; the digest was checked above.
        let name = reference.tag().unwrap_or(document.digest.as_str());
        let answer = put_once_or_again(&remote, name, bytes, &document)?;
        let location = remote.location(&answer).ok().map(|(url, _)| redact::url(&url));
        Ok(Put { digest: document.digest, size: bytes.len() as u64, media_type: document.media_type, location })
    }

    /// Deletes a manifest by digest; by tag only that tag, where the registry can.
    pub fn delete_manifest(&self, call: &Call, reference: &Reference) -> Result<Deleted> {
        let remote = Remote::repository(self, call, reference.repository())?;
        let what = format!("delete the manifest {reference}");
        let by_tag = reference.digest().is_none();
        delete(&remote, manifest_url(&remote, reference)?, &what).map_err(|error| match error.http_status() {
            // Registries of the old kind take digests only, and say so in several ways.
            Some(400 | 405) if by_tag => error
                .with_code(Code::Unsupported)
                .with_hint("this registry deletes no single tag; deleting by digest removes every tag of that digest"),
            _ => error,
        })
    }
}

/// Deletes what is at a URL. Which action the token server wants for it differs: most say `delete`, some only know
/// `*` or `push`.
pub(super) fn delete(remote: &Remote, url: url::Url, what: &str) -> Result<Deleted> {
    let mut refused = None;
    for actions in [&["pull", "delete"][..], &["*"], &["pull", "push"]] {
        let reply = remote.send(&mut Request::new(Method::DELETE, url.clone()), &remote.scopes(actions));
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) if error.code() == Code::Forbidden || error.http_status() == Some(400) => {
                refused.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let status = reply.answer.status;
        if matches!(status.as_u16(), 200 | 202 | 204) || (status == StatusCode::NOT_FOUND && reply.answer.attempts > 1)
        {
            return Ok(Deleted { status: status.as_u16() });
        }
        let error = remote.failure(reply, what);
        if error.code() != Code::Forbidden {
            return Err(refused.unwrap_or(error));
        }
        refused.get_or_insert(error);
    }
    Err(refused.unwrap_or_else(|| Error::new(Code::Forbidden, what)))
}

fn manifest_url(remote: &Remote, reference: &Reference) -> Result<url::Url> {
    let name = reference.digest().map(Digest::as_str).or(reference.tag()).unwrap_or("latest");
    remote.url(&format!("manifests/{name}"))
}

fn accept_header(options: &GetOptions) -> String {
    if !options.accept.is_empty() {
        return options.accept.join(", ");
    }
    let wanted = |media_type: &&&str| {
        (options.accept_index || !media_type::is_index(media_type))
            && (options.max_schema_version >= 2
                || media_type::is_schema1(media_type)
                || **media_type == "application/json")
    };
    media_type::DEFAULT_ACCEPT.iter().filter(|media_type| wanted(media_type)).copied().collect::<Vec<_>>().join(", ")
}

/// Gets and checks; bytes of a wrong digest are fetched once more, for a cache on the way may have kept half.
fn fetch(remote: &Remote, reference: &Reference, options: &GetOptions) -> Result<Manifest> {
    match fetch_once(remote, reference, options) {
        Err(error) if error.code() == Code::DigestMismatch => fetch_once(remote, reference, options),
        outcome => outcome,
    }
}

fn fetch_once(remote: &Remote, reference: &Reference, options: &GetOptions) -> Result<Manifest> {
    let what = format!("get the manifest {reference}");
    let limit = remote.client.http.options().max_manifest_bytes;
    let request = Request::new(Method::GET, manifest_url(remote, reference)?).whole(limit, "the manifest");
    let mut request = request.header(ACCEPT, &accept_header(options))?;
    let reply = remote.send(&mut request, &remote.scopes(&["pull"]))?;
    let mut answer = remote.expect(reply, &[StatusCode::OK], &what)?;
    let bytes = answer.take_whole();
    let within = |error: Error| error.within(&what).with_url(&answer.url);
    let algorithm = reference.digest().map_or(Algorithm::Sha256, Digest::algorithm);
    check_bytes(reference, &bytes, algorithm).map_err(within)?;
    let document = Document::parse(&bytes, answer.header(CONTENT_TYPE), algorithm).map_err(within)?;
    if let Some(expected) = reference.digest().filter(|expected| **expected != document.digest) {
        let message = format!("the bytes have the digest {}, not {expected}", document.digest);
        return Err(within(Error::new(Code::DigestMismatch, message)));
    }
    if document.kind == Kind::Index && !options.accept_index {
        return Err(within(Error::new(Code::InvalidManifest, "it is an index, which the options do not accept")));
    }
    if document.schema_version > options.max_schema_version {
        let message = format!(
            "its schema version is {}, the options accept {}",
            document.schema_version, options.max_schema_version
        );
        return Err(within(Error::new(Code::InvalidManifest, message)));
    }
    let found = reference.with_digest(&document.digest);
    Ok(Manifest { reference: found.pinned(), headers: headers_json(&answer.headers), document, bytes, platform: None })
}

// Before anything is parsed: bytes that are not what was asked for are not worth a look. A signed schema-1 manifest
// has the digest of its payload, which only its parser finds.
fn check_bytes(reference: &Reference, bytes: &[u8], algorithm: Algorithm) -> Result<()> {
    match reference.digest() {
        Some(expected) if algorithm.digest(bytes) != *expected && !crate::schema1::may_be_signed(bytes) => {
            let message = format!("the bytes have the digest {}, not {expected}", algorithm.digest(bytes));
            Err(Error::new(Code::DigestMismatch, message))
        }
        _ => Ok(()),
    }
}

fn check_entry(entry: &Descriptor, found: &Manifest) -> Result<()> {
    let size = found.bytes.len() as u64;
    if entry.size != size {
        let message = format!("the manifest {} has {size} bytes, its index says {}", entry.digest, entry.size);
        return Err(Error::new(Code::SizeMismatch, message));
    }
    if entry.media_type != found.document.media_type {
        let message = format!(
            "the manifest {} is {}, its index says {}",
            entry.digest, found.document.media_type, entry.media_type
        );
        return Err(Error::new(Code::InvalidManifest, message));
    }
    Ok(())
}

/// None when the answer leaves something out, which a GET then finds.
fn head_of(answer: &Answer, reference: &Reference) -> Result<Option<Head>> {
    let (Some(digest), Some(size), Some(content_type)) =
        (digest_header(&answer.headers), answer.content_length(), answer.header(CONTENT_TYPE))
    else {
        return Ok(None);
    };
    let media_type = media_type::essence(content_type);
    let is_manifest =
        media_type::is_index(&media_type) || media_type::is_image(&media_type) || media_type::is_schema1(&media_type);
    if size == 0 || !is_manifest {
        return Ok(None);
    }
    match reference.digest() {
        Some(expected) if *expected != digest && expected.algorithm() == digest.algorithm() => {
            let message = format!("the registry gives the digest {digest} for the manifest {reference}");
            Err(Error::new(Code::DigestMismatch, message).with_url(&answer.url))
        }
        expected => {
            let digest = expected.cloned().unwrap_or(digest);
            Ok(Some(Head { media_type, digest, size, headers: headers_json(&answer.headers) }))
        }
    }
}

/// A PUT whose answer was lost may have been done: it is looked for before it is sent again.
fn put_once_or_again(remote: &Remote, name: &str, bytes: &[u8], document: &Document) -> Result<Answer> {
    let what = format!("put the manifest {name} into {}", remote.place());
    let scopes = remote.scopes(&["pull", "push"]);
    let mut attempt = 0;
    let mut backoff = Backoff::new(crate::http::seed());
    loop {
        let body = Body::Bytes(Bytes::copy_from_slice(bytes));
        let mut request = Request::new(Method::PUT, remote.url(&format!("manifests/{name}"))?)
            .header(CONTENT_TYPE, &document.media_type)?
            .repeat(Repeat::WhenRefused)
            .body(body);
        let error = match remote.send(&mut request, &scopes) {
            Ok(reply) => return accept_put(remote, reply, document, &what),
            Err(error) if error.code() == Code::Network => error,
            Err(error) => return Err(error.within(&what)),
        };
        attempt += 1;
        let mut head = Request::new(Method::HEAD, remote.url(&format!("manifests/{name}"))?)
            .header(ACCEPT, &document.media_type)?;
        if let Ok(Reply { answer, .. }) = remote.send(&mut head, &scopes) {
            if answer.status == StatusCode::OK && digest_header(&answer.headers).as_ref() == Some(&document.digest) {
                return Ok(answer);
            }
        }
        if attempt > remote.client.http.options().retries {
            return Err(error.within(&what).with_attempts(attempt));
        }
        remote.call.sleep(backoff.delay(attempt))?;
    }
}

fn accept_put(remote: &Remote, reply: Reply, document: &Document, what: &str) -> Result<Answer> {
    use StatusCode as S;
    let mut answer = remote.expect(reply, &[S::CREATED, S::OK, S::ACCEPTED, S::NO_CONTENT], what)?;
    let body = answer.beginning(&remote.call, 64 << 10);
    if failure::holds_errors(&body) {
        return Err(failure::error_of(400, &answer.headers, &body, &answer.url, what));
    }
    if let Some(digest) = digest_header(&answer.headers) {
        if digest != document.digest && digest.algorithm() == document.digest.algorithm() {
            let message = format!("{what}: the registry stored it as {digest}, its digest is {}", document.digest);
            return Err(Error::new(Code::DigestMismatch, message).with_url(&answer.url));
        }
        return Ok(answer);
    }
    if answer.status == S::CREATED {
        return Ok(answer);
    }
    // Not the status of the specification, and no digest: the registry must show that it has just this one. Under the tag
    // there may be an older one.
    let url = remote.url(&format!("manifests/{}", document.digest))?;
    let mut head = Request::new(Method::HEAD, url).header(ACCEPT, &document.media_type)?;
    let reply = remote.send(&mut head, &remote.scopes(&["pull", "push"]))?;
    let shown = remote.expect(reply, &[S::OK], what)?;
    match digest_header(&shown.headers) {
        Some(digest) if digest != document.digest => {
            let message = format!("{what}: the registry shows {digest}, not {}", document.digest);
            Err(Error::new(Code::Protocol, message).with_url(&shown.url))
        }
        _ => Ok(answer),
    }
}

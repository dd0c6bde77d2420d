//! Getting manifests, and their descriptors by HEAD (distribution-spec end-3).

use ::http::header::{ACCEPT, CONTENT_TYPE};
use ::http::{Method, StatusCode};
use serde::ser::{SerializeMap, Serializer};
use serde::Serialize;
use serde_json::Value;

use super::named;
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::http::redact::ShownHeaders;
use crate::http::response::Response;
use crate::http::Request;
use crate::manifest::{Document, Kind};
use crate::media_type;
use crate::options::options;
use crate::platform::Platform;
use crate::rate_limit::RateLimit;
use crate::reference::Reference;
use crate::registry::endpoints::EndpointUse;
use crate::registry::repository::{digest_header, digest_headers, Remote};
use crate::registry::Client;
use crate::schema1::jws::Signature;

options! {
    /// Options of [`Client::get_manifest`] and [`Client::manifest_digest`].
    #[derive(Debug, Clone)]
    pub struct GetOptions {
        /// of an index, the manifest for this platform, OS/ARCH[/VARIANT][:OS.VERSION]
        pub platform: Option<String>,
        /// media types to ask for, instead of all that are known
        pub accept: Vec<String>,
        /// 1 asks for schema 1 only
        pub max_schema_version: u64 = 2,
        /// false: an index is not accepted
        pub accept_index: bool = true,
    }
}

options! {
    /// Options of [`Client::head_manifest`].
    #[derive(Debug, Clone)]
    pub struct HeadOptions {
        /// media types to ask for, instead of all that are known
        pub accept: Vec<String>,
    }
}

/// A manifest with its exact bytes.
pub struct Manifest {
    /// The JSON document, with digest and size.
    pub document: Document,
    /// The bytes as the registry sent them.
    pub bytes: Vec<u8>,
    /// Where it is: `host/repository@digest`, or the place.
    pub reference: String,
    /// `host/repository`; None of what is in no registry.
    pub repository: Option<String>,
    /// The headers of the response.
    pub headers: ShownHeaders,
    /// The platform that was picked from an index.
    pub platform: Option<Platform>,
    /// The signatures of a signed schema-1 manifest, all valid; empty for others.
    pub signatures: Vec<Signature>,
    /// What the registry says about its rate limit.
    pub rate_limit: Option<RateLimit>,
    /// The host that sent it, `HOST[:PORT]`: the registry or a mirror.
    pub served_by: Option<String>,
    /// The hosts that sent the indexes in which it was found, if a platform was wanted.
    pub resolved_by: Vec<String>,
}

/// The documented JSON shape.
impl Serialize for Manifest {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_map(None)?;
        self.document.write_members(&mut json)?;
        json.serialize_entry("reference", &self.reference)?;
        json.serialize_entry("repository", &self.repository)?;
        json.serialize_entry("headers", &self.headers)?;
        json.serialize_entry("served_by", &self.served_by)?;
        json.serialize_entry("resolved_by", &self.resolved_by)?;
        json.serialize_entry("rate_limit", &self.rate_limit)?;
        if let Some(platform) = &self.platform {
            json.serialize_entry("platform", platform)?;
        }
        if !self.signatures.is_empty() {
            json.serialize_entry("signatures", &self.signatures)?;
        }
        json.end()
    }
}

impl Manifest {
    /// The documented JSON shape.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The descriptor of a manifest, without its bytes.
#[derive(Debug, Serialize)]
pub struct ManifestHead {
    /// The media type that the registry says it has.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// The digest that the registry says it has, or the one that was asked for.
    pub digest: Digest,
    /// The size that the registry says it has.
    pub size: u64,
    /// The headers of the response.
    pub headers: ShownHeaders,
    /// What the registry says about its rate limit.
    pub rate_limit: Option<RateLimit>,
    /// The host that told it, `HOST[:PORT]`: the registry or a mirror.
    pub served_by: Option<String>,
}

impl Client {
    /// The descriptor of a manifest. If a registry does not answer HEAD properly, or refuses it, GET is used: only its
    /// response says why.
    pub fn head_manifest(&self, call: &Call, reference: &Reference, options: &HeadOptions) -> Result<ManifestHead> {
        self.at_each(call, reference.repository(), EndpointUse::of(reference), |remote| {
            head(remote, reference, options)
        })
    }

    /// Gets a manifest, whatever it is, from the first that has it.
    pub(crate) fn fetch_manifest(&self, call: &Call, reference: &Reference, options: &GetOptions) -> Result<Manifest> {
        self.at_each(call, reference.repository(), EndpointUse::of(reference), |remote| {
            sent(remote, reference, options)
        })?
    }
}

/// The descriptor of a manifest at one endpoint.
pub(crate) fn head(remote: &Remote, reference: &Reference, options: &HeadOptions) -> Result<ManifestHead> {
    let accept = GetOptions { accept: options.accept.clone(), ..GetOptions::default() };
    let mut request = Request::new(Method::HEAD).header(ACCEPT, &accept_header(&accept))?;
    let reply = remote.ask(named(reference), &mut request, &remote.scopes(&["pull"]))?;
    if !reply.calls_for_get() {
        let response = remote.expect(reply, &[StatusCode::OK], &format!("head of the manifest {reference}"))?;
        if let Some(head) = head_of(remote, &response, reference)? {
            return Ok(head);
        }
    }
    let found = fetch(remote, reference, &accept)?;
    let document = found.document;
    Ok(ManifestHead {
        media_type: document.media_type,
        digest: document.digest,
        size: document.size,
        headers: found.headers,
        rate_limit: found.rate_limit,
        served_by: found.served_by,
    })
}

pub(crate) fn accept_header(options: &GetOptions) -> String {
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

/// Gets and checks; after a wrong digest it is fetched once more, because a cache on the way may have kept half of it, unless
/// another endpoint can be asked.
pub(crate) fn fetch(remote: &Remote, reference: &Reference, options: &GetOptions) -> Result<Manifest> {
    sent(remote, reference, options)?
}

/// What was sent, or what is wrong with it although it is what was asked for: then the server is not at fault.
fn sent(remote: &Remote, reference: &Reference, options: &GetOptions) -> Result<Result<Manifest>> {
    match sent_once(remote, reference, options) {
        Err(error) if error.code() == Code::DigestMismatch && !remote.has_alternative() => {
            sent_once(remote, reference, options)
        }
        outcome => outcome,
    }
}

fn sent_once(remote: &Remote, reference: &Reference, options: &GetOptions) -> Result<Result<Manifest>> {
    let what = format!("get the manifest {reference}");
    let limit = remote.client.options().max_manifest_bytes;
    let request = Request::new(Method::GET).whole(limit, "the manifest");
    let mut request = request.header(ACCEPT, &accept_header(options))?;
    let reply = remote.ask(named(reference), &mut request, &remote.scopes(&["pull"]))?;
    let mut response = remote.expect(reply, &[StatusCode::OK], &what)?;
    let bytes = response.take_whole();
    let within = |error: Error| error.within(&what).with_url(&response.url);
    let algorithm = reference.digest().map_or(Algorithm::Sha256, Digest::algorithm);
    let digest = algorithm.digest(&bytes);
    check_bytes(reference, &response, &bytes, &digest).map_err(within)?;
    let is_wanted = reference.digest() == Some(&digest);
    let document = match Document::parse_hashed(&bytes, response.header(CONTENT_TYPE), digest).map_err(within) {
        // What was asked for is not a manifest, whatever media type the response has.
        Err(error) if is_wanted && Document::parse(&bytes, None, algorithm).is_err() => return Ok(Err(error)),
        parsed => parsed?,
    };
    if let Some(expected) = reference.digest().filter(|expected| **expected != document.digest) {
        let message = format!("the bytes have the digest {}, not {expected}", document.digest);
        return Err(within(Error::new(Code::DigestMismatch, message)));
    }
    check_named(reference, &response, &bytes, &document.digest).map_err(within)?;
    if let Err(error) = check_wanted(&document, options).map_err(within) {
        return Ok(Err(error));
    }
    let found = reference.repository().with_digest(&document.digest);
    let signatures = match document.verify_signatures(&bytes).map_err(within) {
        Err(error) if reference.digest().is_some() => return Ok(Err(error)),
        verified => verified?,
    };
    Ok(Ok(Manifest {
        reference: found.pinned(),
        repository: Some(found.repository().full_name()),
        rate_limit: response.rate_limit(),
        headers: response.headers.into(),
        served_by: Some(remote.served_by()),
        resolved_by: Vec::new(),
        document,
        bytes,
        platform: None,
        signatures,
    }))
}

/// Refuses what the caller's options do not accept.
pub(crate) fn check_wanted(document: &Document, options: &GetOptions) -> Result<()> {
    let unwanted = |message: String| Err(Error::new(Code::InvalidManifest, message));
    if document.kind == Kind::Index && !options.accept_index {
        return unwanted("it is an index, which the options do not accept".to_owned());
    }
    match document.schema_version {
        version if version > options.max_schema_version => {
            unwanted(format!("its schema version is {version}, the options accept {}", options.max_schema_version))
        }
        _ => Ok(()),
    }
}

// Before anything is parsed: wrong bytes are not parsed at all. A signed schema-1 manifest
// has the digest of its payload, which only its parser finds.
fn check_bytes(reference: &Reference, response: &Response, bytes: &[u8], digest: &Digest) -> Result<()> {
    let checked = match reference.digest() {
        Some(expected) if digest != expected => {
            let message = format!("the bytes have the digest {digest}, not {expected}");
            Err(Error::new(Code::DigestMismatch, message))
        }
        Some(_) => Ok(()),
        None => check_named(reference, response, bytes, digest),
    };
    checked.or_else(|error| if crate::schema1::may_be_signed(bytes) { Ok(()) } else { Err(error) })
}

// A tag does not determine a digest, but the registry may send one: if the bytes do not match it, one of the two is
// wrong.
fn check_named(reference: &Reference, response: &Response, bytes: &[u8], digest: &Digest) -> Result<()> {
    let wrong = |named: &Digest| named != digest && named.algorithm().digest(bytes) != *named;
    match digest_headers(&response.headers).into_iter().find(|named| reference.digest().is_none() && wrong(named)) {
        Some(named) => {
            let message = format!("the bytes have the digest {digest}, the registry says {named}");
            Err(Error::new(Code::DigestMismatch, message))
        }
        None => Ok(()),
    }
}

/// None when the response is incomplete; a GET then finds the rest.
pub(crate) fn head_of(remote: &Remote, response: &Response, reference: &Reference) -> Result<Option<ManifestHead>> {
    let (Some(digest), Some(size), Some(content_type)) =
        (digest_header(&response.headers), response.content_length(), response.header(CONTENT_TYPE))
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
            Err(Error::new(Code::DigestMismatch, message).with_url(&response.url))
        }
        expected => {
            let digest = expected.cloned().unwrap_or(digest);
            let (headers, rate_limit) = (response.headers.clone().into(), response.rate_limit());
            Ok(Some(ManifestHead {
                media_type,
                digest,
                size,
                headers,
                rate_limit,
                served_by: Some(remote.served_by()),
            }))
        }
    }
}

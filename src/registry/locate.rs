//! Where a blob or a manifest can be had, for a caller's own downloader: the URLs to ask, with the headers for each. They are those that
//! this client's own requests would go to, and each gets what it would get from them.

use std::time::SystemTime;

use ::http::header::{HeaderValue, ACCEPT, AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use ::http::{Method, StatusCode};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::auth::authorization::Authorization;
use crate::auth::Reply;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::location::Location;
use crate::http::request::Redirects;
use crate::http::response::Response;
use crate::http::{range, redact, signed_url, Request, Url};
use crate::media_type;
use crate::mirrors::Rename;
use crate::options::{options, Texts};
use crate::reference::{quoted, Reference};
use crate::registry::blob::blob_digest;
use crate::registry::endpoints::EndpointUse;
use crate::registry::manifest::{accept_header, head_of, named, GetOptions};
use crate::registry::repository::Remote;
use crate::registry::token::{authorization, until, TokenChoice};
use crate::registry::Client;
use crate::resource::Resource;
use crate::statuses;

options! {
    /// Options of [`Client::locate_blob`] and [`Client::locate_manifest`].
    #[derive(Clone)]
    pub struct LocateOptions {
        /// false: the registry is not asked for it, and its own URL is given
        ///
        /// the registry's own URL, which is given with false, may answer with a redirect. Which authorization it requires is found
        /// out as in ocireg_token
        pub follow: bool = true,
        /// what a redirect leads to is asked as well, so that it is known to answer
        ///
        /// with this option redirects are followed to their end, and a token that the last URL requires is in its headers. If they
        /// lead to another host, what the registry itself requires is found out as in ocireg_token
        pub check: bool,
        /// "endpoint" of earlier results whose URLs did not serve
        ///
        /// endpoints that are named here are passed over for a minute, as those that fail this client itself. If no other endpoint
        /// is left the call is OCIREG_NETWORK, and a text that is not an endpoint of the reference is OCIREG_INVALID_ARGUMENT
        pub failed: Texts,
    } and {
        /// The token
        pub token: TokenChoice,
    }
}

/// Where something can be had. Not to be displayed: it contains secrets.
#[derive(Serialize)]
pub struct Located {
    /// What was asked for.
    pub reference: String,
    /// HOST/REPOSITORY.
    pub repository: String,
    /// The digest that the bytes must have; None when unknown.
    pub digest: Option<Digest>,
    /// Their number; None when unknown.
    pub size: Option<u64>,
    /// The media type, if the registry says so.
    #[serde(rename = "mediaType")]
    pub media_type: Option<String>,
    /// The URLs to ask, in order.
    pub locations: Vec<EndpointToAsk>,
}

/// One URL to send a GET to.
#[derive(Serialize)]
pub struct EndpointToAsk {
    /// The URL, whose query may be a signature.
    pub url: Zeroizing<String>,
    /// The headers to send there, by name.
    #[serde(serialize_with = "as_object")]
    pub headers: Vec<(String, Zeroizing<String>)>,
    /// When it is of no use any more, in RFC 3339; None when unknown.
    pub expires: Option<String>,
    /// The seconds until then.
    pub expires_in: Option<u64>,
    /// The URL of the registry's API, and what comes before the names of its repositories.
    pub endpoint: String,
    /// Whether that registry redirected there.
    pub redirected: bool,
}

fn as_object<S: Serializer>(headers: &[(String, Zeroizing<String>)], to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_map(headers.iter().map(|(name, value)| (name, value)))
}

impl Client {
    /// Where a blob can be had: at the first endpoint that has it.
    pub fn locate_blob(&self, call: &Call, reference: &Reference, options: &LocateOptions) -> Result<Located> {
        let digest = blob_digest(reference)?;
        self.check_failed(call, reference, options)?;
        self.at_each(call, reference.repository(), EndpointUse::Digest, |remote| {
            not_failed(remote, options)?;
            let found = match options.follow {
                true => Some(look_for_blob(remote, digest, options)?),
                false => None,
            };
            let says = found.as_ref().map(|reply| &reply.response).filter(|response| !response.status.is_redirection());
            Ok(Located {
                reference: reference.to_string(),
                repository: reference.repository().full_name(),
                digest: Some(digest.clone()),
                size: says.and_then(whole_size),
                media_type: says.filter(|response| statuses::is_success(response.status.as_u16())).and_then(said_type),
                locations: locations(remote, Resource::Blob(digest), None, found.as_ref(), options)?,
            })
        })
    }

    /// Where a manifest can be had: at the first endpoint that has it.
    pub fn locate_manifest(&self, call: &Call, reference: &Reference, options: &LocateOptions) -> Result<Located> {
        let accept = accept_header(&GetOptions::default());
        self.check_failed(call, reference, options)?;
        self.at_each(call, reference.repository(), EndpointUse::of(reference), |remote| {
            not_failed(remote, options)?;
            let found = match options.follow {
                true => Some(look_for_manifest(remote, reference, &accept, options)?),
                false => None,
            };
            let says = found.as_ref().map(|reply| &reply.response).filter(|response| response.status == StatusCode::OK);
            let head = says.map_or(Ok(None), |response| head_of(remote, response, reference))?;
            Ok(Located {
                reference: reference.to_string(),
                repository: reference.repository().full_name(),
                digest: reference.digest().or(head.as_ref().map(|head| &head.digest)).cloned(),
                size: head.as_ref().map(|head| head.size),
                media_type: head.map(|head| head.media_type),
                locations: locations(remote, named(reference), Some(&accept), found.as_ref(), options)?,
            })
        })
    }

    /// Refuses endpoints that are none of the reference's: a misspelt one would be asked again and again.
    fn check_failed(&self, call: &Call, reference: &Reference, options: &LocateOptions) -> Result<()> {
        if options.failed.0.is_empty() {
            return Ok(());
        }
        let all = self.endpoint_bases(call, reference.repository())?;
        let all: Vec<String> = all.iter().map(|(base, rename)| endpoint_at(base, rename)).collect();
        // One whose scheme is not known yet is shown with https.
        let place = |name: &str| name.split_once("://").map_or(name, |(_, place)| place).to_owned();
        match options.failed.0.iter().find(|failed| !all.iter().any(|one| place(one) == place(failed))) {
            Some(unknown) => {
                let (name, repository) = (quoted(unknown), reference.repository().full_name());
                let message = format!(
                    "the option failed names '{name}', which is not an endpoint of {repository}; its endpoints are {}",
                    all.join(" ")
                );
                Err(Error::new(Code::InvalidArgument, message))
            }
            None => Ok(()),
        }
    }
}

/// An endpoint of which the caller says that it failed is passed over.
fn not_failed(remote: &Remote, options: &LocateOptions) -> Result<()> {
    let endpoint = endpoint_of(remote);
    match options.failed.0.contains(&endpoint) {
        true => Err(Error::new(Code::Network, format!("the option failed lists {endpoint}"))),
        false => Ok(()),
    }
}

/// Passes over what answers with a web page, as the network of a hotel does, if another endpoint can be asked.
fn not_a_web_page(remote: &Remote, response: &Response) -> Result<()> {
    let is_page = || said_type(response).is_some_and(|said| said == "text/html");
    match remote.has_alternative() && statuses::is_success(response.status.as_u16()) && is_page() {
        true => Err(Error::new(Code::Protocol, "it answers with a web page").with_url(&response.url)),
        false => Ok(()),
    }
}

/// The URL of an endpoint: several may be at one host, where the names have something else before them.
fn endpoint_of(remote: &Remote) -> String {
    endpoint_at(&remote.account.base.url, &remote.rename)
}

fn endpoint_at(base: &Url, rename: &Rename) -> String {
    let base = redact::url(base);
    match rename {
        Rename::Prefix { to, .. } if !to.is_empty() => format!("{}/{to}", base.trim_end_matches('/')),
        _ => base,
    }
}

/// How far redirects are followed. Those within the registry always are.
fn redirects(options: &LocateOptions) -> Redirects {
    match options.check {
        true => Redirects::Anywhere,
        false => Redirects::SameOrigin,
    }
}

/// Asks for one byte: a URL that is signed for HEAD is not good for GET, and the blob itself is not wanted.
fn look_for_blob(remote: &Remote, digest: &Digest, options: &LocateOptions) -> Result<Reply> {
    let ask = |ranged: bool| {
        let mut request = Request::new(Method::GET);
        request.redirects = redirects(options);
        if ranged {
            request.headers.insert(RANGE, HeaderValue::from_static("bytes=0-0"));
        }
        remote.ask(Resource::Blob(digest), &mut request, &remote.scopes(&["pull"]))
    };
    let mut reply = ask(true)?;
    // Some gateways refuse ranges.
    if !is_there(&reply.response) && statuses::may_refuse_a_range(reply.response.status.as_u16()) {
        reply = ask(false)?;
    }
    not_a_web_page(remote, &reply.response)?;
    remote.not_another(digest, &reply.response)?;
    match is_there(&reply.response) {
        true => Ok(reply),
        false => Err(remote.failure(reply, &format!("locate the blob {digest} of {}", remote.full_name()))),
    }
}

/// Asks by HEAD, which registries do not count as a pull.
fn look_for_manifest(remote: &Remote, reference: &Reference, accept: &str, options: &LocateOptions) -> Result<Reply> {
    let ask = |method| {
        let mut request = Request::new(method).header(ACCEPT, accept)?;
        request.redirects = redirects(options);
        remote.ask(named(reference), &mut request, &remote.scopes(&["pull"]))
    };
    let mut reply = ask(Method::HEAD)?;
    if reply.calls_for_get() {
        reply = ask(Method::GET)?;
    }
    not_a_web_page(remote, &reply.response)?;
    match is_there(&reply.response) {
        true => Ok(reply),
        false => Err(remote.failure(reply, &format!("locate the manifest {reference}"))),
    }
}

/// Whether a response has what was asked for, or says where it is.
fn is_there(response: &Response) -> bool {
    // A blob without bytes has no first one.
    let is_empty = response.status == StatusCode::RANGE_NOT_SATISFIABLE && whole_size(response) == Some(0);
    is_empty || statuses::says_where_it_is(response.status.as_u16())
}

/// The size of the whole according to a response to a request for its first byte.
fn whole_size(response: &Response) -> Option<u64> {
    let says = response.header(CONTENT_RANGE).unwrap_or_default();
    match response.status {
        StatusCode::PARTIAL_CONTENT => range::parse_content_range(says).and_then(|range| range.size),
        StatusCode::RANGE_NOT_SATISFIABLE => says.trim().strip_prefix("bytes */")?.trim().parse().ok(),
        _ => response.content_length(),
    }
}

fn said_type(response: &Response) -> Option<String> {
    response.header(CONTENT_TYPE).map(media_type::essence)
}

/// The URLs to ask: what the registry led to, and then its own.
fn locations(
    remote: &Remote,
    resource: Resource,
    accept: Option<&str>,
    found: Option<&Reply>,
    options: &LocateOptions,
) -> Result<Vec<EndpointToAsk>> {
    let own = remote.account.base.find(&remote.target(resource))?;
    let own_authorization = own_authorization(remote, found, options)?;
    let mut locations = Vec::new();
    if let Some(at) = found.map(|found| led_to(remote, &own, found)).transpose()?.flatten() {
        remote.client.http.check(&at)?;
        let is_own = remote.account.base.is_origin_of(&at.url);
        let authorization = match found {
            Some(found) if !is_own && !found.response.status.is_redirection() => Some(found.authorization()?),
            _ => None,
        };
        let sent = authorization.as_ref().or(is_own.then_some(&own_authorization));
        locations.push(location(remote, &at, accept, sent, true));
    }
    locations.push(location(remote, &own, accept, Some(&own_authorization), false));
    Ok(locations)
}

/// The authorization for the registry's own URL: what it was just asked with, unless the caller wants another.
fn own_authorization(remote: &Remote, found: Option<&Reply>, options: &LocateOptions) -> Result<Authorization> {
    let mut wish = options.token.wish(remote.scopes(&["pull"]));
    // A token that is good for one request only is used up by now.
    wish.fresh |= found.is_some() && wish.refused.is_some();
    match found {
        Some(found) if wish.is_plain() && remote.account.base.is_origin_of(&found.response.url) => {
            found.authorization()
        }
        _ => authorization(remote, &wish),
    }
}

/// Where the registry's answer leads, if that is not its own URL. What is signed for HEAD cannot be used.
fn led_to(remote: &Remote, own: &Location, found: &Reply) -> Result<Option<Location>> {
    let response = &found.response;
    let at = match response.status.is_redirection() {
        true => remote.location(response)?,
        false => Location::of(response),
    };
    let useless = at.url == own.url || response.method == Method::HEAD && signed_url::is_signed(&at.url);
    Ok((!useless).then_some(at))
}

fn location(
    remote: &Remote,
    at: &Location,
    accept: Option<&str>,
    sent: Option<&Authorization>,
    redirected: bool,
) -> EndpointToAsk {
    let ends: Option<SystemTime> =
        [sent.and_then(|sent| sent.expires), signed_url::expires(&at.url)].into_iter().flatten().min();
    let (expires, expires_in) = until(ends);
    EndpointToAsk {
        url: Zeroizing::new(at.url.to_string()),
        headers: headers(remote, at, accept, sent),
        expires,
        expires_in,
        endpoint: endpoint_of(remote),
        redirected,
    }
}

/// The headers of a request there: the caller's own go only to hosts that the caller chose.
fn headers(
    remote: &Remote,
    at: &Location,
    accept: Option<&str>,
    sent: Option<&Authorization>,
) -> Vec<(String, Zeroizing<String>)> {
    let mut all: Vec<(String, Zeroizing<String>)> = Vec::new();
    all.extend(accept.map(|accept| (usual(ACCEPT.as_str()), Zeroizing::new(accept.to_owned()))));
    all.extend(sent.and_then(|sent| Some((usual(AUTHORIZATION.as_str()), sent.value.clone()?))));
    if at.is_callers() {
        // None of them is one of those above, which only the library sets.
        all.extend(remote.client.http.headers(at).joined().map(|(name, value)| (usual(name), value)));
    }
    all
}

/// A header's name as people write it.
fn usual(name: &str) -> String {
    let word = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

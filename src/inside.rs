//! Internals that the tests use, with what parsers make of bytes that strangers send as plain data. Not part of the API: the shipped
//! library is built without it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use ::http::header::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use serde_json::Value;

use crate::auth::config_file::ConfigFile;
use crate::auth::credential_key::WantedHost;
use crate::auth::scope::ScopeSet;
use crate::auth::{challenge, realm, token_response};
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::http::{link, range, redirect, retry, warning, Url};
use crate::mirrors::{daemon_json, hosts_toml, registries_yaml, EndpointBase, RegistriesConf, RegistriesD, Rule};
use crate::rate_limit::RateLimit;
use crate::reference::Reference;
use crate::registry::list::page;
use crate::stream::blob::MemoryBlob;
use crate::stream::unpack::{UnpackLimits, Unpacker};
use crate::tar::{Entries, EntryKind, TarSource};

pub use crate::auth::realm::may_send_credentials;
pub use crate::call::stack::begins_here as stack_begins_here;
pub use crate::download::partial::{OnContention, Partial};
pub use crate::http::lanes::from_the_first_on as lanes_from_the_first_on;
pub use crate::http::location::Location;
pub use crate::http::upload::Body;
pub use crate::http::{Http, Request};
pub use crate::json::text as to_json_text;
pub use crate::layout::archive::{ArchiveFormat, ArchiveReader, ArchiveWriter};
pub use crate::layout::lock::Lock;
pub use crate::registry::referrers::fallback_tag::tag_of;
pub use crate::stream::spool::TemporarySpace;
pub use crate::text::is_obeyed;

/// What every change of a layout's index begins and ends with.
pub fn rewrite_index(layout: &crate::layout::oci::OciLayout, call: &crate::call::Call) -> crate::error::Result<()> {
    layout.change_index(call, |_| Ok(()))
}

/// The headers of a name, one value a line. What no header can hold is left out.
fn headers(name: &HeaderName, lines: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in lines.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        headers.append(name, value);
    }
    headers
}

/// The challenges of a response: the scheme of each with its parameters.
pub fn challenges(lines: &[u8]) -> Vec<(String, Vec<(String, String)>)> {
    let found = challenge::parse(&headers(&::http::header::WWW_AUTHENTICATE, lines));
    let _ = challenge::choose(&found).map(|chosen| (chosen.realm().is_some(), chosen.service(), chosen.error()));
    found.into_iter().map(|challenge| (challenge.scheme.to_string(), challenge.params)).collect()
}

/// The key of the scopes in a text.
pub fn scopes(text: &str) -> String {
    let mut scopes = ScopeSet::new();
    scopes.add_text(text);
    scopes.key()
}

/// Where a realm leads, and the URL at which a token for the scopes is asked for.
pub fn realm_of(text: &str, request: &Url, scope: &str) -> Result<(Url, Url)> {
    let mut scopes = ScopeSet::new();
    scopes.add_text(scope);
    let realm = realm::resolve(text, request, &[])?;
    let asked = realm::token_url(&realm, Some("registry"), &scopes, Some("alice"), None);
    Ok((realm, asked))
}

/// The next page that the Link headers name.
pub fn next_page(lines: &[u8], page: &Url) -> Result<Option<Url>> {
    link::next_page(&headers(&::http::header::LINK, lines), page)
}

/// A Content-Range: the first and last byte, and the size.
pub fn content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    range::parse_content_range(text).map(|range| (range.start, range.end, range.size))
}

/// The Range of an upload: where it continues.
pub fn upload_range(text: &str) -> Option<u64> {
    range::parse_upload_range(text)
}

/// How long a server asks to wait.
pub fn retry_after(lines: &[u8], now: SystemTime) -> Option<Duration> {
    retry::retry_after(&headers(&::http::header::RETRY_AFTER, lines), now)
}

/// The rate limit in headers, `NAME: VALUE` a line.
pub fn rate_limit(lines: &str) -> Option<RateLimit> {
    let pairs: BTreeMap<&str, &str> = lines.lines().filter_map(|line| line.split_once(": ")).collect();
    RateLimit::read(|name| pairs.get(name).copied())
}

/// The warnings for people.
pub fn warnings(lines: &[u8]) -> Vec<String> {
    warning::parse(&headers(&::http::header::WARNING, lines))
}

/// Where a Location leads from a URL.
pub fn location_of(current: &Url, value: &[u8]) -> Result<Option<Url>> {
    HeaderValue::from_bytes(value).ok().map(|value| redirect::location(current, Some(&value))).transpose()
}

/// The key of the entry, and the helper.
pub type CredentialsFound = (Option<String>, Option<String>);

/// What there is in a file of credentials for a repository of a host.
pub fn credentials_of(bytes: &[u8], host: &str, repository: &str) -> std::result::Result<CredentialsFound, String> {
    let file = ConfigFile::parse(bytes)?;
    let wanted = WantedHost::new(host, false);
    let helper = file.helper(&wanted)?.map(str::to_owned);
    Ok((file.find(&wanted, repository).map(|found| found.key.to_owned()), helper))
}

/// A token with how long it lasts.
pub fn token_answer(body: &[u8], now: SystemTime) -> Result<(String, Duration)> {
    let token = token_response::parse_answer(body, now)?;
    Ok((token.value.to_string(), token.expires.duration_since(now).unwrap_or_default()))
}

/// The error that a refusal becomes.
pub fn refusal(status: u16, content_type: &[u8], body: &[u8], url: &Url) -> Error {
    let headers = headers(&::http::header::CONTENT_TYPE, content_type);
    crate::registry_error::error_of(status, &headers, body, url, "the request")
}

/// The elements of a page of a list.
pub fn page_of(bytes: &[u8], key: &str) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    page::read(bytes, key, &mut |value| {
        all.push(value);
        Ok(())
    })?;
    Ok(all)
}

/// Where the rules of a file about registries lead for a name: `HOST/PATH NAME` of each endpoint, and the headers for it.
pub fn machine_file(kind: &str, text: &str, name: &Reference) -> Result<Vec<String>> {
    let Some(scope) = hosts_toml::scope_of("docker.io") else { return Ok(Vec::new()) };
    let folder = hosts_toml::HostFolder { path: "/certs.d/docker.io", scope: &scope };
    let rules: Vec<Rule> = match kind {
        "registries.conf" => RegistriesConf::parse("/f", text)?.rules(),
        "hosts.toml" => vec![hosts_toml::parse(folder, "/f", text)?],
        "registries.yaml" => registries_yaml::parse("/f", text)?,
        "daemon.json" => daemon_json::parse("/f", text)?,
        _ => return signatures(text, name),
    };
    Ok(rules.iter().flat_map(|rule| where_it_leads(rule, name.repository().remote_name())).collect())
}

fn where_it_leads(rule: &Rule, name: &str) -> Vec<String> {
    let mut all = Vec::new();
    for endpoint in &rule.endpoints {
        let base = match &endpoint.base {
            EndpointBase::Origin => "docker.io/".to_owned(),
            EndpointBase::At { host, path, .. } => format!("{host}/{path}"),
        };
        all.push(format!("{base} {}", endpoint.rename.apply(name).unwrap_or_default()));
        all.extend(endpoint.headers.iter().map(|(name, value)| format!("{name}: {}", value.as_str())));
    }
    all
}

/// Where registries.d says that signatures are.
fn signatures(text: &str, name: &Reference) -> Result<Vec<String>> {
    let mut all = RegistriesD::default();
    all.add("/f", text)?;
    let found = all.of(name)?.unwrap_or_default();
    let places = [found.lookaside, found.lookaside_staging].into_iter().flatten();
    Ok(places.map(|place| crate::http::redact::url(&place.value)).collect())
}

/// What a stream unpacks to: how many bytes.
pub fn unpacked_size(call: &Call, bytes: &[u8], most: u64) -> Result<u64> {
    let blob = Box::new(MemoryBlob::new(Bytes::copy_from_slice(bytes)));
    let mut unpacker = Unpacker::new(call, blob, "a blob".to_owned(), 0, UnpackLimits::new(most, 250))?;
    let mut buffer = vec![0; 16 << 10];
    while unpacker.read(&mut buffer)? > 0 {}
    Ok(unpacker.unpacked().bytes)
}

struct TarBytes<'a>(&'a [u8]);

impl TarSource for TarBytes<'_> {
    fn name(&self) -> String {
        "a layer".to_owned()
    }

    fn code(&self) -> Code {
        Code::InvalidManifest
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = buffer.len().min(self.0.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }

    fn count_zeros(&mut self, _: u64) -> Result<()> {
        Ok(())
    }
}

/// An entry of a tar archive: its path, how large it says it is, and how much was read of it.
pub struct ReadEntry {
    /// From the root on.
    pub path: Vec<u8>,
    /// A file has content.
    pub is_file: bool,
    /// By its header.
    pub size: u64,
    /// By its content, up to a limit.
    pub read: u64,
}

/// The entries of a tar archive, each read up to `most` bytes.
pub fn tar_entries(bytes: &[u8], most: u64) -> Result<Vec<ReadEntry>> {
    let (mut entries, mut all) = (Entries::new(TarBytes(bytes)), Vec::new());
    let mut buffer = vec![0; 4 << 10];
    while let Some(entry) = entries.advance()? {
        let mut read = 0;
        while read < most {
            match entries.read(&mut buffer)? {
                0 => break,
                count => read += count as u64,
            }
        }
        all.push(ReadEntry { is_file: entry.kind == EntryKind::File, path: entry.path, size: entry.size, read });
    }
    Ok(all)
}

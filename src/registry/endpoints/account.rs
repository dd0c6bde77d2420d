//! An endpoint as an account: its own host for the credentials, its own base, its own settings.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::endpoint_memory::{Probed, REMEMBERED};
use super::rule_book::{blocked_by, AskedEndpoints};
use crate::auth::Account;
use crate::call::Call;
use crate::credentials::{decode_pair, Credentials};
use crate::docker_hub;
use crate::error::{Code, Error, Result};
use crate::http::endpoint_settings::{host_and_port, EndpointSettings};
use crate::http::headers::Headers;
use crate::http::location::Location;
use crate::http::route::ClientCertificate;
use crate::http::settings::Network;
use crate::mirrors::{EndpointBase, EndpointTls, RegistryEndpoint};
use crate::reference::Index;
use crate::registry::host::{self, HostOptions};
use crate::registry::lock;
use crate::registry::Client;
use crate::resource;

/// A mirror that does not answer must cost little.
const CONNECT: Duration = Duration::from_secs(5);

/// What an endpoint is asked under which circumstances.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'a> {
    /// The registry that is meant.
    pub(super) index: &'a Index,
    /// Another endpoint can be asked instead.
    pub(super) has_alternative: bool,
    /// Nothing may lead to the registry that is meant.
    pub(super) blocks_origin: bool,
}

impl Client {
    /// The account at a registry itself, as a rule reaches it; an error if the rule says that only others are asked.
    pub(crate) fn account_by_rule(&self, call: &Call, index: &Index, asked: &AskedEndpoints) -> Result<Account> {
        let about = Circumstances { index, has_alternative: false, blocks_origin: false };
        match (asked.registry(), &asked.blocked) {
            (Some(itself), _) => self.account_of(call, itself, about),
            (None, Some(source)) => Err(blocked_by(&index.name, source)),
            (None, None) if !asked.blocks_origin => self.account_of_origin(call, index),
            (None, None) => {
                let message = format!("{1} allows only the mirrors of {0} to be asked", index.name, asked.source);
                Err(Error::new(Code::Forbidden, message))
            }
        }
    }

    /// The account at an endpoint. Its host may have to be asked whether it speaks TLS.
    pub(super) fn account_of(&self, call: &Call, endpoint: &RegistryEndpoint, about: Circumstances) -> Result<Account> {
        match endpoint.is_plain() && !about.has_alternative {
            true => self.account_of_origin(call, about.index),
            false => self.built(endpoint, about, |at| self.speaks_tls(call, at, &endpoint.tls)),
        }
    }

    /// Whether the server at a location speaks TLS. Where plain http will do instead, no answer is an answer, which is believed for a while:
    /// the other port may be open, and what speaks no TLS may just close at its hello. It is not a downgrade, because certificates are not
    /// checked there. podman and Docker try http after any failure too.
    pub(crate) fn speaks_tls(&self, call: &Call, at: &Location, tls: &EndpointTls) -> Result<bool> {
        let (probed, in_this_call) = (self.memory::<Probed>(), call.memory::<Probed>());
        if let Some(known) = probed.get(&at.url, tls.insecure).or_else(|| in_this_call.get(&at.url, tls.insecure)) {
            return Ok(known);
        }
        let mut at = at.clone();
        if tls.or_plain_http {
            let settings = at.endpoint_settings().map(|settings| (**settings).clone()).unwrap_or_default();
            at = at.with_endpoint_settings(Some(Arc::new(EndpointSettings { has_alternative: true, ..settings })));
        }
        match self.http.speaks_tls(call, &at) {
            Ok(speaks) => {
                probed.add(&at.url, tls.insecure, speaks, None);
                Ok(speaks)
            }
            Err(error) if tls.or_plain_http && gave_no_answer(&error) && call.check().is_ok() => {
                let memory = if error.is_hurried() { in_this_call } else { probed };
                memory.add(&at.url, tls.insecure, false, Some(REMEMBERED));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The account at an endpoint, without asking anybody: one that would have to be asked is shown with https.
    pub(super) fn account_shown(&self, endpoint: &RegistryEndpoint, about: Circumstances) -> Result<Account> {
        let known = lock(&self.accounts).get(&about.index.written()).cloned();
        if let Some(account) = known.filter(|_| endpoint.is_plain()) {
            return Ok(account);
        }
        let probed = self.memory::<Probed>();
        self.built(endpoint, about, |at| Ok(probed.get(&at.url, endpoint.tls.insecure).unwrap_or(true)))
    }

    /// Where a registry is reached, but for where an endpoint is that may be asked.
    fn registry_hosts(&self, endpoint: &RegistryEndpoint, index: &Index) -> Vec<(String, u16)> {
        let options = self.host_options(index);
        hosts_of(index, &options, &ports(endpoint.host(index)))
    }

    /// Whether no credentials may be sent for a registry: then not those either that files have for its mirrors.
    fn is_anonymous(&self, index: &Index) -> bool {
        self.told_of(index).is_some_and(|options| options.auth.anonymous)
    }

    fn built(
        &self,
        endpoint: &RegistryEndpoint,
        about: Circumstances,
        speaks_tls: impl FnOnce(&Location) -> Result<bool>,
    ) -> Result<Account> {
        let index = endpoint.registry_there(about.index);
        let named = self.told_of(&index);
        // A file may name the registry itself, which the caller has chosen.
        let is_meant = index.may_be(about.index);
        let only_in_files = named.is_none() && endpoint.is_only_in_files() && !is_meant;
        let options = named.unwrap_or_default();
        // Nothing is wrong with what is not sent.
        let said = if self.is_anonymous(about.index) { None } else { said(endpoint)? };
        let mut headers = Headers::default();
        for (name, value) in endpoint.headers.iter().filter(|(name, _)| !is_authorization(name)) {
            let wrong = |why| Error::new(Code::Io, format!("{}: {why}", endpoint.source));
            headers.add_of_file(name, value).map_err(wrong)?;
        }
        let mut settings = EndpointSettings { only_in_files, ..endpoint_settings(endpoint, &options, headers, about)? };
        if about.blocks_origin {
            settings.blocked_hosts = self.registry_hosts(endpoint, about.index);
        }
        let settings = Arc::new(settings);
        let mut base =
            host::base(&self.http, &index, &options, Some((&settings, endpoint.tls.or_plain_http)), speaks_tls)?;
        if let EndpointBase::At { path, .. } = &endpoint.base {
            base = base.with_prefix(path);
        }
        let options = self.options_at(&index, &base.url, options);
        let mut account = host::account_at(index.name, base, &options);
        account.is_unasked = said.is_some();
        account.by_rule = said.or_else(|| endpoint.credentials.clone()).filter(|_| !self.is_anonymous(about.index));
        Ok(account)
    }
}

/// How it is reached: what the caller says of its host wins over what the rule says of the endpoint.
fn endpoint_settings(
    endpoint: &RegistryEndpoint,
    options: &HostOptions,
    headers: Headers,
    about: Circumstances,
) -> Result<EndpointSettings> {
    let (own, tls) = (options.network()?, &endpoint.tls);
    let certificate = tls.client_certificates.first();
    let network = Network {
        insecure: own.insecure || tls.insecure,
        ca_files: if own.ca_files.is_empty() { tls.ca_files.clone() } else { own.ca_files },
        identity: own.identity.or(certificate.map(|(cert, key)| ClientCertificate {
            cert_file: cert.clone(),
            key_file: key.clone().unwrap_or_else(|| cert.clone()),
        })),
        headers: own.headers.over(&headers),
        ..own
    };
    let limit = endpoint.connect_timeout_ms.map(Duration::from_millis);
    let mut settings = EndpointSettings {
        network: Some(network),
        connect: limit,
        has_alternative: about.has_alternative,
        ..EndpointSettings::default()
    };
    if let EndpointBase::At { whole_path, .. } = &endpoint.base {
        settings.connect = limit.or(Some(CONNECT));
        settings.left_out = if *whole_path { resource::VERSION } else { "" };
        settings.query = endpoint.base.namespace(about.index).map(|name| ("ns", name));
    }
    Ok(settings)
}

/// Where a registry is reached, but for what its options say of its mirrors: what must not be asked, if they say that only the mirrors are asked.
pub(crate) fn closed_hosts(index: &Index, options: &HostOptions) -> Vec<(String, u16)> {
    let mirrors: Vec<_> = options.mirrors.0.iter().flat_map(|mirror| ports(mirror.host(index))).collect();
    match options.mirrors_only {
        true => hosts_of(index, options, &mirrors),
        false => Vec::new(),
    }
}

/// Where a registry is reached: under its names, and where its options say that its API is, if that is not one of these.
fn hosts_of(index: &Index, options: &HostOptions, others: &[(String, u16)]) -> Vec<(String, u16)> {
    let mut names = vec![index.name.as_str()];
    if index.official {
        names.extend(docker_hub::HOSTS);
        names.push(docker_hub::REALM);
    }
    let at = options.endpoint.as_ref().and_then(|text| host_and_port(&Location::of_base(text).ok()?.url));
    names.into_iter().flat_map(ports).chain(at.filter(|at| !others.contains(at))).collect()
}

fn gave_no_answer(error: &Error) -> bool {
    matches!(error.code(), Code::Connect | Code::Tls | Code::Network | Code::Timeout)
}

/// The ports of a host, `HOST[:PORT]`.
fn ports(name: &str) -> Vec<(String, u16)> {
    let roots = ["https", "http"].map(|scheme| Location::of_host(scheme, name));
    roots.iter().flatten().filter_map(|root| host_and_port(&root.url)).collect()
}

fn is_authorization(name: &str) -> bool {
    name.trim().eq_ignore_ascii_case("authorization")
}

/// The credentials among the headers of a rule: they are used as others are, at their origin only.
fn said(endpoint: &RegistryEndpoint) -> Result<Option<Credentials>> {
    let mut values = endpoint.headers.iter().filter(|(name, _)| is_authorization(name));
    let Some((_, value)) = values.next() else { return Ok(None) };
    let error = |why: &str| Error::new(Code::Io, format!("{}: the header Authorization {why}", endpoint.source));
    if values.next().is_some() {
        return Err(error("has several values"));
    }
    if !value.is_ascii() {
        return Err(error("holds characters that are not allowed in a header"));
    }
    let wrong = || error("is neither Basic nor Bearer");
    let (scheme, text) = value.trim().split_once(' ').ok_or_else(wrong)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(Credentials::Token(Zeroizing::new(text.trim().to_owned()))));
    }
    let pair = decode_pair(text).filter(|_| scheme.eq_ignore_ascii_case("basic"));
    let (username, password) = pair.ok_or_else(wrong)?;
    Ok(Some(Credentials::Password { username, password }))
}

/// What a repository is called at an endpoint.
pub(super) fn renamed(endpoint: &RegistryEndpoint, name: &str) -> Result<String> {
    endpoint.rename.apply(name).ok_or_else(|| {
        let message =
            format!("{}: it rewrites the name to '{name}', which is not a valid repository name", endpoint.source);
        Error::new(Code::NotFound, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirrors::RuleSource;

    fn endpoint(headers: &[(&str, &str)]) -> RegistryEndpoint {
        let source = RuleSource::File { path: "hosts.toml".to_owned(), line: 3 };
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into())).collect();
        RegistryEndpoint { headers, ..RegistryEndpoint::new(EndpointBase::Origin, source) }
    }

    #[test]
    fn a_header_with_credentials_is_credentials() {
        let found = said(&endpoint(&[("X", "y"), ("authorization", "Basic YTpiOmM=")])).unwrap();
        assert!(
            matches!(found, Some(Credentials::Password { username, password }) if username == "a" && *password == "b:c")
        );
        assert!(matches!(said(&endpoint(&[("Authorization", "bearer t")])).unwrap(), Some(Credentials::Token(_))));
        assert!(said(&endpoint(&[("X", "y")])).unwrap().is_none());
        let twice = said(&endpoint(&[("Authorization", "Bearer t"), ("authorization", "Bearer u")])).err().unwrap();
        assert_eq!(twice.message(), "hosts.toml:3: the header Authorization has several values");
        let odd = said(&endpoint(&[("Authorization", "Bearer t\u{e9}")])).err().unwrap();
        assert!(
            odd.message().starts_with("hosts.toml:3: ") && odd.message().contains("not allowed in a header"),
            "{odd}"
        );
        for value in ["Basic", "Basic ???", "Digest x", "Basic YQ=="] {
            let error = said(&endpoint(&[("Authorization", value)])).err().unwrap();
            assert!(error.message().starts_with("hosts.toml:3: ") && !error.message().contains("???"), "{error}");
        }
    }

    #[test]
    fn what_an_anonymous_client_does_not_send_is_not_wrong() {
        let client = Client::new(Default::default()).unwrap();
        let index = Index::parse("r.example").unwrap();
        let about = Circumstances { index: &index, has_alternative: true, blocks_origin: false };
        let wrong = endpoint(&[("Authorization", "Digest x")]);
        assert!(client.account_shown(&wrong, about).is_err());
        client.set_host("r.example", serde_json::from_str(r#"{"anonymous": true}"#).unwrap()).unwrap();
        let account = client.account_shown(&wrong, about).unwrap();
        assert!(account.by_rule.is_none() && !account.is_unasked);
    }

    #[test]
    fn nothing_leads_to_a_registry_under_another_of_its_names() {
        let client = Client::new(Default::default()).unwrap();
        let source = RuleSource::Option("mirrors");
        let base = |host: &str| EndpointBase::At {
            scheme: None,
            host: host.into(),
            path: String::new(),
            whole_path: false,
            names_registry: false,
        };
        let mirror = |host| RegistryEndpoint::new(base(host), source.clone());
        let registry_hosts = client.registry_hosts(&mirror("m.example"), &Index::parse("docker.io").unwrap());
        for host in docker_hub::HOSTS.into_iter().chain([docker_hub::REALM]) {
            assert!(
                registry_hosts.contains(&(host.to_owned(), 443)) && registry_hosts.contains(&(host.to_owned(), 80)),
                "{host}"
            );
        }
        client
            .set_host("r.example", serde_json::from_str(r#"{"endpoint": "https://api.example:8443"}"#).unwrap())
            .unwrap();
        let index = Index::parse("r.example").unwrap();
        let api = ("api.example".to_owned(), 8443);
        assert!(client.registry_hosts(&mirror("m.example"), &index).contains(&api));
        assert!(!client.registry_hosts(&mirror("api.example:8443"), &index).contains(&api), "it is the mirror");
    }

    #[test]
    fn bases_have_paths() {
        for (base, path, whole) in [
            ("https://h/", "", "https://h/"),
            ("https://h/", "/a/b/", "https://h/a/b/"),
            ("https://h/x/", "a", "https://h/x/a/"),
        ] {
            assert_eq!(Location::of_base(base).unwrap().with_prefix(path).url.as_str(), whole);
        }
    }
}

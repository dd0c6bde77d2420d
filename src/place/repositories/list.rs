//! Lists of what is synced, with the names in them looked at before anything is asked.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::names::{both_below, SyncDestination, SyncSource};
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::http::certs_d;
use crate::options::{options, Texts};
use crate::reference::{Index, Repository};
use crate::registry::host::HostOptions;
use crate::registry::Client;
use crate::repositories::list;
use crate::repositories::selection::TagFilter;
use crate::repositories::skopeo_yaml::{self, YamlRegistry, YamlTags};
use crate::repositories::sync_options::SyncOptions;
use crate::text::shorten;

options! {
    /// Options of a list.
    #[derive(Debug, Clone)]
    pub struct SyncListOptions {
        /// "lines" or "skopeo" (default: "lines")
        ///
        /// in "lines" each line is SOURCE [DESTINATION], and a comment begins with #; "skopeo" is the YAML of skopeo sync
        pub list_format: Option<String>,
        /// send the credentials that a list of skopeo's form has for its registries
        ///
        /// a registry whose host's option anonymous is true gets none of the list either
        pub list_credentials: bool = true,
    } and {
        /// As of one
        pub sync: SyncOptions,
    }
}

/// What is added to the filter of the call.
enum Also {
    Nothing,
    Found(String),
    In(String),
}

/// A repository or an image of a list.
pub(super) struct SyncItem {
    pub(super) source: SyncSource,
    destination: Option<SyncDestination>,
    also: Also,
    /// With the list's own settings for its registry; None: the caller's client.
    pub(super) client: Option<Client>,
    /// Whether these settings have credentials: then no helper or hook is asked for some.
    has_credentials: bool,
    /// What an error of it names: a line of the list.
    place: String,
}

/// What is to be synced, read from a file of lines or of skopeo's YAML.
pub struct SyncList {
    pub(super) items: Vec<SyncItem>,
    /// Where everything goes that says nothing else.
    destination: Option<SyncDestination>,
}

impl SyncItem {
    /// Whether it says itself where it goes.
    pub(super) fn has_destination(&self) -> bool {
        self.destination.is_some()
    }

    pub(super) fn destination<'a>(&'a self, list: &'a SyncList) -> Result<&'a SyncDestination> {
        self.destination.as_ref().or(list.destination.as_ref()).ok_or_else(|| {
            let error =
                Error::new(Code::InvalidArgument, "it has no destination, and the list as a whole has none either");
            self.about(error)
        })
    }

    pub(super) fn filter(&self, base: &TagFilter) -> Result<TagFilter> {
        let base = base.clone();
        match &self.also {
            Also::Nothing => Ok(base),
            Also::Found(text) => base.and_found(text),
            Also::In(text) => base.and_in(text),
        }
        .map_err(|error| self.about(error))
    }

    pub(super) fn about(&self, error: Error) -> Error {
        error.within(&self.place)
    }
}

impl SyncList {
    /// Reads a list, with names in registries as a client reads them.
    pub fn read(client: &Client, text: &str, destination: Option<&str>, format: Option<&str>) -> Result<SyncList> {
        let list_format = format.map(str::to_owned);
        SyncList::read_by(client, text, destination, &SyncListOptions { list_format, ..SyncListOptions::default() })
    }

    /// The same with all options of a list.
    pub(crate) fn read_by(
        client: &Client,
        text: &str,
        destination: Option<&str>,
        options: &SyncListOptions,
    ) -> Result<SyncList> {
        let items = match options.list_format.as_deref() {
            None | Some("lines") => lines(client, text)?,
            Some("skopeo") => skopeo(client, text, options.list_credentials)?,
            Some(other) => {
                let message = format!("the option list_format is '{}', not \"lines\" or \"skopeo\"", shorten(other));
                return Err(Error::new(Code::InvalidArgument, message));
            }
        };
        let destination = destination.map(SyncDestination::below).transpose()?;
        let list = SyncList { items, destination };
        list.items.iter().try_for_each(|item| item.destination(&list).map(drop))?;
        Ok(list)
    }

    /// Refuses two repositories that would be one below the place for the whole list, before anything is asked: as soon as they had a tag
    /// in common, one would take it from the other.
    pub(super) fn check_last_words(&self) -> Result<()> {
        let Some(SyncDestination::Below(prefix)) = &self.destination else { return Ok(()) };
        let mut known: HashMap<String, &SyncItem> = HashMap::new();
        for item in self.items.iter().filter(|item| !item.has_destination()) {
            let Some(repository) = item.source.repository() else { continue };
            let place = SyncDestination::repository_below(prefix, repository, false)?.full_name();
            let first = known.entry(place.clone()).or_insert(item);
            let one = first.source.repository().map(Repository::full_name).unwrap_or_default();
            if one != repository.full_name() {
                let error = both_below(&place, &one, &repository.full_name());
                return Err(error.within(format!("{} and {}", first.place, item.place)));
            }
        }
        Ok(())
    }

    /// The place for everything that says nothing else, for the result.
    pub(super) fn destination(&self) -> Option<String> {
        self.destination.as_ref().map(SyncDestination::to_string)
    }

    /// The registries that it concerns, but for those whose credentials it has.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let sources = self.items.iter().filter(|item| !item.has_credentials).filter_map(|item| item.source.index());
        let sources = sources.map(|index| index.name.clone());
        let destinations = self.items.iter().filter_map(|item| item.destination.as_ref()).chain(&self.destination);
        let mut hosts: Vec<String> = sources.chain(destinations.filter_map(SyncDestination::host)).collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }
}

fn lines(client: &Client, text: &str) -> Result<Vec<SyncItem>> {
    let item = |line: list::ListedLine| {
        let place = format!("line {} of the list", line.line);
        let about = |error: Error| error.within(&place);
        let source = SyncSource::named(client, &line.source).map_err(about)?;
        let destination = line.destination.as_deref().map(|text| SyncDestination::named(client, text));
        let destination = destination.transpose().map_err(about)?;
        Ok(SyncItem { source, destination, also: Also::Nothing, client: None, has_credentials: false, place })
    };
    list::parse(text)?.into_iter().map(item).collect()
}

fn skopeo(client: &Client, text: &str, with_credentials: bool) -> Result<Vec<SyncItem>> {
    let (mut items, mut clients) = (Vec::new(), OwnClients::default());
    for mut registry in skopeo_yaml::parse(text)? {
        if !with_credentials || client.host_options(&Index::of_host(&registry.host)?).auth.anonymous {
            registry.credentials = None;
        }
        let own = clients.of(client, &registry)?;
        let has_credentials = registry.credentials.is_some();
        for (name, tags) in &registry.repositories {
            let place = format!("{}/{name} of the list", registry.host);
            let whole = format!("{}/{name}", registry.host);
            let mut add = |text: &str, also: Also| {
                let source = SyncSource::named(client, text).map_err(|error| error.within(&place))?;
                let (client, place) = (own.clone(), place.clone());
                items.push(SyncItem { source, destination: None, also, client, has_credentials, place });
                Ok::<(), Error>(())
            };
            let repository = client.repository(&whole).map_err(|error| error.within(&place))?;
            if own.is_some() && !Index::of_host(&registry.host)?.may_be(repository.index()) {
                let message = format!("{whole} is at {}, whose settings these are not", repository.index().name);
                return Err(Error::new(Code::InvalidArgument, message).within(&place));
            }
            match tags {
                YamlTags::All => add(&whole, Also::Nothing)?,
                YamlTags::Found(text) => add(&whole, Also::Found(text.clone()))?,
                YamlTags::In(text) => add(&whole, Also::In(text.clone()))?,
                YamlTags::Exactly(names) => {
                    for name in names {
                        let sign = if name.contains(':') { '@' } else { ':' };
                        add(&format!("{whole}{sign}{name}"), Also::Nothing)?;
                    }
                }
            }
        }
    }
    Ok(items)
}

/// Clients with what a list says of its registries, for all of them together: none of that is for another call, nor for what is written.
#[derive(Default)]
struct OwnClients {
    /// As the caller's.
    alike: Option<Client>,
    /// One that verifies certificates, though the caller's does not.
    verifying: Option<Client>,
    /// The registries of which something was said.
    hosts: HashSet<String>,
}

impl OwnClients {
    /// The client for a registry; None if the list says nothing of it.
    fn of(&mut self, client: &Client, registry: &YamlRegistry) -> Result<Option<Client>> {
        if registry.credentials.is_none() && registry.tls_verify.is_none() && registry.cert_dir.is_none() {
            return Ok(None);
        }
        let index = Index::of_host(&registry.host)?;
        if !self.hosts.insert(index.key()) {
            let message = format!("the list has settings for the registry '{}' twice", shorten(&registry.host));
            return Err(Error::new(Code::InvalidArgument, message));
        }
        let verifies = registry.tls_verify == Some(true);
        let own = if verifies { &mut self.verifying } else { &mut self.alike };
        let own = match own {
            Some(own) => own,
            None => own.insert(client.separate(verifies)?),
        };
        own.set_host(&registry.host, settings(client.host_options(&index), registry)?)?;
        Ok(Some(own.clone()))
    }
}

/// What the list says of a registry, instead of what the caller has set for its host.
fn settings(mut options: HostOptions, registry: &YamlRegistry) -> Result<HostOptions> {
    match &registry.credentials {
        Some(Credentials::Password { username, password }) => {
            options.credentials = Default::default();
            options.credentials.username = Some(username.clone());
            options.credentials.password = Some(password.clone());
        }
        Some(Credentials::IdentityToken { username, token }) => {
            options.credentials = Default::default();
            options.credentials.username.clone_from(username);
            options.credentials.identity_token = Some(token.clone());
        }
        _ => {}
    }
    if let Some(verify) = registry.tls_verify {
        options.tls.insecure = !verify;
    }
    if let Some(folder) = &registry.cert_dir {
        // All of it or nothing: a certificate of the caller's is not for what the folder says.
        let found = certs_d::in_folder(Path::new(folder))?;
        options.tls.ca_file = Texts(found.ca_files);
        let identity = found.identity.map(|identity| (identity.cert_file, identity.key_file));
        (options.tls.client_cert_file, options.tls.client_key_file) = identity.unzip();
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(client: &Client, text: &str) -> Result<SyncList> {
        SyncList::read(client, text, Some("h.io"), Some("skopeo"))
    }

    #[test]
    fn only_of_a_registry_with_credentials_in_the_list_nobody_is_asked_for_some() {
        let client = Client::new(Default::default()).unwrap();
        let list = "a.io:\n  images: {x: []}\n  tls-verify: false\nb.io:\n  images: {x: [], y: []}\n  credentials: \
                    {username: u, password: p}\nc.io:\n  images: {x: []}\n";
        assert_eq!(read(&client, list).unwrap().hosts(), ["a.io", "c.io", "h.io"]);
    }

    #[test]
    fn who_is_anonymous_sends_no_credentials_of_a_list_either() {
        let list = "b.io:\n  images: {x: []}\n  tls-verify: true\n  credentials: {username: u, password: p}\n";
        let sent = |client: &Client, options: serde_json::Value| {
            let mut options: SyncListOptions = serde_json::from_value(options).unwrap();
            options.list_format = Some("skopeo".to_owned());
            let list = SyncList::read_by(client, list, Some("h.io"), &options).unwrap();
            let own = list.items[0].client.as_ref().unwrap();
            let has = own.host_options(&Index::parse("b.io").unwrap()).credentials().is_some();
            assert_eq!(has, !list.hosts().contains(&"b.io".to_owned()));
            has
        };
        let client = Client::new(Default::default()).unwrap();
        assert!(sent(&client, serde_json::json!({})));
        assert!(!sent(&client, serde_json::json!({"list_credentials": false})));
        client.set_host("b.io:443", serde_json::from_value(serde_json::json!({"anonymous": true})).unwrap()).unwrap();
        assert!(!sent(&client, serde_json::json!({})));
    }

    #[test]
    fn a_folder_of_certificates_stands_for_all_of_the_callers() {
        let folder = tempfile::tempdir().unwrap();
        let mut callers = HostOptions::default();
        callers.tls.ca_file = Texts(vec!["ca".to_owned()]);
        callers.tls.client_cert_file = Some("cert".to_owned());
        callers.tls.client_key_file = Some("key".to_owned());
        let registry = |cert_dir: Option<String>| YamlRegistry { cert_dir, ..YamlRegistry::default() };
        let kept = settings(callers.clone(), &registry(None)).unwrap();
        assert_eq!((kept.tls.ca_file.0.len(), kept.tls.client_key_file.as_deref()), (1, Some("key")));
        let path = |name: &str| folder.path().join(name).display().to_string();
        let now = || settings(callers.clone(), &registry(Some(folder.path().display().to_string()))).unwrap().tls;
        fs::write(path("a.crt"), "").unwrap();
        assert_eq!((now().ca_file.0, now().client_cert_file, now().client_key_file), (vec![path("a.crt")], None, None));
        fs::rename(path("a.crt"), path("b.cert")).unwrap();
        fs::write(path("b.key"), "").unwrap();
        assert_eq!(
            (now().ca_file.0.len(), now().client_cert_file, now().client_key_file),
            (0, Some(path("b.cert")), Some(path("b.key")))
        );
        assert!(settings(callers.clone(), &registry(Some(path("missing")))).is_err());
    }

    #[test]
    fn settings_are_for_the_registry_that_is_asked() {
        let client = Client::new(Default::default()).unwrap();
        let list = |settings: &str| format!("myreg: {{images: {{app: []}}{settings}}}\n");
        assert_eq!(read(&client, &list("")).unwrap().hosts(), ["docker.io", "h.io"]);
        let error = read(&client, &list(", credentials: {username: u, password: p}")).err().unwrap();
        assert!(error.message().contains("myreg/app is at docker.io, whose settings these are not"), "{error}");
        let hub = "docker.io: {images: {alpine: []}, tls-verify: true}\n";
        assert_eq!(read(&client, hub).unwrap().items.len(), 1);
    }

    #[test]
    fn a_registry_is_reached_in_one_way() {
        let client = Client::new(Default::default()).unwrap();
        let list = "a.io: {tls-verify: false, images: {x: []}}\nA.io: {tls-verify: true, images: {x: []}}\n";
        let error = read(&client, list).err().unwrap();
        assert!(error.message().contains("settings for the registry 'A.io' twice"), "{error}");
    }

    #[test]
    fn a_list_in_yaml_has_one_client_for_all_its_registries() {
        let client = Client::new(Default::default()).unwrap();
        let one = |number: usize| format!("h{number}.io: {{tls-verify: false, images: {{x: []}}}}\n");
        assert_eq!(read(&client, &(0..1000).map(one).collect::<String>()).unwrap().items.len(), 1000);
        let error = read(&client, &(0..30_000).map(one).collect::<String>()).err().unwrap();
        assert!(error.message().contains("more than 100000 values"), "{error}");
    }
}

//! Lists of what is synced, with the names in them looked at before anything is asked.

use std::path::Path;

use super::names::{SyncDestination, SyncSource};
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::http::certs_d;
use crate::options::{options, Texts};
use crate::reference::Index;
use crate::registry::host::HostOptions;
use crate::registry::Client;
use crate::repositories::list;
use crate::repositories::run::SyncOptions;
use crate::repositories::selection::TagFilter;
use crate::repositories::skopeo_yaml::{self, YamlRegistry, YamlTags};
use crate::text::shorten;

options! {
    /// Options of a list.
    #[derive(Debug, Clone)]
    pub struct SyncListOptions {
        /// "lines", which it is by default: SOURCE [DESTINATION] a line, and comments from # on; "skopeo": the YAML of skopeo sync
        pub list_format: Option<String>,
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
    /// For errors.
    place: String,
}

/// A list.
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
                Error::new(Code::InvalidArgument, "it has no destination, and there is none for the whole list");
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
        let items = match format {
            None | Some("lines") => lines(client, text)?,
            Some("skopeo") => skopeo(client, text)?,
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

    /// The place for everything that says nothing else, for the result.
    pub(super) fn destination(&self) -> Option<String> {
        self.destination.as_ref().map(SyncDestination::to_string)
    }

    /// The registries that it concerns.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let sources = self.items.iter().filter(|item| item.client.is_none()).filter_map(|item| item.source.index());
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
        Ok(SyncItem { source, destination, also: Also::Nothing, client: None, place })
    };
    list::parse(text)?.into_iter().map(item).collect()
}

fn skopeo(client: &Client, text: &str) -> Result<Vec<SyncItem>> {
    let mut items = Vec::new();
    for registry in skopeo_yaml::parse(text)? {
        let own = own_client(client, &registry)?;
        for (name, tags) in &registry.repositories {
            let place = format!("{}/{name} of the list", registry.host);
            let whole = format!("{}/{name}", registry.host);
            let mut add = |text: &str, also: Also| {
                let source = SyncSource::named(client, text).map_err(|error| error.within(&place))?;
                items.push(SyncItem { source, destination: None, also, client: own.clone(), place: place.clone() });
                Ok::<(), Error>(())
            };
            client.repository(&whole).map_err(|error| error.within(&place))?;
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

/// A client with what the list says of a registry; None if it says nothing.
fn own_client(client: &Client, registry: &YamlRegistry) -> Result<Option<Client>> {
    if registry.credentials.is_none() && registry.tls_verify.is_none() && registry.cert_dir.is_none() {
        return Ok(None);
    }
    let index = Index::of_host(&registry.host)?;
    let mut options: HostOptions = client.host_options(&index);
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
        let found = certs_d::in_folder(Path::new(folder))?;
        options.tls.ca_file = Texts(found.ca_files);
        if let Some(identity) = found.identity {
            options.tls.client_cert_file = Some(identity.cert_file);
            options.tls.client_key_file = Some(identity.key_file);
        }
    }
    let own = client.separate()?;
    own.set_host(&registry.host, options)?;
    Ok(Some(own))
}

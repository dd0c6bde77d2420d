//! Protocol v2 (OCI distribution-spec 1.1): a folder for each kind of thing that a registry has. The files here are about the registry
//! itself, or need several of those folders, which do not need them: deleting a tag, the image for a platform, the list of referrers.

pub mod blob;
pub mod delete_tag;
pub(crate) mod endpoints;
pub(crate) mod explain;
pub(crate) mod host;
pub(crate) mod list;
mod list_referrers;
pub mod locate;
pub mod login;
pub mod manifest;
mod manifest_for_platform;
mod name_resolution;
pub(crate) mod options;
pub(crate) mod ping;
pub mod referrers;
pub mod remove_repository;
pub(crate) mod repository;
pub(crate) mod store;
pub mod tags;
pub mod token;
pub mod upload;

pub use crate::auth::options::HostAuthOptions;
pub use crate::auth::secrets::Secrets;
pub use crate::http::headers::Headers;
pub use crate::http::proxy::{Proxy, ProxyChoice};
pub use crate::http::redact::ShownHeaders;
pub use crate::http::route::Address;
pub use crate::http::settings::HostNetworkOptions;
pub use crate::mirrors::Mirrors;
pub use host::HostOptions;
pub use list::catalog::{Catalog, CatalogOptions};
pub use list::name_list::NameList;
pub use options::{
    BlobInfoOptions, BlobLimit, CertsOptions, ClientOptions, HttpOptions, MachineOptions, PoolOptions, ProxyOptions,
    ShortNameReading, StoredOptions, TemporaryOptions, Texts, ThrottleOptions, TlsOptions,
};
pub use ping::Ping;
pub use repository::Deleted;
pub use store::RegistryStore;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::auth::{Account, Auth};
use crate::call::cancel::ClientLife;
use crate::call::context::Context;
use crate::call::engine::Engine;
use crate::call::thread::Outliving;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::http::{Http, Url};
use crate::machine::MachineFiles;
use crate::memory_by_type::Memories;
use crate::mirrors::EndpointTls;
use crate::mutex::lock;
use crate::reference::Index;
use crate::stream::spool::TemporarySpace;
use endpoints::{closed_hosts, RuleBook};
use upload::mount_hints::MountHints;

/// A client: connections, tokens and per-host settings for any number of registries. A clone is the same client.
///
/// ```no_run
/// use std::path::Path;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use ocireg::call::context::Context;
/// use ocireg::reference::Reference;
/// use ocireg::registry::blob::SaveOptions;
/// use ocireg::registry::manifest::GetOptions;
/// use ocireg::registry::{Client, ClientOptions};
///
/// # fn main() -> ocireg::error::Result<()> {
/// let client = Client::new(ClientOptions::default())?;
/// let context = Arc::new(Context::new());
/// context.set_deadline(Some(Duration::from_secs(60)));
/// let call = client.call(Some(context))?;
///
/// let name = Reference::parse("quay.io/prometheus/busybox:latest", None)?;
/// let image = client.get_manifest(&call, &name, &GetOptions { platform: Some("linux/amd64".into()), ..Default::default() })?;
/// if let Some(layer) = image.document.layers().first() {
///     // It appears under its name whole and verified; a call after one that broke off continues what that left.
///     let blob = name.repository().with_digest(&layer.digest);
///     client.get_blob_file(&call, &blob, Path::new("layer.tar.gz"), &SaveOptions::default())?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) http: Arc<Http>,
    pub(crate) auth: Arc<Auth>,
    options: Arc<ClientOptions>,
    engine: Arc<Mutex<Option<Arc<Engine>>>>,
    life: Arc<ClientLife>,
    hosts: Arc<Mutex<HashMap<String, HostOptions>>>,
    accounts: Arc<Mutex<HashMap<String, Account>>>,
    files: Arc<MachineFiles>,
    rules: Arc<Mutex<Arc<RuleBook>>>,
    memories: Arc<Memories>,
}

impl Client {
    /// A client with options; nothing is connected or started yet.
    pub fn new(options: ClientOptions) -> Result<Client> {
        options.check()?;
        let http = Arc::new(Http::new(options.http.clone())?);
        Ok(Client {
            auth: Arc::new(Auth::new(http.clone(), options.credentials.stored())),
            http,
            files: Arc::new(MachineFiles::new(&options.machine)),
            options: Arc::new(options),
            engine: Arc::default(),
            life: Arc::default(),
            hosts: Arc::default(),
            accounts: Arc::default(),
            rules: Arc::default(),
            memories: Arc::default(),
        })
    }

    /// Replaces the settings of one host.
    pub fn set_host(&self, host: &str, options: HostOptions) -> Result<()> {
        self.check_open()?;
        let index = Index::of_host(host)?;
        options.check()?;
        self.set_host_by(&index.keys_told(), &index, &options)
    }

    fn set_host_by(&self, keys: &[String], index: &Index, options: &HostOptions) -> Result<()> {
        // Also for a host that is only ever redirected to.
        host::set_network_of_name(&self.http, index, options)?;
        if let Some(key) = keys.last() {
            self.http.forbidden_hosts().set_option(key, closed_hosts(index, options));
        }
        for key in keys {
            self.change_rules(|book| book.set(key.clone(), options));
            lock(&self.hosts).insert(key.clone(), options.clone());
        }
        self.forget_how_reached(&index.name);
        self.memory::<MountHints>().forget_refusals();
        lock(&self.accounts).retain(|_, account| !host::is_near(&account.host, &index.name));
        Ok(())
    }

    /// A client with the same options and hosts, whose hosts can be set without a change to this one's. Its calls are this one's.
    /// `verifies`: certificates are verified even if the options say that they are not.
    pub(crate) fn separate(&self, verifies: bool) -> Result<Client> {
        let mut options = (*self.options).clone();
        options.http.tls.insecure &= !verifies;
        let other = Client { life: self.life.clone(), ..Client::new(options)? };
        let hosts: Vec<(String, HostOptions)> =
            lock(&self.hosts).iter().map(|(host, options)| (host.clone(), options.clone())).collect();
        hosts.into_iter().try_for_each(|(key, options)| {
            let index = Index::of_host(&key)?;
            other.set_host_by(&[key], &index, &options)
        })?;
        Ok(other)
    }

    /// What was set for a host.
    pub(crate) fn host_options(&self, index: &Index) -> HostOptions {
        self.told_of(index).unwrap_or_default()
    }

    /// The same, if anything was.
    pub(crate) fn told_of(&self, index: &Index) -> Option<HostOptions> {
        let hosts = lock(&self.hosts);
        index.keys_asked().iter().find_map(|key| hosts.get(key)).cloned()
    }

    /// What was set for a host that is reached at a URL: of one whose name does not say how, which is asked by http, what holds for that.
    pub(crate) fn options_at(&self, index: &Index, at: &Url, known: HostOptions) -> HostOptions {
        match index.port_said().is_none() && host::is_usual_http(index, at) {
            true => self.host_options(&index.by_http()),
            false => known,
        }
    }

    /// What all names of one registry have in common, as far as that is known without asking.
    pub(crate) fn registry_key(&self, index: &Index) -> String {
        let known = lock(&self.accounts).get(&index.written()).map(|account| account.base.url.clone());
        let said = || Some(host::endpoint(&self.http, index, &self.host_options(index)).ok()?.0.url);
        match known.or_else(said) {
            Some(at) if index.port_said().is_none() && host::is_usual_http(index, &at) => index.by_http().key(),
            _ => index.key(),
        }
    }

    fn change_rules(&self, change: impl FnOnce(&mut RuleBook)) {
        let mut rules = lock(&self.rules);
        let mut book = (**rules).clone();
        change(&mut book);
        *rules = Arc::new(book);
    }

    /// Where else images can be had, and what short names are. What the machine's files say of it is read when it is first needed, all at
    /// once, and so again by the next call after one of them is broken: no part of it is older than another. Without a call, a name is only read.
    pub(crate) fn rule_book(&self, call: Option<&Call>) -> Result<Arc<RuleBook>> {
        let book = lock(&self.rules).clone();
        if !book.is_outdated() {
            return Ok(book);
        }
        // No hook of the caller is called here.
        let machine = self.files.read(&|| call.map_or_else(|| self.check_open(), Call::check_quietly))?;
        self.http.forbidden_hosts().set_files(&machine.rules);
        self.change_rules(|book| book.renew(machine));
        Ok(lock(&self.rules).clone())
    }

    /// Ends the calls in progress and refuses later ones.
    pub fn close(&self) {
        self.life.closed().raise();
        self.http.close();
    }

    /// Begins a call.
    pub fn call(&self, context: Option<Arc<Context>>) -> Result<Call> {
        self.check_open()?;
        let call = Call::new(self.engine()?, self.life.clone(), context);
        call.check()?;
        Ok(call)
    }

    fn engine(&self) -> Result<Arc<Engine>> {
        let mut engine = lock(&self.engine);
        match &*engine {
            Some(engine) => Ok(engine.clone()),
            None => Ok(engine.insert(Arc::new(Engine::start()?)).clone()),
        }
    }

    /// Ends the network's thread and its connections, unless something uses them. The next call begins anew.
    pub fn quiesce(&self) -> Result<()> {
        let mut engine = lock(&self.engine);
        if engine.as_ref().is_some_and(|engine| Arc::strong_count(engine) > 1) {
            return Err(Error::new(Code::Busy, "a call, a reader or an upload of the client is in use"));
        }
        if !Outliving::are_gone() {
            return Err(Error::new(Code::Busy, "the DNS lookup of a call that was cancelled is still running"));
        }
        self.http.close();
        drop(engine.take());
        Ok(())
    }

    /// How many threads may make the calls of jobs.
    pub(crate) fn job_threads(&self) -> usize {
        self.options.jobs.job_threads
    }

    /// Whether the caller may be asked for the credentials of a host: not when the host's options say them, or that there are none.
    pub(crate) fn may_ask_about(&self, host: &str) -> bool {
        let Ok(index) = Index::of_host(host) else { return true };
        self.told_of(&index).is_none_or(|options| !options.auth.anonymous && options.credentials().is_none())
    }

    pub(crate) fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Where temporary files are made.
    pub(crate) fn temporary_space(&self) -> TemporarySpace {
        self.options.temporary.space()
    }

    /// How many times a request is repeated.
    pub(crate) fn retries(&self) -> u32 {
        self.options.http.retries
    }

    /// State that other rooms keep for the lifetime of the client: one value of each type.
    pub(crate) fn memory<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.memories.get()
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        match self.life.closed().is_raised() {
            true => Err(Error::new(Code::Closed, "the client is closed")),
            false => Ok(()),
        }
    }

    /// The account at a registry, if that itself may be asked about a repository, or without one about itself; settles its URL at
    /// the first use.
    pub(crate) fn account(&self, call: &Call, index: &Index, repository: &str) -> Result<Account> {
        match self.rule_book(Some(call))?.of(index, repository)? {
            Some(asked) => self.account_by_rule(call, index, &asked),
            None => self.account_of_origin(call, index),
        }
    }

    /// The same without regard to rules.
    fn account_of_origin(&self, call: &Call, index: &Index) -> Result<Account> {
        let name = index.written();
        if let Some(account) = lock(&self.accounts).get(&name) {
            return Ok(account.clone());
        }
        let options = self.host_options(index);
        host::set_network_of_name(&self.http, index, &options)?;
        let base =
            host::base(&self.http, index, &options, None, |at| self.speaks_tls(call, at, &EndpointTls::default()))?;
        let options = self.options_at(index, &base.url, options);
        host::set_network(&self.http, &base.url, &options)?;
        let account = host::account_at(index.name.clone(), base, &options);
        lock(&self.accounts).insert(name, account.clone());
        Ok(account)
    }
}

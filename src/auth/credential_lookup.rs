//! Stored credentials: the places in order, and in each file the host's helper, then the helper for all hosts, then
//! the file's own entries.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::account::Account;
use super::auths_entry::CredentialEntry;
use super::config_file::{ConfigFile, LIMIT};
use super::credential_files::{self, CredentialChoice, CredentialPlace};
use super::credential_key::{CredentialKey, WantedHost};
use super::helper::Helpers;
use super::helper_failure::HelperFailure;
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::mutex::lock;
use crate::os::file_version::FileVersion;
use crate::os::home;
use crate::os::owner::{is_own, stranger};
use crate::os::special_file::open_regular;
use crate::text::shorten;

/// How often a call checks whether another call's helper has finished.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StoredAt {
    /// The path; None for an environment variable.
    pub(crate) path: Option<PathBuf>,
    /// The environment variable that contains them, if any.
    pub(crate) variable: Option<&'static str>,
    /// The key in the file, when the file itself contains them.
    pub(crate) key: Option<String>,
    /// The helper that the file names, when that has them.
    pub(crate) helper: Option<String>,
}

/// Credentials, and where they were found.
pub(crate) struct FoundCredentials {
    pub(crate) credentials: Credentials,
    pub(crate) at: StoredAt,
}

pub(crate) struct StoredCredentials {
    places: Vec<CredentialPlace>,
    /// Also use files of other users, and those that others can write to.
    foreign: bool,
    helpers: Helpers,
    files: Mutex<HashMap<PathBuf, (FileVersion, Arc<ConfigFile>)>>,
    answers: Mutex<HelperAnswers>,
}

/// What helpers returned, by helper and server; which are being asked; and which have failed, and when.
#[derive(Default)]
struct HelperAnswers {
    known: HashMap<(String, String), Option<Credentials>>,
    asked: HashSet<(String, String)>,
    failed: HashMap<(String, String), HelperFailure>,
}

/// What helpers had nothing for in a call: a refusal, after which others are asked again, changes nothing about that.
#[derive(Default)]
struct Lacking(Mutex<HashSet<(String, String)>>);

/// By what names a helper has told a call that it has nothing for a host, if it was asked by several.
#[derive(Default)]
struct NamesUnknown(Mutex<HashMap<String, Vec<String>>>);

/// The names of a host for which a helper has nothing, if it was asked by several.
pub(crate) fn unknown_names(call: &Call, host: &str) -> Option<Vec<String>> {
    lock(&call.memory::<NamesUnknown>().0).get(host).cloned()
}

/// When a call began to look for stored credentials.
struct FirstLookup(Instant);

impl Default for FirstLookup {
    fn default() -> FirstLookup {
        FirstLookup(Instant::now())
    }
}

impl StoredCredentials {
    /// The places that the caller chose. The environment is read now, and only if the usual places are wanted.
    pub(crate) fn new(wanted: &CredentialChoice, mut helpers: Helpers) -> StoredCredentials {
        let places = credential_files::places(wanted, &home::environment);
        if helpers.search.is_none() && !places.is_empty() {
            helpers.search = home::search_path(&home::environment);
        }
        StoredCredentials {
            places,
            foreign: wanted.foreign,
            helpers,
            files: Mutex::default(),
            answers: Mutex::default(),
        }
    }

    /// Stored credentials at other places, with the same helpers and the same checks of files.
    pub(crate) fn elsewhere(&self, wanted: &CredentialChoice) -> StoredCredentials {
        let helpers = Helpers { search: self.helpers.search.clone(), limit: self.helpers.limit };
        StoredCredentials::new(&CredentialChoice { foreign: self.foreign, ..wanted.clone() }, helpers)
    }

    /// Whether files of other users are used too.
    pub(crate) fn foreign(&self) -> bool {
        self.foreign
    }

    pub(crate) fn places(&self) -> &[CredentialPlace] {
        &self.places
    }

    pub(crate) fn helpers(&self) -> &Helpers {
        &self.helpers
    }

    /// The credentials for an account; one without a repository is for the host itself.
    pub(crate) fn find(&self, call: &Call, account: &Account) -> Result<Option<FoundCredentials>> {
        for place in &self.places {
            if let Some(found) = self.find_in(call, place, account)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn find_in(&self, call: &Call, place: &CredentialPlace, account: &Account) -> Result<Option<FoundCredentials>> {
        let Some(config) = self.config(place)? else { return Ok(None) };
        let (host, wanted) = (&account.host, account.wanted_host());
        let mut at = stored_at(place);
        if let Some(helper) = config.helper(&wanted).map_err(|why| broken(place, &why))? {
            let answer = self.ask_by_all_names(call, helper, host, &config.servers(host, &wanted));
            if let Some(credentials) = answer.map_err(|error| named_by(place, error))? {
                at.helper = Some(helper.to_owned());
                return Ok(Some(FoundCredentials { credentials, at }));
            }
        }
        let Some(found) = config.find(&wanted, &account.repository) else { return Ok(None) };
        at.key = Some(found.key.to_owned());
        match found.entry {
            CredentialEntry::Holds(credentials) => Ok(Some(FoundCredentials { credentials: credentials.clone(), at })),
            CredentialEntry::Broken(why) => Err(broken(place, &format!("the entry '{}': {why}", shorten(found.key)))),
            CredentialEntry::Marker => Ok(None),
        }
    }

    /// A helper's answer for a host by what it may know it by. Once it had nothing by the first name, those who did not store by another one
    /// can do without it: it may fail for what it does not know.
    fn ask_by_all_names(
        &self,
        call: &Call,
        helper: &str,
        host: &str,
        servers: &[String],
    ) -> Result<Option<Credentials>> {
        let mut unknown = Vec::new();
        for (number, server) in servers.iter().enumerate() {
            match self.ask(call, helper, server) {
                Ok(None) => unknown.push(shorten(server)),
                Err(error) if number > 0 => {
                    call.check()?;
                    call.warn_of(host, &format!("nothing is known of a login to {server}: {}", error.message()))?;
                    if error.code() == Code::Timeout {
                        break;
                    }
                }
                found => return found,
            }
        }
        if servers.len() > 1 {
            lock(&call.memory::<NamesUnknown>().0).insert(host.to_owned(), unknown);
        }
        Ok(None)
    }

    /// A helper's answer, cached for the client's lifetime; concurrent calls ask it once. A failure holds for a short time, and only for the
    /// calls that had begun to look before it.
    fn ask(&self, call: &Call, helper: &str, server: &str) -> Result<Option<Credentials>> {
        let question = (helper.to_owned(), server.to_owned());
        let (begun, lacking) = (call.memory::<FirstLookup>().0, call.memory::<Lacking>());
        if lock(&lacking.0).contains(&question) {
            return Ok(None);
        }
        loop {
            {
                let mut answers = lock(&self.answers);
                if let Some(known) = answers.known.get(&question) {
                    return Ok(known.clone());
                }
                if let Some(error) = answers.failed.get(&question).and_then(|failed| failed.at(Instant::now(), begun)) {
                    return Err(error);
                }
                if answers.asked.insert(question.clone()) {
                    break;
                }
            }
            call.sleep(PAUSE)?;
        }
        let asking = HelperTurn(self, question);
        let outcome = self.helpers.get(call, helper, server);
        // Not if it was the call that had no more time.
        let has_time = call.check_quietly().is_ok();
        let mut answers = lock(&self.answers);
        match &outcome {
            Ok(answer) => {
                answers.failed.remove(&asking.1);
                answers.known.insert(asking.1.clone(), answer.clone());
                if answer.is_none() {
                    lock(&lacking.0).insert(asking.1.clone());
                }
            }
            Err(error) if has_time => {
                answers.failed.insert(asking.1.clone(), HelperFailure::new(Instant::now(), error));
            }
            Err(_) => {}
        }
        outcome
    }

    /// Forgets what helpers returned for a host: it was refused, or has changed.
    pub(crate) fn forget(&self, host: &str) {
        let hosts = [false, true].map(|is_plain| WantedHost::new(host, is_plain));
        let is_for =
            |server: &str| CredentialKey::parse(server).is_some_and(|key| hosts.iter().any(|of| of.is_of(&key)));
        lock(&self.answers).known.retain(|(_, server), _| !is_for(server));
    }

    /// The content of a place; None when it does not exist.
    pub(crate) fn config(&self, place: &CredentialPlace) -> Result<Option<Arc<ConfigFile>>> {
        match place {
            CredentialPlace::Inline { text, .. } => {
                let config = ConfigFile::parse(text.as_bytes()).map_err(|why| broken(place, &why))?;
                Ok(Some(Arc::new(config)))
            }
            CredentialPlace::File { path, named } => match self.file(path)? {
                None if *named => Err(Error::new(Code::Io, format!("{} does not exist", name_of(place)))),
                config => Ok(config),
            },
        }
    }

    fn file(&self, path: &Path) -> Result<Option<Arc<ConfigFile>>> {
        let Some((mut file, stamp)) = open(path, self.foreign)? else { return Ok(None) };
        if let Some((_, config)) = lock(&self.files).get(path).filter(|(known, _)| *known == stamp) {
            return Ok(Some(config.clone()));
        }
        let config = ConfigFile::parse(&read(&mut file, path)?).map_err(|why| wrong(path, &why))?;
        let config = Arc::new(config);
        lock(&self.files).insert(path.to_owned(), (stamp, config.clone()));
        Ok(Some(config))
    }
}

struct HelperTurn<'a>(&'a StoredCredentials, (String, String));

impl Drop for HelperTurn<'_> {
    fn drop(&mut self) {
        lock(&self.0.answers).asked.remove(&self.1);
    }
}

/// Opens a credentials file; None when it does not exist. A file of another user, or that others can write to, could
/// name their helper, or leak what is stored there later: it is refused unless `foreign` files are wanted. root's files
/// are accepted.
pub(crate) fn open(path: &Path, foreign: bool) -> Result<Option<(File, FileVersion)>> {
    if path == Path::new("/dev/null") {
        return Ok(None);
    }
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None)
        }
        Err(error) => return Err(Error::io(format!("the credentials file {}", path.display()), &error)),
    };
    let meta =
        file.metadata().map_err(|error| Error::io(format!("the credentials file {}", path.display()), &error))?;
    if let Some(why) = stranger(&meta).filter(|_| !foreign) {
        let help = if is_own(&meta) { format!("chmod go-w {}, or ", path.display()) } else { String::new() };
        return Err(wrong(path, &why).with_hint(format!("{help}the option foreign_credentials")));
    }
    Ok(Some((file, FileVersion::of(&meta))))
}

pub(crate) fn read(file: &mut File, path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let size = file.metadata().map_or(0, |meta| meta.len());
    if size > LIMIT {
        return Err(wrong(path, &format!("it is larger than {LIMIT} bytes")).with_code(Code::LimitExceeded));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(size as usize + 1));
    file.take(size)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::io(format!("the credentials file {}", path.display()), &error))?;
    Ok(bytes)
}

/// The error for a credentials file that cannot be used.
pub(crate) fn wrong(path: &Path, why: &str) -> Error {
    Error::new(Code::Io, format!("the credentials file {}: {why}", path.display()))
}

fn broken(place: &CredentialPlace, why: &str) -> Error {
    Error::new(Code::Io, format!("{}: {why}", name_of(place)))
}

fn named_by(place: &CredentialPlace, error: Error) -> Error {
    match error.code() {
        Code::Cancelled | Code::Closed => error,
        _ => error.with_hint(format!("the helper is named by {}", name_of(place))),
    }
}

fn name_of(place: &CredentialPlace) -> String {
    match place {
        CredentialPlace::File { path, .. } => format!("the credentials file {}", path.display()),
        CredentialPlace::Inline { variable, .. } => format!("the credentials in {variable}"),
    }
}

fn stored_at(place: &CredentialPlace) -> StoredAt {
    match place {
        CredentialPlace::File { path, .. } => StoredAt { path: Some(path.clone()), ..StoredAt::default() },
        CredentialPlace::Inline { variable, .. } => StoredAt { variable: Some(variable), ..StoredAt::default() },
    }
}

//! Changes to a credentials file: one login at a time, the file replaced atomically, everything else in it kept as
//! it was.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{json, Map, Value};
use zeroize::{Zeroize, Zeroizing};

use super::auths_entry;
use super::config_file::{ConfigFile, SecretDocument};
use super::credential_key::{self, CredentialKey, WantedHost};
use super::credential_lookup::{open, read, wrong};
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::os::lock::{attempt, LockKind};
use crate::os::safe_path::resolve;
use crate::os::{creation_mode, temporary};
use crate::reference::Index;

/// How long to wait for another login.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);

/// Where a file wants the credentials of a login: in a helper, or None for the file itself, and for which hosts they are. What another
/// helper keeps for port 80 is not theirs.
pub(crate) fn place_of_login(path: &Path, foreign: bool, index: &Index) -> Result<(Option<String>, Vec<WantedHost>)> {
    let mut hosts = WantedHost::all_of(index);
    let Some(config) = config(path, foreign)? else { return Ok((None, hosts)) };
    let helper = config.helper(&WantedHost::of(index)).map_err(|why| wrong(path, &why))?;
    hosts.retain(|host| config.helper(host).is_ok_and(|other| other == helper));
    Ok((helper.map(str::to_owned), hosts))
}

/// The helpers in which a file wants a registry's credentials stored, and what each may know it by.
pub(crate) fn helpers_of(path: &Path, foreign: bool, index: &Index) -> Result<Vec<(String, Vec<String>)>> {
    let Some(config) = config(path, foreign)? else { return Ok(Vec::new()) };
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for host in WantedHost::all_of(index) {
        let Some(helper) = config.helper(&host).map_err(|why| wrong(path, &why))? else { continue };
        let servers = config.servers(&index.name, &host);
        match all.iter_mut().find(|(known, _)| known == helper) {
            Some((_, known)) => {
                known.extend(servers.into_iter().filter(|name| !known.contains(name)).collect::<Vec<_>>())
            }
            None => all.push((helper.to_owned(), servers)),
        }
    }
    Ok(all)
}

fn config(path: &Path, foreign: bool) -> Result<Option<ConfigFile>> {
    let Some((mut file, _)) = open(path, foreign)? else { return Ok(None) };
    ConfigFile::parse(&read(&mut file, path)?).map(Some).map_err(|why| wrong(path, &why))
}

/// Writes a registry's credentials into a file, or the marker for credentials in a helper. What would be found before them for these hosts
/// is removed; returns the names of that.
pub(crate) fn put(
    call: &Call,
    path: &Path,
    foreign: bool,
    index: &Index,
    hosts: &[WantedHost],
    credentials: Option<&Credentials>,
) -> Result<Vec<String>> {
    let value = match credentials {
        None => json!({}),
        Some(credentials) => auths_entry::write(credentials).ok_or_else(|| {
            Error::new(Code::InvalidArgument, "only passwords and identity tokens can be stored in a file")
        })?,
    };
    let name = credential_key::of_login(index);
    let mut old = Vec::new();
    change(call, path, foreign, |entries| {
        for host in hosts {
            let distance = |text: &str| CredentialKey::parse(text).map(|key| host.distance(&key, text));
            let own = distance(&name);
            old.extend(take_out(entries, host, |text| text != name && distance(text) <= own));
        }
        if let Some(mut before) = entries.insert(name.clone(), value) {
            scrub(&mut before);
        }
        true
    })?;
    Ok(old.into_iter().map(|(name, _)| name).collect())
}

/// Removes every entry for a whole registry. Returns whether one of them contained credentials.
pub(crate) fn remove(call: &Call, path: &Path, foreign: bool, index: &Index) -> Result<bool> {
    let mut held = false;
    change(call, path, foreign, |entries| {
        let hosts = WantedHost::all_of(index);
        let removed: Vec<_> = hosts.iter().flat_map(|host| take_out(entries, host, |_| true)).collect();
        held = removed.iter().any(|(_, held)| *held);
        !removed.is_empty()
    })?;
    Ok(held)
}

/// Takes out those entries for a whole host that are meant. Returns of each its name, and whether it held credentials.
fn take_out(
    entries: &mut Map<String, Value>,
    host: &WantedHost,
    is_meant: impl Fn(&str) -> bool,
) -> Vec<(String, bool)> {
    let mut taken = Vec::new();
    entries.retain(|text, value| {
        let is_own = CredentialKey::parse(text).is_some_and(|key| host.is_of(&key) && key.path.is_empty());
        let stays = !is_own || !is_meant(text);
        if !stays {
            let held = !matches!(auths_entry::read(value), auths_entry::CredentialEntry::Marker);
            taken.push((text.clone(), held));
            scrub(value);
        }
        stays
    });
    taken
}

fn scrub(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Object(members) => members.values_mut().for_each(scrub),
        _ => {}
    }
}

/// Changes the entries of a file under a lock; the closure returns whether there is something to write.
fn change(call: &Call, path: &Path, foreign: bool, change: impl FnOnce(&mut Map<String, Value>) -> bool) -> Result<()> {
    // Links are followed, except those of another user in a folder that all users may write to.
    let path = resolve(path).map_err(|error| Error::io(format!("the credentials file {}", path.display()), &error))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| Error::io(format!("the credentials file {}", path.display()), &error);
    creation_mode::make_private_folders(folder).map_err(failed)?;
    let _lock = lock(call, folder)?;
    let mut document = match open(&path, foreign)? {
        Some((mut file, _)) => SecretDocument::parse(&read(&mut file, &path)?).map_err(|why| wrong(&path, &why))?,
        None => SecretDocument(Map::new()),
    };
    if change(document.entries().map_err(|why| wrong(&path, &why))?) {
        write(&path, &document).map_err(failed)?;
    }
    Ok(())
}

/// The folder itself is locked: a lock file would be left behind. Where folders cannot be locked, there is no lock.
fn lock(call: &Call, folder: &Path) -> Result<Option<File>> {
    let Ok(file) = File::open(folder) else { return Ok(None) };
    let begun = Instant::now();
    loop {
        match attempt(&file, LockKind::Exclusive) {
            Ok(true) => return Ok(Some(file)),
            Ok(false) if begun.elapsed() > PATIENCE => {
                return Err(Error::new(Code::Busy, format!("another login holds {}", folder.display())));
            }
            Ok(false) => call.sleep(PAUSE)?,
            Err(_) => return Ok(None),
        }
    }
}

fn write(path: &Path, document: &SecretDocument) -> std::io::Result<()> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
    let format = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    document.0.serialize(&mut serde_json::Serializer::with_formatter(&mut *bytes, format))?;
    bytes.push(b'\n');
    temporary::write_private(path, ".config.json.", &bytes)
}

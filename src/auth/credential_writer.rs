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

/// The helper in which a file wants a registry's credentials stored, and what it may know that by; None for the file itself.
pub(crate) fn helper_of(path: &Path, foreign: bool, index: &Index) -> Result<Option<(String, Vec<String>)>> {
    let Some((mut file, _)) = open(path, foreign)? else { return Ok(None) };
    let config = ConfigFile::parse(&read(&mut file, path)?).map_err(|why| wrong(path, &why))?;
    let wanted = WantedHost::of(index);
    let helper = config.helper(&wanted).map_err(|why| wrong(path, &why))?;
    Ok(helper.map(|helper| (helper.to_owned(), config.servers(&index.name, &wanted))))
}

/// Writes a registry's credentials into a file, or the marker for credentials in a helper. What would be found before them is removed.
pub(crate) fn put(
    call: &Call,
    path: &Path,
    foreign: bool,
    index: &Index,
    credentials: Option<&Credentials>,
) -> Result<()> {
    let value = match credentials {
        None => json!({}),
        Some(credentials) => auths_entry::write(credentials).ok_or_else(|| {
            Error::new(Code::InvalidArgument, "only passwords and identity tokens can be stored in a file")
        })?,
    };
    let name = credential_key::of_login(index);
    change(call, path, foreign, |entries| {
        for host in WantedHost::all_of(index) {
            let distance = |text: &str| CredentialKey::parse(text).map(|key| host.distance(&key, text));
            let own = distance(&name);
            take_out(entries, &host, |text| text != name && distance(text) <= own);
        }
        if let Some(mut old) = entries.insert(name.clone(), value) {
            scrub(&mut old);
        }
        true
    })?;
    Ok(())
}

/// Removes every entry for a whole registry. Returns whether one of them contained credentials.
pub(crate) fn remove(call: &Call, path: &Path, foreign: bool, index: &Index) -> Result<bool> {
    let mut held = false;
    change(call, path, foreign, |entries| {
        let hosts = WantedHost::all_of(index);
        let removed: Vec<bool> = hosts.iter().flat_map(|host| take_out(entries, host, |_| true)).collect();
        held = removed.contains(&true);
        !removed.is_empty()
    })?;
    Ok(held)
}

/// Takes out those entries for a whole host that are meant. Returns of each whether it held credentials.
fn take_out(entries: &mut Map<String, Value>, host: &WantedHost, is_meant: impl Fn(&str) -> bool) -> Vec<bool> {
    let mut held = Vec::new();
    entries.retain(|text, value| {
        let is_own = CredentialKey::parse(text).is_some_and(|key| host.is_of(&key) && key.path.is_empty());
        let stays = !is_own || !is_meant(text);
        if !stays {
            held.push(!matches!(auths_entry::read(value), auths_entry::CredentialEntry::Marker));
            scrub(value);
        }
        stays
    });
    held
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

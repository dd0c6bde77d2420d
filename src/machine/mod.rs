//! What the machine's own configuration says about registries: mirrors, insecure and blocked registries, short names,
//! signatures. Nothing is read unless an option asks, and then only when it is first needed.

mod config_files;
mod options;
mod registries_conf_paths;

pub use options::{MachineOptions, ShortNameReading};

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::mirrors::hosts_toml::HostFolder;
use crate::mirrors::{daemon_json, hosts_toml, registries_yaml, ImageSignatures};
use crate::mirrors::{RegistriesConf, RegistriesD, Rule, Rules, ShortNames};
use crate::os::home::{self, Environment};
use crate::reference::Reference;
use config_files::{Files, GoesOn};
use registries_conf_paths::ContainersPaths;

/// What is to be read.
#[derive(Debug)]
pub(crate) struct MachineFiles {
    options: MachineOptions,
    /// Where the environment says that podman's and skopeo's are.
    containers: Option<ContainersPaths>,
}

/// The option that names a file, and the reader of its format.
type SingleFile = (fn(&MachineOptions) -> Option<&String>, fn(&str, &str) -> Result<Vec<Rule>>);

/// The formats of which one file has all the rules, a line for each, in the order in which they count.
const SINGLE_FILES: [SingleFile; 2] = [
    (|options| options.k3s_registries.as_ref(), registries_yaml::parse),
    (|options| options.docker_daemon_json.as_ref(), daemon_json::parse),
];

#[derive(Debug, Default)]
pub(crate) struct Machine {
    /// A group for each option, in their order.
    pub(crate) rules: Rules,
    pub(crate) short_names: ShortNames,
}

impl MachineFiles {
    /// What the options ask for, according to the environment as it is now.
    pub(crate) fn new(options: &MachineOptions) -> MachineFiles {
        MachineFiles::with(options, &home::environment)
    }

    fn with(options: &MachineOptions, environment: Environment<'_>) -> MachineFiles {
        let containers = options.containers_registries.then(|| registries_conf_paths::containers(environment));
        MachineFiles { options: options.clone(), containers }
    }

    /// Reads all of them, as long as the call goes on.
    pub(crate) fn read(&self, goes_on: GoesOn) -> Result<Machine> {
        let (options, mut files, mut machine) = (&self.options, Files::new(goes_on), Machine::default());
        if options.registries_conf.is_some() || !options.registries_conf_dir.0.is_empty() {
            machine.add_containers(named(options, &mut files)?);
        }
        if let Some(paths) = &self.containers {
            machine.add_containers(usual(&mut files, paths)?);
        }
        for folder in &options.containerd_certs_dir.0 {
            machine.rules.0.push(hosts(files.named_folder(Path::new(folder))?, &mut files)?);
        }
        for (named, parse) in SINGLE_FILES {
            if let Some(path) = named(options) {
                machine.rules.0.push(parse(path, &files.named(Path::new(path))?)?);
            }
        }
        Ok(machine)
    }

    /// What they say of the signatures of an image. It is only shown, so it is read when it is asked for.
    pub(crate) fn signatures(&self, goes_on: GoesOn, reference: &Reference) -> Result<Option<ImageSignatures>> {
        let (mut files, mut all) = (Files::new(goes_on), RegistriesD::default());
        let folders = match (self.options.registries_d.0.as_slice(), &self.containers) {
            ([], None) => return Ok(None),
            ([], Some(paths)) => paths.signatures.clone(),
            (named, _) => named_folders(named, &files)?,
        };
        for path in drop_ins(&files, &folders, ".yaml")? {
            // It may have been removed since.
            if let Some(text) = files.usual(&path)? {
                all.add(&path.to_string_lossy(), &text)?;
            }
        }
        all.of(reference)
    }
}

impl Machine {
    /// Adds what podman's files say: other files that were read before it come first.
    fn add_containers(&mut self, conf: RegistriesConf) {
        self.rules.0.push(conf.rules());
        let mut names = conf.short_names;
        names.merge(std::mem::take(&mut self.short_names));
        self.short_names = names;
    }
}

/// The files of containers-registries.conf(5) that the caller names.
fn named(options: &MachineOptions, files: &mut Files<'_>) -> Result<RegistriesConf> {
    let mut conf = RegistriesConf::default();
    if let Some(path) = &options.registries_conf {
        conf.merge(path, &files.named(Path::new(path))?)?;
    }
    let folders = named_folders(&options.registries_conf_dir.0, files)?;
    add_folders(&mut conf, files, &folders)?;
    Ok(conf)
}

fn named_folders(paths: &[String], files: &Files<'_>) -> Result<Vec<PathBuf>> {
    paths.iter().map(|path| files.named_folder(Path::new(path)).map(Path::to_owned)).collect()
}

/// Those of the machine and of the user.
fn usual(files: &mut Files<'_>, paths: &ContainersPaths) -> Result<RegistriesConf> {
    let mut conf = RegistriesConf::default();
    for path in &paths.main {
        let text = match paths.named {
            true => Some(files.named(path)?),
            false => files.usual(path)?,
        };
        if let Some(text) = text {
            conf.merge(&path.to_string_lossy(), &text)?;
            break;
        }
    }
    add_folders(&mut conf, files, &paths.folders)?;
    if let Some(path) = &paths.over {
        conf.merge(&path.to_string_lossy(), &files.named(path)?)?;
    }
    Ok(conf)
}

/// Merges the *.conf of folders over it.
fn add_folders(conf: &mut RegistriesConf, files: &mut Files<'_>, folders: &[PathBuf]) -> Result<()> {
    for path in drop_ins(files, folders, ".conf")? {
        if let Some(text) = files.listed(&path)? {
            conf.merge(&path.to_string_lossy(), &text)?;
        }
    }
    Ok(())
}

/// The files of folders in the order of their names; of several with one name that of the first folder counts.
fn drop_ins(files: &Files<'_>, folders: &[PathBuf], extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = std::collections::BTreeMap::new();
    for folder in folders {
        let files = files.names(folder)?.into_iter().filter(|name| name.ends_with(extension));
        for name in files.filter(|name| !folder.join(name).is_dir()) {
            found.entry(name.clone()).or_insert_with(|| folder.join(name));
        }
    }
    Ok(found.into_values().collect())
}

/// The rules of a folder like containerd's certs.d. What is wrong in the folder of a host is an error for that host only: containerd
/// looks into no other when it is asked for one.
fn hosts(root: &Path, files: &mut Files<'_>) -> Result<Vec<Rule>> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut names = files.names(root)?;
    // HOST_PORT_ comes before HOST:PORT.
    names.sort_by_key(|name| (!name.ends_with('_'), name.clone()));
    for name in names {
        let folder = root.join(&name);
        let Some(scope) = hosts_toml::scope_of(&name).filter(|_| folder.is_dir()) else { continue };
        if rules.iter().any(|rule| rule.scope == scope) {
            continue;
        }
        let path = folder.to_string_lossy();
        let folder_of = HostFolder { path: &path, scope: &scope };
        let rule = host(folder_of, files);
        // An error of the call is not one of the file.
        files.check()?;
        rules.push(rule.unwrap_or_else(|error| hosts_toml::broken(folder_of, error)));
    }
    Ok(rules)
}

fn host(folder: HostFolder<'_>, files: &mut Files<'_>) -> Result<Rule> {
    let file = Path::new(folder.path).join("hosts.toml");
    Ok(match files.usual(&file)?.filter(|text| !text.is_empty()) {
        Some(text) => hosts_toml::parse(folder, &file.to_string_lossy(), &text)?,
        None => hosts_toml::of_certificates(folder, &files.names(Path::new(folder.path))?),
    })
}

#[cfg(test)]
mod tests;

//! Where podman and skopeo look for registries.conf and registries.d, as their current versions do (storage/pkg/configfile of
//! container-libs). Older ones (containers/image 5) read no other folder when the user has a registries.conf or a registries.d, and nothing
//! below /usr/share.

use std::path::{Path, PathBuf};

use crate::os::home::{self, Environment};
use crate::os::owner;

/// The folders of the machine, the first before the second.
const MACHINE: [&str; 2] = ["/etc/containers", "/usr/share/containers"];

/// The files of podman, skopeo and buildah on this machine.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ContainersPaths {
    /// Candidates for `registries.conf`: only the first that exists is read.
    pub(crate) main: Vec<PathBuf>,
    /// The only one must exist: a variable names it.
    pub(crate) named: bool,
    /// Folders with *.conf, the first before the others.
    pub(crate) folders: Vec<PathBuf>,
    /// A file that a variable names, whose settings win over those of all the others.
    pub(crate) over: Option<PathBuf>,
    /// Folders with *.yaml about signatures, the first before the others.
    pub(crate) signatures: Vec<PathBuf>,
}

pub(crate) fn containers(environment: Environment<'_>) -> ContainersPaths {
    containers_of(environment, owner::effective_user())
}

fn containers_of(environment: Environment<'_>, user: u32) -> ContainersPaths {
    let own = home::config(environment).map(|folder| folder.join("containers"));
    let over = home::named(environment, "CONTAINERS_REGISTRIES_CONF_OVERRIDE");
    let signatures = drop_ins(own.as_deref(), user, "");
    if let Some(file) = home::named(environment, "CONTAINERS_REGISTRIES_CONF") {
        return ContainersPaths { main: vec![file], named: true, folders: Vec::new(), over, signatures };
    }
    let all = own.iter().map(PathBuf::as_path).chain(MACHINE.iter().map(Path::new));
    let main = all.map(|folder| folder.join("registries.conf")).collect();
    ContainersPaths { main, named: false, folders: drop_ins(own.as_deref(), user, ".conf"), over, signatures }
}

/// Folders of files that are merged: `registries.conf.d`, or `registries.d`, and those beside it for users.
fn drop_ins(own: Option<&Path>, user: u32, of: &str) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = own.iter().map(|folder| folder.join(format!("registries{of}.d"))).collect();
    for folder in MACHINE.map(Path::new) {
        match user {
            0 => folders.push(folder.join(format!("registries.rootful{of}.d"))),
            user => {
                folders.push(folder.join(format!("registries.rootless{of}.d/{user}")));
                folders.push(folder.join(format!("registries.rootless{of}.d")));
            }
        }
        folders.push(folder.join(format!("registries{of}.d")));
    }
    folders
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn paths(environment: &[(&str, &str)], user: u32) -> ContainersPaths {
        let get = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        containers_of(&get, user)
    }

    fn shown(paths: &[PathBuf]) -> Vec<&str> {
        paths.iter().map(|path| path.to_str().unwrap()).collect()
    }

    #[test]
    fn the_users_files_come_before_the_machines() {
        let found = paths(&[("HOME", "/h")], 7);
        let main = [
            "/h/.config/containers/registries.conf",
            "/etc/containers/registries.conf",
            "/usr/share/containers/registries.conf",
        ];
        assert_eq!(shown(&found.main), main);
        let folders = [
            "/h/.config/containers/registries.conf.d",
            "/etc/containers/registries.rootless.conf.d/7",
            "/etc/containers/registries.rootless.conf.d",
            "/etc/containers/registries.conf.d",
            "/usr/share/containers/registries.rootless.conf.d/7",
            "/usr/share/containers/registries.rootless.conf.d",
            "/usr/share/containers/registries.conf.d",
        ];
        assert_eq!(shown(&found.folders), folders);
        assert!(!found.named && found.over.is_none());
        let signatures: Vec<String> = folders.iter().map(|path| path.replace(".conf.d", ".d")).collect();
        assert_eq!(shown(&found.signatures), signatures);
        let root = paths(&[("HOME", "/root"), ("XDG_CONFIG_HOME", "/x")], 0);
        assert_eq!(shown(&root.main)[0], "/x/containers/registries.conf");
        assert_eq!(shown(&root.folders)[1], "/etc/containers/registries.rootful.conf.d");
    }

    #[test]
    fn a_variable_names_another_file() {
        let set = [("HOME", "/h"), ("CONTAINERS_REGISTRIES_CONF", "/f"), ("CONTAINERS_REGISTRIES_CONF_OVERRIDE", "/o")];
        let found = paths(&set, 7);
        assert!(found.named && found.folders.is_empty() && found.signatures.len() == 7);
        assert_eq!((shown(&found.main), found.over), (vec!["/f"], Some(PathBuf::from("/o"))));
        assert!(!paths(&[("CONTAINERS_REGISTRIES_CONF", "")], 7).named);
    }
}

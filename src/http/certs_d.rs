//! Folders of certificates by host, as Docker and podman have them: `<folder>/<host[:port]>/` with `*.crt`
//! (authorities) and `NAME.cert` with `NAME.key` (a client certificate). docs.docker.com, "Verify repository client with
//! certificates"; containers-certs.d(5).

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use url::Url;

use super::route::ClientCertificate;
use crate::error::{Code, Error, Result};
use crate::mutex::lock;
use crate::options::{options, Texts};

options! {
    /// Folders of certificates by host.
    #[derive(Debug, Clone)]
    pub struct CertsOptions {
        /// folders as Docker has them, with certificates in DIR/HOST[:PORT]/
        ///
        /// files *.crt are certificate authorities, and NAME.cert with NAME.key is a client certificate. Of several folders the
        /// first that has one for the host counts
        pub certs_dir: Texts,
        /// also the folders of certificates that podman and Docker read
        ///
        /// the folders are ~/.config/containers/certs.d, ~/.config/docker/certs.d, /etc/containers/certs.d and /etc/docker/certs.d
        pub certs_d: bool,
    }
}

/// The usual folders, below the home folder and for the whole machine.
const HOME: [&str; 2] = [".config/containers/certs.d", ".config/docker/certs.d"];
const MACHINE: [&str; 2] = ["/etc/containers/certs.d", "/etc/docker/certs.d"];

/// How many hosts' folders are remembered.
const KEPT: usize = 1000;

/// The certificates in a host's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HostCertificates {
    /// Files of certificate authorities.
    pub(crate) ca_files: Vec<String>,
    /// The client certificate; of several the first by name.
    pub(crate) identity: Option<ClientCertificate>,
}

/// The folders that are searched; the first that knows a host says everything about it.
#[derive(Debug, Default)]
pub(crate) struct CertificateSearch {
    folders: Vec<PathBuf>,
    /// From this position on, an unreadable folder is ignored: the caller has not named it.
    usual: usize,
    found: Mutex<HashMap<String, Arc<HostCertificates>>>,
}

impl CertificateSearch {
    /// The folders of the caller, then the usual ones if they are wanted.
    pub(crate) fn new(folders: &[String], usual: bool, home: Option<PathBuf>) -> CertificateSearch {
        let mut all: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
        let named = all.len();
        if usual {
            all.extend(home.iter().flat_map(|home| HOME.iter().map(|folder| home.join(folder))));
            all.extend(MACHINE.iter().map(PathBuf::from));
        }
        CertificateSearch { folders: all, usual: named, found: Mutex::default() }
    }

    /// The certificates for a host; read when they are first needed.
    pub(crate) fn of(&self, url: &Url) -> Result<Arc<HostCertificates>> {
        let host = url.host_str().unwrap_or_default();
        // Such a host would be a hidden folder, or one elsewhere.
        if self.folders.is_empty() || host.starts_with('.') || host.contains(['/', '\\']) {
            return Ok(Arc::default());
        }
        let name = format!("{host}:{}", url.port_or_known_default().unwrap_or(0));
        if let Some(found) = lock(&self.found).get(&name) {
            return Ok(found.clone());
        }
        let found = Arc::new(self.search(host, &name, url.port().is_none())?);
        let mut all = lock(&self.found);
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(name, found.clone());
        Ok(found)
    }

    fn search(&self, host: &str, name: &str, default_port: bool) -> Result<HostCertificates> {
        for (index, folder) in self.folders.iter().enumerate() {
            let names = if default_port { &[host, name][..] } else { &[name] };
            for name in names {
                let folder = folder.join(name);
                match std::fs::read_dir(&folder) {
                    Ok(entries) => return read(&folder, entries),
                    Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                    Err(error) if error.kind() == ErrorKind::PermissionDenied && index >= self.usual => {}
                    Err(error) => return Err(cannot_read(&folder, &error)),
                }
            }
        }
        Ok(HostCertificates::default())
    }
}

/// The certificates in a folder that a caller names for one host.
pub(crate) fn in_folder(folder: &Path) -> Result<HostCertificates> {
    let entries = std::fs::read_dir(folder).map_err(|error| cannot_read(folder, &error))?;
    read(folder, entries)
}

fn read(folder: &Path, entries: std::fs::ReadDir) -> Result<HostCertificates> {
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| cannot_read(folder, &error))?.path();
        files.extend(path.to_str().map(str::to_owned));
    }
    files.sort();
    let mut found = HostCertificates::default();
    for file in &files {
        if file.ends_with(".crt") {
            found.ca_files.push(file.clone());
        } else if let Some(stem) = file.strip_suffix(".cert") {
            let key_file = partner(&files, file, format!("{stem}.key"), "no key beside the client certificate")?;
            found.identity.get_or_insert(ClientCertificate { cert_file: file.clone(), key_file });
        } else if let Some(stem) = file.strip_suffix(".key") {
            partner(&files, file, format!("{stem}.cert"), "no client certificate beside the key")?;
        }
    }
    Ok(found)
}

fn partner(files: &[String], file: &str, partner: String, what: &str) -> Result<String> {
    if files.contains(&partner) {
        return Ok(partner);
    }
    let error = Error::new(Code::Tls, format!("there is {what} {file}: {partner} is missing"));
    Err(error.with_hint("a certificate authority's file ends in .crt"))
}

fn cannot_read(folder: &Path, error: &std::io::Error) -> Error {
    Error::io(format!("cannot read the folder of certificates {}", folder.display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new(files: &[&str]) -> Folder {
            let folder = tempfile::tempdir().unwrap();
            for file in files {
                let path = folder.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "x").unwrap();
            }
            Folder(folder)
        }

        fn path(&self) -> String {
            self.0.path().to_str().unwrap().to_owned()
        }

        fn search(&self) -> CertificateSearch {
            CertificateSearch::new(&[self.path()], false, None)
        }
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_hosts_folder_has_authorities_and_a_client_certificate() {
        let folder = Folder::new(&["h:5000/b.crt", "h:5000/a.crt", "h:5000/me.cert", "h:5000/me.key", "h:5000/README"]);
        let found = folder.search().of(&url("https://h:5000/v2/")).unwrap();
        let file = |name: &str| format!("{}/h:5000/{name}", folder.path());
        assert_eq!(found.ca_files, [file("a.crt"), file("b.crt")]);
        assert_eq!(found.identity, Some(ClientCertificate { cert_file: file("me.cert"), key_file: file("me.key") }));
        for other in ["https://h/", "https://h:5001/", "https://other:5000/", "https://h.:5000"] {
            assert_eq!(*folder.search().of(&url(other)).unwrap(), HostCertificates::default(), "{other}");
        }
    }

    #[test]
    fn the_port_of_https_may_be_left_out_and_the_first_folder_wins() {
        let (first, second) = (Folder::new(&["h/a.crt"]), Folder::new(&["h:443/b.crt", "only:443/c.crt"]));
        let search = CertificateSearch::new(&[first.path(), second.path()], false, None);
        let files = |host: &str| search.of(&url(host)).unwrap().ca_files.clone();
        assert_eq!(files("https://h/"), [format!("{}/h/a.crt", first.path())]);
        assert_eq!(files("https://only/"), [format!("{}/only:443/c.crt", second.path())]);
    }

    #[test]
    fn half_a_client_certificate_is_named() {
        for (file, missing) in [("h/me.cert", "me.key"), ("h/me.key", "me.cert")] {
            let error = Folder::new(&[file]).search().of(&url("https://h/")).unwrap_err();
            assert_eq!(error.code(), Code::Tls);
            assert!(error.message().contains(file) && error.message().contains(missing), "{error}");
        }
    }

    #[test]
    fn no_host_leads_out_of_the_folders() {
        let folder = Folder::new(&["certs/x/y.crt", "a.crt"]);
        let search = CertificateSearch::new(&[format!("{}/certs", folder.path())], false, None);
        for host in ["https://../", "https://.../"] {
            if let Ok(url) = Url::parse(host) {
                assert_eq!(*search.of(&url).unwrap(), HostCertificates::default());
            }
        }
    }

    #[test]
    fn the_usual_folders_are_searched_when_that_is_asked_for() {
        let home = Folder::new(&[".config/containers/certs.d/h/a.crt"]);
        let search = CertificateSearch::new(&[], true, Some(PathBuf::from(home.path())));
        assert_eq!(search.of(&url("https://h/")).unwrap().ca_files.len(), 1);
        assert_eq!(search.folders.len(), 4);
        assert!(CertificateSearch::new(&[], false, Some(PathBuf::from(home.path()))).folders.is_empty());
    }
}

//! Where stored credentials are looked for. None of it is accessed unless an option asks.

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::os::home::{self, Environment};

#[derive(Debug, Clone, Default)]
pub(crate) struct CredentialChoice {
    /// A file in Docker's or podman's format.
    pub(crate) credentials_file: Option<String>,
    /// A folder with a config.json.
    pub(crate) docker_config: Option<String>,
    /// Whether the usual places are searched too.
    pub(crate) usual: bool,
    /// Also files of other users, and those that others can write to.
    pub(crate) foreign: bool,
}

#[derive(Clone)]
pub(crate) enum CredentialPlace {
    File {
        path: PathBuf,
        /// The caller has named it, so it must exist.
        named: bool,
    },
    /// The content of a file in an environment variable.
    Inline { variable: &'static str, text: Zeroizing<String> },
}

/// The places in order: what the caller named, DOCKER_AUTH_CONFIG, REGISTRY_AUTH_FILE, Docker's
/// config.json, podman's two files, the old .dockercfg.
pub(crate) fn places(wanted: &CredentialChoice, environment: Environment<'_>) -> Vec<CredentialPlace> {
    let mut places = Vec::new();
    let mut add = |path: PathBuf, named| places.push(CredentialPlace::File { path, named });
    if let Some(path) = &wanted.credentials_file {
        add(path.into(), true);
    }
    if let Some(folder) = &wanted.docker_config {
        add(PathBuf::from(folder).join("config.json"), false);
    }
    if !wanted.usual {
        return places;
    }
    let in_home = |rest: &str| home::home(environment).map(|home| home.join(rest));
    let files = [
        home::named(environment, "REGISTRY_AUTH_FILE"),
        home::named(environment, "DOCKER_CONFIG")
            .or_else(|| in_home(".docker"))
            .map(|folder| folder.join("config.json")),
        home::runtime(environment).map(|folder| folder.join("containers/auth.json")),
        home::config(environment).map(|folder| folder.join("containers/auth.json")),
        in_home(".dockercfg"),
    ];
    if let Some(text) =
        environment("DOCKER_AUTH_CONFIG").and_then(|value| value.into_string().ok()).filter(|text| !text.is_empty())
    {
        places.push(CredentialPlace::Inline { variable: "DOCKER_AUTH_CONFIG", text: Zeroizing::new(text) });
    }
    for path in files.into_iter().flatten() {
        places.push(CredentialPlace::File { path, named: false });
    }
    places
}

/// Where a login is stored: the first file in the list.
pub(crate) fn target(places: &[CredentialPlace]) -> Option<&PathBuf> {
    places.iter().find_map(|place| match place {
        CredentialPlace::File { path, .. } => Some(path),
        CredentialPlace::Inline { .. } => None,
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn shown(wanted: &CredentialChoice, environment: &[(&str, &str)]) -> Vec<String> {
        let get = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        let places = places(wanted, &get);
        places
            .iter()
            .map(|place| match place {
                CredentialPlace::File { path, named } => format!("{}{}", path.display(), if *named { "!" } else { "" }),
                CredentialPlace::Inline { variable, .. } => (*variable).to_owned(),
            })
            .collect()
    }

    const ALL: [(&str, &str); 7] = [
        ("HOME", "/h"),
        ("REGISTRY_AUTH_FILE", "/r.json"),
        ("DOCKER_AUTH_CONFIG", "{}"),
        ("DOCKER_CONFIG", "/d"),
        ("XDG_RUNTIME_DIR", "/run"),
        ("XDG_CONFIG_HOME", "/x"),
        ("PATH", "/bin"),
    ];

    #[test]
    fn nothing_is_looked_for_unasked() {
        assert!(shown(&CredentialChoice::default(), &ALL).is_empty());
        let file = CredentialChoice { credentials_file: Some("/f".into()), ..CredentialChoice::default() };
        assert_eq!(shown(&file, &ALL), ["/f!"]);
        let folder = CredentialChoice { docker_config: Some("/e".into()), ..CredentialChoice::default() };
        assert_eq!(shown(&folder, &ALL), ["/e/config.json"]);
    }

    #[test]
    fn the_usual_places_have_an_order() {
        let usual = CredentialChoice { usual: true, ..CredentialChoice::default() };
        assert_eq!(
            shown(&usual, &ALL),
            [
                "DOCKER_AUTH_CONFIG",
                "/r.json",
                "/d/config.json",
                "/run/containers/auth.json",
                "/x/containers/auth.json",
                "/h/.dockercfg"
            ]
        );
        assert_eq!(
            shown(&usual, &[("HOME", "/h"), ("DOCKER_CONFIG", "")]),
            ["/h/.docker/config.json", "/h/.config/containers/auth.json", "/h/.dockercfg"]
        );
        assert!(shown(&usual, &[]).is_empty());
        let all = CredentialChoice {
            credentials_file: Some("/f".into()),
            docker_config: Some("/e".into()),
            usual: true,
            ..CredentialChoice::default()
        };
        assert_eq!(shown(&all, &ALL)[..3], ["/f!", "/e/config.json", "DOCKER_AUTH_CONFIG"]);
    }

    #[test]
    fn a_login_is_kept_in_the_first_file() {
        let usual = CredentialChoice { usual: true, ..CredentialChoice::default() };
        let get = |name: &str| (name != "REGISTRY_AUTH_FILE").then(|| OsString::from("/v"));
        assert_eq!(target(&places(&usual, &get)), Some(&PathBuf::from("/v/config.json")));
        assert_eq!(target(&[]), None);
    }
}

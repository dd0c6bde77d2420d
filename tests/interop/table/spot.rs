//! The places of the table, and how each program spells them.

use crate::copy::scratch;
use crate::TestRegistry;

/// A kind of place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// One of the running registries.
    Registry(&'static str),
    Oci,
    OciArchive,
    DockerArchive,
    Dir,
}

pub const KINDS: [(&str, Kind); 7] = [
    ("distribution 2.8", Kind::Registry("OCIREG_TEST_V2")),
    ("distribution 3", Kind::Registry("OCIREG_TEST_V3")),
    ("ggcr", Kind::Registry("OCIREG_TEST_GGCR")),
    ("oci:", Kind::Oci),
    ("oci-archive:", Kind::OciArchive),
    ("docker-archive:", Kind::DockerArchive),
    ("dir:", Kind::Dir),
];

/// A repository, layout, archive or folder of its own for one cell.
pub struct Spot {
    pub kind: Kind,
    pub registry: Option<TestRegistry>,
    /// Of the registry, or for what a local place is copied to.
    pub repository: String,
    /// For a local place, and for what a check writes.
    pub folder: tempfile::TempDir,
}

impl Spot {
    pub fn new((_, kind): &(&str, Kind), repository: String) -> Spot {
        let registry = match kind {
            Kind::Registry(variable) => Some(TestRegistry::new(variable)),
            _ => None,
        };
        Spot { kind: *kind, registry, repository, folder: scratch() }
    }

    pub fn is_registry(&self) -> bool {
        self.registry.is_some()
    }

    /// A file or folder beside the place.
    pub fn beside(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Where a local place is.
    pub fn path(&self) -> String {
        self.beside(if matches!(self.kind, Kind::OciArchive | Kind::DockerArchive) { "place.tar" } else { "place" })
    }

    /// What of the images brought here it can hold: docker's archives hold no indexes.
    pub fn holds(&self) -> &'static str {
        if self.kind == Kind::DockerArchive {
            "image"
        } else {
            "index"
        }
    }

    /// The name of an image there.
    pub fn name(&self, name: &str) -> String {
        if self.kind == Kind::DockerArchive {
            format!("example.org/a/b:{name}")
        } else {
            name.to_owned()
        }
    }

    /// As this library spells it; a dir: has no names.
    pub fn ours(&self, name: &str) -> String {
        match (&self.registry, self.kind) {
            (Some(registry), _) => format!("docker://{}/{}:{name}", registry.host, self.repository),
            (None, Kind::Oci) => format!("oci:{}:{name}", self.path()),
            (None, Kind::OciArchive) => format!("oci-archive:{}:{name}", self.path()),
            (None, Kind::DockerArchive) => format!("docker-archive:{}:{}", self.path(), self.name(name)),
            (None, _) => format!("dir:{}", self.path()),
        }
    }

    /// The place itself, or the only image of it.
    pub fn whole(&self) -> String {
        match &self.registry {
            Some(registry) => format!("docker://{}/{}", registry.host, self.repository),
            None => {
                let named = self.ours("v1");
                let end = if self.kind == Kind::Dir { "" } else { &format!(":{}", self.name("v1")) };
                named.strip_suffix(end).unwrap_or(&named).to_owned()
            }
        }
    }

    /// As a program spells it that reads registries and, with a flag, layouts.
    pub fn bare(&self, name: &str) -> String {
        match &self.registry {
            Some(registry) => format!("{}/{}:{name}", registry.host, self.repository),
            None => format!("{}:{name}", self.path()),
        }
    }
}

//! What each program can do with a place.

use ocireg::digest::Digest;

use super::cell::{Cell, Checked, Fault, NO_NAMES};
use super::spot::Kind;
use crate::sha256;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tool {
    Oras,
    Crane,
    Regctl,
    Skopeo,
}

pub const TOOLS: [Tool; 4] = [Tool::Oras, Tool::Crane, Tool::Regctl, Tool::Skopeo];

pub const ORAS_LAYOUTS: &str = "oras knows registries and layouts, and reads a layout in a tar";
pub const ORAS_WRITES: &str = "oras changes no layout in a tar";
pub const CRANE_LAYOUTS: &str = "crane pulls into a layout and pushes all of it: it reads or sets no name there";
pub const CRANE_ARCHIVES: &str = "crane knows registries, layouts and what docker save writes";
pub const REGCTL_PLACES: &str = "regctl knows no dir:";
pub const REGCTL_TARS: &str = "regctl imports and exports a tar as a whole, and reads nothing in it";
pub const NO_INDEXES: &str = "skopeo makes no indexes";
pub const SKOPEO_ONE: &str = "skopeo writes an archive once and changes nothing in it";

impl Tool {
    pub fn name(self) -> &'static str {
        match self {
            Tool::Oras => "oras",
            Tool::Crane => "crane",
            Tool::Regctl => "regctl",
            Tool::Skopeo => "skopeo",
        }
    }
}

fn no<T>(why: &'static str) -> Checked<T> {
    Err(Fault::Cannot(why))
}

impl Cell<'_> {
    /// Whether the program knows such a place by its names.
    pub fn known(&self) -> Checked {
        match (self.tool, self.spot.kind) {
            (_, Kind::Registry(_)) | (Tool::Oras | Tool::Regctl, Kind::Oci) => Ok(()),
            (Tool::Oras, Kind::OciArchive) => Ok(()),
            (Tool::Oras, _) => no(ORAS_LAYOUTS),
            (Tool::Crane, Kind::Oci) => no(CRANE_LAYOUTS),
            (Tool::Crane, _) => no(CRANE_ARCHIVES),
            (Tool::Regctl, Kind::Dir) => no(REGCTL_PLACES),
            (Tool::Regctl, _) => no(REGCTL_TARS),
            (Tool::Skopeo, _) => Ok(()),
        }
    }

    /// The same where it has to be changed.
    pub fn changed(&self) -> Checked {
        self.known()?;
        match (self.tool, self.spot.kind) {
            (Tool::Oras, Kind::OciArchive) => no(ORAS_WRITES),
            (Tool::Skopeo, Kind::OciArchive | Kind::DockerArchive) => no(SKOPEO_ONE),
            (_, Kind::Dir) => no(NO_NAMES),
            _ => Ok(()),
        }
    }

    /// The name as the program spells it.
    pub fn theirs(&self, name: &str) -> String {
        match (self.tool, self.spot.kind) {
            (Tool::Regctl, Kind::Oci) => format!("ocidir://{}", self.spot.bare(name)),
            (Tool::Skopeo, _) => self.spot.ours(name),
            _ => self.spot.bare(name),
        }
    }

    /// What a digest is there, as the program spells it.
    pub fn theirs_pinned(&self, digest: &Digest) -> String {
        self.theirs("v1").replace(":v1", &format!("@{digest}"))
    }

    /// The place itself, as the program spells it.
    pub fn their_holder(&self) -> String {
        self.theirs("v1").trim_end_matches(":v1").to_owned()
    }

    /// The flags of oras for one end.
    fn oras_flag(&self, end: &str) -> String {
        if self.spot.is_registry() {
            format!("--{end}plain-http")
        } else {
            format!("--{end}oci-layout")
        }
    }

    /// Runs oras at the place.
    pub fn oras(&self, words: &[&str]) -> Checked<String> {
        self.run(&[words, &[self.oras_flag("").as_str()]].concat())
    }

    /// The program copies all of an image from the place to a repository.
    pub fn copied_out(&self, name: &str) -> Checked<String> {
        let (from, to, path) = (self.theirs(name), self.away_bare("out"), self.spot.path());
        match (self.tool, self.spot.kind) {
            (Tool::Oras, Kind::Registry(_) | Kind::Oci | Kind::OciArchive) => {
                self.run(&["cp", &self.oras_flag("from-"), "--to-plain-http", &from, &to])
            }
            (Tool::Crane, Kind::Registry(_)) => self.run(&["copy", &from, &to]),
            (Tool::Crane, Kind::Oci | Kind::DockerArchive) => self.run(&["push", &path, &to]),
            (Tool::Crane, _) => no(CRANE_ARCHIVES),
            (Tool::Regctl, Kind::Registry(_) | Kind::Oci) => self.run(&["image", "copy", &from, &to]),
            (Tool::Regctl, Kind::OciArchive | Kind::DockerArchive) => self.run(&["image", "import", &to, &path]),
            (Tool::Skopeo, Kind::DockerArchive) => {
                self.run(&["copy", "--dest-tls-verify=false", &from, &format!("docker://{to}")])
            }
            (Tool::Skopeo, _) => self.skopeo_copy(&from, &format!("docker://{to}")),
            _ => self.known().and(no("it cannot be read")),
        }?;
        Ok(self.away("out"))
    }

    pub fn skopeo_copy(&self, from: &str, to: &str) -> Checked<String> {
        let flags = ["copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"];
        self.run(&[&flags[..], &[from, to]].concat())
    }

    /// The program brings something from home to the place: that as this library reads it.
    pub fn copied_in(&self, tag: &str) -> Checked<String> {
        let (from, to, path) = (self.home.named(tag), self.theirs("v1"), self.spot.path());
        let bare = from.strip_prefix("docker://").unwrap_or(&from);
        match (self.tool, self.spot.kind) {
            (Tool::Oras, Kind::Registry(_) | Kind::Oci) => {
                self.run(&["cp", "--from-plain-http", &self.oras_flag("to-"), bare, &to])
            }
            (Tool::Oras, Kind::OciArchive) => self.run(&["backup", "--plain-http", "--output", &path, bare]),
            (Tool::Crane, Kind::Registry(_)) => self.run(&["copy", bare, &to]),
            (Tool::Crane, Kind::Oci) => self.run(&["pull", "--format=oci", bare, &path]),
            (Tool::Crane, Kind::DockerArchive) => self.run(&["pull", bare, &path]),
            (Tool::Regctl, Kind::Registry(_) | Kind::Oci) => self.run(&["image", "copy", bare, &to]),
            (Tool::Regctl, Kind::OciArchive | Kind::DockerArchive) => self.run(&["image", "export", bare, &path]),
            (Tool::Skopeo, Kind::DockerArchive) => self.run(&["copy", "--src-tls-verify=false", &from, &to]),
            (Tool::Skopeo, _) => self.skopeo_copy(&from, &to),
            _ => self.known().and(no("it cannot be written")),
        }?;
        Ok(match (self.tool, self.spot.kind) {
            (_, Kind::Registry(_)) => self.spot.ours("v1"),
            // Where it brings an index, it lists what that leads to, too.
            (Tool::Oras, Kind::Oci) => self.spot.ours("v1"),
            (Tool::Oras, _) => self.spot.ours(tag),
            _ => self.spot.whole(),
        })
    }

    /// What a name is for the program: the digest of the bytes that it shows; of an archive of docker, the config's.
    pub fn reads(&self, name: &str) -> Checked<Digest> {
        self.reads_as(&self.theirs(name))
    }

    pub fn reads_as(&self, name: &str) -> Checked<Digest> {
        self.known()?;
        let bytes = match (self.tool, self.spot.kind) {
            (Tool::Oras, _) => self.oras(&["manifest", "fetch", name]),
            (Tool::Crane, _) => self.run(&["manifest", name]),
            (Tool::Regctl, _) => self.run(&["manifest", "get", "--format", "raw-body", name]),
            (Tool::Skopeo, Kind::DockerArchive) => self.run(&["inspect", "--config", "--raw", name]),
            (Tool::Skopeo, _) => self.run(&["inspect", "--raw", "--tls-verify=false", name]),
        }?;
        Ok(sha256(bytes.trim_end().as_bytes()))
    }

    /// The names that the program sees.
    pub fn lists(&self) -> Checked<Vec<String>> {
        self.known()?;
        let place = self.theirs("v1");
        let place = place.strip_suffix(":v1").unwrap_or(&place);
        let text = match (self.tool, self.spot.kind) {
            (_, Kind::Dir) => return no(NO_NAMES),
            (Tool::Oras, _) => self.oras(&["repo", "tags", place])?,
            (Tool::Crane, _) => self.run(&["ls", place])?,
            (Tool::Regctl, _) => self.run(&["tag", "ls", place])?,
            (Tool::Skopeo, Kind::Registry(_)) => self.run(&["list-tags", "--tls-verify=false", place])?,
            (Tool::Skopeo, Kind::DockerArchive) => {
                self.run(&["list-tags", &format!("docker-archive:{}", self.spot.path())])?
            }
            (Tool::Skopeo, _) => return no("skopeo lists no names of layouts"),
        };
        let mut names: Vec<String> = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(listed) => listed["Tags"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|one| one.as_str())
                .map(str::to_owned)
                .collect(),
            Err(_) => text.lines().map(str::to_owned).collect(),
        };
        names.sort();
        Ok(names)
    }
}

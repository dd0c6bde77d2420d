//! One cell of the table: a program, a place, and what each check does with them.

use std::process::{Command, Stdio};

use ocireg::digest::Digest;
use ocireg::error::Error;
use ocireg::place::{copy, get_manifest, Place};
use ocireg::registry::Client;

use super::home::Home;
use super::spot::{Kind, Spot};
use super::tools::Tool;
use crate::env;

/// Why a cell is not the same.
#[derive(Debug)]
pub enum Fault {
    /// The program, or the place, cannot do it.
    Cannot(&'static str),
    Wrong(String),
}

pub type Checked<T = ()> = Result<T, Fault>;

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Wrong(error.to_string())
    }
}

pub struct Cell<'a> {
    pub home: &'a Home,
    pub tool: Tool,
    pub spot: Spot,
    pub client: Client,
}

/// Nothing can be told apart where a name is all that a check is about.
pub const NO_NAMES: &str = "a dir: holds one image and has no names";
pub const ONLY_IMAGES: &str = "a docker-archive: holds images of docker save and nothing else";

pub fn expect(is_so: bool, why: impl FnOnce() -> String) -> Checked {
    if is_so {
        Ok(())
    } else {
        Err(Fault::Wrong(why()))
    }
}

impl Cell<'_> {
    pub fn place(&self, text: &str) -> Checked<Place> {
        Ok(Place::named(&self.client, text)?)
    }

    /// This library brings something from home to the place.
    pub fn bring(&self, tag: &str, name: &str) -> Checked {
        self.copy(&self.home.named(tag), &self.spot.ours(name))
    }

    pub fn copy(&self, from: &str, to: &str) -> Checked {
        let call = self.client.call(None)?;
        copy(&self.client, &call, &self.place(from)?, &self.place(to)?, &Default::default())?;
        Ok(())
    }

    /// A name in the repository that everything of this cell is copied to.
    pub fn away(&self, tag: &str) -> String {
        format!("docker://{}", self.away_bare(tag))
    }

    pub fn away_bare(&self, tag: &str) -> String {
        format!("{}/{}-away:{tag}", self.home.place.host, self.spot.repository)
    }

    /// What tells one image from another: its digest; or its config's, as archives of docker have no manifest.
    pub fn identity(&self, place: &str) -> Checked<Digest> {
        let call = self.client.call(None)?;
        let found = get_manifest(&self.client, &call, &self.place(place)?, &Default::default())?;
        let config = found.document.config().map(|config| config.digest.clone());
        let config = config.filter(|_| self.spot.kind == Kind::DockerArchive);
        Ok(config.unwrap_or(found.document.digest))
    }

    pub fn alike(&self, one: &str, other: &str) -> Checked {
        let (left, right) = (self.identity(one)?, self.identity(other)?);
        expect(left == right, || format!("{one} is {left}, {other} is {right}"))
    }

    /// Runs the program, in the cell's folder.
    pub fn run(&self, words: &[&str]) -> Checked<String> {
        self.run_in(self.spot.folder.path(), words, None)
    }

    /// The same, in a folder, perhaps with a file as its input.
    pub fn run_in(&self, folder: &std::path::Path, words: &[&str], input: Option<&str>) -> Checked<String> {
        let name = self.tool.name();
        let program =
            if self.tool == Tool::Skopeo { name.to_owned() } else { format!("{}/{name}", env("OCIREG_TEST_TOOLS")) };
        let mut command = Command::new(program);
        if self.tool == Tool::Regctl {
            let hosts = [Some(&self.home.place), self.spot.registry.as_ref()];
            hosts.iter().flatten().for_each(|one| {
                command.arg("--host").arg(format!("reg={},tls=disabled", one.host));
            });
        }
        if self.tool == Tool::Skopeo {
            command.arg("--insecure-policy");
        }
        let input = input.map_or_else(Stdio::null, |path| std::fs::File::open(path).unwrap().into());
        let output = command.args(words).current_dir(folder).env("HOME", self.spot.folder.path()).stdin(input).output();
        let output = output.map_err(|error| Fault::Wrong(format!("{name}: {error}")))?;
        expect(output.status.success(), || {
            format!("{name} {words:?}: {}", String::from_utf8_lossy(&output.stderr).trim())
        })?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

//! Whole repositories: all names of one, brought to the place and back.

use serde_json::json;

use super::cell::{expect, Cell, Checked, Fault};
use super::spot::Kind;
use super::tools::{Tool, CRANE_ARCHIVES, CRANE_LAYOUTS, ORAS_LAYOUTS};
use crate::synced::{counts, synced};

const NOT_SYNCED: &str = "sync brings to and from no dir:";
const SKOPEO_SYNC: &str = "skopeo syncs with registries and folders of dir: only";
const REGCTL_NAMES: &str = "regctl writes an archive for one image";
/// The names in the repository.
const TAGS: [&str; 2] = ["image", "index"];

fn is_synced(cell: &Cell) -> Checked {
    match cell.spot.kind {
        Kind::Dir => Err(Fault::Cannot(NOT_SYNCED)),
        _ => Ok(()),
    }
}

/// All of it brought by this library, each name read by the program.
pub fn read_by(cell: &Cell) -> Checked {
    is_synced(cell)?;
    cell.known()?;
    let is_saved = cell.spot.kind == Kind::DockerArchive;
    let whole = cell.spot.whole();
    let to = if is_saved { format!("{whole}:{}", cell.spot.name("").trim_end_matches(':')) } else { whole };
    let done = synced(&cell.client, &cell.home.packed(), &to, json!({}));
    expect(counts(&done) == "2 2 0 0 0", || done.to_string())?;
    let again = synced(&cell.client, &cell.home.packed(), &to, json!({}));
    expect(counts(&again) == "2 0 2 0 0" && again["blobs"]["bytes_copied"] == 0, || again.to_string())?;
    TAGS.iter().try_for_each(|tag| {
        let (theirs, wanted) = (cell.reads(tag)?, cell.identity(&cell.home.named(held(cell, tag)))?);
        expect(theirs == wanted, || format!("{tag} is {theirs} for them, not {wanted}"))
    })
}

/// What a name of the repository leads to there: of the index, docker's archives hold one image.
fn held<'a>(cell: &Cell, tag: &'a str) -> &'a str {
    if cell.spot.kind == Kind::DockerArchive {
        "image"
    } else {
        tag
    }
}

/// The program brings all of it: the place as this library spells it.
fn brought_by(cell: &Cell) -> Checked<String> {
    let (from, whole, path) = (cell.home.packed(), cell.spot.whole(), cell.spot.path());
    let to = whole.strip_prefix("docker://").unwrap_or(&whole);
    match (cell.tool, cell.spot.kind) {
        (Tool::Oras, Kind::Registry(_)) => {
            cell.run(&["backup", "--plain-http", "--output", &path, &from])?;
            cell.run(&["restore", "--plain-http", "--input", &path, to])
        }
        (Tool::Oras, Kind::Oci | Kind::OciArchive) => cell.run(&["backup", "--plain-http", "--output", &path, &from]),
        (Tool::Oras, _) => return Err(Fault::Cannot(ORAS_LAYOUTS)),
        (Tool::Crane, Kind::Registry(_)) => cell.run(&["copy", "-a", &from, to]),
        (Tool::Crane, Kind::DockerArchive) => {
            let [image, index] = TAGS.map(|tag| format!("{from}:{tag}"));
            cell.run(&["pull", &image, &index, &path])
        }
        (Tool::Crane, Kind::Oci) => return Err(Fault::Cannot(CRANE_LAYOUTS)),
        (Tool::Crane, _) => return Err(Fault::Cannot(CRANE_ARCHIVES)),
        (Tool::Regctl, Kind::Registry(_) | Kind::Oci) => {
            // It has no call for all names at once.
            let one = |tag: &&str| cell.run(&["image", "copy", &format!("{from}:{tag}"), &cell.theirs(tag)]);
            TAGS.iter().map(one).collect::<Checked<String>>()
        }
        (Tool::Regctl, _) => return Err(Fault::Cannot(REGCTL_NAMES)),
        (Tool::Skopeo, Kind::Registry(_)) => {
            let flags = ["sync", "--all", "--src-tls-verify=false", "--dest-tls-verify=false"];
            cell.run(&[&flags[..], &["--src", "docker", "--dest", "docker", &from, to]].concat())?;
            return Ok(format!("{whole}/packed"));
        }
        (Tool::Skopeo, Kind::DockerArchive) => {
            // It copies one image, under several names.
            let (from, [image, index]) = (format!("docker://{from}:image"), TAGS.map(|tag| cell.spot.name(tag)));
            let to = format!("docker-archive:{path}:{image}");
            cell.run(&["copy", "--src-tls-verify=false", "--additional-tag", &index, &from, &to])
        }
        (Tool::Skopeo, _) => return Err(Fault::Cannot(SKOPEO_SYNC)),
    }?;
    Ok(whole)
}

/// All of it brought by the program: this library has nothing left to do, and brings it on.
pub fn brought_and_found(cell: &Cell) -> Checked {
    is_synced(cell)?;
    let there = brought_by(cell)?;
    let away = cell.away("x");
    let away = away.strip_suffix(":x").unwrap_or(&away);
    let mut below = String::new();
    if cell.spot.kind == Kind::DockerArchive {
        // These programs make no layout of it, to which something could be added; and its names have a repository.
        let last = if cell.tool == Tool::Crane { "packed" } else { "b" };
        below = format!("/{last}");
    } else {
        let done = synced(&cell.client, &cell.home.packed(), &there, json!({}));
        expect(counts(&done) == "2 0 2 0 0" && done["blobs"]["bytes_copied"] == 0, || done.to_string())?;
    }
    for wanted in ["2 2 0 0 0", "2 0 2 0 0"] {
        let done = synced(&cell.client, &there, away, json!({}));
        expect(counts(&done) == wanted, || done.to_string())?;
    }
    TAGS.iter().try_for_each(|tag| cell.alike(&format!("{away}{below}:{tag}"), &cell.home.named(held(cell, tag))))
}

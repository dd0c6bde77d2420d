//! Artifacts in and out, and what is attached to an image.

use ocireg::place::{attach_artifact, get_manifest, pull_artifact, push_artifact, referrers};
use serde_json::json;

use super::cell::{expect, Cell, Checked, Fault, ONLY_IMAGES};
use super::home::FILES;
use super::spot::Kind;
use super::tools::Tool;
use crate::artifacts::{artifact, same};

const NO_REFERRERS: &str = "crane and skopeo know no referrers";
const ONLY_BOTH: &str = "nothing is attached in a dir:, which holds one manifest only";
const ARCHIVES: &str = "no other program lists or makes referrers in an archive";
const OWN_SCHEME: &str =
    "regctl keeps the referrers of a layout under a tag of the digest, as in a registry without them, and not in index.json alone";

fn has_artifacts(cell: &Cell) -> Checked {
    if cell.spot.kind == Kind::DockerArchive {
        Err(Fault::Cannot(ONLY_IMAGES))
    } else {
        Ok(())
    }
}

/// What this library pushes, the program copies from there.
pub fn read_by(cell: &Cell) -> Checked {
    has_artifacts(cell)?;
    let made = artifact(cell.home.files.path(), &FILES, None);
    let options = serde_json::from_value(json!({"artifact_type": "a/b"})).unwrap();
    let call = cell.client.call(None)?;
    let pushed = push_artifact(&cell.client, &call, &made, &cell.place(&cell.spot.ours("v1"))?, &options)?;
    cell.alike(&cell.spot.ours("v1"), &cell.home.named("artifact"))?;
    let digest = cell.identity(&cell.copied_out("v1")?)?;
    expect(digest == pushed.digest, || format!("it is {digest} for them, and we pushed {}", pushed.digest))
}

/// What the program pushes, or brings there, this library pulls as files.
pub fn pushed_by(cell: &Cell) -> Checked {
    has_artifacts(cell)?;
    let (folder, to) = (cell.home.files.path(), cell.theirs("v1"));
    let (there, names) = match (cell.tool, cell.spot.kind) {
        (Tool::Oras, Kind::Registry(_) | Kind::Oci) => {
            let flag = if cell.spot.is_registry() { "--plain-http" } else { "--oci-layout" };
            cell.run_in(folder, &[&["push", flag, "--artifact-type", "a/b", &to], &FILES[..]].concat(), None)?;
            (cell.spot.ours("v1"), &["a.txt", "c.json", "folder/in", "folder/deep/er/x"][..])
        }
        (Tool::Regctl, Kind::Registry(_) | Kind::Oci) => {
            let words = ["artifact", "put", "--artifact-type", "a/b", "--file-title", "-f", "a.txt", "-f", "c.json"];
            cell.run_in(folder, &[&words[..], &["-m", "text/plain", "-m", "application/json", &to]].concat(), None)?;
            (cell.spot.ours("v1"), &["a.txt", "c.json"][..])
        }
        _ => (cell.copied_in("artifact")?, &["a.txt", "c.json", "folder/in", "folder/deep/er/x"][..]),
    };
    let out = cell.spot.folder.path().join("pulled");
    let call = cell.client.call(None)?;
    let pulled = pull_artifact(&cell.client, &call, &cell.place(&there)?, &out, &Default::default())?;
    same(folder, &out, names);
    let is_moved =
        !matches!(cell.tool, Tool::Oras | Tool::Regctl) || !matches!(cell.spot.kind, Kind::Registry(_) | Kind::Oci);
    let theirs = if is_moved { cell.identity(&cell.home.named("artifact"))? } else { cell.reads("v1")? };
    expect(pulled.digest == theirs, || format!("it is {theirs} for them, and we pulled {}", pulled.digest))
}

/// Where both sides can attach and list.
fn attaches(cell: &Cell) -> Checked {
    match (cell.tool, cell.spot.kind) {
        (_, Kind::DockerArchive) => Err(Fault::Cannot(ONLY_IMAGES)),
        (_, Kind::Dir) => Err(Fault::Cannot(ONLY_BOTH)),
        (Tool::Crane | Tool::Skopeo, _) => Err(Fault::Cannot(NO_REFERRERS)),
        (Tool::Regctl, Kind::OciArchive) => Err(Fault::Cannot(ARCHIVES)),
        _ => Ok(()),
    }
}

/// What this library attaches, the program lists.
pub fn listed_by(cell: &Cell) -> Checked {
    attaches(cell)?;
    if (cell.tool, cell.spot.kind) == (Tool::Regctl, Kind::Oci) {
        return Err(Fault::Cannot(OWN_SCHEME));
    }
    cell.bring("image", "v1")?;
    let made = artifact(cell.home.files.path(), &["a.txt"], None);
    let options = serde_json::from_value(json!({"artifact_type": "a/sig"})).unwrap();
    let call = cell.client.call(None)?;
    let attached = attach_artifact(&cell.client, &call, &made, &cell.place(&cell.spot.ours("v1"))?, &options)?;
    let shown = match cell.tool {
        Tool::Oras => cell.oras(&["discover", "--format", "json", &cell.theirs("v1")]),
        _ => cell.run(&["artifact", "list", "--format", "body", &cell.theirs("v1")]),
    }?;
    expect(shown.contains(attached.digest.as_str()) && shown.contains("a/sig"), || shown)?;
    cell.alike(&cell.spot.ours("v1"), &cell.home.named("image"))
}

/// What the program attaches, this library lists and reads.
pub fn attached_by(cell: &Cell) -> Checked {
    attaches(cell)?;
    if cell.spot.kind == Kind::OciArchive {
        return Err(Fault::Cannot(ARCHIVES));
    }
    cell.bring("image", "v1")?;
    let (folder, to) = (cell.home.files.path(), cell.theirs("v1"));
    let flag = if cell.spot.is_registry() { "--plain-http" } else { "--oci-layout" };
    match cell.tool {
        Tool::Oras => cell.run_in(folder, &["attach", flag, "--artifact-type", "a/sig", &to, "a.txt"], None),
        _ => {
            let words = ["artifact", "put", "--artifact-type", "a/sig", "--file-title", "-f", "a.txt"];
            cell.run_in(folder, &[&words[..], &["-m", "text/plain", "--subject", &to]].concat(), None)
        }
    }?;
    let call = cell.client.call(None)?;
    let listed = referrers(&cell.client, &call, &cell.place(&cell.spot.ours("v1"))?, &Default::default())?.referrers;
    let [one] = &listed[..] else { return Err(Fault::Wrong(format!("we list {listed:?}"))) };
    expect(one.artifact_type.as_deref() == Some("a/sig"), || format!("{one:?}"))?;
    let pinned = format!("{}@{}", cell.spot.whole(), one.digest);
    let found = get_manifest(&cell.client, &call, &cell.place(&pinned)?, &Default::default())?.document;
    let subject = found.subject().map(|subject| subject.digest.clone());
    expect(subject == Some(cell.identity(&cell.home.named("image"))?), || format!("it is about {subject:?}"))
}

//! Names and manifests that are listed, given and taken away.

use ocireg::digest::Digest;
use ocireg::error::Code;
use ocireg::place::{delete_manifest, delete_tag, manifest_digest, tag, tags};
use ocireg::registry::delete_tag::DeleteTagOptions;

use super::cell::{expect, Cell, Checked, Fault, NO_NAMES};
use super::spot::Kind;
use super::tools::{Tool, SKOPEO_ONE};

/// Two names of one image.
pub fn listed(cell: &Cell) -> Checked {
    let theirs = |cell: &Cell| cell.lists();
    if cell.spot.kind == Kind::Dir {
        return Err(Fault::Cannot(NO_NAMES));
    }
    for name in ["v1", "v2"] {
        cell.bring(cell.spot.holds(), name)?;
    }
    let theirs = theirs(cell)?;
    let call = cell.client.call(None)?;
    let found = tags(&cell.client, &call, &cell.place(&cell.spot.whole())?, &Default::default())?;
    let ours: Vec<String> = found.tags.iter().map(|tag| tag.to_string()).collect();
    let wanted = ["v1", "v2"].map(|name| cell.spot.name(name));
    expect(ours == wanted && theirs == wanted, || format!("we list {ours:?}, they list {theirs:?}"))
}

/// What a name is for the program is what it is at home.
fn is_there(cell: &Cell, name: &str, tag: &str) -> Checked {
    let (theirs, wanted) = (cell.reads(name)?, cell.identity(&cell.home.named(tag))?);
    expect(theirs == wanted, || format!("{name} is {theirs} for them, not {wanted}"))
}

fn is_gone_for_them(cell: &Cell, name: &str) -> Checked {
    match cell.reads_as(name) {
        Err(Fault::Wrong(_)) => Ok(()),
        other => Err(Fault::Wrong(format!("they still read {name}: {other:?}"))),
    }
}

/// How to look for an image that was deleted: go-containerregistry's registry keeps the tags of a digest that is deleted.
fn looked_for(cell: &Cell, digest: &Digest) -> (String, String) {
    match cell.spot.kind {
        Kind::Registry("OCIREG_TEST_GGCR") => (cell.theirs_pinned(digest), format!("{}@{digest}", cell.spot.whole())),
        _ => (cell.theirs("v1"), cell.spot.ours("v1")),
    }
}

/// Another name, given by this library.
pub fn tag_read_by(cell: &Cell) -> Checked {
    if cell.spot.kind == Kind::Dir {
        return Err(Fault::Cannot(NO_NAMES));
    }
    cell.known()?;
    let image = cell.spot.holds();
    cell.bring(image, "v1")?;
    let call = cell.client.call(None)?;
    tag(&cell.client, &call, &cell.place(&cell.spot.ours("v1"))?, &cell.spot.name("ours"), &Default::default())?;
    is_there(cell, "ours", image)?;
    is_there(cell, "v1", image)
}

/// Another name, given by the program.
pub fn tag_given_by(cell: &Cell) -> Checked {
    cell.changed()?;
    let image = cell.spot.holds();
    cell.bring(image, "v1")?;
    let (from, to) = (cell.theirs("v1"), cell.theirs("theirs"));
    match cell.tool {
        Tool::Oras => cell.oras(&["tag", &from, "theirs"]),
        Tool::Crane => cell.run(&["tag", &from, "theirs"]),
        Tool::Regctl => cell.run(&["image", "copy", &from, &to]),
        Tool::Skopeo => cell.skopeo_copy(&from, &to),
    }?;
    cell.alike(&cell.spot.ours("theirs"), &cell.home.named(image))?;
    cell.alike(&cell.spot.ours("v1"), &cell.home.named(image))
}

/// A name, and then the image, taken away by this library.
pub fn removal_seen_by(cell: &Cell) -> Checked {
    match cell.spot.kind {
        Kind::Dir => return Err(Fault::Cannot(NO_NAMES)),
        _ => cell.known()?,
    }
    ["v1", "v2"].iter().try_for_each(|name| cell.bring("image", name))?;
    let call = cell.client.call(None)?;
    // distribution 2.8 deletes no tag alone.
    let options = DeleteTagOptions { replace: true, ..DeleteTagOptions::default() };
    delete_tag(&cell.client, &call, &cell.place(&cell.spot.ours("v2"))?, &options)?;
    is_gone_for_them(cell, &cell.theirs("v2"))?;
    is_there(cell, "v1", "image")?;
    let digest = cell.identity(&cell.home.named("image"))?;
    // In Docker's archives images are known by names only.
    let pinned = match cell.spot.kind {
        Kind::DockerArchive => cell.spot.ours("v1"),
        _ => format!("{}@{digest}", cell.spot.whole()),
    };
    delete_manifest(&cell.client, &call, &cell.place(&pinned)?, &Default::default())?;
    is_gone_for_them(cell, &looked_for(cell, &digest).0)
}

/// An image taken away by the program.
pub fn removed_by(cell: &Cell) -> Checked {
    cell.changed()?;
    cell.bring("image", "v1")?;
    let digest = cell.identity(&cell.home.named("image"))?;
    let (named, pinned) = (cell.theirs("v1"), cell.theirs_pinned(&digest));
    match (cell.tool, cell.spot.kind) {
        (Tool::Oras, _) => cell.oras(&["manifest", "delete", "--force", &named]),
        (Tool::Crane, _) => cell.run(&["delete", &pinned]),
        (Tool::Regctl, _) => cell.run(&["manifest", "delete", &pinned]),
        (Tool::Skopeo, Kind::Registry(_)) => cell.run(&["delete", "--tls-verify=false", &named]),
        (Tool::Skopeo, Kind::Oci) => return Err(Fault::Cannot("this skopeo deletes in registries only")),
        (Tool::Skopeo, _) => return Err(Fault::Cannot(SKOPEO_ONE)),
    }?;
    let call = cell.client.call(None)?;
    let found = manifest_digest(&cell.client, &call, &cell.place(&looked_for(cell, &digest).1)?, &Default::default());
    match found {
        Err(error) if error.code() == Code::NotFound => Ok(()),
        other => Err(Fault::Wrong(format!("we still find it: {other:?}"))),
    }
}

//! Images and indexes, in and out, and what is in them.

use std::path::Path;

use ocireg::image::export::{export_file, ExportOptions};
use ocireg::image::validate::{validate, ValidateOptions};
use ocireg::place::create_index;
use serde_json::json;

use super::cell::{expect, Cell, Checked, Fault, ONLY_IMAGES};
use super::spot::Kind;
use super::tools::{Tool, CRANE_ARCHIVES, NO_INDEXES};
use crate::export::unpacked;

/// What this library brings to the place, the program copies from there.
pub fn read_by(cell: &Cell) -> Checked {
    let image = cell.spot.holds();
    cell.bring(image, "v1")?;
    let away = cell.copied_out("v1")?;
    cell.alike(&away, &cell.home.named(image))
}

/// What the program brings to the place, this library copies from there.
pub fn written_by(cell: &Cell) -> Checked {
    let image = cell.spot.holds();
    let written = cell.copied_in(image)?;
    cell.copy(&written, &cell.away("back"))?;
    cell.alike(&written, &cell.home.named(image))?;
    cell.alike(&cell.away("back"), &cell.home.named(image))
}

/// An index of images of another repository, made at the place.
pub fn index_read_by(cell: &Cell) -> Checked {
    if cell.spot.kind == Kind::DockerArchive {
        return Err(Fault::Cannot(ONLY_IMAGES));
    }
    let to = cell.spot.ours("v1");
    let options = json!({"references": [cell.home.named("image"), cell.home.named("arm64")], "annotations": ["a=b"]});
    let call = cell.client.call(None)?;
    let made = create_index(&cell.client, &call, &cell.place(&to)?, &serde_json::from_value(options).unwrap())?;
    let digest = cell.identity(&cell.copied_out("v1")?)?;
    expect(digest == made.digest, || format!("it is {digest} for them, and we made {}", made.digest))
}

/// An index that the program makes of two images there.
pub fn index_made_by(cell: &Cell) -> Checked {
    match (cell.tool, cell.spot.kind) {
        (Tool::Skopeo, _) => return Err(Fault::Cannot(NO_INDEXES)),
        (_, Kind::DockerArchive) => return Err(Fault::Cannot(ONLY_IMAGES)),
        _ => cell.changed()?,
    }
    cell.bring("image", "amd64")?;
    cell.bring("arm64", "arm64")?;
    let [amd64, arm64, to] = ["amd64", "arm64", "v1"].map(|name| cell.theirs(name));
    match cell.tool {
        Tool::Oras => cell.oras(&["manifest", "index", "create", &to, "amd64", "arm64"]),
        Tool::Crane => cell.run(&["index", "append", "-m", &amd64, "-m", &arm64, "-t", &to]),
        _ => cell.run(&["index", "create", &to, "--ref", &amd64, "--ref", &arm64]),
    }?;
    let there = cell.spot.ours("v1");
    cell.copy(&there, &cell.away("back"))?;
    cell.alike(&there, &cell.away("back"))?;
    let (theirs, found) = (cell.reads("v1")?, cell.identity(&there)?);
    expect(theirs == found, || format!("it is {theirs} for them and {found} for us"))?;
    match cell.tool {
        // Of the same images it makes the same bytes as this library did at home.
        Tool::Oras => cell.alike(&there, &cell.home.named("index")),
        _ => Ok(()),
    }
}

/// One archive of all files, as crane's. What crane cannot read it reads where this came from.
pub fn exported(cell: &Cell) -> Checked {
    if cell.tool != Tool::Crane {
        return Err(Fault::Cannot("oras, regctl and skopeo do not flatten images"));
    }
    cell.bring("image", "v1")?;
    let (ours, theirs) = (cell.spot.beside("ours.tar"), cell.spot.beside("theirs.tar"));
    let store = cell.place(&cell.spot.ours("v1"))?.source(&cell.client)?;
    export_file(&cell.client.call(None)?, store.as_ref(), Path::new(&ours), &ExportOptions::default())?;
    let home = cell.home.named("image");
    match cell.spot.kind {
        Kind::Registry(_) => cell.run(&["export", &cell.theirs("v1"), &theirs]),
        Kind::DockerArchive => cell.run_in(cell.spot.folder.path(), &["export", "-", &theirs], Some(&cell.spot.path())),
        _ => cell.run(&["export", home.strip_prefix("docker://").unwrap_or(&home), &theirs]),
    }?;
    let [ours, theirs] = [ours, theirs].map(|tar| unpacked(&tar, &format!("{tar}.d")));
    expect(!ours.is_empty() && ours == theirs, || format!("we have {ours:?}, they have {theirs:?}"))
}

/// A good image is good, and one whose config does not agree with its layer is not.
pub fn validated(cell: &Cell) -> Checked {
    if cell.tool != Tool::Crane {
        return Err(Fault::Cannot("oras, regctl and skopeo do not validate images"));
    }
    let bad = if cell.spot.kind == Kind::DockerArchive { &[][..] } else { &["bad"] };
    for (image, good) in [(cell.spot.holds(), true)].into_iter().chain(bad.iter().map(|image| (*image, false))) {
        cell.bring(image, "v1")?;
        let store = cell.place(&cell.spot.ours("v1"))?.source(&cell.client)?;
        let ours = validate(&cell.client.call(None)?, store.as_ref(), &ValidateOptions::default())?;
        let theirs = match cell.spot.kind {
            Kind::Registry(_) => cell.run(&["validate", "--remote", &cell.theirs("v1")]),
            Kind::DockerArchive => cell.run(&["validate", "--tarball", &cell.spot.path()]),
            // It validates what it has pushed from there.
            Kind::Oci => {
                std::fs::remove_dir_all(cell.spot.path()).ok();
                cell.bring(image, "v1")?;
                cell.copied_out("v1")?;
                cell.run(&["validate", "--remote", &cell.away_bare("out")])
            }
            _ => return Err(Fault::Cannot(CRANE_ARCHIVES)),
        };
        let theirs = match theirs {
            Ok(_) => true,
            Err(Fault::Wrong(why)) if why.contains("diffid") || why.contains("DiffID") => false,
            Err(other) => return Err(other),
        };
        expect(ours.valid == good && theirs == good, || {
            format!("{image} is {} for us and {theirs} for them: {:?}", ours.valid, ours.problems)
        })?;
    }
    Ok(())
}

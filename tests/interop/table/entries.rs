//! Entries that are added to an index and taken out of it.

use ocireg::place::{append_to_index, create_index, get_manifest, remove_from_index};
use serde_json::{json, Value};

use super::cell::{expect, Cell, Checked, Fault, ONLY_IMAGES};
use super::spot::Kind;
use super::tools::{Tool, NO_INDEXES};

fn has_indexes(cell: &Cell) -> Checked {
    if cell.spot.kind == Kind::DockerArchive {
        Err(Fault::Cannot(ONLY_IMAGES))
    } else {
        Ok(())
    }
}

/// An index of one image, at the place.
fn made(cell: &Cell) -> Checked {
    let options = serde_json::from_value(json!({"references": [cell.home.named("image")]})).unwrap();
    create_index(&cell.client, &cell.client.call(None)?, &cell.place(&cell.spot.ours("v1"))?, &options)?;
    Ok(())
}

/// What this library adds and takes out, the program copies from there.
pub fn changes_read_by(cell: &Cell) -> Checked {
    has_indexes(cell)?;
    made(cell)?;
    let (call, to) = (cell.client.call(None)?, cell.place(&cell.spot.ours("v1"))?);
    let options = serde_json::from_value(json!({"references": [cell.home.named("arm64")]})).unwrap();
    let appended = append_to_index(&cell.client, &call, &to, &options)?.digest;
    let read = cell.identity(&cell.copied_out("v1")?)?;
    expect(read == appended, || format!("it is {read} for them, and we made {appended}"))?;
    cell.alike(&cell.spot.ours("v1"), &cell.home.named("index"))?;
    let options = serde_json::from_value(json!({"platform": ["linux/amd64"]})).unwrap();
    let removed = remove_from_index(&cell.client, &call, &to, &options)?.digest;
    let read = cell.identity(&cell.copied_out("v1")?)?;
    expect(read == removed && read != appended, || format!("it is {read} for them, and we made {removed}"))
}

/// What is in an index, the same for both, and whole.
fn entries(cell: &Cell) -> Checked<Vec<Value>> {
    let there = cell.spot.ours("v1");
    let (theirs, ours) = (cell.reads("v1")?, cell.identity(&there)?);
    expect(theirs == ours, || format!("it is {theirs} for them and {ours} for us"))?;
    cell.copy(&there, &cell.away("back"))?;
    cell.alike(&there, &cell.away("back"))?;
    let call = cell.client.call(None)?;
    let found = get_manifest(&cell.client, &call, &cell.place(&there)?, &Default::default())?;
    let entries = found.document.value["manifests"].as_array().cloned().unwrap_or_default();
    Ok(entries.iter().map(|one| one["digest"].clone()).collect())
}

/// What the program adds to an index of ours and takes out of it, this library reads.
pub fn changed_by(cell: &Cell) -> Checked {
    has_indexes(cell)?;
    match cell.tool {
        Tool::Skopeo => return Err(Fault::Cannot(NO_INDEXES)),
        _ => cell.changed()?,
    }
    made(cell)?;
    cell.bring("arm64", "arm64")?;
    let of = |tag: &str| cell.identity(&cell.home.named(tag));
    let (amd64, arm64) = (of("image")?, of("arm64")?);
    let (index, other) = (cell.theirs("v1"), cell.theirs("arm64"));
    match cell.tool {
        Tool::Oras => cell.oras(&["manifest", "index", "update", &index, "--add", "arm64"]),
        Tool::Crane => cell.run(&["index", "append", &index, "-m", &other, "-t", &index]),
        _ => cell.run(&["index", "add", &index, "--ref", &other]),
    }?;
    let both = entries(cell)?;
    expect(both == [json!(amd64), json!(arm64)], || format!("we read {both:?}"))?;
    match cell.tool {
        Tool::Oras => cell.oras(&["manifest", "index", "update", &index, "--remove", amd64.as_str()]),
        Tool::Crane => cell.run(&["index", "filter", &index, "--platform", "linux/arm64", "-t", &index]),
        _ => cell.run(&["index", "delete", &index, "--digest", amd64.as_str()]),
    }?;
    let one = entries(cell)?;
    expect(one == [json!(arm64)], || format!("we read {one:?}"))
}

//! What a layer takes away: a name, a folder with all below it, or what lower layers have in one. What the caller had there before
//! is in no layer, and stays. Not by recursion, and each folder of the layer's own is looked through once only, however many whiteouts it has.

use super::layer_names::LayerNames;
use super::open_folders::{failed, Folders, StepDown};
use crate::error::Result;
use crate::os::open_folder::{not_empty, not_permitted};

/// How many folders are listed at once in a folder that will be removed itself.
const BATCH: usize = 1024;

/// A folder on the current path; the lowest one is where the removal began.
struct Frame {
    /// Folders in it that are to be searched, and whether they are to be removed.
    folders: Vec<(Vec<u8>, bool)>,
    /// Whether the folder itself is removed.
    goes: bool,
}

/// Removes a name of the current folder with everything below it. With `own`, what this layer has made and what the caller had is kept.
pub(crate) fn remove(folders: &mut Folders, name: &[u8], own: Option<&mut LayerNames>) -> Result<()> {
    folders.forget();
    let id = folders.id();
    match own {
        Some(own) if own.has(id, name) || folders.is_callers(name)? => run(folders, vec![(name.to_vec(), false)], own),
        _ if unlink(folders, name)? => Ok(()),
        _ => run(folders, vec![(name.to_vec(), true)], &mut LayerNames::default()),
    }
}

/// Removes what lower layers have in the current folder.
pub(crate) fn clear(folders: &mut Folders, own: &mut LayerNames) -> Result<()> {
    folders.forget();
    let inside = sift(folders, false, own)?;
    run(folders, inside, own)
}

/// Removes what is in the current folder, whoever made it.
pub(crate) fn clear_all(folders: &mut Folders) -> Result<()> {
    clear(folders, &mut LayerNames::default())
}

fn run(folders: &mut Folders, first: Vec<(Vec<u8>, bool)>, own: &mut LayerNames) -> Result<()> {
    let mut frames = vec![Frame { folders: first, goes: false }];
    while let Some(frame) = frames.last_mut() {
        if let Some((name, goes)) = frame.folders.pop() {
            match folders.enter(&name)? {
                StepDown::Entered => frames.push(Frame { folders: sift(folders, goes, own)?, goes }),
                // A file of this layer, or one that another process has removed.
                StepDown::NoFolder if goes => return failed(Err(not_permitted()), "remove", || folders.path(&name)),
                StepDown::Missing | StepDown::NoFolder => {}
            }
            continue;
        }
        let goes = frame.goes;
        if frames.len() > 1 && goes && !vanish(folders)? {
            // Not all of its folders had been counted.
            let inside = sift(folders, true, own)?;
            frames.pop();
            frames.push(Frame { folders: inside, goes });
            continue;
        }
        frames.pop();
        if !frames.is_empty() && !goes {
            folders.leave()?;
        }
    }
    Ok(())
}

/// Leaves a folder and removes it; false if it is not empty, and then it is still the current one.
fn vanish(folders: &mut Folders) -> Result<bool> {
    let Some(name) = folders.abandon() else { return Ok(true) };
    folders.touch();
    let gone = failed(folders.here().remove_folder(&name), "remove", || folders.path(&name))?;
    match gone || folders.enter(&name)? == StepDown::Entered {
        true => Ok(gone),
        false => failed(Err(not_empty()), "remove", || folders.path(&name)),
    }
}

/// Removes the files of the current folder. Returns the folders in it that are still to be searched.
fn sift(folders: &mut Folders, goes: bool, own: &mut LayerNames) -> Result<Vec<(Vec<u8>, bool)>> {
    let (id, mut inside) = (folders.id(), Vec::new());
    if !goes && !own.add_all(id) {
        return Ok(inside);
    }
    folders.touch();
    folders.names(|folders, name, may_be_folder| {
        if !goes && (own.has(id, name) || folders.is_callers(name)?) {
            if may_be_folder {
                inside.push((name.to_vec(), false));
            }
        } else if !unlink(folders, name)? {
            inside.push((name.to_vec(), true));
        }
        Ok(!goes || inside.len() < BATCH)
    })?;
    Ok(inside)
}

/// Removes a file; false if it is a folder.
fn unlink(folders: &Folders, name: &[u8]) -> Result<bool> {
    failed(folders.here().remove(name), "remove", || folders.path(name))
}

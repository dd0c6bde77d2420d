//! What belongs on another disk than the one on which it waits, because something is mounted in the folder: it is copied into a room on
//! that disk before anything gets its name, so that a name is one rename there, too. A room is a private, hidden folder; one that a
//! process has left when it was killed is emptied and used by the next.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use super::disk_copy::{clear, copy, DiskName};
use super::file_title::WAITING;
use crate::call::Call;
use crate::error::Result;
use crate::image::open_folders::{failed, Folders, PRIVATE};
use crate::os::open_folder::{OpenFolder, OpenedEntry};
use crate::os::{flush, lock, owner};

/// How many rooms other pulls, or others, may have taken.
const MOST_TRIES: u32 = 1000;

pub(super) struct OtherDisks {
    call: Call,
    rooms: Vec<DiskRoom>,
    /// By the path that it will have: the room that a copy is in, and its name there.
    copies: HashMap<Vec<u8>, (Rc<OpenFolder>, Vec<u8>)>,
    made: u64,
}

/// A room, which is locked as long as it is open.
struct DiskRoom {
    open: Rc<OpenFolder>,
    above: Rc<OpenFolder>,
    name: Vec<u8>,
    /// The path of the folder that it is in.
    way: Vec<u8>,
}

impl OtherDisks {
    pub(super) fn new(call: &Call) -> OtherDisks {
        OtherDisks { call: call.clone(), rooms: Vec::new(), copies: HashMap::new(), made: 0 }
    }

    /// Copies what waits to the disk of the current folder, and keeps it for a path.
    pub(super) fn carry(&mut self, from: DiskName, folders: &Folders, path: &[u8]) -> io::Result<()> {
        let room = self.room_for(folders)?;
        self.made += 1;
        let name = self.made.to_string().into_bytes();
        copy(&self.call, from, (&room, &name))?;
        self.copies.insert(path.to_vec(), (room, name));
        Ok(())
    }

    pub(super) fn copy_for(&self, path: &[u8]) -> Option<(Rc<OpenFolder>, Vec<u8>)> {
        self.copies.get(path).cloned()
    }

    fn room_for(&mut self, folders: &Folders) -> io::Result<Rc<OpenFolder>> {
        for room in &self.rooms {
            if room.open.reaches(folders.here())? {
                return Ok(room.open.clone());
            }
        }
        let room = DiskRoom::within(folders)?;
        let open = room.open.clone();
        self.rooms.push(room);
        Ok(open)
    }

    /// Brings all copies to their disks: names are given to what is there after a power cut, too.
    pub(super) fn flush(&self) -> Result<()> {
        self.rooms.iter().try_for_each(|room| failed(flush::all(&*room.open), "write", || room.way.clone()))
    }

    /// Removes the rooms: nothing waits any more.
    pub(super) fn leave(&mut self, folders: &mut Folders) -> Result<()> {
        self.copies.clear();
        while let Some(room) = self.rooms.pop() {
            let path = || [&room.way[..], b"/", &room.name].concat();
            failed(clear(&room.open), "remove", path)?;
            // The folder that it is in may be closed again.
            if folders.walk(&room.way, false)? {
                failed(folders.here().remove_folder(&room.name), "remove", path)?;
            }
        }
        Ok(())
    }
}

impl Drop for OtherDisks {
    fn drop(&mut self) {
        // After a failure; where it is in vain, the next pull finds them.
        for room in &self.rooms {
            let _ = clear(&room.open).and_then(|()| room.above.remove_folder(&room.name));
        }
    }
}

impl DiskRoom {
    fn within(folders: &Folders) -> io::Result<DiskRoom> {
        let above = folders.here().clone();
        for number in 0..MOST_TRIES {
            let name = format!("{WAITING}-disk-{number}").into_bytes();
            if let Some(open) = taken(&above, &name)? {
                clear(&open)?;
                return Ok(DiskRoom { open: Rc::new(open), above, name, way: folders.path(b"") });
            }
        }
        Err(io::Error::other(format!("there are {MOST_TRIES} folders that begin with {WAITING}-disk")))
    }
}

/// The folder of a name, made if it is missing; None unless it is this user's, and this pull's alone.
fn taken(above: &OpenFolder, name: &[u8]) -> io::Result<Option<OpenFolder>> {
    let is_new = match above.make_folder(name, PRIVATE) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        made => made.map(|()| true)?,
    };
    let OpenedEntry::Folder(open) = above.enter(name)? else { return Ok(None) };
    let found = open.status()?;
    if found.owner.0 != owner::effective_user() || found.permissions & 0o077 != 0 {
        return Ok(None);
    }
    // Where the disk knows no locks, what others may have made is left to them.
    let is_ours = lock::attempt_folder(&open).unwrap_or(is_new);
    let is_there = above.status_of(name).is_ok_and(|there| there.id == found.id);
    Ok((is_ours && is_there).then_some(open))
}

//! Images that were left as they are in a whole that is written anew: it cannot be written with what is damaged, and the source has the right
//! bytes.

use super::run::{LeftImage, SyncJob};
use super::DestinationRepository;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;
use crate::mutex::lock;
use crate::transfer::workers::in_parallel;

impl SyncJob<'_> {
    /// Brings those again that are damaged, of the places that are written anew. Until then only sizes were compared: a sync that brings nothing
    /// reads nothing.
    pub(super) fn mend(&self) -> Result<()> {
        let (rewritten, others): (Vec<LeftImage>, Vec<LeftImage>) = std::mem::take(&mut *lock(&self.left))
            .into_iter()
            .partition(|(at, _)| self.pairs[*at as usize].destination.is_rewritten());
        *lock(&self.left) = others;
        in_parallel(self.call, self.width, &self.meter, rewritten, |call, worker, (at, name)| {
            let at = at as usize;
            let Some(list) = &self.listed[at] else { return Ok(()) };
            let (name, to) = (&list.names[name as usize], &self.pairs[at].destination);
            match self.damaged(call, to.as_ref(), name) {
                Ok(Some(there)) => {
                    lock(&self.report).tags.skipped -= 1;
                    // What is not replaced stays what it is, whatever the source has under its name.
                    let exactly = self.options.no_clobber.then_some(&there);
                    self.image(call, worker, at, list, name, exactly).map(drop)
                }
                Err(error) if self.is_over(call, &error) => Err(error),
                // What cannot be read is told when it is written.
                _ => Ok(()),
            }
        })
    }

    /// What a name refers to, if something of that is damaged.
    fn damaged(&self, call: &Call, to: &dyn DestinationRepository, name: &str) -> Result<Option<Digest>> {
        let Some(there) = to.look(call, name)? else { return Ok(None) };
        Ok((!to.is_sound(call, &there)?).then_some(there.digest))
    }
}

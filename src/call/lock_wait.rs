//! Waiting for a lock that another process holds. Anybody who may read a file can lock it, so that a wait which is long is told.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Call;
use crate::error::{Error, Result};

/// Others that work in the same place are done by then, as a rule.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(10);

impl Call {
    /// Tries until the lock on a file or folder can be had, or the call must stop. A wait that takes long is a warning, while it lasts.
    pub(crate) fn wait_for_lock(&self, path: &Path, attempt: impl Fn() -> Result<bool>) -> Result<()> {
        let what = |error: Error| error.within(format!("the lock on {}, which another process holds", path.display()));
        let (begun, mut is_told) = (Instant::now(), false);
        while !attempt()? {
            if !is_told && begun.elapsed() >= PATIENCE {
                is_told = true;
                self.warn_of(&path.display().to_string(), "waiting for the lock that another process holds on it")?;
            }
            self.sleep(PAUSE).map_err(what)?;
        }
        Ok(())
    }
}

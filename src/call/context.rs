//! What one call needs from outside: cancel, deadline, progress, and the caller's hooks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cancel::CancelFlag;
use crate::credentials::Credentials;
use crate::sync::lock;

/// What a hook answers when the caller wants the call to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// Receives the trace of a call, one JSON object an event, without secrets.
pub type LogHook = Arc<dyn Fn(&Value) -> Result<(), Stop> + Send + Sync>;
/// Receives bytes done and bytes in all (0 = unknown).
pub type ProgressHook = Arc<dyn Fn(u64, u64) -> Result<(), Stop> + Send + Sync>;
/// Receives how a blob of a copy fares, one JSON object an event.
pub type BlobHook = Arc<dyn Fn(&Value) -> Result<(), Stop> + Send + Sync>;
/// Is asked for the credentials of a registry host.
pub type CredentialsHook = Arc<dyn Fn(&str) -> crate::error::Result<Credentials> + Send + Sync>;

#[derive(Default, Clone)]
struct Hooks {
    log: Option<LogHook>,
    progress: Option<ProgressHook>,
    blob: Option<BlobHook>,
    credentials: Option<CredentialsHook>,
}

/// The outside of a call. Any thread may cancel it or read its progress while the call runs.
#[derive(Default)]
pub struct Context {
    cancelled: CancelFlag,
    deadline: Mutex<Option<Instant>>,
    hooks: Mutex<Hooks>,
    operation: Mutex<&'static str>,
    done: AtomicU64,
    total: AtomicU64,
    detail: Mutex<Option<Detail>>,
    warnings: Mutex<Vec<Warning>>,
}

/// What a copy tells besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// Its blobs: `{total, copied, mounted, skipped, bytes, bytes_copied, bytes_resumed}`.
    pub blobs: Value,
    /// Those on their way: `[{digest, size, done}]`.
    pub active: Value,
}

/// How many warnings a context keeps.
const MOST_WARNINGS: usize = 64;

/// What a server wants the user to know (distribution-spec "Warnings").
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Warning {
    /// The server, with its port if that is not the scheme's own.
    pub host: String,
    /// What it says.
    pub text: String,
}

/// A snapshot of the transfer in progress.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// What is being moved, such as `blob get`; empty before the first transfer.
    pub operation: &'static str,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all, when known.
    pub total: Option<u64>,
    /// Of a copy, its blobs: `{total, copied, mounted, skipped, bytes, bytes_copied, bytes_resumed}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blobs: Option<Value>,
    /// Of a copy, the blobs on their way: `[{digest, size, done}]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<Value>,
}

impl Context {
    /// A context with nothing set.
    pub fn new() -> Context {
        Context::default()
    }

    /// Ends the call that uses this context, and every later one.
    pub fn cancel(&self) {
        self.cancelled.raise();
    }

    /// The flag that [`Context::cancel`] raises.
    pub fn cancelled(&self) -> &CancelFlag {
        &self.cancelled
    }

    /// Sets the time by which calls must be done, counted from now.
    pub fn set_deadline(&self, after: Option<Duration>) {
        *lock(&self.deadline) = after.and_then(|after| Instant::now().checked_add(after));
    }

    /// The deadline.
    pub fn deadline(&self) -> Option<Instant> {
        *lock(&self.deadline)
    }

    /// Sets or removes the log hook.
    pub fn set_log(&self, hook: Option<LogHook>) {
        lock(&self.hooks).log = hook;
    }

    /// Sets or removes the progress hook.
    pub fn set_progress(&self, hook: Option<ProgressHook>) {
        lock(&self.hooks).progress = hook;
    }

    /// Sets or removes the hook for the blobs of a copy.
    pub fn set_blob_progress(&self, hook: Option<BlobHook>) {
        lock(&self.hooks).blob = hook;
    }

    /// Sets or removes the credentials hook.
    pub fn set_credentials(&self, hook: Option<CredentialsHook>) {
        lock(&self.hooks).credentials = hook;
    }

    // Hooks are cloned out of the lock, so that they may call back into the library.
    pub(super) fn log_hook(&self) -> Option<LogHook> {
        lock(&self.hooks).log.clone()
    }

    pub(super) fn progress_hook(&self) -> Option<ProgressHook> {
        lock(&self.hooks).progress.clone()
    }

    pub(super) fn blob_hook(&self) -> Option<BlobHook> {
        lock(&self.hooks).blob.clone()
    }

    pub(super) fn credentials_hook(&self) -> Option<CredentialsHook> {
        lock(&self.hooks).credentials.clone()
    }

    pub(super) fn begin(&self, operation: &'static str, total: Option<u64>) {
        *lock(&self.operation) = operation;
        *lock(&self.detail) = None;
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total.unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn describe(&self, detail: Detail) {
        *lock(&self.detail) = Some(detail);
    }

    pub(super) fn moved_to(&self, done: u64) -> u64 {
        self.done.store(done, Ordering::Relaxed);
        self.total.load(Ordering::Relaxed)
    }

    /// The warnings so far, each once.
    pub fn warnings(&self) -> Vec<Warning> {
        lock(&self.warnings).clone()
    }

    /// Whether the warning is new, and is kept.
    pub(super) fn add_warning(&self, host: &str, text: &str) -> bool {
        let mut warnings = lock(&self.warnings);
        let known = warnings.iter().any(|warning| warning.host == host && warning.text == text);
        if known || warnings.len() == MOST_WARNINGS {
            return false;
        }
        warnings.push(Warning { host: host.to_owned(), text: text.to_owned() });
        true
    }

    /// How far the transfer is.
    pub fn progress(&self) -> Progress {
        let total = self.total.load(Ordering::Relaxed);
        let (blobs, active) = lock(&self.detail).clone().map(|detail| (detail.blobs, detail.active)).unzip();
        Progress {
            operation: *lock(&self.operation),
            done: self.done.load(Ordering::Relaxed),
            total: (total > 0).then_some(total),
            blobs,
            active,
        }
    }
}

// A hook that panicked must not make the context useless.

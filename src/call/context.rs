//! What the caller can give a call: cancellation, deadline, progress, and hooks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cancel::CancelFlag;
use super::nested_question::Questions;
use super::Call;
use crate::credentials::Credentials;
use crate::mutex::lock;

/// The error of a hook when the caller wants the call to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// Receives the trace of a call, one JSON object per event, without secrets.
pub type LogHook = Arc<dyn Fn(&Value) -> Result<(), Stop> + Send + Sync>;
/// Receives the bytes done and the total (0 = unknown).
pub type ProgressHook = Arc<dyn Fn(u64, u64) -> Result<(), Stop> + Send + Sync>;
/// Receives the progress of the blobs of a copy, one JSON object per event.
pub type BlobHook = Arc<dyn Fn(&Value) -> Result<(), Stop> + Send + Sync>;
/// Returns the credentials for a registry host, which this call wants. A question to the caller belongs to the call, as the log and the
/// progress do: whoever made the call is asked, on the thread where that is allowed. What the answer is used for is in `auth`.
pub type CredentialsHook = Arc<dyn Fn(&Call, &str) -> crate::error::Result<Credentials> + Send + Sync>;
/// Is told that a registry host refused credentials which the credentials hook had given.
pub(crate) type RefusedHook = Arc<dyn Fn(&str, &Credentials) + Send + Sync>;

#[derive(Default, Clone)]
struct Hooks {
    log: Option<LogHook>,
    progress: Option<ProgressHook>,
    blob: Option<BlobHook>,
    credentials: Option<CredentialsHook>,
    refused: Option<RefusedHook>,
}

/// The context of a call. Any thread may cancel it or read its progress while the call runs.
#[derive(Default)]
pub struct Context {
    cancelled: CancelFlag,
    deadline: Mutex<Option<Instant>>,
    hooks: Mutex<Hooks>,
    operation: Mutex<&'static str>,
    done: AtomicU64,
    total: AtomicU64,
    detail: Mutex<Option<CopyProgress>>,
    warnings: Mutex<Vec<Warning>>,
    questions: Arc<Questions>,
}

/// The progress of a copy besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopyProgress {
    /// Counts of its blobs: `{total, copied, mounted, skipped, bytes, bytes_copied, bytes_resumed}`.
    pub(crate) blobs: Value,
    /// The blobs in transfer: `[{digest, size, done}]`.
    pub(crate) active: Value,
}

/// How many warnings a context keeps.
const MOST_WARNINGS: usize = 64;

/// A warning from a server to its users (distribution-spec "Warnings").
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Warning {
    /// The server, with its port unless that is the scheme's default.
    pub host: String,
    /// What the server says, for people.
    pub text: String,
}

/// A snapshot of the transfer in progress.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// The operation, such as `blob get`; empty before the first transfer.
    pub operation: &'static str,
    /// The number of bytes done.
    pub done: u64,
    /// The total number of bytes; None when unknown.
    pub total: Option<u64>,
    /// For a copy, the counts of its blobs: `{total, copied, mounted, skipped, bytes, bytes_copied, bytes_resumed}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blobs: Option<Value>,
    /// For a copy, the blobs in transfer: `[{digest, size, done}]`.
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

    /// The same from a signal handler: calls that wait notice it a moment later.
    pub fn cancel_from_signal(&self) {
        self.cancelled.raise_silently();
    }

    /// The flag that [`Context::cancel`] raises.
    pub(crate) fn cancelled(&self) -> &CancelFlag {
        &self.cancelled
    }

    /// Sets the time limit of calls, counted from now; None removes it.
    pub fn set_deadline(&self, after: Option<Duration>) {
        *lock(&self.deadline) = after.and_then(|after| Instant::now().checked_add(after));
    }

    /// The deadline; None when there is none.
    pub fn deadline(&self) -> Option<Instant> {
        *lock(&self.deadline)
    }

    /// Sets the log hook; None removes it.
    pub fn set_log(&self, hook: Option<LogHook>) {
        lock(&self.hooks).log = hook;
    }

    /// Sets the progress hook; None removes it.
    pub fn set_progress(&self, hook: Option<ProgressHook>) {
        lock(&self.hooks).progress = hook;
    }

    /// Sets the hook for the blobs of a copy; None removes it.
    pub fn set_blob_progress(&self, hook: Option<BlobHook>) {
        lock(&self.hooks).blob = hook;
    }

    /// Sets the credentials hook; None removes it.
    pub fn set_credentials(&self, hook: Option<CredentialsHook>) {
        lock(&self.hooks).credentials = hook;
    }

    /// Sets the hook that is told of refused credentials.
    pub(crate) fn set_refused(&self, hook: RefusedHook) {
        lock(&self.hooks).refused = Some(hook);
    }

    /// Says that calls with it are made in a callback of a call with another, or for the answer to its question; None takes it back.
    pub(crate) fn set_within(&self, outer: Option<&Context>) {
        self.questions.set_within(outer.map(|outer| &outer.questions));
    }

    pub(super) fn questions(&self) -> &Questions {
        &self.questions
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

    pub(super) fn refused_hook(&self) -> Option<RefusedHook> {
        lock(&self.hooks).refused.clone()
    }

    pub(super) fn begin(&self, operation: &'static str, total: Option<u64>) {
        *lock(&self.operation) = operation;
        *lock(&self.detail) = None;
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total.unwrap_or(0), Ordering::Relaxed);
    }

    /// A further call of a job begins: it has done nothing yet.
    pub(crate) fn restart(&self) {
        self.begin("", None);
    }

    pub(super) fn describe(&self, detail: CopyProgress) {
        *lock(&self.detail) = Some(detail);
    }

    pub(super) fn moved_to(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
    }

    /// The bytes done, and the total (0 = unknown).
    pub(crate) fn position(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    /// The warnings so far, without duplicates.
    pub fn warnings(&self) -> Vec<Warning> {
        lock(&self.warnings).clone()
    }

    /// Adds a warning; returns whether it is new and was kept.
    pub(super) fn add_warning(&self, host: &str, text: &str) -> bool {
        let mut warnings = lock(&self.warnings);
        let known = warnings.iter().any(|warning| warning.host == host && warning.text == text);
        if known || warnings.len() == MOST_WARNINGS {
            return false;
        }
        warnings.push(Warning { host: host.to_owned(), text: text.to_owned() });
        true
    }

    /// The current progress.
    pub fn progress(&self) -> Progress {
        let (done, total) = self.position();
        let (blobs, active) = lock(&self.detail).clone().map(|detail| (detail.blobs, detail.active)).unzip();
        Progress { operation: *lock(&self.operation), done, total: (total > 0).then_some(total), blobs, active }
    }
}

// A hook that panicked must not make the context useless.

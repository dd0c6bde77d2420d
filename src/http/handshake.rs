//! How far an unfinished TLS handshake got: whether it started, and whether the peer answered with TLS.
//!
//! For a connection that is not established, the HTTP crate only reports that it took too long or broke. That does not
//! distinguish one that is there and speaks no TLS no more than the caller knows already. rustls says both: it asks its
//! store of sessions as it writes its hello, and its verifier once the other end has answered.

use crate::mutex::lock;
use std::future::Future;
use std::sync::{Arc, Mutex};

use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::NamedGroup;
use rustls_pki_types::ServerName;

tokio::task_local! {
    static WATCH: HandshakeWatch;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// The peer: the host, or a proxy that is reached by TLS.
    pub(crate) name: String,
    /// Whether the peer is known to speak TLS.
    pub(crate) answered: bool,
}

/// Watches the handshakes of one request.
#[derive(Clone, Default)]
pub(crate) struct HandshakeWatch(Arc<Mutex<Option<Handshake>>>);

impl HandshakeWatch {
    /// Runs a future, and watches the handshakes in it.
    pub(crate) fn over<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        WATCH.scope(self.clone(), future)
    }

    /// The last handshake that was started. None: no connection was accepted, or it needs no TLS.
    pub(crate) fn hello(&self) -> Option<Handshake> {
        lock(&self.0).clone()
    }

    fn set(&self, change: impl FnOnce(&mut Option<Handshake>)) {
        change(&mut lock(&self.0));
    }
}

/// Records that the peer has sent its certificate.
pub(crate) fn answered() {
    let _ = WATCH.try_with(|watch| {
        watch.set(|hello| {
            if let Some(hello) = hello {
                hello.answered = true;
            }
        })
    });
}

/// The TLS sessions of a client, kept in memory as rustls does by default.
#[derive(Debug)]
pub(crate) struct TlsSessions(ClientSessionMemoryCache);

impl Default for TlsSessions {
    /// As many as rustls keeps.
    fn default() -> TlsSessions {
        TlsSessions(ClientSessionMemoryCache::new(256))
    }
}

impl ClientSessionStore for TlsSessions {
    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        let hint = self.0.kx_hint(name);
        // What is known about the name comes from an earlier handshake.
        let answered = hint.is_some() || self.0.tls12_session(name).is_some();
        let hello = Handshake { name: name.to_str().into_owned(), answered };
        let _ = WATCH.try_with(|watch| watch.set(|last| *last = Some(hello)));
        hint
    }

    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(name, group);
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(name, value);
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(name)
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.0.remove_tls12_session(name);
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(name, value);
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(name)
    }
}

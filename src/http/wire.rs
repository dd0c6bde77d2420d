//! The HTTP package behind its narrow interface: everything that is switched on or off in it is decided here.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::resolver::{Guard, Guarded};
use super::settings::{ClientOptions, Trust};
use super::tls::Roots;
use crate::error::{Code, Error, Result};

/// The connection pools of one client: one for each kind of trust and each guard, made when first needed.
pub struct Wire {
    options: ClientOptions,
    roots: Roots,
    pools: Mutex<HashMap<(Trust, Guard), reqwest::Client>>,
}

impl Wire {
    /// No connection yet.
    pub fn new(options: ClientOptions) -> Wire {
        Wire { options, roots: Roots::default(), pools: Mutex::default() }
    }

    /// The client's options.
    pub fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// The pool for a kind of trust and a guard.
    pub fn pool(&self, trust: &Trust, guard: Guard) -> Result<reqwest::Client> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(&(trust.clone(), guard)) {
            return Ok(pool.clone());
        }
        let pool = self.builder(trust, guard)?.build().map_err(set_up)?;
        pools.insert((trust.clone(), guard), pool.clone());
        Ok(pool)
    }

    /// A client that blocks its thread, for work that no single call owns.
    pub fn blocking(&self, trust: &Trust, guard: Guard) -> Result<reqwest::blocking::Client> {
        reqwest::blocking::ClientBuilder::from(self.builder(trust, guard)?)
            .timeout(self.options.idle())
            .build()
            .map_err(set_up)
    }

    /// Forgets every pooled connection; those in use end with their answers.
    pub fn close(&self) {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn builder(&self, trust: &Trust, guard: Guard) -> Result<reqwest::ClientBuilder> {
        Ok(reqwest::Client::builder()
            .tls_backend_preconfigured(self.roots.config(trust)?)
            .dns_resolver(Guarded(guard))
            .user_agent(&self.options.user_agent)
            .connect_timeout(self.options.connect())
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .http1_only()
            .pool_max_idle_per_host(8))
    }
}

fn set_up(error: reqwest::Error) -> Error {
    if error.is_builder() {
        return Error::new(
            Code::InvalidArgument,
            format!("the client's options cannot be used: {}", super::fault::text(&error)),
        );
    }
    Error::new(Code::Internal, format!("cannot set up HTTP: {}", super::fault::text(&error)))
}

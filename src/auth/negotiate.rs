//! Sends a request with the authentication that its origin requires. All requests of protocol v2 pass here, so that the
//! meaning of a refusal is defined once:
//!
//! - A token may be valid for one request, expire midway, or be revoked. A token fetched in response to this very
//!   request's challenge, for it alone, that is refused at its first use is final; after any other, a new one is
//!   fetched.
//! - A host to which a registry redirects may send its own challenge. It gets only an anonymous token from its own
//!   token server.

use std::net::IpAddr;

use ::http::Method;

use super::authorization_header::{basic, identity, Proof};
use super::challenge::{self, AuthScheme, Challenge};
use super::negotiating_server::{is_about_rights, scopes_of, Recipient, RedirectTrail};
use super::scope::ScopeSet;
use super::token_in_use::TokenInUse;
use super::token_server::Realm;
use super::{Account, Auth, Refusal, Reply};
use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::http::location::{Location, RequestTarget};
use crate::http::response::Response;
use crate::http::upload::Body;
use crate::http::Request;
use crate::statuses;

impl Auth {
    /// Sends a request to a target at a registry with what its origin asks for, for these scopes.
    pub(crate) fn send(
        &self,
        call: &Call,
        account: &Account,
        target: &RequestTarget,
        request: &mut Request,
        wanted: &ScopeSet,
    ) -> Result<Reply> {
        let asked = account.base.find(target)?;
        let known = self.known_answer(call, account);
        let outcome = self.one_round(call, account, &asked, request, wanted);
        if let Some(known) = known.filter(|_| is_refusal(&outcome)) {
            if can_go_again(&mut request.body, false)? && self.has_another(call, account, &known)? {
                return self.one_round(call, account, &asked, request, wanted);
            }
        }
        outcome
    }

    /// Whether a helper has another answer than the known one, which was refused: a password ends without a word to those who know it. The
    /// hook, which had none, is not asked again for that.
    fn has_another(&self, call: &Call, account: &Account, known: &str) -> Result<bool> {
        match self.stored.find(call, account) {
            Err(error) if error.ends_call() => Err(error),
            Ok(Some(now)) if now.at.helper.is_some() && identity(&account.base.url, &now.credentials) != known => {
                self.hook_has_none(call, account);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn one_round(
        &self,
        call: &Call,
        account: &Account,
        asked: &Location,
        request: &mut Request,
        wanted: &ScopeSet,
    ) -> Result<Reply> {
        let outcome = self.negotiate(call, account, asked, request, wanted);
        if matches!(&outcome, Ok(reply) if reply.refusal == Some(Refusal::BadCredentials)) {
            self.not_good(call, account, wanted);
        }
        // A helper that had nothing may have credentials by now.
        if matches!(&outcome, Ok(reply) if reply.refusal == Some(Refusal::NoCredentials)) {
            self.stored.forget(&account.host);
        }
        outcome
    }

    /// Makes sure that a request with a long body will not be the one that gets a challenge.
    pub(crate) fn prepare(&self, call: &Call, account: &Account, wanted: &ScopeSet) -> Result<()> {
        let proof = self.ready(call, account, &Body::Empty, wanted)?;
        if matches!(proof, Proof::Nothing) && !self.recall(account, |memory| memory.known) {
            self.send(call, account, &account.ping(), &mut Request::new(Method::GET), wanted)?;
        }
        Ok(())
    }

    fn negotiate(
        &self,
        call: &Call,
        account: &Account,
        begin: &Location,
        request: &mut Request,
        wanted: &ScopeSet,
    ) -> Result<Reply> {
        let mut at = begin.clone();
        let mut asked = self.first_recipient(call, account, &at, &request.body, wanted)?;
        let mut trail = RedirectTrail::new(self.http.options().max_redirects);
        let mut retries = self.http.options().retries;
        loop {
            request.authorization = asked.proof.header()?;
            request.counted_for = Some(account.base.clone());
            let mut response = self.http.send(call, &at, request)?;
            let moved = asked.has_moved(&response);
            let stayed = moved || response.hops.is_empty();
            let repeated = response.attempts > 1 && retries > 0;
            retries = retries.saturating_sub(u32::from(repeated));
            trail.lengthen(&mut response)?;
            if !asked.is_refused_by(&response) {
                if !stayed {
                    asked.proof = Proof::Nothing;
                }
                return Ok(asked.reply(begin, response, None));
            }
            let challenges = challenge::parse(&response.headers);
            let goes_on = self.learn_from_refusal(&mut asked, &response, &challenges, wanted, moved);
            let next = match can_go_again(&mut request.body, goes_on)? {
                true => self.respond(call, account, &asked, &challenges, moved || repeated)?,
                false => {
                    self.owe_token(&asked, &challenges);
                    None
                }
            };
            let Some(proof) = next else {
                return Ok(asked.refused(begin, response, &challenges));
            };
            (asked.proof, asked.answers_challenge) = (proof, true);
            if goes_on {
                at = trail.go_on(response);
            }
        }
    }

    /// Which host gets the request first: the account's own, with what it asks for, or one that a server has named.
    fn first_recipient<'a>(
        &self,
        call: &Call,
        account: &'a Account,
        at: &Location,
        body: &Body,
        wanted: &'a ScopeSet,
    ) -> Result<Recipient<'a>> {
        match account.is_at(&at.url) {
            true => Ok(Recipient::own(account, wanted, self.ready(call, account, body, wanted)?)),
            false => Ok(Recipient::stranger(at, wanted, &[])),
        }
    }

    /// Remembers that the next long body needs a token of its own: this one cannot be sent again.
    fn owe_token(&self, asked: &Recipient, challenges: &[Challenge]) {
        if let (Proof::Token(grant), false) = (&asked.proof, is_about_rights(challenges)) {
            self.tokens.owe(grant);
        }
    }

    /// The authorization for a challenge. An error of the token server is explained.
    fn respond(
        &self,
        call: &Call,
        account: &Account,
        asked: &Recipient,
        challenges: &[Challenge],
        used: bool,
    ) -> Result<Option<Proof>> {
        self.authorization_for(call, asked, challenges, used).map_err(|error| match error.code() {
            Code::Unauthenticated if asked.is_strange() => error.with_hint(account.sends_on()),
            _ => self.not_taken(call, account, &asked.wanted, error),
        })
    }

    /// Records which host has refused the request, and why. Returns whether the request continues at the URL that refused it.
    fn learn_from_refusal<'a>(
        &self,
        asked: &mut Recipient<'a>,
        response: &Response,
        challenges: &[Challenge],
        wanted: &'a ScopeSet,
        moved: bool,
    ) -> bool {
        let mut goes_on = false;
        if asked.account.is_at(&response.url) && matches!(asked.unasked(), Ok(Some(_))) {
            self.refused_unasked(&asked.account);
        }
        match &asked.proof {
            _ if !asked.account.is_at(&response.url) => {
                goes_on = true;
                *asked = Recipient::stranger(&Location::of(response), wanted, challenges);
            }
            Proof::Token(grant) => {
                goes_on = moved;
                self.tokens.forget(grant, is_about_rights(challenges));
            }
            Proof::Nothing if asked.is_strange() => asked.wanted = scopes_of(challenges, wanted),
            _ => {}
        }
        self.remember(&asked.account, challenges, response.remote);
        goes_on
    }

    /// If the registry's own token server refuses credentials, those from the hook or helper were wrong.
    pub(super) fn not_taken(&self, call: &Call, account: &Account, wanted: &ScopeSet, error: Error) -> Error {
        if error.code() == Code::Unauthenticated {
            self.not_good(call, account, wanted);
        }
        error
    }

    /// The credentials were not good for these scopes. If they were wrong, they are asked for again; where another repository is among
    /// them, as the one that a mount would be from, they may be right and for this one only.
    fn not_good(&self, call: &Call, account: &Account, wanted: &ScopeSet) {
        if account.repository.is_empty() || !wanted.reaches_beyond(&account.repository) {
            self.forget_answer(call, account);
        }
    }

    /// The authorization to send at once, according to what is known about the origin. A long body gets a token that
    /// no other request can use up, if it cannot be sent again, or if tokens here are known to be used up.
    fn ready(&self, call: &Call, account: &Account, body: &Body, wanted: &ScopeSet) -> Result<Proof> {
        if let (Some(Credentials::Token(token)), false) = (&account.credentials, account.anonymous) {
            return Ok(Proof::Bearer(token.clone()));
        }
        let unasked = self.unasked(call, account)?;
        let (challenge, remote) = self.recall(account, |memory| (memory.challenge.clone(), memory.remote));
        let Some(challenge) = challenge.filter(|_| matches!(unasked, Proof::Nothing)) else { return Ok(unasked) };
        let credentials = self.credentials(call, account)?.0;
        let needs_a_scope = challenge.scheme == AuthScheme::Bearer && !matches!(credentials, Credentials::Token(_));
        if needs_a_scope && wanted.is_empty() {
            return Ok(Proof::Nothing);
        }
        let proof = self.proof(account, &challenge, &credentials, remote, |realm| {
            let alone = match body {
                Body::Stream { source, .. } => {
                    !source.lasts() || self.tokens.is_owed(&realm) || self.tokens.are_used_up(&realm)
                }
                _ => false,
            };
            let grant = match alone {
                true => self.tokens.alone(call, &realm, wanted),
                false => self.tokens.get(call, &realm, wanted),
            };
            grant.map_err(|error| self.not_taken(call, account, wanted, error))
        })?;
        Ok(proof.unwrap_or(Proof::Nothing))
    }

    /// The authorization for a challenge; None when there is only the one that has just failed. `used`: the failed one
    /// was accepted before, for this very request.
    fn authorization_for(
        &self,
        call: &Call,
        asked: &Recipient,
        challenges: &[Challenge],
        used: bool,
    ) -> Result<Option<Proof>> {
        let account = &*asked.account;
        let unasked = asked.unasked()?;
        let refused = match &asked.proof {
            Proof::Nothing => None,
            _ if unasked.is_some() => None,
            Proof::Token(grant) if used || asked.may_be_used_up() => Some(grant),
            Proof::Token(_) | Proof::Basic(_) | Proof::Bearer(_) => return Ok(None),
        };
        // Some registries send a 401 without a challenge: an earlier challenge still applies, or that of a ping.
        let chosen = challenge::choose(challenges);
        if chosen.is_none() && self.recall(account, |memory| memory.challenge.is_none() && !memory.pinged) {
            self.ping(call, account)?;
        }
        let (earlier, remote) = self.recall(account, |memory| (memory.challenge.clone(), memory.remote));
        let Some(challenge) = chosen.or(earlier.as_ref()) else { return Ok(None) };
        // The 401 of another host need not come from a registry.
        if challenge.scheme == AuthScheme::Bearer && asked.is_strange() && challenge.realm().is_none() {
            return Ok(None);
        }
        let credentials = self.credentials(call, account)?.0;
        let proof = self.proof(account, challenge, &credentials, remote, |realm| {
            self.granted(call, &realm, challenge, &asked.wanted, refused)
        })?;
        match (&proof, unasked) {
            (Some(proof), Some(refused)) if proof.text()?.as_ref() == Some(&refused) => Ok(None),
            _ => Ok(proof),
        }
    }

    /// What a challenge is answered with; `grant` gets a token from the server that it names. None: there is nothing to answer.
    pub(super) fn proof(
        &self,
        account: &Account,
        challenge: &Challenge,
        credentials: &Credentials,
        remote: Option<IpAddr>,
        grant: impl FnOnce(Realm) -> Result<TokenInUse>,
    ) -> Result<Option<Proof>> {
        match (&challenge.scheme, credentials) {
            (_, Credentials::Token(token)) => Ok(Some(Proof::Bearer(token.clone()))),
            (AuthScheme::Basic, credentials) => Ok(basic(credentials)),
            (AuthScheme::Bearer, credentials) => {
                grant(self.realm(account, challenge, credentials, remote)?).map(|grant| Some(Proof::Token(grant)))
            }
            _ => Ok(None),
        }
    }

    /// A token for the scopes that the request needs and those in the challenge. Some registries always ask for pull
    /// and push, and their token servers refuse push to anonymous users: then only for the scopes needed.
    fn granted(
        &self,
        call: &Call,
        realm: &Realm,
        challenge: &Challenge,
        wanted: &ScopeSet,
        refused: Option<&TokenInUse>,
    ) -> Result<TokenInUse> {
        let mut scopes = wanted.clone();
        // The challenge of a ping may contain a placeholder; only that of a request with a scope is used.
        if let (Some(scope), false) = (challenge.scope(), wanted.is_empty()) {
            scopes.add_text(scope);
        }
        let get = |scopes: &ScopeSet| match refused {
            Some(refused) => self.tokens.another(call, realm, scopes, refused),
            None => self.tokens.get(call, realm, scopes),
        };
        match get(&scopes) {
            Err(error) if scopes.key() != wanted.key() && is_about_scopes(&error, realm) => get(wanted),
            outcome => outcome,
        }
    }
}

/// Whether it says that the credentials are wrong.
fn is_refusal(outcome: &Result<Reply>) -> bool {
    match outcome {
        Ok(reply) => reply.refusal == Some(Refusal::BadCredentials),
        Err(error) => error.code() == Code::Unauthenticated,
    }
}

/// Prepares a body to be sent once more. A persistent one is restarted by its owner, which can ask how much of it
/// has arrived, unless the request was only redirected.
fn can_go_again(body: &mut Body, goes_on: bool) -> Result<bool> {
    match body {
        Body::Stream { source, .. } if source.lasts() && !goes_on => Ok(false),
        body => body.rewind(),
    }
}

/// Whether a token server may have refused the scopes rather than the credentials: wrong credentials are not sent
/// twice, where they are reported as such.
fn is_about_scopes(error: &Error, realm: &Realm) -> bool {
    let said = error.registry_errors();
    let about_rights = said.is_empty() || said.iter().any(|error| error.code.eq_ignore_ascii_case("DENIED"));
    match error.http_status() {
        Some(status) if statuses::refuses_scopes(status) => true,
        Some(status) if statuses::is_unauthorized(status) => about_rights || !realm.has_credentials(),
        _ => false,
    }
}

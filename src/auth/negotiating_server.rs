//! The server that gets a request while its authentication is negotiated, and what its refusal means.

use std::borrow::Cow;

use ::http::header::HeaderMap;
use ::http::StatusCode;
use zeroize::Zeroizing;

use super::authorization_header::Proof;
use super::challenge::{self, Challenge};
use super::scope::ScopeSet;
use super::{Account, Refusal, Reply};
use crate::error::{Code, Error, Result};
use crate::http::location::Location;
use crate::http::response::{Hop, Response};
use crate::statuses;

/// The host that gets a request, for which scopes, and with which authorization.
pub(super) struct Recipient<'a> {
    pub(super) account: Cow<'a, Account>,
    pub(super) wanted: Cow<'a, ScopeSet>,
    pub(super) proof: Proof,
    /// The authorization was obtained for a challenge.
    pub(super) answers_challenge: bool,
}

impl<'a> Recipient<'a> {
    /// The host that the caller named.
    pub(super) fn own(account: &'a Account, wanted: &'a ScopeSet, proof: Proof) -> Recipient<'a> {
        let (account, wanted) = (Cow::Borrowed(account), Cow::Borrowed(wanted));
        Recipient { account, wanted, proof, answers_challenge: false }
    }

    /// A host that a server named. Its scopes are its own, limited to what the request needs.
    pub(super) fn stranger(at: &Location, wanted: &'a ScopeSet, challenges: &[Challenge]) -> Recipient<'a> {
        let (account, wanted) = (Cow::Owned(Account::stranger(at)), scopes_of(challenges, wanted));
        Recipient { account, wanted, proof: Proof::Nothing, answers_challenge: false }
    }

    /// The authorization of a rule that it got without having asked for any.
    pub(super) fn unasked(&self) -> Result<Option<Zeroizing<String>>> {
        let sent = self.proof.text()?.filter(|_| !self.answers_challenge);
        let unasked = self.account.unasked().text()?;
        Ok(sent.filter(|sent| unasked.as_ref() == Some(sent)))
    }

    /// Whether it is a host other than the one the caller named.
    pub(super) fn is_strange(&self) -> bool {
        self.account.is_strange()
    }

    /// Whether its token was valid, but may be used up.
    pub(super) fn may_be_used_up(&self) -> bool {
        matches!(&self.proof, Proof::Token(grant) if !self.answers_challenge || !grant.is_ours_alone())
    }

    /// Whether redirects have led to this response, all of them within the recipient's origin.
    pub(super) fn has_moved(&self, response: &Response) -> bool {
        !response.hops.is_empty() && response.hops.iter().all(|hop| self.account.is_at(&hop.url))
    }

    /// A 401; or, for registries that answer 400 or 403 to an expired token, those while an older token is used.
    pub(super) fn is_refused_by(&self, response: &Response) -> bool {
        let aged = matches!(&self.proof, Proof::Token(grant) if grant.is_aged()) && self.account.is_at(&response.url);
        response.status == StatusCode::UNAUTHORIZED
            || (aged && statuses::is_about_an_old_token(response.status.as_u16()))
    }

    fn refusal(&self, response: &Response, challenges: &[Challenge]) -> Option<Refusal> {
        if response.status != StatusCode::UNAUTHORIZED {
            return None;
        }
        let insufficient = is_about_rights(challenges);
        Some(match &self.proof {
            _ if self.is_strange() => Refusal::Elsewhere,
            Proof::Nothing => Refusal::NoCredentials,
            Proof::Token(grant) if !grant.has_credentials() => Refusal::NoCredentials,
            Proof::Token(_) if self.may_be_used_up() => return None,
            Proof::Token(_) if challenge::choose(challenges).is_none() => Refusal::Unexplained,
            Proof::Token(_) => Refusal::NotAllowed,
            Proof::Bearer(_) if insufficient => Refusal::NotAllowed,
            Proof::Basic(_) | Proof::Bearer(_) => Refusal::BadCredentials,
        })
    }

    /// A response that is final.
    pub(super) fn reply(&self, begin: &Location, response: Response, refusal: Option<Refusal>) -> Reply {
        let needed = self.wanted.to_string();
        Reply { response, begin: begin.clone(), refusal, needed, proof: self.proof.clone() }
    }

    /// The same, of a response that refuses the request.
    pub(super) fn refused(&self, begin: &Location, response: Response, challenges: &[Challenge]) -> Reply {
        let refusal = self.refusal(&response, challenges);
        self.reply(begin, response, refusal)
    }
}

/// The redirect chain of a request that continues where it was refused.
pub(super) struct RedirectTrail {
    hops: Vec<Hop>,
    first_headers: Option<HeaderMap>,
    limit: usize,
}

impl RedirectTrail {
    pub(super) fn new(limit: usize) -> RedirectTrail {
        RedirectTrail { hops: Vec::new(), first_headers: None, limit }
    }

    /// Adds the whole redirect chain to a response.
    pub(super) fn lengthen(&mut self, response: &mut Response) -> Result<()> {
        response.hops.splice(0..0, self.hops.iter().cloned());
        response.first_headers = self.first_headers.clone().or(response.first_headers.take());
        match response.hops.len() > self.limit {
            true => {
                let message = format!("one redirect too many: the limit is {}", self.limit);
                Err(Error::new(Code::Redirect, message).with_url(&response.url))
            }
            false => Ok(()),
        }
    }

    /// Returns the URL of this response, at which the request continues.
    pub(super) fn go_on(&mut self, response: Response) -> Location {
        let at = Location::of(&response);
        (self.hops, self.first_headers) = (response.hops, response.first_headers);
        at
    }
}

/// The scopes in the challenge of a host that a server named, limited to those needed.
pub(super) fn scopes_of<'a>(challenges: &[Challenge], wanted: &'a ScopeSet) -> Cow<'a, ScopeSet> {
    let named = challenge::choose(challenges).and_then(Challenge::scope).map(|scope| {
        let mut scopes = ScopeSet::new();
        scopes.add_text(scope);
        scopes.limited_to(wanted)
    });
    named.filter(|scopes| !scopes.is_empty()).map_or(Cow::Borrowed(wanted), Cow::Owned)
}

/// Whether a registry wants more permissions than a token has.
pub(super) fn is_about_rights(challenges: &[Challenge]) -> bool {
    challenges.iter().any(|challenge| challenge.error() == Some("insufficient_scope"))
}

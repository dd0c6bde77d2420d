//! Confirms an uploaded blob. A response that names the digest is believed; after any other the
//! registry has to show the blob.

use std::time::Duration;

use ::http::{Method, StatusCode};

use crate::auth::Reply;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::response::Response;
use crate::registry::blob::{look, look_by, BlobPresence};
use crate::registry::repository::{digest_headers, Remote};
use crate::registry_error;
use crate::statuses;

/// Some registries show a blob a little later than they have it.
const SOON: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];
/// How much of a response is searched for errors.
const MOST_BODY: usize = 64 << 10;

pub(crate) struct UnconfirmedBlob<'a> {
    pub(crate) remote: &'a Remote,
    pub(crate) digest: &'a Digest,
    /// Its size, where it is known.
    pub(crate) size: Option<u64>,
    /// It was sent in chunks: some registries keep a part of them and claim to have the whole.
    pub(crate) in_chunks: bool,
    /// The registry's offsets during the upload were wrong, or could not be compared with what was sent.
    pub(crate) doubtful: bool,
}

impl<'a> UnconfirmedBlob<'a> {
    /// A blob that was sent by one request.
    pub(crate) fn whole(remote: &'a Remote, digest: &'a Digest, size: Option<u64>) -> UnconfirmedBlob<'a> {
        UnconfirmedBlob { remote, digest, size, in_chunks: false, doubtful: false }
    }

    /// The response to the request that completes the blob, once the blob exists.
    pub(crate) fn confirm(&self, reply: Reply, what: &str) -> Result<Response> {
        let mut response = self.remote.expect(reply, &statuses::CARRIED_OUT, what)?;
        let body = response.beginning(&self.remote.call, MOST_BODY);
        if registry_error::holds_errors(&body) {
            return Err(registry_error::error_of(statuses::OF_ERRORS, &response.headers, &body, &response.url, what));
        }
        let named = digest_headers(&response.headers);
        if let Some(found) = named.iter().find(|found| self.is_another(found)) {
            let message = format!("{what}: the registry stored it as {found}, its digest is {}", self.digest);
            return Err(Error::new(Code::DigestMismatch, message).with_url(&response.url));
        }
        let sure = response.status == StatusCode::CREATED && named.contains(self.digest) && !self.doubtful;
        if !sure || self.in_chunks {
            self.look(&response, sure, what)?;
        }
        Ok(response)
    }

    fn look(&self, response: &Response, sure: bool, what: &str) -> Result<()> {
        let status = response.status.as_u16();
        let wrong = |code, why: String| {
            Err(Error::new(code, format!("{what}: the registry answers {status} but {why}")).with_url(&response.url))
        };
        // The response that the specification requires. Chunks need more: only the registry knows what it made of them.
        let must_show = self.doubtful || self.in_chunks && !sure;
        let taken_at_its_word = response.status == StatusCode::CREATED && !must_show;
        match (self.shown(sure), self.size) {
            (Ok(BlobPresence::There { digest: Some(found), .. }), _) if self.is_another(&found) => {
                wrong(Code::DigestMismatch, format!("keeps it as {found}"))
            }
            (Ok(BlobPresence::There { size: Some(found), .. }), Some(size)) if found != size => {
                wrong(Code::Protocol, format!("keeps {found} of {size} bytes"))
            }
            (Ok(BlobPresence::There { size: None, .. }), Some(_)) if must_show => {
                wrong(Code::Protocol, "does not say how many bytes it keeps".to_owned())
            }
            (Ok(BlobPresence::Absent), _) if !sure => wrong(Code::Protocol, "does not have the blob".to_owned()),
            // The registry does not allow reading.
            (Ok(BlobPresence::Hidden), _) if !taken_at_its_word => {
                wrong(Code::Protocol, "does not show the blob".to_owned())
            }
            (Err(error), _) if !taken_at_its_word || error.code() != Code::Unauthenticated => Err(error),
            _ => Ok(()),
        }
    }

    /// What the registry shows of it: where it may be on its way still, after a while; where a HEAD does not tell how much of it
    /// there is, by a GET.
    fn shown(&self, sure: bool) -> Result<BlobPresence> {
        let mut shown = look(self.remote, self.digest)?;
        for wait in if sure { &[][..] } else { &SOON } {
            if !matches!(shown, BlobPresence::Absent) {
                break;
            }
            self.remote.call.sleep(*wait)?;
            shown = look(self.remote, self.digest)?;
        }
        if self.size.is_none() || !matches!(shown, BlobPresence::There { size: None, .. }) {
            return Ok(shown);
        }
        match look_by(Method::GET, self.remote, self.digest) {
            Ok(told @ BlobPresence::There { size: Some(_), .. }) => Ok(told),
            // The storage it redirects to need not be reachable by the writer.
            _ => self.remote.call.check().map(|()| shown),
        }
    }

    fn is_another(&self, found: &Digest) -> bool {
        found.algorithm() == self.digest.algorithm() && found != self.digest
    }
}

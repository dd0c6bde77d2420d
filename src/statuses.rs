//! What statuses mean where registries differ: each with the registries that send it, and why it is interpreted that
//! way. A new quirk of a registry starts here.

/// Worth retrying the same request (RFC 9110 15.5 and 15.6; 425 and 499 come from proxies, 522 from Cloudflare).
pub(crate) fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 499 | 500 | 502 | 503 | 504 | 522)
}

/// In response to a token that is not new: it has expired. ECR and some proxies send these instead of 401.
pub(crate) fn is_about_an_old_token(status: u16) -> bool {
    matches!(status, 400 | 403)
}

/// After a redirect: the signed URL has expired (S3 and Google 403, Azure 403 or 410, CloudFront 400).
pub(crate) fn is_about_an_old_url(status: u16) -> bool {
    matches!(status, 400 | 403 | 410)
}

/// From a token server: it does not support POST for identity tokens (docs/spec/auth/oauth.md: 404; 405 from some).
pub(crate) fn has_no_oauth(status: u16) -> bool {
    matches!(status, 404 | 405)
}

/// From a token server: it refuses the scopes, not the credentials.
pub(crate) fn refuses_scopes(status: u16) -> bool {
    matches!(status, 400 | 403)
}

/// From a token server: the identity token is refused; with 400 only if the text says so (RFC 6749 5.2).
pub(crate) fn may_refuse_an_identity_token(status: u16) -> bool {
    matches!(status, 400 | 401)
}

/// From a token server that was asked without credentials: it requires some.
pub(crate) fn requires_credentials(status: u16) -> bool {
    matches!(status, 401 | 403)
}

/// In response to HEAD: HEAD is not supported here (URLs that are signed for GET, gateways).
pub(crate) fn has_no_head(status: u16) -> bool {
    matches!(status, 405 | 501)
}

/// In response to a GET with a range: without one it may be answered.
pub(crate) fn may_refuse_a_range(status: u16) -> bool {
    matches!(status, 400 | 405 | 406 | 412 | 416 | 501)
}

/// In response to HEAD: a GET would give the reason.
pub(crate) fn has_a_reason(status: u16) -> bool {
    matches!(status, 400 | 401 | 403 | 404)
}

/// In response to a list of referrers: there is no such API. distribution 2 and 3 answer 404, others that they do not
/// know the path, method, media type or content.
pub(crate) fn has_no_referrers_api(status: u16) -> bool {
    matches!(status, 400 | 404..=406 | 410 | 415 | 422 | 501)
}

/// In response to a PUT with several tags in its query: the query is too long, or not supported at all.
pub(crate) fn takes_one_tag_only(status: u16) -> bool {
    matches!(status, 405 | 414 | 431)
}

/// In response to DELETE of a tag: only digests can be deleted (distribution 2.8 answers 400, others 405).
pub(crate) fn deletes_digests_only(status: u16) -> bool {
    matches!(status, 400 | 405)
}

/// In response to DELETE: deletes are disabled (distribution 405; others answer with a code of their own).
pub(crate) fn has_deletes_disabled(status: u16) -> bool {
    status == 405
}

/// In response to DELETE: the scope "delete" is not known, another may do.
pub(crate) fn refuses_the_delete_scope(status: u16) -> bool {
    status == 400
}

/// In response to DELETE: it is done.
pub(crate) fn is_deleted(status: u16) -> bool {
    matches!(status, 200 | 202 | 204)
}

/// In response to a conditional PUT: somebody else has written meanwhile (412; 409 from some).
pub(crate) fn was_written_meanwhile(status: u16) -> bool {
    matches!(status, 409 | 412)
}

/// In response to a PUT on a condition that cannot hold: the registry looks at conditions (RFC 9110 15.5.13).
pub(crate) fn refuses_a_condition(status: u16) -> bool {
    status == 412
}

/// In response to a GET whose redirects are not followed: the content, a part of it, or where it is.
pub(crate) fn says_where_it_is(status: u16) -> bool {
    matches!(status, 200 | 206 | 301..=303 | 307 | 308)
}

/// In response to a mount: not this blob from there, send it. 401 and 403 are about rights, 429 about the rate.
pub(crate) fn declines_a_mount(status: u16) -> bool {
    matches!(status, 400..=499) && !matches!(status, 401 | 403 | 429)
}

/// In response to a body: it is too large for one request.
pub(crate) fn is_too_large(status: u16) -> bool {
    status == 413
}

/// In response to a chunk: the registry is at another offset.
pub(crate) fn refuses_the_range(status: u16) -> bool {
    status == 416
}

/// In response to a body: its session was lost.
pub(crate) fn has_lost_the_session(status: u16) -> bool {
    status == 404
}

/// In response to a body: its token expired while it was sent.
pub(crate) fn is_about_a_token_that_expired(status: u16) -> bool {
    status == 401
}

/// In response to a chunk: PATCH is not supported, or blocked by a proxy.
pub(crate) fn refuses_patch(status: u16) -> bool {
    matches!(status, 403 | 405 | 501)
}

/// In response to a chunk: PATCH is certainly not supported.
pub(crate) fn has_no_patch(status: u16) -> bool {
    matches!(status, 405 | 501)
}

/// In response to a request for the status of a session: that is not supported.
pub(crate) fn has_no_session_status(status: u16) -> bool {
    matches!(status, 400 | 405 | 501)
}

/// In response to DELETE of a session: it is gone, or it cannot be cancelled and expires later (Quay 405,
/// go-containerregistry 400).
pub(crate) fn lets_go_of_a_session(status: u16) -> bool {
    matches!(status, 200 | 202 | 204 | 400 | 404 | 405 | 501)
}

/// In response to the request that continues a session: it cannot be continued, but a new one may work.
pub(crate) fn cannot_be_continued(status: u16) -> bool {
    matches!(status, 400 | 403..=405 | 409 | 412 | 413 | 416 | 501)
}

/// In response to the request that completes a blob: it may have been carried out. A gateway timed out first, or the
/// session is over because an earlier attempt succeeded.
pub(crate) fn may_be_done(status: u16) -> bool {
    matches!(status, 404 | 500 | 502 | 503 | 504)
}

/// In response to the request that completes a blob: its bytes do not match the digest.
pub(crate) fn refuses_the_bytes(status: u16) -> bool {
    matches!(status, 400 | 409 | 412 | 416 | 422)
}

/// In response to an ordinary request for something: this endpoint does not have it, or does not take such a request; it says
/// nothing of the next one. What is about credentials and rates has codes of its own before.
pub(crate) fn is_about_what_was_asked_for(status: u16) -> bool {
    matches!(status, 400..=499)
}

/// In response to a chunk, or the end of several: it does not keep chunks, or loses their order.
pub(crate) fn keeps_no_chunks(status: u16) -> bool {
    matches!(status, 400..=499)
}

/// In response to DELETE of a list of referrers: it cannot be deleted, whatever the reason is, and may stay empty.
pub(crate) fn keeps_an_empty_list(status: u16) -> bool {
    status < 500
}

/// In response to a chunk, though its answer could not be understood: it may have been taken.
pub(crate) fn may_have_been_taken(status: u16) -> bool {
    matches!(status, 200..=299)
}

/// From whomever: the credentials are not accepted (RFC 9110 15.5.2).
pub(crate) fn is_unauthorized(status: u16) -> bool {
    status == 401
}

/// In response to a copied blob: its bytes may be wrong, or were lost.
pub(crate) fn may_be_about_the_bytes(status: u16) -> bool {
    matches!(status, 400 | 404 | 409 | 416 | 422)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_success_is_taken_for_a_refusal() {
        let refusals: [fn(u16) -> bool; 28] = [
            may_pass,
            is_about_an_old_token,
            is_about_an_old_url,
            has_no_oauth,
            refuses_scopes,
            may_refuse_an_identity_token,
            requires_credentials,
            has_deletes_disabled,
            refuses_the_delete_scope,
            was_written_meanwhile,
            declines_a_mount,
            is_too_large,
            refuses_the_range,
            has_lost_the_session,
            is_about_a_token_that_expired,
            has_no_head,
            may_refuse_a_range,
            has_a_reason,
            has_no_referrers_api,
            takes_one_tag_only,
            deletes_digests_only,
            refuses_patch,
            has_no_patch,
            has_no_session_status,
            cannot_be_continued,
            may_be_done,
            refuses_the_bytes,
            may_be_about_the_bytes,
        ];
        for status in 100..400 {
            assert!(refusals.iter().all(|refusal| !refusal(status)), "{status}");
        }
        assert!((200..600).filter(|status| has_no_patch(*status)).all(refuses_patch));
    }
}

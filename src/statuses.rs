//! What statuses mean where registries differ: each with the registries that send it where they are known by name, else with what the
//! specification and HTTP allow, and why it is interpreted that way. A new quirk of a registry starts here.

use ::http::StatusCode;

use crate::error::Code;

/// In response to a request that writes: it was carried out. distribution-spec has 201 for what is complete and 202 for what goes
/// on. Gateways and storage behind registries answer with other codes for success (RFC 9110 9.3.4); what was written is confirmed
/// by other means than its status.
pub(crate) const CARRIED_OUT: [StatusCode; 4] =
    [StatusCode::CREATED, StatusCode::OK, StatusCode::ACCEPTED, StatusCode::NO_CONTENT];

/// In response to a request for the status of a session: here it is (distribution-spec end-13: 204; distribution 2.0 to 2.8 too, others 200 or
/// the 202 of the other requests of a session).
pub(crate) const SHOWS_A_SESSION: [StatusCode; 3] = [StatusCode::NO_CONTENT, StatusCode::OK, StatusCode::ACCEPTED];

/// In response to the start of an upload session or to a chunk: a success, but not the specification's 202. Without a word about uploads in
/// its headers it does not come from the registry: what stands in front of it (a health check, a login page) answers everything.
pub(crate) fn may_come_from_the_front(status: u16) -> bool {
    is_success(status) && status != 202
}

/// In response to HEAD of a name: it exists, and in response to a request for a token: it was granted (RFC 9110 15.3: any 2xx).
pub(crate) fn is_success(status: u16) -> bool {
    matches!(status, 200..=299)
}

/// In response to a mount: it was done. 202 is the specification's word for the opposite.
pub(crate) fn has_mounted(status: u16) -> bool {
    matches!(status, 200 | 201 | 204)
}

/// Worth retrying the same request (RFC 9110 15.5 and 15.6; 425 and 499 come from proxies, 522 from Cloudflare).
pub(crate) fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 499 | 500 | 502 | 503 | 504 | 522)
}

/// In response to a token that is not new: it has expired. public.ecr.aws sends 400 without a challenge (aws/containers-roadmap#2835),
/// proxies 403, instead of 401.
pub(crate) fn is_about_an_old_token(status: u16) -> bool {
    matches!(status, 400 | 403)
}

/// After a redirect: the signed URL has expired (S3 and Google 403, Azure 403 or 410, CloudFront 400). The registry signs a new one.
pub(crate) fn is_about_an_old_url(status: u16) -> bool {
    matches!(status, 400 | 403 | 410)
}

/// From a token server: it does not support POST for identity tokens (docs/spec/auth/oauth.md and GCR: 404; 405 where a path exists for
/// GET only). Then GET may do.
pub(crate) fn has_no_oauth(status: u16) -> bool {
    matches!(status, 404 | 405)
}

/// From a token server: it refuses the scopes, not the credentials (RFC 6749 5.2 invalid_scope: 400; 403 where the account has not all of
/// them). Fewer may be granted.
pub(crate) fn refuses_scopes(status: u16) -> bool {
    matches!(status, 400 | 403)
}

/// From a token server: the identity token is refused; with 400 only if the text says so (RFC 6749 5.2).
pub(crate) fn may_refuse_an_identity_token(status: u16) -> bool {
    matches!(status, 400 | 401)
}

/// From a token server that was asked without credentials: it requires some (401; 403 from those that hide what they have).
pub(crate) fn requires_credentials(status: u16) -> bool {
    matches!(status, 401 | 403)
}

/// In response to HEAD: HEAD is not supported here. URLs that are signed for GET and gateways before a registry do that; containerd asks
/// by GET after the same statuses.
pub(crate) fn has_no_head(status: u16) -> bool {
    matches!(status, 405 | 501)
}

/// In response to a GET with a range: without one it may be answered. No registry is known by name: gateways, firewalls and storage
/// behind registries do that, and there is always the whole to ask for.
pub(crate) fn may_refuse_a_range(status: u16) -> bool {
    matches!(status, 400 | 405 | 406 | 412 | 416 | 501)
}

/// In response to HEAD: a GET would give the reason, because an answer to HEAD has no body (RFC 9110 9.3.2). containerd asks again after
/// 403.
pub(crate) fn has_a_reason(status: u16) -> bool {
    matches!(status, 400 | 401 | 403 | 404)
}

/// In response to a request that only asks what is required: nothing is said about that now, and all that is known from before stays.
pub(crate) fn says_nothing_now(status: u16) -> bool {
    matches!(status, 429 | 500..=599)
}

/// From an index of protocol v1: it may be for want of better credentials (404 from those that hide what they have).
pub(crate) fn may_be_about_credentials(status: u16) -> bool {
    matches!(status, 401 | 403 | 404)
}

/// From a registry of protocol v1, in response to a checksum: it does not match what was sent (docker-registry 0.9 answers 400).
pub(crate) fn is_a_wrong_checksum(status: u16) -> bool {
    status == 400
}

/// From a registry of protocol v1, in response to an image or a layer: it has that already (docker-registry 0.9 answers 409).
pub(crate) fn has_it_already(status: u16) -> bool {
    status == 409
}

/// In response to a list of referrers: there is no such API, and the referrers tag is looked at. distribution 2 and 3 answer 404, others
/// that they do not know the path, method, media type or content.
pub(crate) fn has_no_referrers_api(status: u16) -> bool {
    matches!(status, 400 | 404..=406 | 410 | 415 | 422 | 501)
}

/// In response to a PUT with several tags in its query: the query is too long for a gateway (414, and 431 with the headers), or the request
/// is not known at all (405). Then each tag is put by itself.
pub(crate) fn takes_one_tag_only(status: u16) -> bool {
    matches!(status, 405 | 414 | 431)
}

/// In response to DELETE of a tag: only digests can be deleted (distribution 2.8 answers 400 DIGEST_INVALID, Docker Hub and others 405).
pub(crate) fn deletes_digests_only(status: u16) -> bool {
    matches!(status, 400 | 405)
}

/// In response to DELETE: deletes are disabled. distribution answers 405 unless its configuration enables them; others have a code of
/// their own.
pub(crate) fn has_deletes_disabled(status: u16) -> bool {
    status == 405
}

/// In response to DELETE: a token server that checks actions does not know "delete" (distribution asks for it, Quay never grants it), and
/// another scope may do.
pub(crate) fn refuses_the_delete_scope(status: u16) -> bool {
    status == 400
}

/// In response to DELETE: it is done (distribution-spec: 202; 200 and 204 are what HTTP has for it, RFC 9110 9.3.5).
pub(crate) fn is_deleted(status: u16) -> bool {
    matches!(status, 200 | 202 | 204)
}

/// In response to DELETE: it was deleted by an earlier try, whose response was lost.
pub(crate) fn is_gone_after_a_repeat(status: u16, attempts: u32) -> bool {
    status == 404 && attempts > 1
}

/// In response to DELETE of a repository at an index of protocol v1, once its registry has deleted it: it keeps no list of its own.
pub(crate) fn keeps_no_list(status: u16) -> bool {
    status == 404
}

/// From a registry of protocol v1, in response to a request that reads: the next registry of its index may do better.
pub(crate) fn may_work_at_another_registry(status: u16) -> bool {
    matches!(status, 500..=599)
}

/// In response to a conditional PUT: another client has written meanwhile (RFC 9110 13.1.1: 412; 409 where a
/// database behind the registry finds it).
pub(crate) fn was_written_meanwhile(status: u16) -> bool {
    matches!(status, 409 | 412)
}

/// In response to a PUT on a condition that cannot hold: the registry looks at conditions (RFC 9110 15.5.13).
pub(crate) fn refuses_a_condition(status: u16) -> bool {
    status == 412
}

/// In response to a GET whose redirects are not followed: the content, a part of it, or where it is (registries with S3, Google or Azure
/// behind them answer 307, some 302).
pub(crate) fn says_where_it_is(status: u16) -> bool {
    matches!(status, 200 | 206 | 301..=303 | 307 | 308)
}

/// In response to a mount: not this blob from there, send it. distribution-spec has 202 for that; registries that cannot mount at all
/// refuse the whole request. 401 and 403 are about rights, 429 about the rate.
pub(crate) fn declines_a_mount(status: u16) -> bool {
    matches!(status, 400..=499) && !matches!(status, 401 | 403 | 429)
}

/// In response to a body: it is too large for one request. Cloudflare and nginx before a registry limit that (harbor#22353,
/// containerd#7459); smaller pieces may pass.
pub(crate) fn is_too_large(status: u16) -> bool {
    status == 413
}

/// In response to a chunk: the registry is at another offset (distribution-spec "Pushing a blob in chunks"); GHCR also if the chunk is larger
/// than 4 MiB.
pub(crate) fn refuses_the_range(status: u16) -> bool {
    status == 416
}

/// In response to a body: its session was lost (distribution-spec code-5, BLOB_UPLOAD_UNKNOWN): it has expired, or another node is asked
/// that does not share it.
pub(crate) fn has_lost_the_session(status: u16) -> bool {
    status == 404
}

/// In response to a body: its token expired while it was sent. Tokens of some minutes are usual, and a body may take hours.
pub(crate) fn is_about_a_token_that_expired(status: u16) -> bool {
    status == 401
}

/// In response to a chunk: PATCH is not supported, or a firewall before the registry blocks that method (403). The same bytes in one PUT may
/// pass.
pub(crate) fn refuses_patch(status: u16) -> bool {
    matches!(status, 403 | 405 | 501)
}

/// In response to a chunk: PATCH is certainly not supported, which 403 alone does not say.
pub(crate) fn has_no_patch(status: u16) -> bool {
    matches!(status, 405 | 501)
}

/// In response to a request for the status of a session (distribution-spec end-13): it is not supported, and the
/// client's own count is all that there is.
pub(crate) fn has_no_session_status(status: u16) -> bool {
    matches!(status, 400 | 405 | 501)
}

/// In response to DELETE of a session: it is gone, or it cannot be cancelled and expires later (Quay 405,
/// go-containerregistry 400).
pub(crate) fn lets_go_of_a_session(status: u16) -> bool {
    matches!(status, 200 | 202 | 204 | 400 | 404 | 405 | 501)
}

/// In response to the request that continues a session: it cannot be continued, but a new one may work. What is wrong with it, a registry
/// finds by whichever of its checks comes first.
pub(crate) fn cannot_be_continued(status: u16) -> bool {
    matches!(status, 400 | 403..=405 | 409 | 412 | 413 | 416 | 501)
}

/// In response to the request that completes a blob: it may have been carried out. A gateway timed out first, while the registry was still
/// hashing, or the session is over because an earlier attempt succeeded (404).
pub(crate) fn may_be_done(status: u16) -> bool {
    matches!(status, 404 | 500 | 502 | 503 | 504)
}

/// In response to the request that completes a blob: its bytes do not match the digest. distribution-spec has 400 DIGEST_INVALID and
/// SIZE_INVALID; others use what HTTP has for conflicts, conditions and content.
pub(crate) fn refuses_the_bytes(status: u16) -> bool {
    matches!(status, 400 | 409 | 412 | 416 | 422)
}

/// In response to an ordinary request for something: this endpoint does not have it, or does not take such a request; it says
/// nothing of the next one. What is about credentials and rates has codes of its own before.
pub(crate) fn is_about_what_was_asked_for(status: u16) -> bool {
    matches!(status, 400..=499)
}

/// In response to a chunk, or the end of several: it does not keep chunks, or loses their order. One request with all bytes may pass.
pub(crate) fn keeps_no_chunks(status: u16) -> bool {
    matches!(status, 400..=499)
}

/// In response to DELETE of a list of referrers: it cannot be deleted, whatever the reason is, and may stay empty. After 5xx it is not known
/// what happened.
pub(crate) fn keeps_an_empty_list(status: u16) -> bool {
    status < 500
}

/// A success whose body holds errors (distribution-spec "Error Codes"): a gateway in front of the registry has replaced the status, and this
/// is the one that says least.
pub(crate) const OF_ERRORS: u16 = 400;

/// In response to a chunk, though its answer could not be understood: it may have been taken. ECR answers 201, and its Range stands still
/// after the first chunk (aws/containers-roadmap#2831); the spec has 202.
pub(crate) fn may_have_been_taken(status: u16) -> bool {
    matches!(status, 200..=299)
}

/// The credentials are not accepted, or none were sent (RFC 9110 15.5.2).
pub(crate) fn is_unauthorized(status: u16) -> bool {
    status == 401
}

/// In response to a blob that was copied while it was read: its bytes may have been wrong at the source, or were lost on the way.
pub(crate) fn may_be_about_the_bytes(status: u16) -> bool {
    matches!(status, 400 | 404 | 409 | 416 | 422)
}

/// What a status says by itself, before what a registry writes in the body (RFC 9110 15).
pub(crate) fn code(status: u16) -> Code {
    match status {
        300..=399 => Code::Redirect,
        401 => Code::Unauthenticated,
        403 => Code::Forbidden,
        404 => Code::NotFound,
        405 | 501 => Code::Unsupported,
        408 => Code::Timeout,
        413 => Code::LimitExceeded,
        429 => Code::RateLimited,
        400..=499 => Code::Http,
        500..=599 => Code::Server,
        // Below 300 it is a success that does not fit the request.
        _ => Code::Protocol,
    }
}

/// Says only that the request was wrong, so that the code in the body can say how: distribution-spec does not say which status goes with
/// DIGEST_INVALID, SIZE_INVALID and MANIFEST_INVALID.
pub(crate) fn leaves_the_reason_open(status: u16) -> bool {
    matches!(status, 400 | 402 | 406 | 409..=412 | 414..=428 | 430..=499)
}

/// In response to a PUT of a manifest that names blobs: one of them is missing (distribution 400, go-containerregistry and others 404).
pub(crate) fn may_miss_a_blob(status: u16) -> bool {
    matches!(status, 400 | 404)
}

/// The least that a server says of a request. Some send it with a code that has a status of its own: ECR 400 with DENIED for an expired
/// token, so that the code counts.
pub(crate) fn is_general(status: u16) -> bool {
    status == 400
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_success_is_taken_for_a_refusal() {
        let refusals: [fn(u16) -> bool; 35] = [
            may_pass,
            is_about_an_old_token,
            is_about_an_old_url,
            has_no_oauth,
            refuses_scopes,
            may_refuse_an_identity_token,
            requires_credentials,
            may_be_about_credentials,
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
            says_nothing_now,
            is_a_wrong_checksum,
            has_it_already,
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
            leaves_the_reason_open,
            may_miss_a_blob,
            is_general,
        ];
        for status in 100..400 {
            assert!(refusals.iter().all(|refusal| !refusal(status)), "{status}");
        }
        assert!((200..600).filter(|status| has_no_patch(*status)).all(refuses_patch));
    }
}

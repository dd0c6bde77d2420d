//! What statuses mean where registries differ: each with who answers so, and why it is taken for what it is. A new oddity of a
//! registry begins here.

/// Worth another try of the same request (RFC 9110 15.5 and 15.6; 425 and 499 come from proxies, 522 from Cloudflare).
pub(crate) fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 499 | 500 | 502 | 503 | 504 | 522)
}

/// To a token that is not new: it has expired. ECR and some proxies say so by these, and not by 401.
pub(crate) fn is_about_an_old_token(status: u16) -> bool {
    matches!(status, 400 | 403)
}

/// From behind a redirect: the signed URL is too old (S3 and Google 403, Azure 403 or 410, CloudFront 400).
pub(crate) fn is_about_an_old_url(status: u16) -> bool {
    matches!(status, 400 | 403 | 410)
}

/// From a token server: it has no POST for identity tokens (docs/spec/auth/oauth.md: 404; 405 from some).
pub(crate) fn has_no_oauth(status: u16) -> bool {
    matches!(status, 404 | 405)
}

/// To a HEAD: there is none here (URLs that are signed for GET, gateways).
pub(crate) fn has_no_head(status: u16) -> bool {
    matches!(status, 405 | 501)
}

/// To a HEAD: a GET would say why.
pub(crate) fn has_a_reason(status: u16) -> bool {
    matches!(status, 400 | 401 | 403 | 404)
}

/// To a list of referrers: there is no such API. distribution 2 and 3 answer 404, others that they know no such path, method, media
/// type or content.
pub(crate) fn has_no_referrers_api(status: u16) -> bool {
    matches!(status, 400 | 404..=406 | 410 | 415 | 422 | 501)
}

/// To a PUT with several tags in its query: too long, or no query at all.
pub(crate) fn takes_one_tag_only(status: u16) -> bool {
    matches!(status, 405 | 414 | 431)
}

/// To the DELETE of a tag: only digests can be deleted (distribution 2.8 says 400, others 405).
pub(crate) fn deletes_digests_only(status: u16) -> bool {
    matches!(status, 400 | 405)
}

/// To a chunk: there is no PATCH, or a proxy lets none pass.
pub(crate) fn refuses_patch(status: u16) -> bool {
    matches!(status, 403 | 405 | 501)
}

/// To a chunk: there is no PATCH, surely.
pub(crate) fn has_no_patch(status: u16) -> bool {
    matches!(status, 405 | 501)
}

/// To a question where a session stands: that cannot be asked.
pub(crate) fn has_no_session_status(status: u16) -> bool {
    matches!(status, 400 | 405 | 501)
}

/// To the DELETE of a session: it is gone, or there is no way to cancel one and it expires by itself (Quay 405, go-containerregistry
/// 400).
pub(crate) fn lets_go_of_a_session(status: u16) -> bool {
    matches!(status, 200 | 202 | 204 | 400 | 404 | 405 | 501)
}

/// To the request that goes on with a session: it cannot be gone on with, another one may do.
pub(crate) fn goes_not_on(status: u16) -> bool {
    matches!(status, 400 | 403..=405 | 409 | 412 | 413 | 416 | 501)
}

/// To the request that completes a blob: it may have been carried out. A gateway gave up first, or the session is over because an
/// earlier try was heard.
pub(crate) fn may_be_done(status: u16) -> bool {
    matches!(status, 404 | 500 | 502 | 503 | 504)
}

/// To the request that completes a blob: its bytes are not those of the digest.
pub(crate) fn refuses_the_bytes(status: u16) -> bool {
    matches!(status, 400 | 409 | 412 | 416 | 422)
}

/// To a blob that was copied: its bytes may be wrong, or were lost.
pub(crate) fn may_be_about_the_bytes(status: u16) -> bool {
    matches!(status, 400 | 404 | 409 | 416 | 422)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_success_is_taken_for_a_refusal() {
        let refusals: [fn(u16) -> bool; 16] = [
            may_pass,
            is_about_an_old_token,
            is_about_an_old_url,
            has_no_oauth,
            has_no_head,
            has_a_reason,
            has_no_referrers_api,
            takes_one_tag_only,
            deletes_digests_only,
            refuses_patch,
            has_no_patch,
            has_no_session_status,
            goes_not_on,
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

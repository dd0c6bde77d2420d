//! What a caller's own requests need.

use std::ffi::c_char;

use super::call::call;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::error::ocireg_error;
use super::manifest::{reference, repository};
use super::options::ocireg_options;
use super::out::Json;
use super::status::ocireg_status;

/// Gets the authorization for a repository, [HOST[:PORT]/]REPOSITORY, for requests that the caller sends itself, by curl, wget or
/// an HTTP library of its own. It is the header that this client would send, with a token from its cache or a new one. The
/// credentials are found as for every other call; without any a token server is asked for an anonymous token. What the registry
/// asks for is known from earlier calls, or found out without credentials: by a ping, or where that needs nothing, by asking for
/// one of the repository's tags. Where reading needs nothing and more is wanted, it is found out by a PATCH of an upload session
/// that does not exist, which changes nothing. Blocks.
///
/// Options: {TokenOptions}
///
/// When the registry answers the caller's request with 401, or a token that is no longer new with 400 or 403: call again with the
/// option refused. If there is nothing but what was refused, the call ends with OCIREG_UNAUTHENTICATED, so that a loop ends.
///
/// Where there are mirrors, it is for the registry itself, and not to be sent to a URL of ocireg_blob_locate or
/// ocireg_manifest_locate, which may be a mirror's: each of those comes with its own headers.
///
/// The result is a secret. It is the caller's to protect: the library never logs it, and wipes the string when it is freed. The
/// header belongs to the host of the repository, over the scheme that "endpoint" of ocireg_explain has, and to no host to which
/// that redirects.
///
/// Result: {"registry": string, "repository": string (HOST/REPOSITORY), "auth": "none", "basic" or "bearer" (what the registry
/// requires), "header": {"name": "Authorization", "value": string} or null (send none), "reason": string (why there is none) or
/// null, "token": string (of "bearer", without the scheme) or null, "expires": string (RFC 3339, UTC) or null (unknown, or
/// never), "expires_in": number (seconds from now) or null, "scopes": [string] (what was asked for), "granted": [string] or null
/// (what the token is for, when its server or the token itself says so: it may be less than was asked), "token_server": string
/// (URL) or null, "service": string or null, "username": string or null, "credentials": "host options", "callback", "rule" (of
/// mirrors), "file", "environment", "helper" or null (anonymous), "cached": boolean (an earlier call got the token)}. Free with
/// ocireg_string_free.
///
/// Errors: the common ones; OCIREG_UNAUTHENTICATED also when the registry requires credentials and there are none, or when
/// nothing is left but what was refused. Source: distribution's token and oauth specifications, RFC 9110 11.6, RFC 7617, RFC
/// 6750.
#[no_mangle]
pub unsafe extern "C" fn ocireg_token(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |client| self::repository(client, repository),
            |client, call, repository, options| client.token(call, &repository, &options),
        )
    }
}

/// Says where a blob, HOST[:PORT]/REPOSITORY@DIGEST, can be downloaded with another HTTP client: the URLs to ask with GET, in
/// order, and the headers for each. Many registries redirect to a URL that is signed and good for minutes: that comes first, the
/// registry's own second. The registry is asked for one byte of the blob; the blob itself is not downloaded. That is one request,
/// and one more where it refuses a range; besides those for a token, tries again after failures, redirects that are followed, and
/// what other mirrors are asked. Blocks.
///
/// Options: {LocateOptions}
///
/// The caller has to follow redirects itself, and to send the headers of a location to its host and to no other to which that
/// redirects. It also has to compare size and digest of what arrives: ocireg_blob_get_file with the option if_exists "skip" does
/// that with a file that is complete, and ocireg_digest_bytes with bytes in memory. Ranges (RFC 9110 14) may be asked for at each
/// URL.
///
/// When a URL does not answer as it should, the next one is asked; after the last, or when they have ended, call again, each call
/// gets new ones. When a location with an Authorization header answered 401 (400 or 403, if it had served before), call again
/// with the option refused: if nothing is left but what was refused, that ends with OCIREG_UNAUTHENTICATED, so that a loop ends.
///
/// Where there are mirrors, the locations are those of the first that has it; the option failed gets those of another one.
///
/// The result is a secret, headers and URLs: a signed URL needs no other right. The library never logs it, and wipes the
/// string when it is freed. A redirect to an address that this client would not ask itself, such as a cloud's metadata service,
/// is refused; names are resolved only with the option check, and by the caller.
///
/// Result: {"reference": string, "repository": string (HOST/REPOSITORY), "digest": string, "size": number or null (unknown: a
/// redirect does not say it, and nothing is asked only for that; check asks where it leads), "mediaType": string or null,
/// "locations": [{"url": string, "headers": {name: value}, "expires": string (RFC 3339, UTC: of the token, or as a signed URL of
/// a known kind says itself) or null (unknown, or never), "expires_in": number (seconds from now) or null, "endpoint": string
/// (the URL of the API of the registry that it is from, and the PREFIX of a mirror), "redirected": boolean (it redirected
/// there)}]}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_NOT_FOUND, with follow; OCIREG_REDIRECT; OCIREG_UNAUTHENTICATED as in ocireg_token. Source:
/// distribution-spec end-2; the query parameters of AWS, Google, Azure, CloudFront, Alibaba and Tencent.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_locate(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |client| self::reference(client, reference),
            |client, call, reference, options| client.locate_blob(call, &reference, &options),
        )
    }
}

/// Says where a manifest, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST], can be downloaded with another HTTP client, as
/// ocireg_blob_locate does for a blob. The registry is asked by HEAD, which does not count as a pull, and by GET where it has no HEAD or
/// refuses it without a reason; a redirect that is signed for HEAD is left out. The headers include the Accept of
/// ocireg_manifest_get. A tag may be moved before it is asked for: then the bytes have another digest. Blocks.
///
/// Options: {LocateOptions}
///
/// Result: as ocireg_blob_locate's; "digest", "size" and "mediaType" as the registry says, or null where it does not, or was not
/// asked. A secret. Free with ocireg_string_free.
///
/// Errors: as ocireg_blob_locate's; OCIREG_DIGEST_MISMATCH (the registry says another digest than the reference). Source:
/// distribution-spec end-3.
#[no_mangle]
pub unsafe extern "C" fn ocireg_manifest_locate(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    reference: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |client| self::reference(client, reference),
            |client, call, reference, options| client.locate_manifest(call, &reference, &options),
        )
    }
}

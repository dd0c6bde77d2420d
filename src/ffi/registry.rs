//! What concerns a registry or a repository as a whole.

use std::ffi::c_char;

use super::argument::string;
use super::call::call;
use super::call_arguments::NameWithHost;
use super::client::ocireg_client;
use super::context::ocireg_context;
use super::error::ocireg_error;
use super::manifest::holder;
use super::options::{ocireg_options, NoOptions};
use super::out::Json;
use super::status::ocireg_status;
use crate::error::Result;
use crate::place::{self, without_transport, Place};
use crate::reference::Index;
use crate::registry::Client;

/// The name of a registry, which is looked at before anything else.
pub(super) unsafe fn registry_name(argument: *const c_char) -> Result<NameWithHost> {
    let name = unsafe { string(argument, "registry") }?;
    let index = Index::parse(&name)?;
    Ok(NameWithHost::new(name, &index))
}

pub(super) unsafe fn repository_name(client: &Client, argument: *const c_char) -> Result<NameWithHost> {
    let name = unsafe { string(argument, "repository") }?;
    let repository = Place::only_repository(client, &name)?;
    Ok(NameWithHost::new(without_transport(&name).to_owned(), repository.index()))
}

/// Asks a registry, HOST[:PORT], whether and how it speaks the protocol. No credentials are sent. Blocks.
///
/// Options: {PingOptions}
///
/// Result: {"registry": string, "url": string, "status": 200, 401 or 404 (with version 1 whatever /v1/_ping answers),
/// "api_version": 2, 1 (it answers only /v1/_ping) or null, "versions": [string] (its Docker-Distribution-API-Version),
/// "challenges": [string] (the authentication schemes it asks for), "headers": {name: value}}. Free with ocireg_string_free.
///
/// Errors: the common ones. Source: distribution-spec end-1.
#[no_mangle]
pub unsafe extern "C" fn ocireg_registry_ping(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    registry: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |_| Ok(registry_name(registry)?.without_asking_if(true)),
            |client, call, registry, options| client.ping_as(call, &registry, &options),
        )
    }
}

/// Finds out which protocol a registry, HOST[:PORT], speaks: 2 when /v2/ answers 200 or 401, 1 when it answers 404 and
/// /v1/_ping answers as protocol v1 does. No credentials are sent. No other call chooses between the protocols, or falls back
/// from one to the other. Blocks.
///
/// Options: none.
///
/// Result: {"registry": string, "api_version": 2 or 1}. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_UNSUPPORTED when it speaks neither. Source: distribution-spec end-1; Docker's Registry
/// API v1, "_ping".
#[no_mangle]
pub unsafe extern "C" fn ocireg_registry_detect(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    registry: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |_| Ok(registry_name(registry)?.without_asking_if(true)),
            |client, call, registry, NoOptions {}| client.detect(call, &registry),
        )
    }
}

/// Lists the repositories of a registry, all pages unless `n` is given. Blocks.
///
/// To go on after `n` names, call again with the page's `next`, until that is null. Where a list goes on is the registry's own
/// business: `next` is what its Link says, with the place on that page, as an opaque text of at most 16 KiB. It belongs to this
/// list and this host, may be kept and used by another process, and leads nowhere else, even if it was forged. Pages that form a
/// loop are OCIREG_PROTOCOL, though each is a call of its own.
///
/// Options: {CatalogOptions}
///
/// Result: {"repositories": [string], "last": string or null (the last of them, when there are more), "next": string or null (give
/// it as `next` to go on; null at the end)}. What cannot be a name (it is empty, or would lead elsewhere, or a terminal obeys it) is left
/// out, with a warning that says how much that was. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_UNSUPPORTED where the registry has no catalog, or ignores `last` and begins again;
/// OCIREG_INVALID_ARGUMENT for a `next` of another list, or one that no list gave; OCIREG_LIMIT_EXCEEDED (5,000,000 names, or 100,000 pages
/// in one call); OCIREG_PROTOCOL when more than 100 pages in a row bring nothing new. Source: distribution's API, "Catalog"; not in
/// the OCI specification.
#[no_mangle]
pub unsafe extern "C" fn ocireg_registry_catalog(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    registry: *const c_char,
    options: *const ocireg_options,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call(
            (error, Json::required(json), client, context, options),
            |_| registry_name(registry),
            |client, call, registry, options| client.catalog(call, &registry, &options),
        )
    }
}

/// Lists the tags of a repository, [HOST[:PORT]/]REPOSITORY, or the names at another place (see ocireg_endpoint_parse; those that
/// containerd and Docker write too), all pages unless `n` is given. To go on after `n` tags, call again with
/// the page's `next`, until that is null, as with ocireg_registry_catalog. Blocks.
///
/// Options: {TagsOptions}
///
/// Result: {"name": string, "tags": [string], "last": string or null (the last of them, when there are more), "next": string or
/// null (give it as `next` to go on; null at the end), "served_by": HOST[:PORT], the registry's or a mirror's, null of another place,
/// "resolved_by": [HOST[:PORT]] (with `digests`: the endpoints that said them) [, "digests": {tag: string or null}]} (the name as
/// the registry says it, and as the caller does where a mirror answers), and further members that the registry sends (Google's
/// "child" and "manifest"). What cannot be a tag is left out, with a warning that says how much that was; a list that holds
/// anything but strings and nulls is OCIREG_PROTOCOL. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_UNSUPPORTED where the registry takes no notice of `last` and begins again (one that gives its
/// whole list, as distribution 2.8 does, is cut here); OCIREG_INVALID_ARGUMENT for a `next` of another list, or one that no list
/// gave; OCIREG_LIMIT_EXCEEDED and OCIREG_PROTOCOL as in ocireg_registry_catalog. Source:
/// distribution-spec end-8a, end-8b.
#[no_mangle]
pub unsafe extern "C" fn ocireg_repository_tags(
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
            |client| holder(client, repository),
            |client, call, holder, options| place::tags(client, call, &holder, &options),
        )
    }
}

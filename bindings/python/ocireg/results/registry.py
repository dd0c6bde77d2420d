"""What registries return: names, manifests, blobs, uploads, credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from typing_extensions import NotRequired


class BlobDelete(TypedDict):
    """A blob that was deleted."""

    status: int  # The registry's HTTP status.


class BlobGet(TypedDict):
    """A blob that was delivered."""

    digest: str  # Its digest.
    size: int | None  # The bytes of the whole blob.
    offset: int  # The first byte delivered.
    length: int  # The bytes delivered.
    verified: bool  # Whether the digest was checked.
    resumed: int  # The bytes that an earlier call had left.
    served_by: str | None  # The endpoint that sent it, or its last part: the registry or a mirror.
    path: NotRequired[str]  # The file.
    skipped: NotRequired[bool]  # Whether the file was there already, whole and right.


class Redirect(TypedDict):
    """Redirect."""

    status: int  # The status that redirected.
    url: str  # Where to, without the query.


class BlobHead(TypedDict):
    """What a registry says of a blob."""

    exists: bool  # Whether it is there.
    digest: str  # Its digest.
    size: int | None  # Its bytes.
    mediaType: str | None  # Its media type.
    redirects: list[Redirect]  # The way to the server that has the bytes.
    headers: dict[str, str]  # The headers of the last answer.
    first_headers: NotRequired[dict[str, str]]  # The headers of the registry's own answer.
    served_by: str | None  # The endpoint that said it: the registry or a mirror; None of another place.


class BlobInfo(TypedDict):
    """An open blob."""

    digest: str  # Its digest.
    size: int | None  # The bytes of the whole blob.
    offset: int  # The first byte that is read.
    mediaType: str | None  # Its media type.
    served_by: str | None  # The endpoint that sends it: the registry or a mirror; None of another place.


class BlobCopy(TypedDict):
    """A blob that was copied."""

    source: str  # Where it was.
    destination: str  # Where it is now too.
    digest: str  # Its digest.
    size: int  # Its bytes.
    uploaded: bool  # Whether its bytes were moved.
    mounted: bool  # Whether it came from another repository of the registry, unmoved.
    resumed: int  # How many of its bytes an earlier call had moved.
    # The endpoints that told its size or sent it: the registry, its mirrors, or several of them.
    served_by: list[str]


class BlobMount(TypedDict):
    """A blob of another repository."""

    mounted: bool  # Whether it is there now.
    digest: str  # Its digest.
    location: str | None  # Where the registry says it is.
    session: Session | None  # The upload that the registry opened instead.


class BlobPut(TypedDict):
    """A blob that was stored."""

    digest: str  # Its digest.
    size: int  # Its bytes.
    location: str | None  # Where the registry says it is.
    uploaded: bool  # Whether its bytes were sent.
    mounted: bool  # Whether it came from another repository.


class RepositoryList(TypedDict):
    """The repositories of a registry."""

    repositories: list[str]  # Their names.
    last: str | None  # The last of them, when there are more.
    next: str | None  # Where the next call goes on.


class Descriptor(TypedDict):
    """What a manifest names."""

    mediaType: str  # The content's media type.
    digest: str  # The content's digest.
    size: int  # The content's bytes.
    urls: NotRequired[list[str]]  # Where else it may be had.
    annotations: NotRequired[dict[str, Any]]  # Annotations.
    data: NotRequired[str]  # The content itself, in base64.
    artifactType: NotRequired[str]  # What kind of artifact it is.
    platform: NotRequired[Platform]  # What it runs on.


class Detected(TypedDict):
    """The protocol of a registry."""

    registry: str  # The registry host.
    api_version: int  # The API that it speaks.


class RegistryErrorItem(TypedDict):
    """RegistryErrorItem."""

    code: str  # The registry's code.
    message: str  # The registry's words.
    detail: NotRequired[Any]  # What the registry adds.


class NameConflict(TypedDict):
    """The name that was not to be set."""

    name: str  # The tag or name.
    digest: str | None  # What it refers to.


class ErrorDetails(TypedDict):
    """An error."""

    code: int  # Its number.
    name: str  # Its name.
    message: str  # What went wrong.
    hint: str | None  # What to do about it.
    side: str | None  # Of a copy: where.
    errno: int | None  # The system's number, of a file or descriptor.
    http_status: int | None  # The HTTP status.
    registry_errors: list[RegistryErrorItem]  # The registry's own errors.
    url: str | None  # The URL, without secrets.
    attempts: int  # How often the request was sent.
    retryable: bool  # Whether the same call may succeed later.
    retry_after: int | None  # The seconds that the registry wants to pass first.
    rate_limit: RateLimit | None  # What the registry says of its limit.
    conflict: NameConflict | None  # The name that was not to be set, and what it refers to now.
    cause: list[str]  # The errors beneath.


class ExplainedCredentials(TypedDict):
    """The credentials that would be used."""

    kind: str  # What they are.
    username: str | None  # Whose they are.
    source: str | None  # Where that is said.
    path: str | None  # The file that holds them or names the helper.
    variable: str | None  # The environment variable that does.
    key: str | None  # The entry.
    helper: str | None  # The credential helper.


class ExplainedNetwork(TypedDict):
    """The way there."""

    insecure: bool  # Whether certificates are not verified.
    ca_files: list[str]  # The files of further CAs.
    ca_only: bool  # Whether only those count.
    client_cert_file: str | None  # The file of the client's certificate.
    client_key_file: str | None  # The file of its key.
    proxy: str | None  # The proxy, without its password.
    unix_socket: str | None  # The socket of this machine.
    address: str | None  # The address that the name stands for.
    headers: list[str]  # The names of further headers.
    max_connections_per_host: int  # The most connections.
    requests_per_second: float  # The most requests; 0 is any number.
    download_bytes_per_second: int  # How many bytes may come in a second; 0 is any.
    upload_bytes_per_second: int  # How many may be sent.


class ExplainedEndpoint(TypedDict):
    """One place that is asked for a repository: the registry itself or a mirror."""

    url: str  # The URL of the API.
    host: str  # The host.
    repository: str | None  # The repository at the host; null if it cannot have it.
    asked_for: list[str]  # What it is asked for.
    blocked: str | None  # The file and line that forbids to ask it.
    passed_over_seconds: int  # For how much longer it comes after the others.
    passed_over_reason: str | None  # Why.
    anonymous: bool  # Whether no credentials are wanted.
    credentials: ExplainedCredentials  # Those that would be used.
    headers: list[str]  # The names of further headers.
    network: ExplainedNetwork  # The way there.
    source: str | None  # The option or the file and line that says so.


class ExplainedShortName(TypedDict):
    """What the machine's registries.conf makes of a name without registry."""

    name: str  # The name without its registry.
    stands_for: str | None  # The name in full that it stands for; null if it stands for none, or for several.
    source: str | None  # The file and line that says so.
    registries: list[str]  # The registries that are searched for names without an alias, in order.
    mode: str  # The file's short-name-mode.


class ExplainedSignatures(TypedDict):
    """What the machine's registries.d says of an image's signatures."""

    lookaside: str | None  # The URL below which signatures of simple signing are.
    lookaside_source: str | None  # The file and line that says so.
    lookaside_staging: str | None  # The URL below which they are written; the same if nothing else is said.
    lookaside_staging_source: str | None  # The file and line that says so.
    use_sigstore_attachments: bool  # Whether sigstore's signatures are beside the image in its repository.
    use_sigstore_attachments_source: str | None  # The file and line that says so.


class Explanation(TypedDict):
    """What a call would use."""

    reference: str  # The reference, in full.
    host: str  # The host.
    repository: str  # The repository at the host.
    endpoint: str  # The URL of the API.
    scheme_source: str  # What chose http or https.
    anonymous: bool  # Whether no credentials are wanted.
    credentials: ExplainedCredentials  # Those that would be used.
    trusted_realms: list[str]  # The token servers that get credentials, too.
    network: ExplainedNetwork  # The way there.
    endpoints: list[ExplainedEndpoint]  # Those that are asked, in this order.
    # What the machine's registries.conf makes of the name without its registry; null for other registries than Docker Hub,
    # and without such a file.
    short_name: ExplainedShortName | None
    signatures: ExplainedSignatures | None  # What the machine's registries.d says of the image's signatures; null if it says nothing.


class RegistryName(TypedDict):
    """A registry host's name."""

    name: str  # The host as the library spells it.
    host: str  # What all spellings of the host have in common: settings are kept by it.
    official: bool  # Whether it is Docker Hub.
    scheme: str | None  # The scheme that the name gives.


class RequestHeader(TypedDict):
    """A header of a request of the program's own."""

    name: str  # Authorization.
    value: str  # Its value, a secret.


class Token(TypedDict):
    """The authorization of a repository."""

    registry: str  # The host.
    repository: str  # HOST/REPOSITORY.
    auth: str  # What the registry requires.
    header: RequestHeader | None  # The header to send; None: none.
    reason: str | None  # Why none is to be sent.
    token: str | None  # The bearer token in it, a secret.
    expires: str | None  # When it ends, in RFC 3339; None: unknown, or never.
    expires_in: int | None  # The seconds until then.
    scopes: list[str]  # What it was asked for.
    granted: list[str] | None  # What it is for, when its server or the token says so.
    token_server: str | None  # The URL of the token server.
    service: str | None  # The service that it was asked for.
    username: str | None  # The user it is for.
    credentials: str | None  # Where the credentials come from; None: anonymous.
    cached: bool  # Whether an earlier call got the token.


class Location(TypedDict):
    """One URL to send a GET to."""

    url: str  # The URL, whose query may be a signature: a secret.
    headers: dict[str, str]  # The headers to send there: secrets.
    expires: str | None  # When it is of no use any more, in RFC 3339; None: unknown, or never.
    expires_in: int | None  # The seconds until then.
    endpoint: str  # The URL of the registry's API.
    redirected: bool  # Whether that registry redirected there.


class Located(TypedDict):
    """Where a blob or a manifest can be had."""

    reference: str  # What was asked for.
    repository: str  # HOST/REPOSITORY.
    digest: str | None  # The digest that the bytes must have.
    size: int | None  # Their number; None: unknown.
    mediaType: str | None  # The media type, if the registry says so.
    locations: list[Location]  # The URLs to ask, in order.


class Login(TypedDict):
    """A login."""

    registry: str  # The host.
    status: int  # The registry's HTTP status.
    auth: str  # What it asks for.
    username: str | None  # The user name.
    identity_token: bool  # Whether an identity token is kept, and no password.
    stored_in: str | None  # The file or the helper that keeps them.
    token: NotRequired[str | None]  # The bearer token; only with return_token.


Logout = TypedDict(
    "Logout",
    {
        "registry": "str",  # The host.
        "removed": "bool",  # Whether there was something.
        "from": "list[str]",  # The files and helpers that held something.
    },
)
"""A logout."""


class ManifestDelete(TypedDict):
    """A manifest that was deleted."""

    status: int | None  # The registry's HTTP status; None in a layout.
    subject: str | None  # What it referred to.
    referrers: str | None  # Where it was taken off the list of referrers.


class ManifestHead(TypedDict):
    """A manifest's descriptor."""

    mediaType: str  # Its media type.
    digest: str  # Its digest.
    size: int  # Its bytes.
    headers: dict[str, str]  # The headers of the answer.
    rate_limit: RateLimit | None  # What is left of the registry's limit.
    served_by: str | None  # The endpoint that said it: the registry or a mirror; None of another place.


class ManifestPut(TypedDict):
    """A manifest that was stored."""

    digest: str  # Its digest.
    size: int  # Its bytes.
    mediaType: str  # Its media type.
    location: str | None  # Where the registry says it is.
    tags: list[str]  # The tags that were set.
    skipped: list[str]  # The names that were left as they are, because they refer to something.
    condition: str | None  # What made sure that the name could be set.
    subject: str | None  # What it refers to.
    referrers: str | None  # How it is listed among the subject's referrers.


class ManifestInfo(TypedDict):
    """A manifest from a registry."""

    mediaType: str  # Its media type.
    digest: str  # Its digest.
    size: int  # Its bytes.
    schema_version: int  # Its schema version.
    kind: str  # What it is.
    manifest: dict[str, Any]  # The document itself.
    reference: str  # HOST/REPOSITORY@DIGEST, or the other place.
    repository: str | None  # HOST/REPOSITORY; None of another place.
    headers: dict[str, str]  # The headers of the answer.
    rate_limit: RateLimit | None  # What is left of the registry's limit.
    served_by: str | None  # The endpoint that sent it: the registry or a mirror; None of another place.
    resolved_by: list[str]  # The endpoints that sent the indexes in which it was found.
    platform: NotRequired[Platform]  # The platform that was picked.


class Ping(TypedDict):
    """What is there."""

    registry: str  # The registry host.
    url: str  # Where it is.
    status: int  # The HTTP status.
    api_version: int | None  # The API that it speaks.
    versions: list[str]  # Its Docker-Distribution-API-Version.
    challenges: list[str]  # The authentication schemes that it asks for.
    headers: dict[str, str]  # The headers of its answer.


Platform = TypedDict(
    "Platform",
    {
        "os": "str",  # linux, windows, …
        "architecture": "str",  # amd64, arm64, …
        "variant": "NotRequired[str]",  # v7, v8, …
        "os.version": "NotRequired[str]",  # A Windows build.
        "os.features": "NotRequired[list[str]]",  # What the operating system must have.
    },
)
"""What a manifest runs on."""


class RateLimit(TypedDict):
    """What a registry says of its limits."""

    limit: int | None  # How many requests.
    remaining: int | None  # How many are left.
    window_seconds: int | None  # In how many seconds.
    source: str | None  # The account that it counts for.


class ReferenceParts(TypedDict):
    """An image's name."""

    index: RegistryName  # The registry host.
    official: bool  # Whether it is an official image of Docker Hub.
    remote_name: str  # What the registry calls the repository.
    local_name: str  # The short name.
    canonical_name: str  # The name with its host.
    tag: str | None  # The tag.
    digest: str | None  # The digest.
    canonical_ref: str  # The whole name with its host.
    reference: str  # The whole short name.
    repository: str  # The repository with its host, without tag and digest.


class ReferrerList(TypedDict):
    """What refers to a manifest."""

    subject: str  # The manifest.
    referrers: list[Descriptor]  # What refers to it.
    source: str  # Where the list is from.
    served_by: str | None  # The endpoint that listed them: the registry or a mirror; None of another place.
    resolved_by: list[str]  # The endpoint that said what the tag refers to.
    filters_applied: list[str]  # The filters that the registry applied.
    truncated: bool  # Whether there are more.
    next: str | None  # Where the next call goes on.


class RemovedManifest(TypedDict):
    """RemovedManifest."""

    digest: str  # The manifest's digest.
    mediaType: str  # Its media type; empty when it cannot be read.
    tags: list[str]  # Its tags.
    deleted: bool  # Whether it was deleted.


class RepositoryRemove(TypedDict):
    """What was removed from a repository."""

    repository: str  # HOST/REPOSITORY.
    manifests: list[RemovedManifest]  # The manifests, indexes before what they hold.
    tags: int  # How many tags there were.
    deleted: int  # How many manifests were deleted.
    dry_run: bool  # Whether nothing was to be deleted.


class Session(TypedDict):
    """An upload session."""

    url: str  # The session.
    repository: str  # Where the blob goes.
    offset: int  # The bytes that the registry has.
    min_chunk_size: int  # The smallest chunk but the last.


class TagDelete(TypedDict):
    """A tag that was deleted."""

    tag: str  # The tag.
    digest: str  # What it named.
    status: int | None  # The registry's HTTP status; None in a layout.
    manifest: str  # What became of the manifest.
    replaced: bool  # Whether the tag took an empty index along.
    other_tags: NotRequired[list[str]]  # The other tags of the digest.


class TagList(TypedDict):
    """The tags of a repository."""

    name: str  # The repository.
    tags: list[str]  # The tags.
    last: str | None  # The last of them, when there are more.
    next: str | None  # Where the next call goes on.
    digests: NotRequired[dict[str, str | None]]  # The digest of each tag.
    served_by: str | None  # The endpoint that listed them: the registry or a mirror; None of another place.
    resolved_by: list[str]  # The endpoints that said the digests.
    child: NotRequired[list[str]]  # Google's repositories below this one.
    manifest: NotRequired[dict[str, Any]]  # Google's manifests by digest.

package ocireg

// #include "shim.h"
import "C"

// Code says what kind of error it was. The codes are errors themselves, for use with errors.Is:
//
//	if errors.Is(err, ocireg.ErrNotFound) { … }
type Code int32

// The codes. Their numbers never change; a newer library may return others.
const (
	// ErrInvalidArgument: an argument or option is unknown, of the wrong type or out of range; the message names it.
	ErrInvalidArgument Code = C.OCIREG_INVALID_ARGUMENT
	// ErrInvalidReference: a name, tag or digest is malformed.
	ErrInvalidReference Code = C.OCIREG_INVALID_REFERENCE
	// ErrUnauthenticated: the registry requires credentials, or does not accept these.
	ErrUnauthenticated Code = C.OCIREG_UNAUTHENTICATED
	// ErrForbidden: the credentials are good, but not for this.
	ErrForbidden Code = C.OCIREG_FORBIDDEN
	// ErrNotFound: there is no such repository, tag, manifest, blob or platform.
	ErrNotFound Code = C.OCIREG_NOT_FOUND
	// ErrUnsupported: the registry cannot or will not do this.
	ErrUnsupported Code = C.OCIREG_UNSUPPORTED
	// ErrRateLimited: too many requests; Error.RetryAfter says when to retry, if the registry did.
	ErrRateLimited Code = C.OCIREG_RATE_LIMITED
	// ErrConnect: no connection to the host.
	ErrConnect Code = C.OCIREG_CONNECT
	// ErrTLS: the TLS handshake failed: certificate, name, date or protocol.
	ErrTLS Code = C.OCIREG_TLS
	// ErrTimeout: the deadline has passed, or the server was silent or too slow. After a write the outcome is unknown.
	ErrTimeout Code = C.OCIREG_TIMEOUT
	// ErrCancelled: the context was cancelled. After a write the outcome is unknown.
	ErrCancelled Code = C.OCIREG_CANCELLED
	// ErrRedirect: a redirect, upload location or token server was refused.
	ErrRedirect Code = C.OCIREG_REDIRECT
	// ErrProtocol: the server's response violates the protocol.
	ErrProtocol Code = C.OCIREG_PROTOCOL
	// ErrDigestMismatch: the bytes do not have the expected digest.
	ErrDigestMismatch Code = C.OCIREG_DIGEST_MISMATCH
	// ErrSizeMismatch: there are more or fewer bytes than expected.
	ErrSizeMismatch Code = C.OCIREG_SIZE_MISMATCH
	// ErrLimitExceeded: something is larger than its limit.
	ErrLimitExceeded Code = C.OCIREG_LIMIT_EXCEEDED
	// ErrInvalidManifest: a manifest is malformed, ambiguous, or of a kind that was not accepted.
	ErrInvalidManifest Code = C.OCIREG_INVALID_MANIFEST
	// ErrSignature: a schema-1 signature is missing or wrong.
	ErrSignature Code = C.OCIREG_SIGNATURE
	// ErrMissingBlob: a manifest names a blob that the registry does not have.
	ErrMissingBlob Code = C.OCIREG_MISSING_BLOB
	// ErrServer: the server failed (5xx), retries spent.
	ErrServer Code = C.OCIREG_SERVER
	// ErrHTTP: any other HTTP error (4xx).
	ErrHTTP Code = C.OCIREG_HTTP
	// ErrIO: a local file or descriptor failed.
	ErrIO Code = C.OCIREG_IO
	// ErrCallback: a function or reader of the caller failed; errors.Is finds its error too.
	ErrCallback Code = C.OCIREG_CALLBACK
	// ErrForked: the client belongs to the parent of this process.
	ErrForked Code = C.OCIREG_FORKED
	// ErrClosed: the client, reader or upload is closed.
	ErrClosed Code = C.OCIREG_CLOSED
	// ErrBusy: the credentials file is in use; or a reader or upload, by the call whose callback this is.
	ErrBusy Code = C.OCIREG_BUSY
	// ErrInternal: a bug in the library.
	ErrInternal Code = C.OCIREG_INTERNAL
	// ErrNetwork: an established connection broke, retries spent.
	ErrNetwork Code = C.OCIREG_NETWORK
	// ErrResolve: the host name is unknown.
	ErrResolve Code = C.OCIREG_RESOLVE
)

// String is the code's name, such as "NOT_FOUND".
//
// C: ocireg_status_name.
func (c Code) String() string { return C.GoString(C.ocireg_status_name(C.ocireg_status(c))) }

// Error is the code's name in the form of an error.
func (c Code) Error() string { return "ocireg: " + c.String() }

package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"syscall"
	"time"
)

// Error is returned by every failed call. errors.Is compares it with the codes (ErrNotFound …). It finds context.Canceled,
// context.DeadlineExceeded and the context's cause when the context ended the call, and the caller's own error when a reader or
// function of the caller did. For a file or descriptor it finds the system's error (syscall.ENOSPC, fs.ErrNotExist). It contains no
// secrets.
type Error struct {
	// Code is the kind of error.
	Code Code
	// Message names what was wrong, in English.
	Message string
	// Hint says what to do; may be empty.
	Hint string
	// Side is "source" or "destination" of a copy, otherwise empty.
	Side string
	// Errno is that of a failed file or descriptor operation, such as syscall.EPIPE; 0 when there is none.
	Errno syscall.Errno
	// HTTPStatus is the status of the response that made the call fail; 0 when there was none.
	HTTPStatus int
	// RegistryErrors are the errors that the registry reported.
	RegistryErrors []RegistryError
	// URL is that of the request, without userinfo and query.
	URL string
	// Attempts says how often the request was sent.
	Attempts int
	// Retryable tells whether the same call may succeed later.
	Retryable bool
	// RetryAfter is how long to wait before a retry, if the registry said so; otherwise 0.
	RetryAfter time.Duration
	// RateLimit is what the registry says about its limit, with ErrRateLimited.
	RateLimit *RateLimit
	// Conflict is the name that was not to be set, and what it refers to now, with WithIfExists and WithIfDigest.
	Conflict *Conflict
	// Causes are the texts of the errors underneath, outermost first.
	Causes []string

	wrapped []error
}

// Conflict is a name that refers to something else than a call allows.
type Conflict struct {
	Name string `json:"name"`
	// Digest is that of the manifest that it refers to; empty when it refers to nothing.
	Digest string `json:"digest"`
}

// RegistryError is one entry of a registry's error response.
type RegistryError struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Detail  json.RawMessage `json:"detail,omitempty"`
}

// RateLimit is what a registry says about its limit of requests; -1 stands for unknown.
type RateLimit struct {
	Limit         int64
	Remaining     int64
	WindowSeconds int64
	Source        string
}

// UnmarshalJSON reads the library's form, in which null is unknown.
func (r *RateLimit) UnmarshalJSON(text []byte) error {
	read := struct {
		Limit         int64  `json:"limit"`
		Remaining     int64  `json:"remaining"`
		WindowSeconds int64  `json:"window_seconds"`
		Source        string `json:"source"`
	}{Limit: -1, Remaining: -1, WindowSeconds: -1}
	err := decode(text, &read)
	*r = RateLimit{read.Limit, read.Remaining, read.WindowSeconds, read.Source}
	return err
}

// MarshalJSON writes what UnmarshalJSON reads.
func (r RateLimit) MarshalJSON() ([]byte, error) {
	known := func(count int64) *int64 {
		if count < 0 {
			return nil
		}
		return &count
	}
	return json.Marshal(struct {
		Limit         *int64 `json:"limit"`
		Remaining     *int64 `json:"remaining"`
		WindowSeconds *int64 `json:"window_seconds"`
		Source        string `json:"source,omitempty"`
	}{known(r.Limit), known(r.Remaining), known(r.WindowSeconds), r.Source})
}

// Error is the code's name and the message.
func (e *Error) Error() string { return "ocireg: " + e.Code.String() + ": " + e.Message }

// Unwrap returns the errors that caused it: the context's error, or the caller's own.
func (e *Error) Unwrap() []error { return e.wrapped }

// Is compares with a Code, and with the system's errors: syscall.EPIPE, fs.ErrNotExist.
func (e *Error) Is(target error) bool {
	if e.Errno != 0 && (target == e.Errno || e.Errno.Is(target)) {
		return true
	}
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Timeout tells whether the time was up, as for net.Error.
func (e *Error) Timeout() bool { return e.Code == ErrTimeout }

// Temporary tells whether the same call may succeed later, as for net.Error.
func (e *Error) Temporary() bool { return e.Retryable }

func newError(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// takeError converts a C error to a Go error, and frees it.
func takeError(status C.ocireg_status, native *C.ocireg_error) *Error {
	if native == nil {
		return newError(Code(status), "no details are known")
	}
	defer C.ocireg_error_free(native)
	read := new(Error)
	if err := decode(view(C.ocireg_error_json(native)), read); err != nil {
		return newError(Code(status), "the library's error cannot be read: "+err.Error())
	}
	return read
}

// errorJSON is the library's form of an error.
type errorJSON struct {
	Code           Code            `json:"code"`
	Name           string          `json:"name"`
	Message        string          `json:"message"`
	Hint           string          `json:"hint,omitempty"`
	Side           string          `json:"side,omitempty"`
	Errno          syscall.Errno   `json:"errno,omitempty"`
	HTTPStatus     int             `json:"http_status,omitempty"`
	RegistryErrors []RegistryError `json:"registry_errors"`
	URL            string          `json:"url,omitempty"`
	Attempts       int             `json:"attempts,omitempty"`
	Retryable      bool            `json:"retryable"`
	RetryAfter     float64         `json:"retry_after,omitempty"`
	RateLimit      *RateLimit      `json:"rate_limit,omitempty"`
	Conflict       *Conflict       `json:"conflict,omitempty"`
	Cause          []string        `json:"cause"`
}

// UnmarshalJSON reads the library's form, as in results that list errors.
func (e *Error) UnmarshalJSON(text []byte) error {
	var read errorJSON
	if err := decode(text, &read); err != nil {
		return err
	}
	*e = Error{
		Code: read.Code, Message: read.Message, Hint: read.Hint, Side: read.Side, Errno: read.Errno, HTTPStatus: read.HTTPStatus,
		RegistryErrors: read.RegistryErrors, URL: read.URL, Attempts: read.Attempts, Retryable: read.Retryable,
		RetryAfter: seconds(read.RetryAfter), RateLimit: read.RateLimit,
		Conflict: read.Conflict, Causes: read.Cause,
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads: all but the errors of the caller and of its context, which Unwrap returns.
func (e Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(errorJSON{
		Code: e.Code, Name: e.Code.String(), Message: e.Message, Hint: e.Hint, Side: e.Side, Errno: e.Errno, HTTPStatus: e.HTTPStatus,
		RegistryErrors: e.RegistryErrors, URL: e.URL, Attempts: e.Attempts, Retryable: e.Retryable,
		RetryAfter: e.RetryAfter.Seconds(), RateLimit: e.RateLimit,
		Conflict: e.Conflict, Cause: e.Causes,
	})
}

// seconds is a duration, the longest one for what does not fit: a negative one would mean no wait at all.
func seconds(count float64) time.Duration {
	if limit := float64(math.MaxInt64 / int64(time.Second)); count >= limit {
		return math.MaxInt64
	}
	return time.Duration(max(count, 0) * float64(time.Second))
}

// blame adds the context's error when the context is what ended the call.
func (e *Error) blame(ctx context.Context) {
	switch e.Code {
	case ErrCancelled, ErrTimeout, ErrCallback:
	default:
		return
	}
	ended := contextEnd(ctx)
	if ended == nil || e.Code == ErrCallback && !errors.Is(errors.Join(e.wrapped...), ended) {
		return
	}
	if code := codeOf(ended); code != e.Code {
		e.Code, e.Message = code, e.Message+" ("+ended.Error()+")"
	}
	e.wrapped = append(e.wrapped, ended)
	if cause := context.Cause(ctx); cause != nil && cause != ended {
		e.wrapped = append(e.wrapped, cause)
	}
}

// contextEnd is the context's error; also when its deadline has passed but its timer has not fired yet.
func contextEnd(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// codeOf is the code for a context's error.
func codeOf(ended error) Code {
	if errors.Is(ended, context.DeadlineExceeded) {
		return ErrTimeout
	}
	return ErrCancelled
}

// checkContext is the error of a call whose context had ended before it began.
func checkContext(ctx context.Context) error {
	if ctx == nil {
		return newError(ErrInvalidArgument, "the context is nil")
	}
	ended := contextEnd(ctx)
	if ended == nil {
		return nil
	}
	err := newError(codeOf(ended), "the context had ended before the call: "+ended.Error())
	err.blame(ctx)
	return err
}

package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/ocireg/ocireg/bindings/go"
)

// ErrNoMorePages is never returned, because lists are complete. It exists for programs that compare with it.
var ErrNoMorePages = errors.New("no more pages")

// HTTPStatusError is a response with an error status. It is inside a *url.Error; errors.As finds it, and the
// *ocireg.Error it wraps.
type HTTPStatusError struct {
	// Response has the status, the Content-Type header, and Body as its body.
	Response *http.Response
	// Body contains the errors that the registry reported, in the form of an error response.
	Body []byte

	cause *ocireg.Error
}

// HttpStatusError is the older name.
type HttpStatusError = HTTPStatusError

// Error shows the status and the body.
func (e *HTTPStatusError) Error() string {
	text := fmt.Sprintf("http: non-successful response (status=%v body=%q)", e.Response.StatusCode, e.Body)
	if e.cause != nil {
		text += ": " + e.cause.Message
	}
	return text
}

// Unwrap returns the *ocireg.Error.
func (e *HTTPStatusError) Unwrap() error {
	if e.cause == nil {
		return nil
	}
	return e.cause
}

// failed wraps an error of package ocireg as net/http wraps its own; nil stays nil.
func failed(method string, err error) error {
	var told *ocireg.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &told):
		return err
	case told.HTTPStatus < 400:
		return &url.Error{Op: method, URL: told.URL, Err: err}
	}
	return &url.Error{Op: method, URL: told.URL, Err: statusError(told)}
}

func statusError(told *ocireg.Error) *HTTPStatusError {
	said := told.RegistryErrors
	if said == nil {
		said = []ocireg.RegistryError{}
	}
	body, err := json.Marshal(map[string]any{"errors": said})
	if err != nil {
		body = []byte(`{"errors":[]}`)
	}
	return &HTTPStatusError{
		Response: &http.Response{
			Status:     fmt.Sprintf("%d %s", told.HTTPStatus, http.StatusText(told.HTTPStatus)),
			StatusCode: told.HTTPStatus, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)),
			Body: io.NopCloser(strings.NewReader(string(body))),
		},
		Body:  body,
		cause: told,
	}
}

package ocireg

// #include "shim.h"
import "C"

import (
	"encoding/json"
	"log/slog"
	"unicode/utf8"
)

// Option is an option of a call. Each documents the calls it is for; any other call refuses it with ErrInvalidArgument
// and its name.
type Option interface{ call(*settings) }

// ClientOption is an option of New.
type ClientOption interface{ client(*settings) }

// HostOption is an option of WithHost and Client.SetHost.
type HostOption interface{ host(*settings) }

// NetworkOption is an option of New, for all hosts, or of a single host.
type NetworkOption interface {
	ClientOption
	HostOption
}

// LoginOption is an option of a host, or of Client.Login.
type LoginOption interface {
	HostOption
	Option
}

// StoreOption is an option of New, or of Client.Login and Client.Logout.
type StoreOption interface {
	ClientOption
	Option
}

// AnyOption can be used everywhere.
type AnyOption interface {
	ClientOption
	HostOption
	Option
}

// change is what an option does; the types below determine where it may be used.
type change func(*settings)

type (
	callOption    change
	clientOption  change
	hostOption    change
	networkOption change
	loginOption   change
	storeOption   change
	anyOption     change
)

func (o callOption) call(s *settings)      { o(s) }
func (o clientOption) client(s *settings)  { o(s) }
func (o hostOption) host(s *settings)      { o(s) }
func (o networkOption) client(s *settings) { o(s) }
func (o networkOption) host(s *settings)   { o(s) }
func (o loginOption) host(s *settings)     { o(s) }
func (o loginOption) call(s *settings)     { o(s) }
func (o storeOption) client(s *settings)   { o(s) }
func (o storeOption) call(s *settings)     { o(s) }
func (o anyOption) client(s *settings)     { o(s) }
func (o anyOption) host(s *settings)       { o(s) }
func (o anyOption) call(s *settings)       { o(s) }

// settings is the result of applying a list of options.
type settings struct {
	values      map[string]any
	bad         error
	progress    func(Progress)
	blobs       func(BlobProgress)
	warnings    *[]Warning
	logger      *slog.Logger
	credentials CredentialsFunc
	hosts       []namedHost
	maxCalls    int
	lasting     bool // the call opens something that another goroutine may close
}

type namedHost struct {
	name    string
	options []HostOption
}

func callSettings(options []Option) *settings {
	made := &settings{}
	for _, option := range options {
		if option == nil {
			made.fail(errNilOption())
			continue
		}
		option.call(made)
	}
	return made
}

func lastingSettings(options []Option) *settings {
	made := callSettings(options)
	made.lasting = true
	return made
}

func errNilOption() *Error { return newError(ErrInvalidArgument, "an option is nil") }

// fail keeps the first error of the options, for the call.
func (s *settings) fail(err error) {
	if s.bad == nil {
		s.bad = err
	}
}

// set returns the change that sets one of the library's own options.
func set(key string, value any) change {
	return func(s *settings) { s.set(key, value) }
}

func (s *settings) set(key string, value any) {
	if !isUTF8(value) {
		s.fail(newError(ErrInvalidArgument, "the option "+key+" is not UTF-8"))
	}
	if s.values == nil {
		s.values = map[string]any{}
	}
	if list, ok := value.([]string); ok && list == nil {
		value = []string{} // nil would be JSON's null
	}
	s.values[key] = value
}

// add returns the change that adds to a list.
func add(key string, values []string) change {
	return func(s *settings) {
		before, _ := s.values[key].([]string)
		// A list of nothing is one, too, and not all that there is.
		s.set(key, append(append([]string{}, before...), values...))
	}
}

// isUTF8 tells whether JSON can hold the text as it is.
func isUTF8(value any) bool {
	switch value := value.(type) {
	case string:
		return utf8.ValidString(value)
	case []string:
		for _, text := range value {
			if !utf8.ValidString(text) {
				return false
			}
		}
	}
	return true
}

// native creates the C options, nil when there are none; they are freed by C.ocireg_options_free.
func (s *settings) native() (*C.ocireg_options, error) {
	if s.bad != nil {
		return nil, s.bad
	}
	if len(s.values) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(s.values)
	if err != nil {
		return nil, newError(ErrInvalidArgument, "an option cannot be written as JSON: "+err.Error())
	}
	return parseOptions(string(text))
}

func parseOptions(text string) (*C.ocireg_options, error) {
	var made *C.ocireg_options
	var failure *C.ocireg_error
	if status := C.ocireg_options_new(&made, &failure); status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	if err := fillOptions(made, text); err != nil {
		C.ocireg_options_free(made)
		return nil, err
	}
	return made, nil
}

// fillOptions adds a JSON object's members.
func fillOptions(into *C.ocireg_options, text string) error {
	json, err := cText(text)
	if err != nil {
		return err
	}
	var failure *C.ocireg_error
	if status := C.ocireg_options_parse(into, json, &failure); status != C.OCIREG_OK {
		return takeError(status, failure)
	}
	return nil
}

// WithSetting sets an option of the C library by its name there: a string, integer, boolean, or []string. It is for
// options that a newer library has and this package does not know yet.
func WithSetting(key string, value any) AnyOption { return anyOption(set(key, value)) }

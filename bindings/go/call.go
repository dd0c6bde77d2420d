package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
)

// call holds the arguments and results of one call of the C library. It is on the heap, because callbacks may move the
// stack.
type call struct {
	client  *C.ocireg_client
	context *C.ocireg_context
	options *C.ocireg_options
	text    []*C.char

	json    *C.char
	reader  *C.ocireg_blob_reader
	upload  *C.ocireg_upload
	bytes   *C.ocireg_buffer
	failure *C.ocireg_error

	outside *nativeContext
	kept    bool
}

// native is the one C call that a method makes.
type native func(*call) C.ocireg_status

// ask makes a call with a JSON result.
func ask[T any](ctx context.Context, c *Client, options []Option, run native, texts ...string) (*T, error) {
	result, _, err := askBytes[T](ctx, c, options, run, texts...)
	return result, err
}

// askBytes makes a call with a JSON result and exact bytes.
func askBytes[T any](ctx context.Context, c *Client, options []Option, run native, texts ...string) (*T, []byte, error) {
	result := new(T)
	if unknown, ok := any(result).(interface{ unknown() }); ok {
		unknown.unknown()
	}
	var bytes []byte
	err := c.with(ctx, callSettings(options), texts, run, func(k *call) error {
		bytes = copyBuffer(k.bytes)
		return readJSON(k.json, result)
	})
	if err != nil {
		return nil, nil, err
	}
	return result, bytes, nil
}

// free frees all C memory in it.
func (k *call) free() {
	C.ocireg_options_free(k.options)
	C.ocireg_string_free(k.json)
	C.ocireg_buffer_free(k.bytes)
	C.ocireg_error_free(k.failure)
	if !k.kept {
		k.outside.free()
	}
}

// keep returns the context of a call that opened something which continues to use it; the call then does not free it.
func (k *call) keep(status C.ocireg_status) *nativeContext {
	kept := k.outside
	if status == C.OCIREG_OK {
		k.kept = true
	}
	return kept
}

// do makes a call without a result.
func (c *Client) do(ctx context.Context, options []Option, run native, texts ...string) error {
	return c.with(ctx, callSettings(options), texts, run)
}

// with makes a call in its turn.
func (c *Client) with(ctx context.Context, wanted *settings, texts []string, run native, take ...func(*call) error) error {
	if !c.made() {
		return errNoClient()
	}
	if err := checkContext(ctx); err != nil {
		return err
	}
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	return c.now(ctx, wanted, texts, run, take...)
}

// now makes a call: everything that it needs is created before and freed after it, and its error is returned.
func (c *Client) now(ctx context.Context, wanted *settings, texts []string, run native, take ...func(*call) error) error {
	var err error
	k := &call{}
	if k.text, err = cTexts(texts); err != nil {
		return err
	}
	if k.options, err = wanted.native(); err != nil {
		return err
	}
	defer k.free()
	if k.outside, err = newContext(ctx, c.callbacks(wanted), wanted.lasting); err != nil {
		return err
	}
	k.context = k.outside.native()
	if k.client, err = c.handle.acquire(); err != nil {
		return err
	}
	defer c.handle.release()
	err = k.outside.result(ctx, run(k), &k.failure)
	runtime.KeepAlive(c)
	if err == nil {
		for _, finish := range take {
			err = finish(k)
		}
	}
	k.outside.collect(wanted.warnings)
	return err
}

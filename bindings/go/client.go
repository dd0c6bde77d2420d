package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"log/slog"
	"runtime"
)

// Client holds connections, tokens and settings for any number of registries. It is safe for any number of goroutines, and
// cheap to keep. Close it when done; one that is forgotten is closed when it is collected.
type Client struct {
	handle      *clientHandle
	running     chan struct{} // holds one for each call that runs
	logger      *slog.Logger
	credentials CredentialsFunc
}

// New creates a client. Nothing is connected or read before the first call.
func New(options ...ClientOption) (*Client, error) {
	wanted := &settings{}
	for _, option := range options {
		if option == nil {
			wanted.fail(errNilOption())
			continue
		}
		option.client(wanted)
	}
	handle, err := newClientHandle(wanted)
	if err != nil {
		return nil, err
	}
	if wanted.maxCalls == 0 {
		wanted.maxCalls = DefaultMaxCalls
	}
	client := &Client{handle: handle, running: make(chan struct{}, wanted.maxCalls), logger: wanted.logger, credentials: wanted.credentials}
	runtime.AddCleanup(client, func(handle *clientHandle) { handle.close() }, handle)
	for _, host := range wanted.hosts {
		if err := client.SetHost(host.name, host.options...); err != nil {
			client.Close()
			return nil, err
		}
	}
	return client, nil
}

// SetHost replaces the settings of one registry host, HOST[:PORT]. They apply to later calls and to that host only.
//
// C: ocireg_client_set_host.
func (c *Client) SetHost(host string, options ...HostOption) error {
	wanted := &settings{}
	for _, option := range options {
		if option == nil {
			wanted.fail(errNilOption())
			continue
		}
		option.host(wanted)
	}
	if !c.made() {
		return errNoClient()
	}
	// It waits for no registry, so it needs no turn.
	return c.now(context.Background(), wanted, []string{host}, func(k *call) C.ocireg_status {
		return C.ocireg_client_set_host(k.client, k.text[0], k.options, &k.failure)
	})
}

// Close ends the calls in progress with ErrClosed within 200 ms; later ones get ErrClosed. It always returns nil.
func (c *Client) Close() error {
	if c.made() {
		c.handle.close()
	}
	return nil
}

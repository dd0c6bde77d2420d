package ocireg

// #include "shim.h"
import "C"

import "context"

// Ping is what a registry says about itself.
type Ping struct {
	Registry string `json:"registry"`
	URL      string `json:"url"`
	// Status is the HTTP status: 200, 401 or 404.
	Status int `json:"status"`
	// APIVersion is the protocol version that it speaks: 2, 1, or 0 for none.
	APIVersion int `json:"api_version"`
	// Versions are its Docker-Distribution-API-Version.
	Versions []string `json:"versions"`
	// Challenges are the authentication schemes that it asks for.
	Challenges []string          `json:"challenges"`
	Headers    map[string]string `json:"headers"`
}

// Detected is the protocol version that a registry speaks.
type Detected struct {
	Registry   string `json:"registry"`
	APIVersion int    `json:"api_version"`
}

// RegistryPing asks a registry, HOST[:PORT], whether and how it supports the protocol. No credentials are sent. Options:
// WithProtocol.
//
// C: ocireg_registry_ping.
func (c *Client) RegistryPing(ctx context.Context, registry string, options ...Option) (*Ping, error) {
	return ask[Ping](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_registry_ping(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, registry)
}

// RegistryDetect finds out which protocol version a registry speaks, 2 or 1; ErrUnsupported when neither.
//
// C: ocireg_registry_detect.
func (c *Client) RegistryDetect(ctx context.Context, registry string, options ...Option) (*Detected, error) {
	return ask[Detected](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_registry_detect(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, registry)
}

package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"time"
)

// Header is a header of a request of the caller's own.
type Header struct {
	Name string `json:"name"`
	// Value is a secret.
	Value string `json:"value"`
}

// Token is the authorization of a repository, for requests of the caller's own. It contains secrets.
type Token struct {
	Registry   string `json:"registry"`
	Repository string `json:"repository"`
	// Auth is what the registry requires: "none", "basic" or "bearer".
	Auth string `json:"auth"`
	// Header is to be sent to the registry, and to no host to which it redirects; nil when none is to be sent.
	Header *Header `json:"header"`
	// Reason says why there is no header.
	Reason string `json:"reason"`
	// Token is the bearer token in the header, without the scheme.
	Token string `json:"token"`
	// Expires is when it ends; nil when that is unknown, or never.
	Expires *time.Time `json:"expires"`
	// ExpiresIn is how many seconds are left until then.
	ExpiresIn *int64 `json:"expires_in"`
	// Scopes is what it was asked for.
	Scopes []string `json:"scopes"`
	// Granted is what it is for, when its server or the token itself says so; otherwise nil. It may be less than was asked.
	Granted []string `json:"granted"`
	// TokenServer is its URL.
	TokenServer string `json:"token_server"`
	Service     string `json:"service"`
	Username    string `json:"username"`
	// Credentials says where they come from: "host options", "callback", "rule", "file", "environment", "helper"; empty when anonymous.
	Credentials string `json:"credentials"`
	// Cached tells whether an earlier call got the token.
	Cached bool `json:"cached"`
}

// Token gets the authorization of a repository, [HOST[:PORT]/]REPOSITORY, from the cache or anew: the header that requests of the
// caller's own are to send, for example those of net/http. When the registry refuses it, call again with WithRefused. Options:
// WithActions, WithScope, WithFresh, WithMinValidity, WithRefused.
//
// C: ocireg_token.
func (c *Client) Token(ctx context.Context, repository string, options ...Option) (*Token, error) {
	return ask[Token](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_token(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, repository)
}

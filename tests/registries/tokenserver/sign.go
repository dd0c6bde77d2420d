package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"
)

// signer makes ES256 JWTs whose x5c header carries the certificate, which the registry checks against its bundle.
type signer struct {
	key  *ecdsa.PrivateKey
	cert []byte
}

func loadSigner(certFile, keyFile string) (*signer, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("the signing key is not a P-256 key")
	}
	return &signer{key: key, cert: pair.Certificate[0]}, nil
}

type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	Expires   int64    `json:"exp"`
	NotBefore int64    `json:"nbf"`
	IssuedAt  int64    `json:"iat"`
	ID        string   `json:"jti"`
	Access    []access `json:"access"`
}

func (s *signer) sign(c claims) (string, error) {
	header := map[string]any{"typ": "JWT", "alg": "ES256", "x5c": []string{base64.StdEncoding.EncodeToString(s.cert)}}
	head, err := segment(header)
	if err != nil {
		return "", err
	}
	body, err := segment(c)
	if err != nil {
		return "", err
	}
	text := head + "." + body
	sum := sha256.Sum256([]byte(text))
	r, t, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		return "", err
	}
	// RFC 7518, 3.4: both numbers as 32 bytes, big-endian.
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	t.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func segment(value any) (string, error) {
	text, err := json.Marshal(value)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// newClaims fills in what does not depend on the request. A lifetime may be negative (see leeway): the token then looks
// old, so its nbf lies before its exp all the same.
func newClaims(issuer, service, user string, now time.Time, lifetime time.Duration, granted []access) (claims, error) {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return claims{}, err
	}
	expires := now.Add(lifetime)
	issued := now
	if !expires.After(issued) {
		issued = expires.Add(-leeway)
	}
	return claims{
		Issuer: issuer, Subject: user, Audience: service, Access: granted, ID: hex.EncodeToString(id),
		Expires: expires.Unix(), NotBefore: issued.Unix(), IssuedAt: issued.Unix(),
	}, nil
}

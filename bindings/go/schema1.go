package ocireg

// #include "shim.h"
import "C"

// Schema1 is a verified schema-1 manifest. Everything but the signatures is read from the signed payload.
type Schema1 struct {
	// Digest is that of the payload, which is the manifest's.
	Digest       string `json:"digest"`
	Name         string `json:"name"`
	Tag          string `json:"tag"`
	Architecture string `json:"architecture"`
	// FSLayers are digests, and History has as many entries, the topmost layer first.
	FSLayers   []string           `json:"fs_layers"`
	History    []Schema1History   `json:"history"`
	Signatures []Schema1Signature `json:"signatures"`
}

// Schema1History is one layer's entry.
type Schema1History struct {
	ID        string `json:"id"`
	Parent    string `json:"parent"`
	Throwaway bool   `json:"throwaway"`
}

// Schema1Signature is one valid signature.
type Schema1Signature struct {
	KeyID string `json:"key_id"`
	// KeyType is "EC" or "RSA".
	KeyType   string `json:"key_type"`
	Algorithm string `json:"algorithm"`
	// X5C tells whether the key came in a certificate, and Subject is the certificate's subject.
	X5C     bool   `json:"x5c"`
	Subject string `json:"subject"`
	// Time is when it was signed, according to the signer.
	Time string `json:"time"`
	// Trusted tells whether it was made by a required key or authority.
	Trusted bool `json:"trusted"`
}

// Schema1KeyInfo describes a key.
type Schema1KeyInfo struct {
	KeyID   string `json:"key_id"`
	KeyType string `json:"key_type"`
	Curve   string `json:"crv"`
	// PublicKey is PEM text.
	PublicKey string `json:"public_key"`
}

// Schema1Verify verifies a signed schema-1 manifest: every signature must be valid. That alone says nothing about the signer,
// because the keys are in the manifest: require a key or an authority where that matters. Options: WithKeys,
// WithCAPEM, WithCAFile, WithTime.
//
// C: ocireg_schema1_verify.
func Schema1Verify(data []byte, options ...Option) (*Schema1, error) {
	wanted, err := callSettings(options).native()
	if err != nil {
		return nil, err
	}
	defer C.ocireg_options_free(wanted)
	var json *C.char
	var failure *C.ocireg_error
	if status := C.ocireg_schema1_verify(cBytes(data), C.size_t(len(data)), wanted, &json, &failure); status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	result := &Schema1{}
	return result, takeJSON(json, result)
}

// Schema1Payload returns the exact bytes that the signatures of a schema-1 manifest cover, unverified.
//
// C: ocireg_schema1_payload.
func Schema1Payload(data []byte) ([]byte, error) {
	var payload *C.ocireg_buffer
	var failure *C.ocireg_error
	if status := C.ocireg_schema1_payload(cBytes(data), C.size_t(len(data)), &payload, &failure); status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	return takeBuffer(payload), nil
}

// Schema1Sign signs a schema-1 manifest with ES256, as libtrust does. The key is a private key on the curve P-256, as
// PEM text. Options: WithChain, WithTime.
//
// C: ocireg_schema1_sign.
func Schema1Sign(data []byte, key string, options ...Option) ([]byte, error) {
	text, err := cText(key)
	if err != nil {
		return nil, err
	}
	wanted, err := callSettings(options).native()
	if err != nil {
		return nil, err
	}
	defer C.ocireg_options_free(wanted)
	var signed *C.ocireg_buffer
	var failure *C.ocireg_error
	status := C.ocireg_schema1_sign(cBytes(data), C.size_t(len(data)), text, wanted, &signed, &failure)
	if status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	return takeBuffer(signed), nil
}

// Schema1Key creates a private key for Schema1Sign, as PEM text. Options: WithKeyFormat.
//
// C: ocireg_schema1_key.
func Schema1Key(options ...Option) (string, error) {
	wanted, err := callSettings(options).native()
	if err != nil {
		return "", err
	}
	defer C.ocireg_options_free(wanted)
	var pem *C.char
	var failure *C.ocireg_error
	if status := C.ocireg_schema1_key(wanted, &pem, &failure); status != C.OCIREG_OK {
		return "", takeError(status, failure)
	}
	defer clear(view(pem)) // erased before it is freed: a key should not stay in memory
	return string(view(pem)), nil
}

// InspectSchema1Key describes a public or private key, given as PEM text.
//
// C: ocireg_schema1_key_info.
func InspectSchema1Key(pem string) (*Schema1KeyInfo, error) {
	text, err := cText(pem)
	if err != nil {
		return nil, err
	}
	var json *C.char
	var failure *C.ocireg_error
	if status := C.ocireg_schema1_key_info(text, &json, &failure); status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	result := &Schema1KeyInfo{}
	return result, takeJSON(json, result)
}

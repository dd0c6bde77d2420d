package ocireg

// #include "shim.h"
import "C"

// Schema1 is a verified schema-1 manifest. All but the signatures is read from what they sign.
type Schema1 struct {
	// Digest is that of the payload, which is the manifest's.
	Digest       string `json:"digest"`
	Name         string `json:"name"`
	Tag          string `json:"tag"`
	Architecture string `json:"architecture"`
	// FSLayers are digests, and History as many entries, the topmost layer first.
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

// Schema1Signature is one good signature.
type Schema1Signature struct {
	KeyID string `json:"key_id"`
	// KeyType is "EC" or "RSA".
	KeyType   string `json:"key_type"`
	Algorithm string `json:"algorithm"`
	// X5C tells whether the key came in a certificate, and Subject whose that is.
	X5C     bool   `json:"x5c"`
	Subject string `json:"subject"`
	// Time is when it was signed, as the signer says.
	Time string `json:"time"`
	// Trusted tells whether it is of a key or an authority that was asked for.
	Trusted bool `json:"trusted"`
}

// Schema1KeyInfo is what a key is.
type Schema1KeyInfo struct {
	KeyID   string `json:"key_id"`
	KeyType string `json:"key_type"`
	Curve   string `json:"crv"`
	// PublicKey is PEM text.
	PublicKey string `json:"public_key"`
}

// VerifySchema1 verifies a signed schema-1 manifest: every signature must be good. That alone says nothing about who signed,
// as the keys stand in the manifest: ask for a key or an authority where that matters. Options: WithKeys, WithCAPEM,
// WithCAFile, WithTime.
func VerifySchema1(data []byte, options ...Option) (*Schema1, error) {
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

// Schema1Payload gives the exact bytes that the signatures of a schema-1 manifest sign, unverified.
func Schema1Payload(data []byte) ([]byte, error) {
	var payload *C.ocireg_buffer
	var failure *C.ocireg_error
	if status := C.ocireg_schema1_payload(cBytes(data), C.size_t(len(data)), &payload, &failure); status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	return takeBuffer(payload), nil
}

// SignSchema1 signs a schema-1 manifest with ES256, as libtrust does. The key is a private one as PEM text, of the curve P-256.
// Options: WithChain, WithTime.
func SignSchema1(data []byte, key string, options ...Option) ([]byte, error) {
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

// NewSchema1Key makes a private key for SignSchema1, as PEM text. Options: WithKeyFormat.
func NewSchema1Key(options ...Option) (string, error) {
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
	defer clear(view(pem)) // before it is freed: a key should not lie about
	return string(view(pem)), nil
}

// InspectSchema1Key says what a key is, public or private, as PEM text.
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

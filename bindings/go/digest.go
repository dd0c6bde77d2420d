package ocireg

// #include "shim.h"
import "C"

// DigestBytes returns the digest of bytes: "sha256:…", or as WithAlgorithm says.
//
// C: ocireg_digest_bytes.
func DigestBytes(data []byte, options ...Option) (string, error) {
	wanted, err := callSettings(options).native()
	if err != nil {
		return "", err
	}
	defer C.ocireg_options_free(wanted)
	var digest *C.char
	var failure *C.ocireg_error
	if status := C.ocireg_digest_bytes(cBytes(data), C.size_t(len(data)), wanted, &digest, &failure); status != C.OCIREG_OK {
		return "", takeError(status, failure)
	}
	return takeString(digest), nil
}

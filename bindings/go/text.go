package ocireg

// #include "shim.h"
import "C"

import (
	"strings"
	"unsafe"
)

// cText converts a Go string for C, in Go's memory: C reads it only during the call.
func cText(text string) (*C.char, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, newError(ErrInvalidArgument, "a string contains a NUL")
	}
	bytes := make([]byte, len(text)+1)
	copy(bytes, text)
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(bytes))), nil
}

// cTexts is cText for several.
func cTexts(texts []string) ([]*C.char, error) {
	made := make([]*C.char, len(texts))
	for i, text := range texts {
		var err error
		if made[i], err = cText(text); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// view returns the bytes of a C string without copying; valid as long as the C string.
func view(text *C.char) []byte {
	if text == nil {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(text)), int(C.strlen(text)))
}

// cBytes is the address of a slice's bytes; C reads them only during the call.
func cBytes(data []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(data)) }

// takeString copies a C string to a Go string, and frees it.
func takeString(text *C.char) string {
	defer C.ocireg_string_free(text)
	return string(view(text))
}

// readJSON parses JSON from C into a struct.
func readJSON(text *C.char, into any) error {
	if text == nil {
		return nil
	}
	if err := decode(view(text), into); err != nil {
		return newError(ErrInternal, "the library's result cannot be read: "+err.Error())
	}
	return nil
}

// takeJSON is readJSON, and frees the text.
func takeJSON(text *C.char, into any) error {
	defer C.ocireg_string_free(text)
	return readJSON(text, into)
}

// copyBuffer copies the bytes of a C buffer; nil stays nil.
func copyBuffer(buffer *C.ocireg_buffer) []byte {
	if buffer == nil {
		return nil
	}
	size := int(C.ocireg_buffer_size(buffer))
	bytes := make([]byte, size)
	copy(bytes, unsafe.Slice((*byte)(unsafe.Pointer(C.ocireg_buffer_data(buffer))), size))
	return bytes
}

// takeBuffer is copyBuffer, and frees the buffer.
func takeBuffer(buffer *C.ocireg_buffer) []byte {
	defer C.ocireg_buffer_free(buffer)
	return copyBuffer(buffer)
}

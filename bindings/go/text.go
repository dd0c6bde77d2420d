package ocireg

// #include "shim.h"
import "C"

import (
	"encoding/json"
	"strings"
	"unsafe"
)

// cText is a Go string as C wants it, in Go's memory: C reads it during the call only.
func cText(text string) (*C.char, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, newError(ErrInvalidArgument, "a text holds a NUL")
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

// view is the bytes of a C string where they are; valid as long as that is.
func view(text *C.char) []byte {
	if text == nil {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(text)), int(C.strlen(text)))
}

// cBytes is where a slice's bytes are; C reads them during the call only.
func cBytes(data []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(data)) }

// takeString makes a Go string of C's, and frees that.
func takeString(text *C.char) string {
	defer C.ocireg_string_free(text)
	return string(view(text))
}

// readJSON reads C's JSON into a struct.
func readJSON(text *C.char, into any) error {
	if text == nil {
		return nil
	}
	if quick, ok := into.(taker); ok && quick.take(view(text)) {
		return nil
	}
	if err := json.Unmarshal(view(text), into); err != nil {
		return newError(ErrInternal, "the library's answer cannot be read: "+err.Error())
	}
	return nil
}

// takeJSON is readJSON, and frees the text.
func takeJSON(text *C.char, into any) error {
	defer C.ocireg_string_free(text)
	return readJSON(text, into)
}

// copyBuffer copies C's bytes; nil stays nil.
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

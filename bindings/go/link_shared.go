//go:build !ocireg_static

package ocireg

// #cgo pkg-config: ocireg
import "C"

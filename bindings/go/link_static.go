//go:build ocireg_static

package ocireg

// #cgo pkg-config: --static ocireg
// #cgo LDFLAGS: -Wl,-Bstatic -locireg -Wl,-Bdynamic
import "C"

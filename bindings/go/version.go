package ocireg

// #include "shim.h"
import "C"

// Version is the version of the library, such as "0.1.0".
//
// C: ocireg_version.
func Version() string { return C.GoString(C.ocireg_version()) }

// VersionNumber is the version of the library as a number: major << 16 | minor << 8 | patch.
//
// C: ocireg_version_number.
func VersionNumber() uint32 { return uint32(C.ocireg_version_number()) }

package ocireg

// #include "shim.h"
import "C"

// Version is the version of the library, such as "0.1.0".
func Version() string { return C.GoString(C.ocireg_version()) }

// VersionNumber is the version of the library as a number: major << 16 | minor << 8 | patch.
func VersionNumber() uint32 { return uint32(C.ocireg_version_number()) }

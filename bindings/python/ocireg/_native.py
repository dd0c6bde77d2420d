"""The C functions as ocireg.h declares them. Only the files that import this one know about pointers."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

from .version import __version__

# p a pointer, s a string, z a size, i and l integers of 32 and 64 bits, u an unsigned one of 32, d a double, b a boolean, v nothing
TYPES: dict[str, Any] = {
    "p": ctypes.c_void_p,
    "s": ctypes.c_char_p,
    "z": ctypes.c_size_t,
    "i": ctypes.c_int32,
    "l": ctypes.c_int64,
    "u": ctypes.c_uint32,
    "d": ctypes.c_double,
    "b": ctypes.c_bool,
    "v": None,
}

# Those that return something else than a status: {name: (parameters, result)}.
OTHERS = {
    "status_name": ("i", "s"),
    "version": ("", "s"),
    "version_number": ("", "u"),
    "string_free": ("p", "v"),
    "buffer_data": ("p", "p"),
    "buffer_size": ("p", "z"),
    "buffer_free": ("p", "v"),
    "error_code": ("p", "i"),
    "error_name": ("p", "s"),
    "error_message": ("p", "s"),
    "error_hint": ("p", "s"),
    "error_errno": ("p", "i"),
    "error_http_status": ("p", "i"),
    "error_json": ("p", "s"),
    "error_free": ("p", "v"),
    "json_kind": ("ps", "i"),
    "json_at": ("ps", "p"),
    "json_text": ("ps", "s"),
    "json_string": ("psp", "s"),
    "json_integer": ("psl", "l"),
    "json_number": ("psd", "d"),
    "json_boolean": ("psb", "b"),
    "json_size": ("ps", "z"),
    "json_item": ("psz", "p"),
    "json_key": ("psz", "s"),
    "json_free": ("p", "v"),
    "manifest_layer": ("psz", "p"),
    "job_context": ("p", "p"),
    "job_userdata": ("p", "p"),
    "job_event_text": ("p", "s"),
    "job_progress": ("ppp", "v"),
    "job_status": ("p", "i"),
    "job_error": ("p", "p"),
    "job_json": ("p", "s"),
    "job_bytes": ("p", "p"),
    "job_take_reader": ("p", "p"),
    "job_take_upload": ("p", "p"),
    "job_free": ("p", "v"),
    "context_cancel_from_signal": ("p", "v"),
    "options_free": ("p", "v"),
    "context_free": ("p", "v"),
    "client_free": ("p", "v"),
    "blob_reader_free": ("p", "v"),
    "upload_free": ("p", "v"),
    "artifact_free": ("p", "v"),
}

# Those that return a status: {name: parameters}.
STATUSES = {
    "json_parse": "spp",
    "json_parse_bytes": "pzpp",
    "json_dump": "pspp",
    "options_new": "pp",
    "options_set_string": "pssp",
    "options_set_int": "pslp",
    "options_set_double": "psdp",
    "options_set_bool": "psbp",
    "options_add_string": "pssp",
    "options_parse": "psp",
    "context_new": "pp",
    "context_cancel": "pp",
    "context_set_deadline": "plp",
    "context_progress": "ppp",
    "context_warnings": "ppp",
    "context_set_progress": "pppp",
    "context_set_blob_progress": "pppp",
    "context_set_log": "pppp",
    "context_set_within": "ppp",
    "context_set_credentials": "pppp",
    "client_new": "ppp",
    "client_set_host": "pspp",
    "client_close": "pp",
    "client_quiesce": "pp",
    "client_fd": "ppp",
    "client_next_event": "pppp",
    "job_new": "ppppp",
    "job_answer": "ppp",
    "job_cancel": "pp",
    "index_parse": "spp",
    "reference_parse": "sppp",
    "endpoint_parse": "spp",
    "digest_bytes": "pzppp",
    "manifest_inspect": "pzppp",
    "manifest_build": "spppp",
    "registry_ping": "ppsppp",
    "registry_detect": "ppsppp",
    "registry_catalog": "ppsppp",
    "repository_tags": "ppsppp",
    "repository_remove": "ppsppp",
    "manifest_get": "ppspppp",
    "manifest_head": "ppsppp",
    "manifest_digest": "ppsppp",
    "manifest_put": "ppspzppp",
    "manifest_delete": "ppsppp",
    "referrers": "ppsppp",
    "tag_delete": "ppsppp",
    "blob_head": "ppsppp",
    "blob_get_file": "ppssppp",
    "blob_get_fd": "ppsippp",
    "blob_get_memory": "ppspppp",
    "blob_open": "ppsppp",
    "blob_reader_info": "ppp",
    "blob_reader_read": "ppzpp",
    "blob_reader_close": "pp",
    "blob_put_file": "ppssppp",
    "blob_put_memory": "ppspzppp",
    "blob_put_stream": "ppsppppp",
    "blob_delete": "ppsppp",
    "blob_copy": "ppssppp",
    "blob_mount": "ppssppp",
    "upload_start": "ppsppp",
    "upload_write": "ppzp",
    "upload_finish": "pspp",
    "upload_save": "ppp",
    "upload_cancel": "pp",
    "upload_session_start": "ppsppp",
    "upload_session_status": "ppsppp",
    "upload_session_chunk": "ppspzppp",
    "upload_session_finish": "ppsspzppp",
    "upload_session_cancel": "ppspp",
    "copy": "ppssppp",
    "sync": "ppssppp",
    "sync_list": "ppssppp",
    "endpoint_manifest": "ppspppp",
    "endpoint_list": "ppsppp",
    "endpoint_referrers": "ppsppp",
    "layout_check": "ppsppp",
    "layout_clean": "ppsppp",
    "artifact_new": "pp",
    "artifact_add_file": "pspp",
    "artifact_add_memory": "ppzpp",
    "artifact_add_stream": "ppppp",
    "artifact_push": "pppsppp",
    "artifact_attach": "pppsppp",
    "artifact_pull": "ppssppp",
    "index_create": "ppsppp",
    "index_append": "ppsppp",
    "index_remove": "ppsppp",
    "image_config": "ppspppp",
    "image_size": "ppsppp",
    "image_validate": "ppsppp",
    "image_tag": "ppssppp",
    "image_append": "ppsppp",
    "image_extract": "ppssppp",
    "image_export_file": "ppssppp",
    "image_export_fd": "ppsippp",
    "image_export_stream": "ppsppppp",
    "image_files": "ppsppp",
    "image_cat": "ppssippp",
    "schema1_verify": "pzppp",
    "schema1_payload": "pzpp",
    "schema1_sign": "pzsppp",
    "schema1_key": "ppp",
    "schema1_key_info": "spp",
    "login": "ppsppp",
    "logout": "ppsppp",
    "explain": "ppsppp",
    "token": "ppsppp",
    "blob_locate": "ppsppp",
    "manifest_locate": "ppsppp",
    "v1_ping": "ppsppp",
    "v1_search": "ppssppp",
    "v1_images": "ppsppp",
    "v1_tags": "ppsppp",
    "v1_tag": "ppsppp",
    "v1_ancestry": "ppssppp",
    "v1_image": "ppsspppp",
    "v1_layer_file": "ppsssppp",
    "v1_layer_fd": "ppssippp",
    "v1_layer_memory": "ppsspppp",
    "v1_layer_open": "ppssppp",
    "v1_login": "ppsppp",
    "v1_put_image": "ppspzppp",
    "v1_put_layer": "ppspzpzppp",
    "v1_put_layer_file": "ppspzsppp",
    "v1_put_checksum": "ppsssppp",
    "v1_push": "ppssppp",
    "v1_put_tag": "ppssppp",
    "v1_delete_tag": "ppsppp",
    "v1_delete_repository": "ppsppp",
}

ABI = ".".join(__version__.split(".")[:2])


def find() -> str:
    """The library's file: what OCIREG_LIB names, the one that a wheel holds, or the system's."""
    if named := os.environ.get("OCIREG_LIB"):
        return named
    held = Path(__file__).with_name("libocireg.so")
    return str(held) if held.exists() else f"libocireg.so.{ABI}"


def load() -> ctypes.CDLL:
    """Loads the library. Every call releases Python's lock."""
    file = find()
    try:
        library = ctypes.CDLL(file)
    except OSError as error:
        where = f"OCIREG_LIB names {file}" if "OCIREG_LIB" in os.environ else "install it, or set OCIREG_LIB to its path"
        raise ImportError(f"the C library libocireg cannot be loaded: {where} ({error})") from None
    declared = {**OTHERS, **{name: (parameters, "i") for name, parameters in STATUSES.items()}}
    missing = [name for name in declared if not hasattr(library, f"ocireg_{name}")]
    if "version" in missing:
        raise ImportError(f"{file} is not the C library libocireg")
    for name, (parameters, result) in declared.items():
        if name not in missing:
            function = getattr(library, f"ocireg_{name}")
            function.argtypes = [TYPES[letter] for letter in parameters]
            function.restype = TYPES[result]
    found = library.ocireg_version().decode()
    if missing or ".".join(found.split(".")[:2]) != ABI:
        lacks = f", which lacks ocireg_{missing[0]}" if missing else ""
        raise ImportError(f"ocireg {__version__} needs the library of the same version, and found {found}{lacks}")
    return library


library = load()

# The callbacks. What C calls them with is in ocireg.h.
PROGRESS = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64)
EVENT = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_char_p)
CREDENTIALS = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
READ = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)

#!/bin/bash
# manual.sh command PROGRAM    ocireg(1), from the program's own help
# manual.sh library HEADER     ocireg(3), from the comments of the header
# manual.sh families           the names of the families of functions, one a line
# manual.sh family NAME HEADER ocireg_NAME(3), from the same comments and the program in bindings/c/manual/NAME.c
# Generated from what they describe, so that they cannot get out of date.
set -euo pipefail

# roff: text for roff, one line each
roff() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\&&/"; }

title() { # NAME SECTION VERSION WHAT
    printf '.TH %s %s "" "ocireg %s" "%s"\n' "$1" "$2" "$3" "$4"
}

# entries: lines "TERM<tab>TEXT" become a list
entries() { roff | awk -F '\t' '{ print ".TP\n.B " $1; print $2 }'; }

# The options in a help text: "  --name VALUE     what it is"
options_of() { sed -nE 's/^  (-[^ ]*( [^ ]+)?) +(.*)$/\1\t\3/p' | entries; }

# The commands' names: the lower-case words at the beginning of their lines in the help
command_names() { sed -nE '/^commands:/,/^options/s/^  ([a-z0-9][a-z0-9-]*( [a-z0-9-]+)?)( [A-Z[{].*)?$/\1/p' <<<"$help"; }

command_manual() { # PROGRAM
    local help name text words
    help=$("$1" --help)
    title OCIREG 1 "$("$1" --version | sed 's/.* //')" 'User commands'
    cat <<'END'
.SH NAME
ocireg \- client for Docker and OCI registries
.SH SYNOPSIS
.B ocireg
.I command
.RI [ argument ]...\&
.RI [ option ]...
.SH DESCRIPTION
Reads and writes container images and other artifacts in registries, and copies them between registries, OCI image layouts,
archives and directories. Everything that is read is verified by its digest.
.PP
.I REF
is [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST],
.I REPO
the same without tag and digest,
.I REGISTRY
is HOST[:PORT]. Without a host it is Docker Hub's.
.I SRC
and
.I DST
are docker://REF (or REF alone), oci:DIR[:NAME], oci\-archive:FILE[:NAME], docker\-archive:FILE[:REF] or dir:DIR. To read from, FILE may be
\- (standard input), a named pipe or /dev/fd/N, packed by gzip, zstd, xz, bzip2 or not at all; NAME and REF may be @INDEX, the image
of that number in the archive.
.PP
A result is one line of JSON on standard output when that is a pipe or a file, and with
.BR \-\-json .
Its members are described in
.BR ocireg (3)
and the header
.IR ocireg.h .
On a terminal, and with
.BR \-\-text ,
a list is one line for each item, with tabs between columns that are aligned on a terminal, and what is not a list is indented JSON.
A single value
.RB ( digest ,
.BR "blob digest" ,
.BR version )
is bare everywhere without
.BR \-\-json .
Some commands give exact bytes
.RB ( "blob get" ,
.B cat
and others without
.BR \-o )
or a page
.RB ( inspect ,
.BR tree ),
as their text says.
.PP
.B \-\-format
prints text with members of the result in it, named by JSON pointers in braces: {/digest}, {/manifest/config/size}; {} is the whole.
A * in a pointer makes a line for each item of that list or object, in which {*} is the item's number or name:
{/manifest/layers/*/digest}. \en, \et, \e\e, \e{ and \e} are a new line, a tab, a backslash and braces. A member that the result does not
have prints nothing; when it has none of those that are named, the exit status is that of NOT_FOUND.
.PP
Text from registries cannot control the terminal: such characters are shown as a question mark. Exact bytes are not changed, so that
an archive is not written to a terminal, nor is a blob with a NUL in it;
.B cat
and a blob that may be a text are. Colour is used only on terminals, and
not with
.BR NO_COLOR .
.SH COMMANDS
END
    while read -r name; do
        read -ra words <<<"$name"
        text=$("$1" "${words[@]}" --help)
        sed -n '1s/^usage: ocireg //p' <<<"$text" | roff | sed 's/^/.SS /'
        sed -n 3p <<<"$text" | roff
        sed 1,4d <<<"$text" | options_of
    done <<<"$(command_names)"
    echo '.SH OPTIONS'
    echo 'They may stand anywhere on the line; \-\- ends them. A command'\''s own options may, too.'
    sed -n '/^options/,$p' <<<"$help" | options_of
    cat <<'END'
.SH EXIT STATUS
0, the number of the library's error code (see
.BR ocireg (3)),
or 64 for a wrong command line. A failure is one line on standard error,
.RI \(lqocireg:\  CODE :\  message \(rq,
and where something can be done about it a second one,
.RI \(lqocireg:\ hint:\  text \(rq.
.PP
Status 0 says that what was printed is right. When the reader of a pipe leaves before the end (| head), nothing more is said, and the status
is 0 too, but not of bytes whose digest is only known at their end
.RB ( "blob get" ,
.BR cat ,
.BR export ,
.BR "v1 layer" ,
an archive in -): it is that of IO, because what was read is not verified. The status of a pipe is that of its last command: with
.B set \-o pipefail
a script sees that one before it failed.
.SH ENVIRONMENT
.TP
.BR OCIREG_USERNAME ", " OCIREG_PASSWORD
Credentials, where the options give none. A command with several registries refuses them, and with sync \-\-from they are for none: options name the registry.
.TP
.B CONTAINERS_REGISTRIES_CONF
A file that is read instead of podman's registries.conf and its folders; /dev/null: none.
.TP
.B NO_COLOR
If not empty: no colour.
.SH FILES
Mirrors, insecure and blocked registries are read as podman and skopeo read them, unless an option says otherwise: from
.I registries.conf
in
.IR $XDG_CONFIG_HOME/containers " or " \(ti/.config/containers ,
else in
.IR /etc/containers ,
else in
.IR /usr/share/containers ,
and from the
.I *.conf
in the
.I registries.conf.d
of each of them.
The files of containerd, k3s and Docker are read by option only
.RB ( \-\-containerd\-certs\-dir ,
.BR \-\-k3s\-registries ,
.BR \-\-docker\-daemon\-json ):
the files of two programs may contradict each other.
Where the signatures of images are is read in the same way from the
.I *.yaml
in the
.I registries.d
of each of them.
.BR "ocireg explain" " NAME"
says what comes of it, and from which file and line. A name without registry is always Docker Hub's: what short-name aliases make of it is
only said there.
.SH EXAMPLES
.nf
ocireg login registry.example.com
ocireg tags registry.example.com/team/app \-\-digests
ocireg manifest get registry.example.com/team/app:v1 \-\-platform linux/arm64 \-\-pretty
ocireg manifest get registry.example.com/team/app:arm64 \-\-format '{/manifest/layers/*/digest}'
ocireg blob get registry.example.com/team/app@sha256:... \-o layer.tar.gz
ocireg pull registry.example.com/team/app:v1 oci:app
ocireg inspect oci:app
ocireg tree registry.example.com/team/app:v1
source <(ocireg completion bash)
.fi
.SH SEE ALSO
.BR ocireg (3)
END
}

# The first comment of the header from CONVENTIONS to COMMON ERRORS, as paragraphs
conventions() {
    sed -n '/^ \* CONVENTIONS/,/^ \* COMMON ERRORS/p' "$1" | sed -e '1d;$d' -e 's/^ \* \{0,1\}//' | roff | sed 's/^$/.PP/'
}

# NAME<tab>first sentence of the comment, of the declarations that match
declarations() { # HEADER PATTERN
    awk -v pattern="$2" '
        /^\/\// { sub(/^\/\/ ?/, ""); if (!ended) text = text (text == "" ? "" : " ") $0; if ($0 == "") ended = 1; next }
        match($0, pattern) {
            name = substr($0, RSTART, RLENGTH); sub(/^#define /, "", name); sub(/[( ].*/, "", name)
            if (match(text, /\. /)) text = substr(text, 1, RSTART)
            if (text != "") print name "\t" text
        }
        { text = ""; ended = 0 }' "$1"
}

library_manual() { # HEADER
    title OCIREG 3 "$(sed -n 's/^#define OCIREG_VERSION "\(.*\)"/\1/p' "$1")" 'Library functions'
    cat <<'END'
.SH NAME
ocireg \- client for Docker and OCI registries
.SH SYNOPSIS
.nf
.B #include <ocireg.h>
.PP
.B cc program.c $(pkg\-config \-\-cflags \-\-libs ocireg)
.B cc \-static program.c $(pkg\-config \-\-cflags \-\-static \-\-libs ocireg)
.fi
.SH DESCRIPTION
The header
.I ocireg.h
is the reference manual: of every function it tells the options, the result, the errors and the specification.
This page is an overview; each family of functions has a page of its own, with an example:
END
    families | sed -e 's/.*/.BR ocireg_& (3),/' -e '$s/,$/./'
    conventions "$1"
    echo '.SH FUNCTIONS'
    declarations "$1" 'ocireg_[a-z0-9_]+[(]' | sed 's/\t/()\t/' | entries
    echo '.SH CALLBACKS'
    sed -E 's/^typedef .*\(\*(ocireg_[a-z]+_fn)\).*/\1(/' "$1" | declarations - '^ocireg_[a-z]+_fn[(]' | entries
    echo '.SH ERRORS'
    declarations "$1" '^#define OCIREG_[A-Z_]+ [0-9]+' | grep -v '^OCIREG_VERSION' | entries
    cat <<'END'
.SH SEE ALSO
.BR ocireg (1)
END
}

readonly FAMILIES='buffer client context error json job options reference registry manifest blob upload copy image index artifact login schema1 v1'

families() { tr ' ' '\n' <<<"$FAMILIES"; }

# Patterns of the functions of a family, and what they are about
family() { # NAME
    case $1 in
        buffer) members='ocireg_(buffer_.*|string_free)' about='strings and bytes that the library gives' ;;
        client) members='ocireg_(client_.*|version.*)' about='clients, their hosts, and the version' ;;
        context) members='ocireg_context_.*' about='cancel, deadline, progress and callbacks of calls' ;;
        error) members='ocireg_(error_.*|status_name)' about='what went wrong in a call' ;;
        json) members='ocireg_(json_.*|manifest_layer)' about='reading results by JSON pointers' ;;
        job) members='ocireg_job_.*' about='calls for programs with an event loop' ;;
        options) members='ocireg_options_.*' about='named options of calls' ;;
        reference) members='ocireg_(index_parse|reference_parse|endpoint_.*|digest_.*)' about='names of registries, images and places; digests' ;;
        registry) members='ocireg_(registry_.*|repository_.*)' about='registries and the tags of repositories' ;;
        manifest) members='ocireg_(manifest_(get|head|locate|digest|put|delete|inspect|build)|referrers|tag_delete)' about='manifests, what refers to them, and tags' ;;
        blob) members='ocireg_blob_.*' about='reading and writing blobs' ;;
        upload) members='ocireg_upload_.*' about='uploads in chunks, and their sessions' ;;
        copy) members='ocireg_(copy|sync.*|layout_.*)' about='copies between registries, layouts and archives, of whole repositories too' ;;
        image) members='ocireg_image_.*' about='configs, files, sizes, tags and layers of images' ;;
        index) members='ocireg_index_(create|append|remove)' about='indexes made of images from anywhere, and changed' ;;
        artifact) members='ocireg_artifact_.*' about='artifacts: files under titles, made and fetched' ;;
        login) members='ocireg_(login|logout|explain|token)' about='credentials: trying, keeping, removing and explaining them, and tokens for other programs' ;;
        schema1) members='ocireg_schema1_.*' about='signed manifests of schema 1' ;;
        v1) members='ocireg_v1_.*' about='registries of protocol v1' ;;
        *) echo "manual.sh: no family $1; there are: $FAMILIES" >&2; return 1 ;;
    esac
}

# Of each function that matches: a line "=NAME", its declaration with "<" before each line, its comment with ">" before each
functions() { # HEADER PATTERN
    awk -v pattern="^($2)[(]" '
        /^\/\// { sub(/^\/\/ ?/, ""); text = text ">" $0 "\n"; next }
        open || match($0, /ocireg_[a-z0-9_]+[(]/) && !/^(typedef|#| |\/)/ {
            if (!open) name = substr($0, RSTART, RLENGTH)
            open = !/;/
            declaration = declaration "<" $0 "\n"
            if (open) next
            if (name ~ pattern) { sub(/[(]/, "", name); printf "=%s\n%s%s", name, declaration, text }
        }
        { text = declaration = "" }' "$1"
}

# The comment of a function: its paragraphs, the list of its options, what is told of one of them below it, and what is a table there
description() {
    awk '
        function leave() { if (table) print ".fi"; table = 0 }
        function safe(text) { return (text ~ /^[.\047]/ ? "\\&" : "") text }
        function entry(name, text) { print ".TP"; print ".B " name; print safe(text) }
        /^$/ { leave(); options = 0; after_empty = 1; next }
        after_empty {
            after_empty = 0
            key = substr($0, 1, index($0, ": ") - 1)
            if (key in keys) { entry(key, substr($0, length(key) + 3)); next }
            print ".PP"
        }
        /^  [a-z0-9_]+ \([a-z]/ { leave(); options = 1; sub(/^  /, ""); keys[$1] = 1; at = index($0, "): "); entry(substr($0, 1, at), substr($0, at + 3)); next }
        options && /^     / { sub(/^ +/, ""); print safe($0); next }
        /^ / { if (!table) print ".nf"; table = 1; print; next }
        { leave(); if (options) print ".PP"; options = 0; print }
        END { leave() }'
}

family_manual() { # NAME HEADER
    local members about found names
    family "$1"
    found=$(functions "$2" "$members")
    names=$(sed -n 's/^=//p' <<<"$found")
    title "OCIREG_${1^^}" 3 "$(sed -n 's/^#define OCIREG_VERSION "\(.*\)"/\1/p' "$2")" 'Library functions'
    printf '.SH NAME\n%s \\- %s\n' "$(paste -sd, <<<"$names" | sed 's/,/, /g')" "$about"
    printf '.SH SYNOPSIS\n.nf\n.B #include <ocireg.h>\n.PP\n'
    sed -n 's/^<//p' <<<"$found" | roff
    printf '.fi\n.SH DESCRIPTION\nThe conventions of all functions are in\n.BR ocireg (3).\n'
    local name
    for name in $names; do
        printf '.SS %s()\n' "$name"
        sed -n "/^=$name\$/,/^=/s/^>//p" <<<"$found" | roff | description
    done
    printf '.SH EXAMPLE\n.nf\n'
    roff <"$(dirname "$0")/manual/$1.c"
    printf '.fi\n.SH SEE ALSO\n.BR ocireg (3)'
    families | grep -vx "$1" | sed 's/.*/,\n.BR ocireg_& (3)/' | paste -sd' ' | sed 's/ ,/,/g; s/ \.BR/\n.BR/g'
}

case ${1:-} in
    command) command_manual "$2" ;;
    library) library_manual "$2" ;;
    families) families ;;
    family) family_manual "$2" "$3" ;;
    *) echo "usage: manual.sh command PROGRAM | library HEADER | families | family NAME HEADER" >&2; exit 1 ;;
esac

# make          the C libraries and the ocireg command, in target/release
# make demo     the main job against a real registry on loopback; make demo REF=host/repo:tag reads that image
# make test     every test; the last line is "N passed, N failed"
# make check    for the inner loop: formatter, linters, unit tests, documentation examples, the header, and the quick faults;
#               about 4 minutes once everything is built. It leaves out the slow faults, the C programs, the bindings
#               and real registries
# make torture  copies, syncs, artifacts and exports killed at 1,000 random moments each (make test: 16 to 100), and each power cut and lack of memory
# make fuzz     each fuzz target for SECONDS (10) by libFuzzer, or only TARGETS='extract tar' (make test: the seeds, and changes of them)
# make valgrind all C test programs under valgrind (make test: those that try the boundary to C)
# make lint     formatter and linters, warnings are errors; whether it compiles for 32-bit Linux and macOS
# make targets  the unit tests on 32-bit Linux, and whether it compiles for macOS
# make header   writes include/ocireg.h from src/ffi
# make bench    times compared with curl, copies with crane, skopeo and regctl, the bindings with C, jobs with threads, and small requests
#               with libcurl
# make install, uninstall, dist, deb: see bindings/packaging/install.mk
# make clean

CC ?= cc
CARGO ?= cargo
OBJCOPY ?= objcopy
VERSION := $(shell sed -nE '/^version = "(.*)"/ { s//\1/p; q }' Cargo.toml)
# Before 1.0 every minor version is a separate ABI.
ABI := $(shell echo $(VERSION) | sed -E 's/^(0\.[0-9]+)\..*/\1/; t; s/\..*//')
SONAME := libocireg.so.$(ABI)
RELEASE := target/release
SOURCES := Cargo.toml Cargo.lock build.rs $(shell find src -type f)
CFLAGS_ALL := -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wpedantic -Werror -Iinclude $(CFLAGS)
COMMAND := $(wildcard bindings/c/*.c)
WITH_BITCODE := CARGO_PROFILE_RELEASE_LTO=off RUSTFLAGS='$(RUSTFLAGS) -C embed-bitcode=yes'

# The slow faults, which wait for something or try every step: two thirds of the total time.
SLOW := bounds:: cancel:: cut:: handed:: pipes:: power:: ranges:: timing:: tokens:: a_storm_of_errors lists::a_long_page_takes \
	many_names_of_one_image more_names_than_a_reader_takes \
	registries::ecr_public_answers_400_to_an_expired_token tagged::the_tag_comes_last_and_stays

# A library whose last step failed is not taken for a finished one.
.DELETE_ON_ERROR:

.PHONY: all lib demo test check torture soak fuzz valgrind lint targets header bench clean

all: lib $(RELEASE)/ocireg

lib: $(RELEASE)/libocireg.so $(RELEASE)/libocireg.a

# Each library separately: a combined build silently drops link-time optimisation. The static one goes without it, because two Rust archives
# with it cannot be linked into one program, and in 16 parts, which takes a third of the time. The crates that both need are compiled once, to
# machine code for the static one and to bitcode for the optimisation; cargo's own `lto` would compile them once for each. The shared library's
# SONAME is given here and not in build.rs: the debug library and that of the panic test are loaded by their plain name, and cargo-c sets its own.
# Only smaller functions than by default are inlined: 4 % less library, and no more instructions for a request.
# Programs that are linked to target/release look for the SONAME, so there is a link of that name beside the library.
$(RELEASE)/libocireg.so: $(SOURCES)
	$(WITH_BITCODE) $(CARGO) rustc --locked --release --lib --crate-type cdylib -- -C lto=fat -C llvm-args=-inline-threshold=150 -C link-arg=-Wl,-soname,$(SONAME)
	@ln -sf libocireg.so $(RELEASE)/$(SONAME)
	@touch $@

$(RELEASE)/libocireg.a: $(SOURCES) | $(RELEASE)/libocireg.so
	$(WITH_BITCODE) $(CARGO) rustc --locked --release --lib --crate-type staticlib -- -C codegen-units=16 --print native-static-libs=$(CURDIR)/$(RELEASE)/native-static-libs
	$(OBJCOPY) --remove-section=.llvmbc --remove-section=.llvmcmd $@
	@touch $@

$(RELEASE)/ocireg: $(COMMAND) $(wildcard bindings/c/*.h) include/ocireg.h $(RELEASE)/libocireg.so
	$(CC) $(CFLAGS_ALL) -pthread $(COMMAND) -o $@ -L$(RELEASE) -locireg -Wl,-rpath,'$$ORIGIN'

demo: $(RELEASE)/libocireg.so $(RELEASE)/ocireg
	REF='$(REF)' tests/demo.sh

test:
	tests/run.sh

check: lint
	$(CARGO) test --locked --lib
	$(CARGO) test --locked --doc
	$(CARGO) test --locked --test abi the_header
	$(CARGO) test --locked --test faults -- $(SLOW:%=--skip %)
	@echo 'make check: all good; not tried: the slow faults ($(SLOW)), the C programs, the bindings, real registries'

torture: all
	OCIREG_TEST_KILLS=1000 tests/registries/run $(CARGO) test --locked --test interop kills::
	OCIREG_TEST_EACH_STEP=1 $(CARGO) test --locked --test faults -- power:: out_of_memory::

# CALLS=100000 mixed calls, of which one in twenty meets a fault; with SEED each thread makes the same ones again.
soak: all
	tests/setup.sh test
	tests/soak/run.sh $(or $(CALLS),100000) $(SEED)

# SANITIZER=address watches memory too, with nightly Rust.
fuzz:
	SANITIZER='$(SANITIZER)' tests/fuzz/run.sh $(or $(SECONDS),10) $(TARGETS)

valgrind: all
	tests/setup.sh test
	tests/registries/run tests/run.sh --valgrind

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	rubocop --cache false bindings/ruby
	@[ -x target/tools/python/bin/ruff ] || { echo 'ruff is missing: run tests/setup.sh test'; exit 1; }
	target/tools/python/bin/ruff check --no-cache --quiet bindings/python
	tests/targets.sh check

targets:
	tests/setup.sh targets
	tests/targets.sh test

header:
	OCIREG_WRITE_HEADER=1 $(CARGO) check --locked --quiet

bench: all
	tests/bench/run.sh
	tests/bench/copy.sh
	tests/bench/sync.sh
	tests/bench/bindings.sh
	tests/bench/loops.sh
	tests/bench/small.sh
	bindings/ruby/bench/run.sh

clean:
	$(CARGO) clean

include bindings/packaging/install.mk

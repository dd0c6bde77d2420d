# make install      the libraries, headers, command, manual pages, and files for pkg-config and CMake
# make uninstall    removes the same; pass the same folders
# make dist         target/dist/ocireg-VERSION.tar.gz of the last commit, reproducibly, and ocireg-VERSION.cdx.json, what the library is
#                   made of (CycloneDX)
# make deb          Debian packages of it in target/dist
# make wheel        a Python wheel that holds the library, in target/dist
#
# PYTHONDIR=DIR installs the Python package too: into DIR, one of the folders that Python looks for modules in.
# PREFIX, LIBDIR and the like say where the files will be used, DESTDIR where they are installed now.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/ocireg
SCHEMADIR ?= $(PREFIX)/share/ocireg/schemas
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
# Debian's zsh looks here, and in site-functions below /usr/local.
ZSHDIR ?= $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
INSTALL ?= install
PYTHON ?= python3

PACKAGING := bindings/packaging
# Files that depend on the folders are generated each time.
MADE := target/install
CMAKEDIR = $(LIBDIR)/cmake/ocireg
FAMILIES = $(shell bindings/c/manual.sh families)
# libgcc_s exists as a shared library only, and every C compiler adds what is needed from it automatically.
NATIVE_LIBS = $(filter-out -lgcc_s,$(shell cat $(RELEASE)/native-static-libs))
# The command finds its library wherever the folder tree is moved; below /usr the loader does.
RPATH = $(if $(filter /usr,$(PREFIX)),,-Wl,-rpath,'$$ORIGIN/$(shell realpath -m --relative-to=$(BINDIR) $(LIBDIR))')
FILL = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@VERSION@|$(VERSION)|g' -e 's|@ABI@|$(ABI)|g' -e 's|@SONAME@|$(SONAME)|g' \
	-e 's|@LIBDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))|g' \
	-e 's|@INCLUDEDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(INCLUDEDIR))|g' \
	-e 's|@INCLUDE_FROM_LIB@|$(shell realpath -m --relative-to=$(LIBDIR) $(INCLUDEDIR))|g' \
	-e 's|@NATIVE_LIBS@|$(NATIVE_LIBS)|g' -e 's|@NATIVE_LIST@|$(subst $(eval ) ,;,$(strip $(NATIVE_LIBS)))|g'

.PHONY: install install-files uninstall dist deb wheel

install: all
	@mkdir -p $(MADE)
	$(CC) $(CFLAGS_ALL) -pthread $(COMMAND) -o $(MADE)/ocireg -L$(RELEASE) -locireg $(RPATH)
	@for name in ocireg.pc ocireg-config.cmake ocireg-config-version.cmake; do \
		$(FILL) $(PACKAGING)/$$name.in >$(MADE)/$$name || exit 1; done
	bindings/c/manual.sh command $(RELEASE)/ocireg >$(MADE)/ocireg.1
	bindings/c/manual.sh library include/ocireg.h >$(MADE)/ocireg.3
	@for name in $(FAMILIES); do bindings/c/manual.sh family $$name include/ocireg.h >$(MADE)/ocireg_$$name.3 || exit 1; done
	@for shell in bash zsh fish; do $(RELEASE)/ocireg completion $$shell >$(MADE)/ocireg.$$shell || exit 1; done
	$(INSTALL) -d $(addprefix '$(DESTDIR)',$(BINDIR) $(LIBDIR)/pkgconfig $(CMAKEDIR) $(INCLUDEDIR) $(MANDIR)/man1 $(MANDIR)/man3 \
		$(COMPLETIONDIR) $(ZSHDIR) $(FISHDIR) $(DOCDIR)/examples $(SCHEMADIR))
	$(INSTALL) -m 755 $(MADE)/ocireg '$(DESTDIR)$(BINDIR)/ocireg'
	$(INSTALL) -m 644 $(RELEASE)/libocireg.so '$(DESTDIR)$(LIBDIR)/libocireg.so.$(VERSION)'
	ln -sf libocireg.so.$(VERSION) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/libocireg.so'
	$(INSTALL) -m 644 $(RELEASE)/libocireg.a '$(DESTDIR)$(LIBDIR)/libocireg.a'
	$(INSTALL) -m 644 $(MADE)/ocireg.pc '$(DESTDIR)$(LIBDIR)/pkgconfig/ocireg.pc'
	$(INSTALL) -m 644 $(MADE)/ocireg-config.cmake $(MADE)/ocireg-config-version.cmake '$(DESTDIR)$(CMAKEDIR)/'
	$(INSTALL) -m 644 include/ocireg.h bindings/cpp/ocireg.hpp '$(DESTDIR)$(INCLUDEDIR)/'
	$(INSTALL) -m 644 $(MADE)/ocireg.1 '$(DESTDIR)$(MANDIR)/man1/ocireg.1'
	$(INSTALL) -m 644 $(MADE)/ocireg.3 $(patsubst %,$(MADE)/ocireg_%.3,$(FAMILIES)) '$(DESTDIR)$(MANDIR)/man3/'
	$(INSTALL) -m 644 $(MADE)/ocireg.bash '$(DESTDIR)$(COMPLETIONDIR)/ocireg'
	$(INSTALL) -m 644 $(MADE)/ocireg.zsh '$(DESTDIR)$(ZSHDIR)/_ocireg'
	$(INSTALL) -m 644 $(MADE)/ocireg.fish '$(DESTDIR)$(FISHDIR)/ocireg.fish'
	$(INSTALL) -m 644 LICENSE $(PACKAGING)/valgrind.supp '$(DESTDIR)$(DOCDIR)/'
	$(INSTALL) -m 644 bindings/c/examples/*.c bindings/cpp/examples/*.cpp '$(DESTDIR)$(DOCDIR)/examples/'
	$(INSTALL) -m 755 bindings/c/examples/*.sh '$(DESTDIR)$(DOCDIR)/examples/'
	@if [ -n '$(PYTHONDIR)' ]; then $(PACKAGING)/python.sh '$(DESTDIR)$(PYTHONDIR)' $(VERSION); fi
	$(INSTALL) -m 644 tests/schemas/*.json '$(DESTDIR)$(SCHEMADIR)/'
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then ldconfig || true; fi

uninstall:
	rm -f $(addprefix '$(DESTDIR)',$(BINDIR)/ocireg $(LIBDIR)/libocireg.so.$(VERSION) $(LIBDIR)/$(SONAME) $(LIBDIR)/libocireg.so \
		$(LIBDIR)/libocireg.a $(LIBDIR)/pkgconfig/ocireg.pc $(INCLUDEDIR)/ocireg.h $(INCLUDEDIR)/ocireg.hpp \
		$(MANDIR)/man1/ocireg.1 $(MANDIR)/man3/ocireg.3 $(patsubst %,$(MANDIR)/man3/ocireg_%.3,$(FAMILIES)) $(COMPLETIONDIR)/ocireg \
		$(ZSHDIR)/_ocireg $(FISHDIR)/ocireg.fish)
	$(if $(PYTHONDIR),rm -rf '$(DESTDIR)$(PYTHONDIR)/ocireg' '$(DESTDIR)$(PYTHONDIR)/ocireg-$(VERSION).dist-info')
	rm -rf '$(DESTDIR)$(CMAKEDIR)' '$(DESTDIR)$(DOCDIR)' '$(DESTDIR)$(SCHEMADIR)'

dist:
	@mkdir -p target/dist
	@rm -f target/dist/ocireg-$(VERSION).cdx.json
	@git diff --quiet HEAD -- Cargo.toml Cargo.lock || { echo "dist: Cargo.toml or Cargo.lock is not that of the last commit" >&2; exit 1; }
	git archive --format=tar --prefix=ocireg-$(VERSION)/ HEAD | gzip -9n >target/dist/ocireg-$(VERSION).tar.gz
	$(PYTHON) $(PACKAGING)/sbom.py >target/dist/sbom.new
	mv target/dist/sbom.new target/dist/ocireg-$(VERSION).cdx.json

deb: all
	$(PACKAGING)/deb.sh $(VERSION) $(ABI)

# From a copy, so that nothing is left in the source tree. Needs Python's modules build and setuptools, which it fetches otherwise.
wheel: $(RELEASE)/libocireg.so
	@rm -rf $(MADE)/python && mkdir -p $(MADE) target/dist && cp -r bindings/python $(MADE)/python && cp include/ocireg.h $(MADE)/python
	OCIREG_LIB=$(CURDIR)/$(RELEASE)/libocireg.so $(PYTHON) -m build --wheel --outdir target/dist $(MADE)/python

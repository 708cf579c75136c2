# asof: mount databases and their snapshot history as a read-only file tree.
# `make help` lists the targets. Every target does its own set-up.

SHELL := /bin/bash
CARGO ?= cargo
PREFIX ?= /usr/local
DESTDIR ?=

# mount(8) looks for its helpers only in /sbin, so a system-wide install puts mount.asof there.
ifneq ($(filter /usr /usr/local,$(PREFIX)),)
HELPERDIR ?= /sbin
else
HELPERDIR ?= $(PREFIX)/sbin
endif

TARGET := $(or $(CARGO_TARGET_DIR),target)
ASOF := $(TARGET)/release/asof
MANDIR := $(PREFIX)/share/man/man1
# gdb, addr2line and a panic's backtrace look here for the symbols of PREFIX/bin/asof.
SYMBOLS := $(PREFIX)/bin/.debug/asof.debug

.PHONY: help build demo check test bench install uninstall clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

build: ## build the release program
	@tests/setup/packages.sh build
	$(CARGO) build --release --locked

demo: ## build fast, make a small sample history, mount it, look around, restore a file
	@tests/setup/packages.sh build
	$(CARGO) build --locked
	@demo/run.sh $(TARGET)/debug/asof

check: ## run the checks that need no Dolt and no mount: format, lints, dependencies, unit tests, tests of the tree
	@tests/setup/check.sh

test: ## install what is missing, build the pinned Dolts, run every check (DOLT=/path uses an installed Dolt; BD=/path adds a bd)
	@tests/setup/run.sh

bench: build ## measure the mount and its peers, write docs/BENCHMARKS.md (ROWS="one-table warm" for some rows)
	@benches/run.sh $(ASOF)

install: ## install to PREFIX (default /usr/local) after `make build`; DESTDIR is respected
	@test -x $(ASOF) || { echo "$(ASOF) is missing: run 'make build' first" >&2; exit 1; }
	install -d $(DESTDIR)$(dir $(SYMBOLS))
	objcopy --only-keep-debug --compress-debug-sections $(ASOF) $(DESTDIR)$(SYMBOLS)
	chmod 644 $(DESTDIR)$(SYMBOLS)
	rm -f $(DESTDIR)$(PREFIX)/bin/asof # it may be running
	objcopy --strip-all --add-gnu-debuglink=$(DESTDIR)$(SYMBOLS) $(ASOF) $(DESTDIR)$(PREFIX)/bin/asof
	chmod 755 $(DESTDIR)$(PREFIX)/bin/asof
	install -d $(DESTDIR)$(HELPERDIR)
	sed 's|^bin=.*|bin=$(PREFIX)/bin|' mount-helpers/mount.asof > $(DESTDIR)$(HELPERDIR)/mount.asof
	chmod 755 $(DESTDIR)$(HELPERDIR)/mount.asof
	install -d $(DESTDIR)$(MANDIR)
	$(ASOF) man $(DESTDIR)$(MANDIR)
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
	  $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(ASOF) completions bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/asof
	$(ASOF) completions zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_asof
	$(ASOF) completions fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/asof.fish

uninstall: ## remove what `make install` installed
	rm -f $(DESTDIR)$(PREFIX)/bin/asof $(DESTDIR)$(SYMBOLS) $(DESTDIR)$(HELPERDIR)/mount.asof $(DESTDIR)$(MANDIR)/asof.1 \
	  $(DESTDIR)$(MANDIR)/asof-*.1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions/asof \
	  $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_asof \
	  $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/asof.fish
	rmdir $(DESTDIR)$(dir $(SYMBOLS)) 2>/dev/null || true

clean: ## remove what was built here, including the pinned Dolt in .cache
	$(CARGO) clean
	rm -rf .cache

# Lisse's build: the targets a person calls. How each thing is built stands in tools/*.mk:
# kernel.mk (image, lwIP), host.mk (unit tests, simulator), lan.mk (the switch), programs.mk (musl,
# apps).
#
# Everything built goes to $(BUILD); third-party sources live in a cache folder outside the
# repository (tools/fetch). `make help` lists the targets.

BUILD  ?= build
CROSS  ?= i686-linux-gnu-
HOSTCC ?= gcc
PYTHON ?= /usr/bin/python3

# One job per core unless the caller says otherwise; sub-makes share the caller's job server.
ifeq ($(MAKELEVEL),0)
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif
endif

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Werror

# Commands are shown as one short line each; V=1 shows them whole.
Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-6s %s\n' '$(1)' '$(2)')

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all kernel programs tools deps fetch musl unit sim tidy mutants system test run bench iso clean
.PHONY: clang help FORCE

all: kernel programs tools sim

# $(BUILD)/flags/NAME holds the flags NAME was last built with; it changes only when they do, so
# whatever depends on it is rebuilt after an edit of the flags and not otherwise.
# $(call flags_stamp,NAME,FLAGS)
define flags_stamp
$(BUILD)/flags/$(1): FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$(2)' | cmp -s - $$@ || printf '%s\n' '$(2)' > $$@
endef

PURE_SOURCES := $(sort $(wildcard adapt/*.c services/*.c net/link*.c))

include tools/host.mk
include tools/lan.mk
include tools/programs.mk
include tools/kernel.mk

deps:
	@tools/deps

# What does not compile is reported, and the rest is still checked.
tidy:
	@$(MAKE) --no-print-directory -k pure-objects || true
	@$(PYTHON) tests/tidy/tidy.py --build $(BUILD)

# Runs also when something did not build: what is there is still tested.
system:
	@status=0; \
	$(MAKE) --no-print-directory -k all wrong-build || status=1; \
	$(PYTHON) -m pytest -q -p no:cacheprovider tests/system || status=1; exit $$status

# The host's code must please clang too, where it is installed.
clang:
	@command -v clang > /dev/null || { echo "clang is not installed"; exit 1; }
	clang $(HOST_CFLAGS) -Wno-string-conversion -fsyntax-only \
	    $(PURE_SOURCES) $(wildcard tests/sim/*.c tools/lan/*.c)

test: deps
	@env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL tests/run $(MAKEOVERRIDES)

run: deps
	@$(MAKE) --no-print-directory all
	@tools/demo

bench: all
	@./lisse bench

clean:
	rm -rf $(BUILD)

help:
	@sed -n 's/^#: \?//p' Makefile

#: Everyday
#:   make            kernel, programs, simulator, host tools       30 s; the first time 3 min
#:   make run        install what is missing, build, boot 3 nodes in QEMU, run MGS on them   1 min
#:   make test       install what is missing, build, run the whole test suite       15 min at most
#:
#: Parts of the test suite
#:   make unit       unit tests under ASan + UBSan                 20 s; one of them: UNIT=link
#:   make sim        build the simulator; SEED=n replays seed n with a readable trace
#:   make mutants    break the core on purpose; each broken core must be caught by the simulator
#:   make tidy       style law, include table, purity of the core  2 s
#:   make system     whole systems in QEMU                         5 min
#:   make clang      the host's code, compiled by clang too (if installed)
#:
#: Pieces
#:   make kernel     build/lisse.elf
#:   make programs   apps/ and tests/programs/, by ./lisse-cc
#:   make bench      measure faults, barriers, MGS and boot against the targets       3 min
#:   make iso        build/lisse.iso, which boots on a PC or in QEMU
#:   make deps       print and install the Debian packages that are missing
#:   make fetch      get lwIP and musl (Debian source packages) into the cache
#:   make musl       build musl for i386 (needed by ./lisse-cc; done by `make` too)
#:   make clean      remove build/ (the cache stays: $LISSE_CACHE or ~/.cache/lisse)

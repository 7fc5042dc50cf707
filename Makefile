# Lisse's build: the targets a person calls. How each thing is built stands in tools/*.mk:
# kernel.mk (image, lwIP), host.mk (unit tests, simulator, host tools), programs.mk (musl, apps).
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
.PHONY: all kernel programs tools deps fetch musl unit sim tidy mutants system test run iso clean
.PHONY: help FORCE

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
include tools/programs.mk
include tools/kernel.mk
include tools/lan.mk

deps:
	@tools/deps

tidy: pure-objects
	@$(PYTHON) tests/tidy/tidy.py

system: all
	@$(PYTHON) -m pytest -q tests/system

test: deps
	@env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL tests/run $(MAKEOVERRIDES)

run: deps
	@$(MAKE) --no-print-directory all
	@tools/demo

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
#:
#: Pieces
#:   make kernel     build/lisse.elf
#:   make programs   apps/ and tests/programs/, by ./lisse-cc
#:   make iso        build/lisse.iso, which boots on a PC or in QEMU
#:   make deps       print and install the Debian packages that are missing
#:   make fetch      get lwIP and musl (Debian source packages) into the cache
#:   make musl       build musl for i386 (needed by ./lisse-cc; done by `make` too)
#:   make clean      remove build/ (the cache stays: $LISSE_CACHE or ~/.cache/lisse)

# Linli. `make help` lists what can be made.
SHELL := /bin/bash
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

BUILD ?= build
CC = gcc
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= /usr/lib/systemd/system
SYSUSERSDIR ?= /usr/lib/sysusers.d
VERSION := 0.1.0

# ---- what it stands on: Debian packages, found through pkg-config ----

DEBIAN_PACKAGES = gcc make pkg-config libsodium-dev libzmq3-dev liblmdb-dev libmsgpack-dev \
	libsystemd-dev libinih-dev libjansson-dev libsmartcols-dev libcsv-dev libutf8proc-dev libxxhash-dev libxlsxwriter-dev zlib1g-dev libcmocka-dev \
	gettext procps systemd
MSGPACK := $(shell pkg-config --exists msgpack-c 2>/dev/null && echo msgpack-c || echo msgpack)
PACKAGES = libsodium libzmq lmdb $(MSGPACK) libsystemd inih jansson smartcols libutf8proc libxxhash
# Of the command alone: no other program is to load it.
TOOLS_PACKAGES = xlsxwriter

# ---- flags ----

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wcast-align -Wpointer-arith \
	-Wformat=2 -Wundef -Wvla -Wswitch-enum -Wnull-dereference -Wwrite-strings
HARDENING = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE
LINK_HARDENING = -pie -Wl,-z,relro,-z,now
OPTIMISE ?= -O2 -g
SANITIZE ?=
ALL_CFLAGS = -std=c17 -D_POSIX_C_SOURCE=200809L -DLINLI_VERSION='"$(VERSION)"' \
	-DLINLI_PREFIX='"$(PREFIX)"' $(WARNINGS) $(OPTIMISE) \
	$(if $(SANITIZE),$(SANITIZE),$(HARDENING)) -I. \
	$(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PACKAGES) $(TOOLS_PACKAGES) 2>/dev/null)) $(CFLAGS)
ALL_LDFLAGS = $(if $(SANITIZE),$(SANITIZE),$(LINK_HARDENING)) $(LDFLAGS)
LIBS = $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lcsv \
	-Wl,--as-needed $(shell pkg-config --libs $(TOOLS_PACKAGES) 2>/dev/null)

# ---- sources: a folder is a layer ----

CRDT = $(wildcard crdt/*.c)
NET = $(wildcard net/*.c)
DAEMON = $(wildcard daemon/*/*.c)
TOOLS = $(filter-out tools/main.c,$(wildcard tools/*.c))
TESTKIT = $(wildcard tests/sim/*.c)
objects = $(patsubst %.c,$(BUILD)/%.o,$(1))

PROGRAMS = $(BUILD)/linlid $(BUILD)/linli
UNIT = $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
SCENARIO = $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/scenario/test_*.c))
SIM = $(BUILD)/tests/sim/sim
FLIPS = $(BUILD)/tests/flips/flips
BENCHKIT = $(filter-out tests/bench/bench_%,$(wildcard tests/bench/*.c))
BENCH = $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/bench/bench_*.c))
FUZZ = $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))

# Translations, beside the programs, where those look first.
LANGUAGES = zh_CN
CATALOGS = $(LANGUAGES:%=$(BUILD)/locale/%/LC_MESSAGES/linli.mo)

all: $(PROGRAMS) $(CATALOGS) ## build linlid and linli into build/

# One short line a file; V=1 shows whole commands.
quiet = $(if $(V),,@echo "  $(1) $@"; )

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call quiet,CC  )$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/crdt.a: $(call objects,$(CRDT))
$(BUILD)/net.a: $(call objects,$(NET))
$(BUILD)/daemon.a: $(call objects,$(DAEMON))
$(BUILD)/tools.a: $(call objects,$(TOOLS))
$(BUILD)/testkit.a: $(call objects,$(filter-out tests/sim/sim.c,$(TESTKIT)))
$(BUILD)/benchkit.a: $(call objects,$(BENCHKIT))
$(BUILD)/%.a:
	@rm -f $@
	$(call quiet,AR  )ar rcs $@ $^

LAYERS = $(BUILD)/daemon.a $(BUILD)/net.a $(BUILD)/crdt.a
link = $(call quiet,LINK)$(CC) $(ALL_LDFLAGS) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS) $(1) -o $@

$(BUILD)/linlid: $(BUILD)/daemon/main.o $(LAYERS)
	$(call link)
$(BUILD)/linli: $(BUILD)/tools/main.o $(BUILD)/tools.a $(LAYERS)
	$(call link)

$(CATALOGS): $(BUILD)/locale/%/LC_MESSAGES/linli.mo: po/%.po
	@mkdir -p $(@D)
	$(call quiet,MO  )msgfmt -c -o $@ $<

# ---- tests ----

# The programs with more registers, for tests: the first definition of the table is linked.
REGISTERS = $(BUILD)/tests/registers/linlid $(BUILD)/tests/registers/linli
$(BUILD)/tests/registers/schema_table.o: crdt/schema_table.c
$(BUILD)/tests/registers/linlid: $(BUILD)/daemon/main.o $(BUILD)/tests/registers/schema_table.o $(LAYERS)
	$(call link)
$(BUILD)/tests/registers/linli: $(BUILD)/tools/main.o $(BUILD)/tests/registers/schema_table.o $(BUILD)/tools.a $(LAYERS)
	$(call link)

$(FLIPS): $(BUILD)/tests/flips/flips.o $(LAYERS)
	$(call link,-lcmocka)

$(BUILD)/tests/unit/test_push: $(BUILD)/tests/unit/test_push.o $(BUILD)/tools.a $(LAYERS)
	$(call link,-lcmocka -Wl$(,)--wrap=store_get)
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/tools.a $(LAYERS)
	$(call link,-lcmocka)
# What the simulator puts its own in place of: the end of a transaction, what moves frames, and
# the table of registers, of which an older program knows fewer.
WRAPPED = $(foreach name,schema_register schema_register_at store_commit transport_dial transport_dial_trouble \
	transport_hang_up transport_send,-Wl$(,)--wrap=$(name))
$(BUILD)/tests/scenario/%: $(BUILD)/tests/scenario/%.o $(BUILD)/testkit.a $(LAYERS)
	$(call link,-lcmocka $(WRAPPED))
$(SIM): $(BUILD)/tests/sim/sim.o $(BUILD)/testkit.a $(LAYERS)
	$(call link,$(WRAPPED))
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/benchkit.a $(BUILD)/tools.a $(LAYERS)
	$(call link)
, := ,
.PRECIOUS: $(BUILD)/%.o $(BUILD)/tests/%.o

TESTS = $(UNIT) $(SCENARIO) $(SIM) $(FLIPS) $(REGISTERS)
SEEDS ?= 20

check: deps-quietly ## install what is missing, build, run every test
	@$(MAKE) --no-print-directory -j$$(nproc) all tests
	@BUILD=$(BUILD) SEEDS=$(SEEDS) tests/run

tests: $(TESTS)

sanitize: deps-quietly ## the whole check under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory check BUILD=build/sanitize SEEDS=$(SEEDS) \
		SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer' \
		OPTIMISE='-O1 -g'

sim: $(SIM) ## simulate: SEEDS=N [SEED_FIRST=K], or SEED=n TRACE=1 to replay one
	@SEEDS=$(SEEDS) SEED_FIRST=$(SEED_FIRST) SEED=$(SEED) TRACE=$(TRACE) $(SIM)

flips: $(FLIPS) ## flip 2,600 single bits in a store, each in a child: SEED=n [FLIP=k]
	@FLIPS=$(or $(FLIPS_COUNT),2600) $(if $(SEED),SEED=$(SEED)) $(if $(FLIP),FLIP=$(FLIP)) $(FLIPS)
.PHONY: flips

bench: deps-quietly ## measure; prints a table, writes build/bench.json
	@$(MAKE) --no-print-directory -j$$(nproc) all $(BENCH)
	@BUILD=$(BUILD) tests/bench/run

layers: $(TESTS) ## prove the direction of the layers
	@BUILD=$(BUILD) tests/layers

translations: ## prove that every text has its translation
	@BUILD=$(BUILD) tests/translations

tidy: ## clang, clang-tidy and cppcheck, without findings
	@BUILD=$(BUILD) CFLAGS_FOR_TIDY="$(filter-out $(HARDENING),$(ALL_CFLAGS))" tests/tidy

format: ## clang-format everything
	clang-format -i $$(git ls-files '*.c' '*.h')

fuzz: ## fuzz the decoders for SECONDS each (clang's libFuzzer)
	@BUILD=$(BUILD) SECONDS_EACH=$(or $(SECONDS_EACH),20) tests/fuzz/run "$(ALL_CFLAGS)" "$(LIBS)"

# ---- using it ----

deps: ## install the Debian packages that are missing
	@tests/install-deps $(DEBIAN_PACKAGES)
deps-quietly:
	@tests/install-deps $(DEBIAN_PACKAGES)

demo: deps-quietly ## a county of 21 real daemons on this machine; KEEP=1 leaves it up
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@BUILD=$(BUILD) KEEP=$(KEEP) configs/suichang/demo

$(BUILD)/linli-errors.7: $(BUILD)/linli tools/errors-manual.awk
	LINLI_LANG=en $(BUILD)/linli explain | awk -f tools/errors-manual.awk >$@

pot: ## collect the texts to translate into build/linli.pot
	@mkdir -p $(BUILD)
	po/make-pot $(BUILD)/linli.pot

po: pot ## bring new texts into po/*.po, to be translated there
	for language in $(LANGUAGES); do po/update po/$$language.po $(BUILD)/linli.pot; done

install: all $(BUILD)/linli-errors.7 ## install daemon, command, configuration, unit and manual (DESTDIR honoured)
	install -D -m 755 $(BUILD)/linlid $(DESTDIR)$(PREFIX)/sbin/linlid
	install -D -m 755 $(BUILD)/linli $(DESTDIR)$(PREFIX)/bin/linli
	test -e $(DESTDIR)$(SYSCONFDIR)/linli/linli.conf || \
		install -D -m 644 configs/linli.conf $(DESTDIR)$(SYSCONFDIR)/linli/linli.conf
	install -D -m 644 configs/suichang/divisions.csv $(DESTDIR)$(PREFIX)/share/linli/divisions.csv
	for file in configs/indicators/*.csv; do install -D -m 644 $$file \
		$(DESTDIR)$(PREFIX)/share/linli/indicators/$${file##*/}; done
	install -D -m 644 configs/linli.sysusers $(DESTDIR)$(SYSUSERSDIR)/linli.conf
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|@SBINDIR@|$(PREFIX)/sbin|' configs/linlid.service >$(DESTDIR)$(UNITDIR)/linlid.service
	for page in docs/*.[1578] $(BUILD)/linli-errors.7; do install -D -m 644 $$page \
		$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done
	for language in $(LANGUAGES); do \
		install -D -m 644 $(BUILD)/locale/$$language/LC_MESSAGES/linli.mo \
		$(DESTDIR)$(PREFIX)/share/locale/$$language/LC_MESSAGES/linli.mo; done
	test -n "$(DESTDIR)" || { systemd-sysusers && \
		install -d -m 700 -o _linli -g _linli /var/lib/linli; }

uninstall: ## remove what install put in place; configuration, keys and records stay
	rm -f $(DESTDIR)$(PREFIX)/sbin/linlid $(DESTDIR)$(PREFIX)/bin/linli \
		$(DESTDIR)$(PREFIX)/share/linli/divisions.csv \
		$(patsubst configs/%,$(DESTDIR)$(PREFIX)/share/linli/%,$(wildcard configs/indicators/*.csv)) \
		$(DESTDIR)$(SYSUSERSDIR)/linli.conf $(DESTDIR)$(UNITDIR)/linlid.service
	rm -f $(LANGUAGES:%=$(DESTDIR)$(PREFIX)/share/locale/%/LC_MESSAGES/linli.mo)
	for page in docs/*.[1578] linli-errors.7; do \
		rm -f $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: all check tests sanitize sim bench layers tidy format fuzz pot po translations deps deps-quietly demo \
	install uninstall clean help
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

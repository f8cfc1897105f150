# laned - one Makefile, no recursion into folders, no automake.
#
#   make demo                 install what is missing, configure, build, tell the story
#   make check                the same for the tests
#   make                      build in ./build (runs ./configure when config.mk is missing)
#   mkdir b; cd b; ../configure && make      out of tree
#   make B=/tmp/x SANITIZE=address,undefined check-unit      a variant beside it
#
# Precedence, weakest first: config.mk (written by configure), local.mk (a developer's own,
# ignored by git), the make command line. Sources are found by folder: see "what is built".

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
SHELL := /bin/sh
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

srcdir := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
B ?= build
VERSION := $(shell cat $(srcdir)/.version)

# Goals that need nothing configured.
bare_goals = deps deps-vm check-vm maybe-deps-vm clean distclean format-check demo check check-quick check-asan maybe-deps
ifneq ($(filter-out $(bare_goals),$(or $(MAKECMDGOALS),all)),)
include config.mk
endif
-include local.mk

adapterdir = $(libdir)/laned/adapters
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
udevdir = $(prefix)/lib/udev/rules.d
docdir = $(datarootdir)/doc/laned
completiondir = $(datarootdir)/bash-completion/completions

# ---- flags ---------------------------------------------------------------
WARN = -Wall -Wextra -Wpedantic -Wformat=2 -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual \
	-Wwrite-strings -Wundef -Wvla -Wswitch-enum -Wimplicit-fallthrough \
	-Wconversion -Wno-sign-conversion -Wdouble-promotion -Wnull-dereference -Werror
HARDEN = -fstack-protector-strong -fstack-clash-protection $(CF_PROTECTION) -fPIE
HARDEN_LD = -pie -Wl,-z,relro,-z,now,-z,noexecstack
CF_PROTECTION := $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
ifdef SANITIZE
SAN = -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(findstring -O0,$(CFLAGS)),)
HARDEN += -D_FORTIFY_SOURCE=2
endif
ifdef COVERAGE
SAN += --coverage -O0
endif
ifdef CRASH_POINTS
SAN += -DLANED_CRASH_POINTS
endif

ALL_CPPFLAGS = -I$(srcdir)/src -I$(srcdir)/include -I$(srcdir)/tests -I$(B)/gen -D_GNU_SOURCE \
	$(LIB_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS = -std=gnu11 -fvisibility=hidden -ffp-contract=off $(WARN) $(HARDEN) $(CFLAGS) $(SAN)
ALL_LDFLAGS = $(HARDEN_LD) -Wl,--as-needed $(LDFLAGS) $(SAN)

ifeq ($(V),)
say = @printf '  %-7s %s\n' $(1) $(2);
else
say =
endif

# ---- what is built -------------------------------------------------------
sources = $(patsubst $(srcdir)/%,%,$(sort $(wildcard $(addprefix $(srcdir)/,$(1)))))
programs = laned laned-bio laned-adapter lanectl
laned_main = src/lane/main.c
laned-bio_main = src/bio/main.c
laned-adapter_main = src/adapter/main.c
lanectl_main = src/ctl/main.c
mains = $(foreach p,$(programs),$($(p)_main))

archives = ctl lane bio adapter core base plain
plain_src = $(call sources,src/base/plain/*.c)
base_src = $(call sources,src/base/*.c)
core_src = $(call sources,src/core/*.c src/core/*/*.c)
bio_src = $(filter-out $(mains),$(call sources,src/bio/*.c src/bio/*/*.c))
lane_src = $(filter-out $(mains),$(call sources,src/lane/*.c))
adapter_src = $(filter-out $(mains),$(call sources,src/adapter/*.c))
ctl_src = $(filter-out $(mains),$(call sources,src/ctl/*.c))
synth_src = $(filter-out tests/synth/main.c,$(call sources,tests/synth/*.c))
simlib_src = $(filter-out tests/sim/main.c,$(call sources,tests/sim/*.c)) tests/terminal/frames.c
usbmodel_src = $(filter-out tests/usb/live_%.c tests/usb/vhci.c tests/usb/client.c,$(call sources,tests/usb/*.c))
oracle_src = $(call sources,tests/oracle/*.c)
sdk_src = $(call sources,plugins/sdk/*.c)
plugins = $(filter-out sdk,$(notdir $(patsubst %/,%,$(sort $(dir $(wildcard $(srcdir)/plugins/*/*.c))))))

unit_tests = $(notdir $(basename $(call sources,tests/unit/test_*.c)))
unit_common_src = $(filter-out tests/unit/test_%,$(call sources,tests/unit/*.c))
fuzz_targets = $(notdir $(basename $(call sources,tests/fuzz/fuzz_*.c)))
benches = $(notdir $(basename $(call sources,$(addsuffix _*.c,$(addprefix tests/bench/,bench bio make)))))
benchkit_src = $(filter-out $(benches:%=tests/bench/%.c),$(call sources,tests/bench/*.c))
integration_tests = $(call sources,tests/integration/*.sh tests/integration/*.py)
fault_tests = $(filter-out tests/fault/faultlab.py,$(call sources,tests/fault/*.sh tests/fault/*.py))

# What each archive may pull in; the linker takes only what is used.
ext_libs = $(SQLITE_LIBS) $(CJSON_LIBS) $(INIH_LIBS) $(EVENT_LIBS) $(CRYPTO_LIBS) $(PNG_LIBS) $(USB_LIBS) $(EXPAT_LIBS) \
	$(SYSTEMD_LIBS) $(SECCOMP_LIBS) -lpthread -lm
all_archives = $(archives:%=$(B)/lib%.a)
laned_archives = lane core base plain
laned-bio_archives = bio core base plain
laned-adapter_archives = adapter core base plain
lanectl_archives = ctl core base plain

all: $(programs:%=$(B)/%) $(plugins:%=$(B)/plugins/%.so) $(plugins:%=$(B)/plugins/%.options.json)

# ---- rules ---------------------------------------------------------------
# The dependency is deliberately only on what configure reads: a new source needs no new configure.
config.mk: $(srcdir)/configure $(srcdir)/src/config.mk.in
	$(srcdir)/configure $(CONFIGURE_FLAGS) >config.out || { cat config.out; exit 1; }; rm -f config.out
$(srcdir)/configure: $(srcdir)/configure.ac
	cd $(srcdir) && autoconf

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

# Rebuild when a flag changes, not only when a file does.
flags := $(shell printf '%s' "$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)" | cksum)
$(B)/gen/flags: FORCE
	@mkdir -p $(@D); [ "`cat $@ 2>/dev/null`" = '$(flags)' ] || echo '$(flags)' >$@
# When this was built, at least: the commit's time, or that of a tarball's file; never in the future.
built := $(shell t='$(SOURCE_DATE_EPOCH)'; [ -n "$$t" ] || t=`git -C $(srcdir) log -1 --format=%ct 2>/dev/null` || \
	t=`stat -c %Y $(srcdir)/.version`; n=`date +%s`; [ "$$t" -le "$$n" ] || t=$$n; echo $$t)
$(B)/gen/config.h: FORCE
	@mkdir -p $(@D); { \
	echo '#define LANED_VERSION "$(VERSION)"'; \
	echo '#define LANED_SYSCONFDIR "$(if $(filter /usr,$(prefix)),/etc,$(sysconfdir))/laned"'; \
	echo '#define LANED_STATEDIR "/var/lib"'; \
	echo '#define LANED_RUNDIR "/run/laned"'; \
	echo '#define LANED_ADAPTERDIR "$(adapterdir)"'; \
	echo '#define LANED_BUILT_S $(built)LL'; \
	$(if $(HAVE_SECCOMP),echo '#define HAVE_SECCOMP 1';) \
	$(if $(HAVE_SYSTEMD),echo '#define HAVE_SYSTEMD 1';) \
	$(if $(HAVE_GLPK),echo '#define HAVE_GLPK 1';) \
	} >$@.new; cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(B)/obj/%.o: $(srcdir)/%.c $(B)/gen/flags | $(B)/gen/config.h
	$(call say,CC,$*.c) mkdir -p $(@D) && \
	$(CC) $(ALL_CPPFLAGS) $(if $(filter tests/%,$*),$(CHECK_CFLAGS)) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
# The filters of the extractor take a fifth less time so; without -O2 they are for a debugger.
$(B)/obj/src/bio/finger/%.o: ALL_CFLAGS += $(patsubst -O2,-O3,$(filter -O2,$(CFLAGS)))
$(B)/pic/%.o: $(srcdir)/%.c $(B)/gen/flags | $(B)/gen/config.h
	$(call say,CC,$*.c) mkdir -p $(@D) && \
	$(CC) $(ALL_CPPFLAGS) $(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC -MMD -MP -c -o $@ $<

define archive
$(B)/lib$(1).a: $(call obj,$($(1)_src))
	$$(call say,AR,$$@) rm -f $$@ && $$(AR) rcs $$@ $$^
endef
$(foreach a,$(archives) synth simlib usbmodel benchkit oracle,$(eval $(call archive,$(a))))
$(B)/libsdk.a: $(patsubst %.c,$(B)/pic/%.o,$(sdk_src))
	$(call say,AR,$@) rm -f $@ && $(AR) rcs $@ $^

define program
$(B)/$(1): $(call obj,$($(1)_main)) $($(1)_archives:%=$(B)/lib%.a)
	$$(call say,LINK,$$@) $$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(ext_libs)
endef
$(foreach p,$(programs),$(eval $(call program,$(p))))

# A plug-in may use libc's pure functions, expat and libcrypto primitives; see tests/tools/layers.
define plugin
$(B)/plugins/$(1).so: $(patsubst %.c,$(B)/pic/%.o,$(call sources,plugins/$(1)/*.c)) $(B)/libsdk.a \
		$(srcdir)/plugins/adapter.map
	$$(call say,LINK,$$@) mkdir -p $$(@D) && $$(CC) -shared $$(filter-out -pie,$$(ALL_LDFLAGS)) \
	$(if $(SANITIZE),,-Wl$(comma)-z$(comma)defs) -Wl,--version-script=$(srcdir)/plugins/adapter.map -o $$@ $$(filter %.o,$$^) $(B)/libsdk.a
endef
comma := ,
# Adapters with a mistake each, for the tests of the conformance kit: drop behind a shim.
faulty = $(addprefix $(B)/conform/,faulty.so faulty-file.so faulty-table.so)
$(B)/conform/drop.o: $(B)/pic/plugins/drop/drop.o
	@mkdir -p $(@D) && objcopy --redefine-sym laned_adapter_v0=drop_adapter_v0 $< $@
$(faulty:.so=.o): $(B)/conform/%.o: $(srcdir)/tests/conform/faulty.c $(srcdir)/tests/conform/shim.h $(B)/gen/flags | $(B)/gen/config.h
	$(call say,CC,tests/conform/faulty.c) mkdir -p $(@D) && $(CC) $(ALL_CPPFLAGS) \
	-DFAULTY_FILE=$(if $(filter %-file,$*),1,$(if $(filter %-table,$*),2,0)) \
	$(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC -c -o $@ $<
$(faulty): $(B)/conform/%.so: $(B)/conform/%.o $(B)/conform/drop.o $(srcdir)/tests/conform/faulty.map \
		$(patsubst %.c,$(B)/pic/%.o,$(filter-out plugins/drop/drop.c,$(call sources,plugins/drop/*.c))) $(B)/libsdk.a
	$(call say,LINK,$@) $(CC) -shared $(filter-out -pie,$(ALL_LDFLAGS)) \
	-Wl,--version-script=$(srcdir)/$(if $(filter %-file.so,$@),tests/conform/faulty.map,plugins/adapter.map) -o $@ $(filter %.o,$^) $(B)/libsdk.a -lpthread
# And one whose mistakes are those with a connection: the template behind a shim.
faulty_conn = $(B)/conform/faulty-conn.so
$(B)/conform/template.o: $(B)/pic/plugins/template/template.o
	@mkdir -p $(@D) && objcopy --redefine-sym laned_adapter_v0=template_adapter_v0 $< $@
$(faulty_conn): $(B)/pic/tests/conform/faulty_conn.o $(B)/conform/template.o $(srcdir)/plugins/adapter.map \
		$(patsubst %.c,$(B)/pic/%.o,$(filter-out plugins/template/template.c,$(call sources,plugins/template/*.c))) $(B)/libsdk.a
	$(call say,LINK,$@) $(CC) -shared $(filter-out -pie,$(ALL_LDFLAGS)) \
	-Wl,--version-script=$(srcdir)/plugins/adapter.map -o $@ $(filter %.o,$^) $(B)/libsdk.a
# A hostile one: drop, and a vice at will. No sanitizer: what it does wrong is to reach the host.
$(B)/hostile/hostile.o: $(srcdir)/tests/hostile/hostile.c $(B)/gen/flags | $(B)/gen/config.h
	$(call say,CC,tests/hostile/hostile.c) mkdir -p $(@D) && $(CC) $(ALL_CPPFLAGS) \
	$(filter-out -fPIE -Wnull-dereference,$(ALL_CFLAGS)) $(if $(SANITIZE),-fno-sanitize=all) -Wno-infinite-recursion -fPIC -O0 \
	-U_FORTIFY_SOURCE -c -o $@ $<
$(B)/hostile/hostile.so: $(B)/hostile/hostile.o $(B)/conform/drop.o $(srcdir)/plugins/adapter.map \
		$(patsubst %.c,$(B)/pic/%.o,$(filter-out plugins/drop/drop.c,$(call sources,plugins/drop/*.c))) $(B)/libsdk.a
	$(call say,LINK,$@) $(CC) -shared $(filter-out -pie,$(ALL_LDFLAGS)) \
	-Wl,--version-script=$(srcdir)/plugins/adapter.map -Wl,--build-id -o $@ $(filter %.o,$^) $(B)/libsdk.a
$(B)/hostile/hostile.options.json: $(B)/hostile/hostile.so $(B)/laned-adapter
	$(call say,GEN,$@) $(B)/laned-adapter --describe $< >$@.new && mv $@.new $@
hostile = $(B)/hostile/hostile.options.json
# The test adapter that poses as a terminal; relay-load dies when it is loaded.
terminal = $(addprefix $(B)/terminal/,relay.so relay-load.so)
$(B)/terminal/relay-load.o: $(srcdir)/tests/terminal/relay.c $(B)/gen/flags | $(B)/gen/config.h
	$(call say,CC,tests/terminal/relay.c) mkdir -p $(@D) && $(CC) $(ALL_CPPFLAGS) -DRELAY_CRASH_LOAD \
	$(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC -c -o $@ $<
$(B)/terminal/relay.so: $(B)/pic/tests/terminal/relay.o
$(B)/terminal/relay-load.so: $(B)/terminal/relay-load.o
$(terminal): $(B)/pic/tests/terminal/relay_peer.o $(B)/pic/tests/terminal/frames.o $(B)/libsdk.a $(srcdir)/plugins/adapter.map
	$(call say,LINK,$@) mkdir -p $(@D) && $(CC) -shared $(filter-out -pie,$(ALL_LDFLAGS)) \
	-Wl,--version-script=$(srcdir)/plugins/adapter.map -o $@ $(filter %.o,$^) $(B)/libsdk.a
$(B)/terminal/relay.options.json: $(B)/terminal/relay.so $(B)/laned-adapter
	$(call say,GEN,$@) $(B)/laned-adapter --describe $< >$@.new && mv $@.new $@
terminal_tools = $(terminal) $(B)/terminal/relay.options.json
$(foreach a,$(plugins),$(eval $(call plugin,$(a))))
$(B)/plugins/%.options.json: $(B)/plugins/%.so $(B)/laned-adapter
	$(call say,GEN,$@) $(B)/laned-adapter --describe $< >$@.new && mv $@.new $@

# The simulator's loop, clocks and sockets take the place of the real ones below rpc and the bridge.
virtual_src = $(call sources,tests/sim/virtual/*.c)
virtual_ld = $(addprefix -Wl$(comma)--wrap=,send recv poll close fcntl getsockopt crypto_random rpc_listen \
	rpc_listener_free socket connect host_api host_set_link host_guard host_pans_refused \
	host_refused lane_step journal_ref journal_find_of journal_returned state_anchor)
test_objs_test_sim = $(virtual_src)
test_ldflags_test_sim = $(virtual_ld)
# Modem lines and breaks, which a pseudo terminal lacks, are played by the test.
test_ldflags_test_stream_serial = -Wl,--wrap=ioctl,--wrap=read
test_ldflags_test_host_kinds = -Wl,--wrap=ioctl
# A newer file comes between a look and a move.
test_ldflags_test_dirs_race = -Wl,--wrap=renameat
# The order of what makes a file durable is watched.
test_ldflags_test_files_order = -Wl,--wrap=fsync,--wrap=renameat
define unit
$(B)/tests/$(1): $(call obj,tests/unit/$(1).c $(unit_common_src) $(test_objs_$(1))) $(B)/libusbmodel.a $(B)/libbenchkit.a $(B)/libsynth.a \
		$(B)/libsimlib.a $(B)/liboracle.a $(all_archives)
	$$(call say,LINK,$$@) mkdir -p $$(@D) && $$(CC) $$(ALL_LDFLAGS) $$(test_ldflags_$(1)) -o $$@ $$^ \
	$$(CHECK_LIBS) $$(GLPK_LIBS) $$(ext_libs) -ldl
endef
$(foreach t,$(unit_tests),$(eval $(call unit,$(t))))
define bench
$(B)/bench/$(1): $(call obj,tests/bench/$(1).c) $(B)/libbenchkit.a $(B)/libsynth.a $(B)/liboracle.a $(all_archives)
	$$(call say,LINK,$$@) mkdir -p $$(@D) && $$(CC) $$(ALL_LDFLAGS) $$(bench_ldflags_$(1)) -o $$@ $$^ $$(GLPK_LIBS) $$(ext_libs)
endef
# A bench may choose the kernel; the product has no switch for it.
bench_ldflags_bench_search = -Wl,--wrap=kernel_best
$(foreach t,$(benches),$(eval $(call bench,$(t))))
$(B)/synthfinger: $(call obj,tests/synth/main.c) $(B)/libsynth.a $(all_archives)
	$(call say,LINK,$@) $(CC) $(ALL_LDFLAGS) -o $@ $^ $(ext_libs)
$(B)/lanesim: $(call obj,tests/sim/main.c $(virtual_src) tests/unit/power_vfs.c tests/unit/power_book.c) $(patsubst %,$(B)/lib%.a,simlib ctl lane adapter core base plain)
	$(call say,LINK,$@) $(CC) $(ALL_LDFLAGS) $(virtual_ld) -o $@ $^ $(ext_libs) -ldl

# Readers that are none: on a bus of umockdev's for one child program, or of the kernel's vhci_hcd.
have_umockdev := $(shell pkg-config --exists umockdev-1.0 && echo 1)
$(B)/obj/tests/usb/live_%.o: ALL_CPPFLAGS += $(patsubst -I%,-isystem%,$(shell pkg-config --cflags umockdev-1.0))
$(B)/usb/reader-live: $(call obj,tests/usb/live_main.c tests/usb/live_bus.c tests/usb/live_usbfs.c) $(B)/libusbmodel.a $(B)/libsynth.a
	$(call say,LINK,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(CRYPTO_LIBS) -lm \
	$(shell pkg-config --libs umockdev-1.0) -lutil
$(B)/usb/reader-client: $(call obj,tests/usb/client.c) $(B)/libbio.a $(B)/libbase.a $(B)/libplain.a
	$(call say,LINK,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(ext_libs)
$(B)/usb/reader-vhci: $(call obj,tests/usb/vhci.c) $(B)/libusbmodel.a $(B)/libsynth.a
	$(call say,LINK,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(CRYPTO_LIBS) -lm

# Types on this machine's own uinput, speaks over its serial lines; for the virtual machine.
$(B)/typist $(B)/uartline: $(B)/%: $(B)/obj/tests/vm/%.o $(laned-adapter_archives:%=$(B)/lib%.a)
	$(call say,LINK,$@) $(CC) $(ALL_LDFLAGS) -o $@ $^ $(ext_libs)

# ---- tests ---------------------------------------------------------------
# Every part appends to $(B)/results; `check` ends with the sum of all of them.
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
sub = $(MAKE) -f $(srcdir)/Makefile --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(JOBS))
run_tests = LANED_BUILD=$(abspath $(B)) SRCDIR=$(abspath $(srcdir)) RESULTS=$(abspath $(or $(RESULTS),$(B)/results)) \
	LANED_CRASH_BUILD=$(abspath $(or $(CRASH_B),$(B)/crash)) $(srcdir)/tests/tools/run-tests
DEPS ?= 1

check: maybe-deps
	@rm -rf $(B)/results && mkdir -p $(B)
	+@fail=0; for part in $(check_parts); do \
	$(sub) B=$(B) RESULTS=$(abspath $(B))/results $$part || fail=1; done; \
	$(srcdir)/tests/tools/summary $(B)/results $$fail
check_parts = layers format-check check-unit crash-build check-integration check-fault check-sim \
	check-fuzz-corpus check-units lint check-asan-parts
check-quick: maybe-deps
	@rm -rf $(B)/results && mkdir -p $(B)
	+@fail=0; for part in all check-unit layers; do \
	$(sub) B=$(B) RESULTS=$(abspath $(B))/results $$part || fail=1; done; \
	$(srcdir)/tests/tools/summary $(B)/results $$fail
maybe-deps:
	@[ -f config.mk ] || [ '$(DEPS)' = 0 ] || $(srcdir)/.ci/deps
deps:
	$(srcdir)/.ci/deps

check_unit = $(addprefix $(B)/tests/,$(filter-out $(TEST_SKIP),$(unit_tests)))
check-unit: $(check_unit) $(plugins:%=$(B)/plugins/%.so) $(B)/terminal/relay.so
	@$(run_tests) unit $(check_unit)
check-integration: all tools bench-tools $(terminal_tools) $(faulty) $(faulty_conn) $(hostile)
	@$(run_tests) integration $(addprefix $(srcdir)/,$(integration_tests))
check-fault: all tools $(terminal_tools)
	@$(run_tests) fault $(addprefix $(srcdir)/,$(fault_tests))
# A thousand processes killed while lanes sell, and a hundred on the way of tenders that the POS asks
# for; KILLS=n and TENDER_KILLS=n others, SEED=n the same again.
kill_env = LANED_BUILD=$(abspath $(B)) SRCDIR=$(abspath $(srcdir)) LANED_CRASH_BUILD=$(abspath $(or $(CRASH_B),$(B)/crash)) \
	FAULT_SEED=$(SEED)
check-kills: all tools $(terminal_tools) crash-build
	@$(kill_env) FAULT_KILLS=$(or $(KILLS),1000) $(srcdir)/tests/fault/random_kills.py
	@$(kill_env) FAULT_KILLS=$(or $(TENDER_KILLS),100) $(srcdir)/tests/fault/tender_kills.py
check-sim: $(B)/lanesim $(plugins:%=$(B)/plugins/%.so) $(B)/terminal/relay.so
	@$(run_tests) sim $(srcdir)/tests/sim/smoke.sh $(srcdir)/tests/sim/mutants/planted-bugs
sim: $(B)/lanesim $(plugins:%=$(B)/plugins/%.so) $(B)/terminal/relay.so
	$(B)/lanesim --runs $(or $(RUNS),100000) $(if $(SEED),--seed $(SEED)) $(if $(RATES),--rates $(RATES)) $(if $(JSON),--json)
# Accepts a change of laned/adapter.h; tests/integration/abi.sh compares with what is committed.
abi:
	SRCDIR=$(srcdir) $(srcdir)/tests/integration/abi.sh --write $(srcdir)/tests/abi/laned_adapter_v0.abi
crash-build:
	+@$(sub) B=$(B)/crash CRASH_POINTS=1 CFLAGS='-O1 -g' all
tools: $(B)/synthfinger $(B)/usb/reader-vhci usb-tools
bench-tools: $(addprefix $(B)/bench/,bio_scores bio_eval bio_touches bio_report make_gallery bench_search bench_kernels bench_scan_loss)
usb-tools: $(B)/usb/reader-client $(if $(have_umockdev),$(B)/usb/reader-live)
check-asan:
	@rm -rf $(B)/asan/results
	+@fail=0; $(sub) B=$(B) RESULTS=$(abspath $(B))/asan/results check-asan-parts || fail=1; \
	$(srcdir)/tests/tools/summary $(B)/asan/results $$fail
check-asan-parts:
	+@$(sub) B=$(B)/asan CRASH_B=$(B)/crash SANITIZE=address,undefined CFLAGS='-O1 -g' CK_TIMEOUT_MULTIPLIER=4 \
	check-unit check-integration
# The two run many times slower here, and neither knows more about arithmetic in one thread: the
# measured prints of heavy_tests are left to the plain and the ASan run.
heavy_tests = test_bio_gate test_synth
check-tsan:
	+@$(sub) B=$(B)/tsan SANITIZE=thread CFLAGS='-O2 -g' CK_TIMEOUT_MULTIPLIER=10 \
	TEST_SKIP='$(heavy_tests)' check-unit
# (Unfortified: valgrind 3.19 takes __memmove_chk for __memcpy_chk and complains of the overlap.)
check-valgrind:
	+@$(sub) B=$(B)/valgrind CFLAGS='-O2 -g -U_FORTIFY_SOURCE' CK_TIMEOUT_MULTIPLIER=60 TEST_WRAPPER='$(VALGRIND)' \
	TEST_SKIP='$(heavy_tests) test_adapter_sandbox' check-unit # valgrind lets no seccomp filter in
VALGRIND = valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
	--errors-for-leak-kinds=definite --suppressions=$(abspath $(srcdir))/tests/tools/valgrind.supp
# The readers on the bus, plugged a thousand times under ASan and twenty times under valgrind.
usb_reader_test = SRCDIR=$(abspath $(srcdir)) LOG_LEVEL=warning $(srcdir)/tests/integration/usb_reader.py
check-replug:
	+@$(sub) B=$(B)/asan SANITIZE=address,undefined CFLAGS='-O1 -g' usb-tools
	+@$(sub) B=$(B)/valgrind CFLAGS='-O2 -g -U_FORTIFY_SOURCE' usb-tools
	REPLUGS=1000 LANED_BUILD=$(abspath $(B))/asan $(usb_reader_test) replugs_leave_nothing_behind || [ $$? = 77 ]
	REPLUGS=20 LANED_BUILD=$(abspath $(B))/valgrind CLIENT_WRAPPER='$(VALGRIND)' \
	$(usb_reader_test) replugs_leave_nothing_behind suspended frames_of_one_presentation || [ $$? = 77 ]
# The price engine by the numbers: SEED=n begins elsewhere, e.g. where a night's run found something.
pricing_tests = $(addprefix $(B)/tests/test_pricing_,oracle property ip points budget returns range changes)
check-pricing: $(pricing_tests)
	@fail=0; for t in $(pricing_tests); do LANED_PRICING_CASES=$(or $(CASES),50000) \
	LANED_PRICING_SUMS=$(or $(SUMS),1000000) LANED_PRICING_IP=$(or $(PROGRAMS),2000) LANED_PRICING_IP_LINES=60 \
	$(if $(SEED),LANED_PRICING_SEED=$(SEED)) $$t || [ $$? = 77 ] || fail=1; done; exit $$fail
coverage:
	+@$(sub) B=$(B)/cov COVERAGE=1 CFLAGS=-g check-unit check-integration
	lcov -q -c -d $(B)/cov -o $(B)/cov/all.info
	lcov -q -e $(B)/cov/all.info '*/src/*' '*/plugins/*' -o $(B)/cov/src.info
	lcov --list $(B)/cov/src.info

# Fuzzers: libFuzzer for campaigns, a replay driver for `make check`.
define replay
$(B)/tests/replay_$(1): $(call obj,tests/fuzz/$(1).c tests/fuzz/replay.c) $(B)/libusbmodel.a $(all_archives)
	$$(call say,LINK,$$@) mkdir -p $$(@D) && $$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(ext_libs)
$(B)/fuzz/$(1): $(srcdir)/tests/fuzz/$(1).c $(B)/fuzzlib/built
	$$(call say,FUZZ,$$@) mkdir -p $$(@D) && clang-14 $$(ALL_CPPFLAGS) -std=gnu11 -g -O1 \
	-fsanitize=fuzzer,address,undefined -o $$@ $$< $(fuzz_archives:%=$(B)/fuzzlib/lib%.a) $$(ext_libs)
fuzz-$(1): $(B)/fuzz/$(1)
	$$(call fuzz_run,$(1))
endef
fuzz_archives = usbmodel $(archives)
FUZZ_TIME = 60
fuzz_run = cd $(B)/fuzz && mkdir -p corpus/$(1) && ./$(1) -max_total_time=$(FUZZ_TIME) -max_len=8192 \
	-timeout=10 corpus/$(1) $(abspath $(srcdir))/tests/fuzz/corpus/$(1)
# So many mutated conversations of each reader's driver, from the seeds alone, however long it takes.
FUZZ_RUNS = 100000
conversations = fuzz_uru4000 fuzz_zfm
conversation_run = cd $(B)/fuzz && rm -rf runs/$(1) && mkdir -p runs/$(1) && ./$(1) -runs=$(FUZZ_RUNS) \
	-max_len=8192 -timeout=10 -verbosity=0 -print_final_stats=1 runs/$(1) $(abspath $(srcdir))/tests/fuzz/corpus/$(1)
fuzz-conversations: $(conversations:%=$(B)/fuzz/%)
	@$(foreach f,$(conversations),($(call conversation_run,$(f))) || exit 1;)
$(foreach f,$(fuzz_targets),$(eval $(call replay,$(f))))
$(B)/fuzzlib/built: FORCE
	+@$(sub) B=$(B)/fuzzlib CC=clang-14 SANITIZE=fuzzer-no-link,address,undefined CFLAGS='-O1 -g' archives
	@touch $@
archives: $(all_archives) $(B)/libusbmodel.a
check-fuzz-corpus: $(fuzz_targets:%=$(B)/tests/replay_%)
	@$(run_tests) fuzz-corpus $(fuzz_targets:%=$(B)/tests/replay_%)
# One after the other, also with -j: each wants a processor for itself.
fuzz: $(fuzz_targets:%=$(B)/fuzz/%)
	@$(foreach f,$(fuzz_targets),($(call fuzz_run,$(f))) || exit 1;)

# ---- static checks -------------------------------------------------------
c_files = $(sort $(shell find $(srcdir)/src $(srcdir)/include $(srcdir)/plugins $(srcdir)/tests -name '*.[ch]'))
tidy_files = $(addprefix $(srcdir)/,$(plain_src) $(base_src) $(core_src) $(bio_src) $(lane_src) $(adapter_src) $(ctl_src) $(mains) $(sdk_src) $(foreach p,$(plugins),$(call sources,plugins/$(p)/*.c)))
lint: $(B)/gen/config.h
	@$(run_tests) lint $(srcdir)/tests/tools/lint-cppcheck $(srcdir)/tests/tools/lint-tidy
export TIDY_FILES = $(tidy_files)
export TIDY_FLAGS = $(patsubst -I/usr/%,-isystem/usr/%,$(ALL_CPPFLAGS)) -std=gnu11
format-check:
	@$(run_tests) format $(srcdir)/tests/tools/format-check
export C_FILES = $(c_files)
format:
	clang-format -i $(c_files)
layers: $(all_archives) $(plugins:%=$(B)/plugins/%.so)
	@NM='$(or $(NM),nm)' $(run_tests) layers $(srcdir)/tests/tools/layers
check-units: $(B)/stage/done
	@$(run_tests) units $(srcdir)/tests/tools/check-units
$(B)/stage/done: all FORCE
	+@rm -rf $(B)/stage && $(sub) B=$(B) DESTDIR=$(abspath $(B))/stage install >/dev/null && touch $@
# The installed product under Debian's systemd in a virtual machine; see tests/vm/check-vm.
vm_b = $(abspath $(B))/vm
vm_peers = synthfinger usb/reader-vhci typist uartline terminal/relay.options.json
check-vm: maybe-deps-vm
	+@rm -rf $(vm_b)/stage $(vm_b)/results
	+@$(sub) B=$(vm_b)/build prefix=/usr all $(addprefix $(vm_b)/build/,$(vm_peers))
	+@$(sub) B=$(vm_b)/build prefix=/usr DESTDIR=$(vm_b)/stage install >/dev/null
	@fail=0; VM=$(vm_b) STAGE=$(vm_b)/stage LANED_BUILD=$(vm_b)/build SRCDIR=$(abspath $(srcdir)) \
	RESULTS=$(vm_b)/results VM_CACHE='$(VM_CACHE)' VM_ACCEL='$(VM_ACCEL)' VM_SHELL='$(VM_SHELL)' \
	ONLY='$(ONLY)' KEEP='$(KEEP)' DATA='$(DATA)' $(srcdir)/tests/vm/check-vm || fail=$$?; \
	[ $$fail != 77 ] || fail=0; $(srcdir)/tests/tools/summary $(vm_b)/results $$fail
maybe-deps-vm: maybe-deps
	-@[ '$(DEPS)' = 0 ] || $(srcdir)/.ci/deps vm
deps-vm:
	$(srcdir)/.ci/deps vm

# ---- measurements and the demonstration ----------------------------------
bench: bench-bio bench-search bench-pricing bench-payments bench-identify bench-touch bench-reader
bench-bio: bench-tools
	@B=$(B) $(srcdir)/tests/bench/bench-bio
bench-tail: $(B)/bench/bio_tail
	@B=$(B) $(srcdir)/tests/bench/bench-tail
bench-synth: bench-tools $(B)/bench/bio_traits $(B)/synthfinger
	@B=$(B) $(srcdir)/tests/bench/bench-synth
bench-report: $(B)/bench/bio_report
	@B=$(B) $(srcdir)/tests/bench/bench-report
bench-search: bench-tools
	@B=$(B) $(srcdir)/tests/bench/bench-search
bench-pricing: $(B)/bench/bench_pricing
	$< $(if $(LOG),--log $(LOG))
bench-identify: all tools
	LANED_BUILD=$(abspath $(B)) $(srcdir)/tests/bench/bench-identify
# The disk that FOLDER lies on.
bench-payments: $(B)/bench/bench_payments $(B)/bench/bench_pass all $(terminal_tools)
	$(B)/bench/bench_payments $(or $(FOLDER),$(B)) $(CHECKOUTS)
	@LANED_BUILD=$(abspath $(B)) SRCDIR=$(abspath $(srcdir)) PAYMENTS=$(PAYMENTS) $(srcdir)/tests/bench/bench-pass
bench-touch: all tools $(B)/bench/make_gallery
	LANED_BUILD=$(abspath $(B)) $(srcdir)/tests/bench/bench-touch
bench-reader: usb-tools
	LANED_BUILD=$(abspath $(B)) $(srcdir)/tests/bench/bench-reader
demo: maybe-deps
	+@$(sub) B=$(B) all tools
	@LANED_BUILD=$(abspath $(B)) SRCDIR=$(abspath $(srcdir)) $(srcdir)/tests/demo/demo $(if $(DATA),--data $(DATA))

# ---- install, dist -------------------------------------------------------
include $(srcdir)/src/install.mk

clean:
	rm -rf $(B)
distclean: clean
	rm -rf config.mk config.log config.status autom4te.cache configure

-include $(shell test -d $(B) && find $(B)/obj $(B)/pic -name '*.d' 2>/dev/null)
FORCE:
.PHONY: all archives check check-quick check-unit check-integration check-fault check-kills check-sim crash-build \
	tools check-asan check-asan-parts check-tsan check-valgrind check-pricing check-fuzz-corpus check-units check-vm deps-vm maybe-deps-vm coverage \
	fuzz fuzz-conversations $(fuzz_targets:%=fuzz-%) lint format format-check layers bench bench-bio bench-tail bench-synth bench-report bench-search bench-pricing bench-identify \
	bench-payments bench-touch bench-reader check-replug usb-tools bench-tools demo install dist clean distclean deps maybe-deps sim abi FORCE

# install, uninstall, dist, distcheck: included by the Makefile. Everything goes below $(DESTDIR);
# nothing is started, no user made: `make install` says at its end what to run.
INSTALL = install
TAR = tar

# Programs of a system live below /usr and their configuration below /etc.
confdir = $(if $(filter /usr,$(prefix)),/etc,$(sysconfdir))/laned
# The template is for people to copy, not an adapter to run.
installed_plugins = $(filter-out template,$(plugins))
units = laned.service laned-bio.service laned-adapter@.service laned-adapter@.socket laned-bypass@.service laned-bypass@.timer \
	laned-bypass-end@.service laned-endpoints@.service \
	laned.target
man_pages = laned.8 laned-bio.8 laned-adapter.8 laned-bypass.8 lanectl.1 laned.conf.5
guides = $(call sources,docs/*.md) README.md CHANGELOG.md LICENSE
template_files = $(call sources,plugins/template/* plugins/adapter.map) tests/demo/linepos.py tests/demo/pos.py

# Units, man pages and guides are written as for prefix=/usr; these are the real places.
places = -e 's|@sbindir@|$(sbindir)|g' -e 's|@libexecdir@|$(libexecdir)|g' -e 's|@bindir@|$(bindir)|g' \
	-e 's|/usr/libexec/laned|$(libexecdir)/laned|g' -e 's|/usr/lib/laned|$(libdir)/laned|g' \
	-e 's|/usr/sbin/laned|$(sbindir)/laned|g' -e 's|/etc/laned|$(confdir)|g'

$(B)/systemd/%.service: $(srcdir)/systemd/%.service.in $(B)/gen/flags
	$(call say,GEN,$@) mkdir -p $(@D) && sed $(places) $< >$@
$(B)/systemd/%.socket: $(srcdir)/systemd/%.socket
	$(call say,GEN,$@) mkdir -p $(@D) && cp $< $@
$(B)/systemd/%.timer: $(srcdir)/systemd/%.timer
	$(call say,GEN,$@) mkdir -p $(@D) && cp $< $@
$(B)/systemd/%.target: $(srcdir)/systemd/%.target
	$(call say,GEN,$@) mkdir -p $(@D) && cp $< $@
$(B)/man/laned.conf.5: $(srcdir)/docs/man/laned.conf.5.in $(B)/laned
	$(call say,GEN,$@) mkdir -p $(@D) && $(B)/laned --print-mdoc >$@.keys && \
	sed -e '/^@KEYS@$$/{r $@.keys' -e 'd;}' $< | sed $(places) >$@
$(B)/man/%: $(srcdir)/docs/man/%
	$(call say,GEN,$@) mkdir -p $(@D) && sed $(places) $< >$@

# What pkg-config says of the interface of plug-ins; places below the prefix move with it.
below_prefix = $(patsubst $(prefix)/%,$${prefix}/%,$(1))
$(B)/laned.pc: $(srcdir)/plugins/laned.pc.in $(B)/gen/flags $(srcdir)/.version config.mk
	$(call say,GEN,$@) sed -e 's|@prefix@|$(prefix)|' -e 's|@includedir@|$(call below_prefix,$(includedir))|' \
	-e 's|@libdir@|$(call below_prefix,$(libdir))|' -e 's|@libexecdir@|$(call below_prefix,$(libexecdir))|' \
	-e 's|@adapterdir@|$(call below_prefix,$(adapterdir))|' -e 's|@docdir@|$(call below_prefix,$(docdir))|' \
	-e 's|@version@|$(VERSION)|' $< >$@
all: $(B)/laned.pc $(B)/libsdk.a

# $(call put,MODE,FILES,FOLDER)
put = $(INSTALL) -d $(DESTDIR)$(3) && $(INSTALL) -m $(1) $(2) $(DESTDIR)$(3)

install: all $(B)/libsdk.a $(units:%=$(B)/systemd/%) $(man_pages:%=$(B)/man/%)
	$(call put,755,$(B)/laned $(srcdir)/systemd/laned-bypass,$(sbindir))
	$(call put,755,$(B)/laned-bio $(B)/laned-adapter,$(libexecdir)/laned)
	$(call put,755,$(B)/lanectl,$(bindir))
	$(call put,644,$(foreach p,$(installed_plugins),$(B)/plugins/$(p).so $(B)/plugins/$(p).options.json),$(adapterdir))
	$(call put,644,$(B)/libsdk.a,$(libdir)/laned)
	$(call put,644,$(B)/laned.pc,$(libdir)/pkgconfig)
	$(call put,644,$(addprefix $(srcdir)/,$(call sources,include/laned/*.h)),$(includedir)/laned)
	$(call put,644,$(units:%=$(B)/systemd/%),$(systemdsystemunitdir))
	$(call put,644,$(srcdir)/systemd/60-laned.rules,$(udevdir))
	$(INSTALL) -d $(DESTDIR)$(sysusersdir) $(DESTDIR)$(tmpfilesdir) $(DESTDIR)$(confdir)/conf.d \
	$(DESTDIR)$(completiondir)
	$(INSTALL) -m 644 $(srcdir)/systemd/laned.sysusers $(DESTDIR)$(sysusersdir)/laned.conf
	$(INSTALL) -m 644 $(srcdir)/systemd/laned.tmpfiles $(DESTDIR)$(tmpfilesdir)/laned.conf
	$(INSTALL) -m 644 $(srcdir)/docs/lanectl.bash $(DESTDIR)$(completiondir)/lanectl
	$(call put,644,$(filter %.8,$(man_pages:%=$(B)/man/%)),$(mandir)/man8)
	$(call put,644,$(filter %.5,$(man_pages:%=$(B)/man/%)),$(mandir)/man5)
	$(call put,644,$(filter %.1,$(man_pages:%=$(B)/man/%)),$(mandir)/man1)
	$(call put,644,$(addprefix $(srcdir)/,$(guides)),$(docdir))
	sed 's|](docs/|](|g' $(srcdir)/README.md >$(DESTDIR)$(docdir)/README.md
	$(call put,644,$(addprefix $(srcdir)/,$(template_files)),$(docdir)/template)
	$(INSTALL) -m 644 $(srcdir)/etc/conf.d/README $(DESTDIR)$(confdir)/conf.d
	@# What somebody wrote is never written over; the newest template lies beside the guides.
	{ sed $(places) $(srcdir)/etc/laned.conf.head && $(B)/laned --print-template; } \
	>$(DESTDIR)$(docdir)/laned.conf.template
	chmod 644 $(DESTDIR)$(docdir)/laned.conf.template
	[ -e $(DESTDIR)$(confdir)/laned.conf ] || $(INSTALL) -m 644 \
	$(DESTDIR)$(docdir)/laned.conf.template $(DESTDIR)$(confdir)/laned.conf
ifeq ($(DESTDIR),)
	@echo 'Installed. Next, as root:'
	@echo '    systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload'
	@echo '    udevadm control --reload && udevadm trigger --subsystem-match=usb'
	@echo 'then $(docdir)/install.md'
endif

# The configuration and the state of the lane stay; install.md says how to remove them.
uninstall:
	rm -f $(DESTDIR)$(sbindir)/laned $(DESTDIR)$(sbindir)/laned-bypass $(DESTDIR)$(bindir)/lanectl
	rm -rf $(DESTDIR)$(libexecdir)/laned $(DESTDIR)$(libdir)/laned/libsdk.a $(DESTDIR)$(libdir)/pkgconfig/laned.pc \
	$(DESTDIR)$(includedir)/laned $(DESTDIR)$(docdir)
	rm -f $(foreach p,$(installed_plugins),$(DESTDIR)$(adapterdir)/$(p).so $(DESTDIR)$(adapterdir)/$(p).options.json)
	rm -f $(units:%=$(DESTDIR)$(systemdsystemunitdir)/%) $(DESTDIR)$(udevdir)/60-laned.rules
	rm -f $(DESTDIR)$(sysusersdir)/laned.conf $(DESTDIR)$(tmpfilesdir)/laned.conf \
	$(DESTDIR)$(completiondir)/lanectl $(DESTDIR)$(confdir)/conf.d/README
	rm -f $(foreach p,$(man_pages),$(DESTDIR)$(mandir)/man$(patsubst .%,%,$(suffix $(p)))/$(p))
	-rmdir $(DESTDIR)$(adapterdir) $(DESTDIR)$(libdir)/laned 2>/dev/null || :

# The same commit gives the same bytes.
distname = laned-$(VERSION)
dist: $(srcdir)/configure
	@git -C $(srcdir) rev-parse -q --verify HEAD >/dev/null || \
	{ echo 'dist: made from a git checkout only' >&2; exit 1; }
	rm -rf $(B)/dist && mkdir -p $(B)/dist/$(distname)
	git -C $(srcdir) archive HEAD | $(TAR) -C $(B)/dist/$(distname) -xf -
	cp $(srcdir)/configure $(B)/dist/$(distname)/configure
	echo '$(VERSION)' >$(B)/dist/$(distname)/.version
	$(TAR) --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
	--mtime=@`git -C $(srcdir) log -1 --format=%ct` -C $(B)/dist -cf - $(distname) | \
	gzip -9n >$(B)/$(distname).tar.gz
	rm -rf $(B)/dist
	@echo $(B)/$(distname).tar.gz

# The tarball alone, its source read-only: builds out of tree, passes the quick tests, installs,
# and uninstalls without a trace but the configuration.
distcheck: dist
	[ ! -e $(B)/dc ] || chmod -R u+w $(B)/dc; rm -rf $(B)/dc && mkdir -p $(B)/dc/build
	$(TAR) -C $(B)/dc -xzf $(B)/$(distname).tar.gz && chmod -R a-w $(B)/dc/$(distname)
	cd $(B)/dc/build && ../$(distname)/configure --prefix=/usr >/dev/null && \
	$(MAKE) all && $(MAKE) DEPS=0 check-quick && $(MAKE) check-units && \
	$(MAKE) DESTDIR=$(abspath $(B))/dc/root install >/dev/null && \
	$(MAKE) DESTDIR=$(abspath $(B))/dc/root uninstall >/dev/null
	@left=`cd $(B)/dc/root && find . -type f`; [ "$$left" = ./etc/laned/laned.conf ] || \
	{ printf 'distcheck: uninstall leaves\n%s\n' "$$left" >&2; exit 1; }
	chmod -R u+w $(B)/dc && rm -rf $(B)/dc
	@echo 'distcheck: $(distname).tar.gz is ready'

.PHONY: uninstall distcheck

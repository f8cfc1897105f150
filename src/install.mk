# install and dist: included by the Makefile.
INSTALL = install
install: all
	@echo "install: not yet" && false
dist:
	@echo "dist: not yet" && false

# make build   compile: build/hairpin
# make run     install what is missing, compile, start on etc/ with its state in ./state
# make check   everything that needs no root and no network: compilers, sanitizers, stories, rules
# make test    make check, the stories with every message lost, the matrix and the lab (as root: network namespaces)
# make matrix  every NAT that users have, in virtual time; WRITE=1 renews docs/nat-matrix.md and its picture
# make doctor-bench  every fault that users have: is it named right, does the fix work, are there false alarms
# make bench   measure hairpin and its peers (as root: network namespaces); RECORD=1 adds to bench/history.tsv
# make docs    write the generated documents again
# make fmt     format the sources
# make clean   remove build/ and run/; state/ (passwords, contacts) stays

NINJA = ninja

.PHONY: all build run test check matrix doctor-bench bench docs fmt clean
all: build

build:
	@tools/check-build build
	@$(NINJA) -C build hairpin

run:
	@tools/install-packages build run
	@$(MAKE) --no-print-directory build
	@tools/first-run state/passwords.conf
	@exec build/hairpin -v --conf etc --run run --state state --welcome

check:
	@tools/check-all

test:
	@tools/install-packages test
	@tools/check-test

matrix: build
	@$(NINJA) -C build matrix
	@build/matrix $(if $(WRITE),--write) docs

doctor-bench: build
	@$(NINJA) -C build faults matrix test_nat_lint
	@tools/check-doctor

bench:
	@tools/install-packages build bench
	@$(MAKE) --no-print-directory build
	@$(NINJA) -C build
	@tools/check-bench

docs: build
	@tools/check-docs build --write

fmt:
	@find src tests bench tools -name '*.[ch]' 2>/dev/null | xargs clang-format -i

clean:
	@rm -rf build run

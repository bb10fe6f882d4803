# secondlook: the commands of a working day. CMake does the work (CMakePresets.json).
.DEFAULT_GOAL := help
.PHONY: help setup build models demo demo-postgres serve check asan tsan arm64 fuzz soak bench man abi packages install clean

PREFIX ?= /usr/local
JOBS   ?= $(shell nproc)
CTEST   = ctest --output-on-failure --no-tests=error -j $(JOBS)
# Threads of the networks do not spin where tests run beside each other.
export OMP_WAIT_POLICY ?= passive
export SECONDLOOK_MODELS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/secondlook

help: ## this text
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | awk -F'\t' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: ## install what is missing with apt (says what and why)
	@tools/setup build

build: setup ## compile build/secondlook and the library
	@cmake --preset release
	@cmake --build build --target secondlook_cli libsecondlook.so secondlook_static

models: build
	@build/secondlook models fetch

demo: models ## a gallery, masked queries, a report that shows why (FACES=dir: of your own photos)
	@tools/demo $(FACES)

demo-postgres: models ## the demo's faces in two shards, on a PostgreSQL server of its own that is removed after
	@tools/setup check
	@cmake --preset release > /dev/null && cmake --build build --target secondlook_cli secondlook_postgres make_picture
	@tests/postgres/with_cluster build tools/demo-postgres

serve: models ## the server and its page on the demo's gallery: prints address and key
	@cmake --build build --target secondlook_server
	@tools/serve

check: models ## every test: units, golden values, fuzz corpora, command line, installation
	@tools/setup check
	@tools/check-layers
	@cmake --preset release > /dev/null && cmake --build build
	@tools/demo-photos > /dev/null || echo "the photos of people could not be fetched: tests that want them are skipped"
	@tools/server-clients > /dev/null || echo "the server's clients could not be fetched: tests that want them are skipped"
	@cd build && $(CTEST)

# Left out: the four tests of the command line that took half of all the time, as they start the program hundreds of
# times on what the others start it on once, and those of galleries in PostgreSQL that are about clients, not the
# extension. `make asan SLOW=^$$` runs these too.
SLOW := ^cli/(decisions|identify|interrupt|pictures)$$|^postgres/(crash|full|kinds|rebalance|replica|served|shards)$$
asan: models ## the same tests under the address and undefined behaviour sanitizers, but for the slowest
	@tools/setup check
	@cmake --preset asan-ubsan && cmake --build build-asan
	@cd build-asan && $(CTEST) -E '$(SLOW)'

# import, int8, detect, covered_points, look, open_int8 and query run networks, whose threads are OpenMP's (this
# sanitizer does not see them wait for each other), test_sketch one thread's arithmetic, the gallery's damage, crash,
# fault, marker and segment tests one thread's files: nothing for this sanitizer, and minutes long under it.
# pipeline/test_identify has sketches made by several threads, gallery/test_threads the gallery's.
THREADED := base gallery match pipeline eval server train
tsan: setup ## the threaded tests under the thread sanitizer (oneDNN's OpenMP is left out)
	@cmake --preset tsan && cmake --build build-tsan --target $(THREADED:%=tests_%)
	@cd build-tsan && $(CTEST) -R '^($(subst $() ,|,$(THREADED)))/' -E 'server/clients|pipeline/test_(import|int8|detect|covered_points|look|open_int8|query)|match/test_sketch|gallery/test_(damage|crash|faults|marker|segments)|train/test_(average|trainer|maps|kill|ranks|example|enrolled|steps)'

# Without the tests of the command line, which start the program themselves. qemu's processor has all there is, 512-bit
# SVE too; QEMU_CPU=neoverse-n1 takes a common one, for which oneDNN 2 has no code of its own.
arm64: models ## the units, golden values and fuzz corpora on 64-bit ARM: cross compiled, run by qemu (slow)
	@tools/setup arm64
	@tools/arm64-root build-arm64/root
	@cmake --preset arm64 && cmake --build build-arm64
	@cd build-arm64 && $(CTEST)

fuzz: setup ## every parser with libFuzzer, FUZZ_SECONDS=60 each
	@tools/setup fuzz
	@cmake --preset fuzz && cmake --build build-fuzz
	@tools/fuzz build-fuzz

soak: models ## the server under 64 clients, SOAK_SECONDS=600: no wrong answer, no lost face, memory flat
	@cmake --build build --target secondlook_server
	@node tests/server/soak.mjs build/secondlook-server build/secondlook build/soak "$$(tools/demo-photos)" $${SOAK_SECONDS:-600}

bench: models ## measure this machine: stage 2, stage 1, the network
	@for what in emd stage1 backbone; do echo "== bench $$what"; build/secondlook bench $$what || exit 1; done

man: build ## docs/secondlook.1 anew from what --help says
	@tools/man/make-page build/secondlook > build/secondlook.1 && mv build/secondlook.1 docs/secondlook.1

abi: setup ## the library's binary interface against the one that was promised (cmake/secondlook.abi)
	@tools/abi check

packages: ## Debian packages, built and tried in bare systems (as root; RELEASE=bookworm)
	@tools/check-packages $${RELEASE:-bookworm}

install: build ## into PREFIX (default /usr/local), below DESTDIR when it is set
	@cmake -S . -B build -DCMAKE_INSTALL_PREFIX=$(PREFIX) > /dev/null
	@cmake --build build --target secondlook_cli libsecondlook.so secondlook_static
	@if grep -q '^build secondlook-server' build/build.ninja; then cmake --build build --target secondlook_server; fi
	@cmake --install build

clean: ## remove everything that was built
	rm -rf build build-dev build-asan build-tsan build-arm64 build-fuzz build-abi build-packages

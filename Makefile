# On a fresh Debian or Ubuntu with Go and make, every target works: whatever else is
# needed is installed (scripts/setup.sh).

GO     ?= go
PREFIX ?= /usr/local
# More flags of the demo: make demo DEMO="--detach --port 9998"
DEMO   ?=
# How long each trial of make consistency takes.
CONSISTENCY ?= 30s
# How long make chaos takes, at least.
CHAOS ?= 1m
# How long make explore goes on, at least.
EXPLORE ?= 1m
# How long make fuzz runs each target.
FUZZTIME ?= 10s

# A checkout that belongs to another user has no version to stamp.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

.PHONY: build demo test check fmt vet lint layers unit race churn chaos explore fuzz corpus consistency install clean setup compiler
.DEFAULT_GOAL := build
.NOTPARALLEL:

build: compiler
	$(GO) build -o bin/pgherd ./cmd/pgherd

demo: setup build
	bin/pgherd demo $(DEMO)

# Everything, with real servers and the race detector: minutes.
test: setup check race

# Seconds, and no PostgreSQL: for every change on the way.
check: compiler fmt vet lint layers unit

fmt:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then \
		echo "gofmt -w is needed for:"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet ./...

lint:
	scripts/lint.sh

layers:
	$(GO) test ./internal/layers

unit:
	$(GO) test -short ./...

# Two packages at a time: their tests wait more than they work. Servers of many at
# once would starve each other.
race:
	$(GO) test -race -p 2 -timeout 20m ./...
	PGHERD_CHURN=10s $(GO) test -run 'Allocate|Churn|Crowd|Idle' ./server # the detector allocates, and slows things down

# Clients that come and go as they like, for a minute.
churn: setup compiler
	PGHERD_SEED=$${PGHERD_SEED-random} PGHERD_CHURN=60s $(GO) test -run Churn -v ./server

# Nodes and pgherd fail at random in every way, while clients write and read.
chaos: setup compiler
	PGHERD_SEED=$${PGHERD_SEED-random} PGHERD_CHAOS=$(CHAOS) $(GO) test -count=1 -timeout 2h -run '^TestChaos$$' -v ./cmd/pgherd

# All tests that make random choices, with new ones each time. In make test they make the
# same ones in every run.
explore: setup compiler
	scripts/explore.sh $(EXPLORE)

fuzz: compiler
	scripts/fuzz.sh $(FUZZTIME)

# PostgreSQL's own regression suite, from the distribution's source package: minutes.
corpus: setup compiler
	scripts/corpus.sh

# Clients look for stale reads, in every mode of the protocol.
consistency: setup compiler
	PGHERD_SEED=$${PGHERD_SEED-random} PGHERD_CONSISTENCY=$(CONSISTENCY) $(GO) test -count=1 -timeout 20m -run '^TestConsistency$$' -v ./cmd/pgherd

# make install takes the binary that is there: under sudo there is often no Go.
bin/pgherd:
	$(MAKE) build

install: bin/pgherd
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 bin/pgherd $(DESTDIR)$(PREFIX)/bin/pgherd
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d
	sed 's|@PREFIX@|$(PREFIX)|' systemd/pgherd.service | install -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/systemd/system/pgherd.service
	install -m 644 systemd/pgherd.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/pgherd.conf
	install -d $(DESTDIR)$(PREFIX)/share/doc/pgherd/docs $(DESTDIR)$(PREFIX)/share/doc/pgherd/systemd
	install -m 644 *.md LICENSE pgherd.example.yaml $(DESTDIR)$(PREFIX)/share/doc/pgherd
	install -m 644 docs/*.md $(DESTDIR)$(PREFIX)/share/doc/pgherd/docs
	install -m 644 systemd/local.conf $(DESTDIR)$(PREFIX)/share/doc/pgherd/systemd
	DESTDIR=$(DESTDIR) scripts/install-extension.sh

clean:
	rm -rf bin coverage.out

setup:
	@scripts/setup.sh

# PostgreSQL's parser is in C: the first build of it takes its time.
compiler:
	@scripts/setup.sh compiler
	@case "$$($(GO) list -f '{{.Stale}}' github.com/pganalyze/pg_query_go/v5/parser)" in \
		true) echo "compiling PostgreSQL's parser: about half a minute, this time only";; esac

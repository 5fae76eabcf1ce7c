# Pulse: `make run` shows it, `make test` proves it. `make help` lists the rest.

GO      ?= go
PULSE   := bin/pulse
DEMO    := bin/demo.log
HTTP    ?= localhost:8080
KAFKA   ?= localhost:9092

# What the binary says that it is. Without git it says what the Go tool noted.
export VERSION  ?= $(shell git describe --tags --dirty=+ 2>/dev/null)
export REVISION ?= $(shell git describe --always --abbrev=40 --exclude='*' --dirty=+ 2>/dev/null)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.revision=$(REVISION)

# What make test runs, and make test-steady many times. Four packages at once on two cores:
# much of a test's time is waiting. Compiled as the binary is, so that what that compiled is not
# compiled again. make lint vets. The limits of time end what hangs, on a machine many times
# slower: they are not for what is slow.
SHORT_TESTS := -short -vet=off -p 4 -timeout 30m ./...
TEST := env CGO_ENABLED=0 $(GO) test -trimpath -ldflags '-s -w' $(SHORT_TESTS)
# The race detector holds each program for a second when it ends, in case another goroutine races
# then; nothing of ours runs that long.
export GORACE ?= atexit_sleep_ms=10

# timed runs a command and says how long it took.
timed = begun=$$(date +%s); $(1); code=$$?; echo "make $@: $$(($$(date +%s) - begun)) s"; exit $$code

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOSEC       := github.com/securego/gosec/v2/cmd/gosec@v2.30.0
VULNCHECK   := golang.org/x/vuln/cmd/govulncheck@v1.9.0
HELM        := helm.sh/helm/v3/cmd/helm@v3.22.0
KUSTOMIZE   := sigs.k8s.io/kustomize/kustomize/v5@v5.8.1
KUBECONFORM := github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
NFPM        := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.0
BENCHSTAT   := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

# Apache Kafka from Maven Central's jars, for which Java 17 and Maven are needed.
KAFKA_DIR  ?= bin/kafka
KAFKA_PORT ?= 29092
BROKERS    ?= 1

.PHONY: help build packages run up down screenshot clean \
	test test-all test-race test-steady test-kafka chaos fuzz conformance generate lint gosec vuln compose-check \
	deploy-tools deploy-check \
	bench figures bench-compare bench-e2e bench-web bench-peers bench-keys kafka-up kafka-down

##@ Use it

help: ## this list
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the binary, bin/pulse
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(PULSE) ./cmd/pulse

# Ten minutes of several sources, made anew from its seed; see cmd/dev/generate. Built as the
# binary is, so that the standard library is compiled once.
$(DEMO): $(wildcard cmd/dev/generate/*.go cmd/dev/traffic/*.go)
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) run -trimpath ./cmd/dev/generate -kind mixed -lines 240000 -rate 400 -seed 7 >$@.part
	@mv $@.part $@

run: build $(DEMO) ## everything in one process, a recording replayed, the dashboard on localhost
	$(PULSE) run --kafka-listen $(KAFKA) --http $(HTTP) --data-dir pulse-data --stats testdata/demo.yaml --replay $(DEMO) --loop

up: ## every role as a container of its own, on Redpanda
	docker compose up --build --detach

down: ## stop and remove them
	docker compose down

# Of a recording at twenty times its pace, so that the charts are full in seconds.
SHOT  := bin/screenshot -url http://localhost:18391
SHOWN  = -- $(PULSE) run --kafka-listen localhost:19392 --http localhost:18391 --data-dir "" --stats $(1) \
	--replay $(DEMO) --original-times --speed 20

# The wall as make run has it: a recording without --loop has a bar beneath the header.
BARE   = -do 'document.querySelector("#recording button").click()'

screenshot: build $(DEMO) ## the pictures in the README: the wall, why, an alert, the terminal
	$(GO) build -o bin/screenshot ./cmd/dev/screenshot
	$(SHOT) -after 15s -out web/page.png $(BARE) $(call SHOWN,testdata/demo.yaml)
	$(SHOT) -after 14s -width 1280 -height 900 -out docs/pictures/why.png \
		-do 'location.hash = "#/stat/router-service-time?different=1353574977-1353575007"' \
		-until 'document.querySelector(".different tbody tr") !== null' $(call SHOWN,testdata/demo.yaml)
	cat testdata/demo.yaml docs/pictures/alerts.yaml >bin/alerts.yaml
	$(SHOT) -after 6s -width 1280 -height 720 -out docs/pictures/alert.png -when '!document.querySelector("#alert-band").hidden' \
		-do 'void document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "a", bubbles: true}))' \
		-until 'document.querySelector("#alerts").open' $(call SHOWN,bin/alerts.yaml)
	$(SHOT) -after 16s -width 1230 -height 355 -out docs/pictures/terminal.png -terminal "$(PULSE) top http://localhost:18391" \
		$(call SHOWN,testdata/demo.yaml)

# A package's version begins with a digit: v1.2-3-gabc is 1.2+3.gabc, and 0.0.0+REVISION without tags.
export PACKAGE_VERSION ?= $(or $(shell echo '$(VERSION:v%=%)' | sed 's/+$$/-dirty/; s/-/+/; s/-/./g'),0.0.0+$(shell git describe --always --exclude='*'))
export MAINTAINER ?= The developers of Pulse <pulse@localhost>

packages: build ## a deb and an rpm of it, in bin/packages
	@mkdir -p bin/packages
	for kind in deb rpm; do GOARCH=$$($(GO) env GOARCH) PULSE_BINARY=$(PULSE) \
		$(GO) run $(NFPM) package --config deploy/packages/nfpm.yaml --packager $$kind --target bin/packages || exit 1; done

clean: ## remove what was built, and the demo's data
	rm -rf bin pulse-data artifacts

##@ Check it

test: ## the short tests: nothing but Go is needed; PULSE_TEST_PATIENCE=3 waits three times as long on a busy machine
	@$(call timed,$(TEST))

test-race: ## the short tests with the race detector, for which a C compiler is needed
	@$(call timed,$(GO) test -race $(SHORT_TESTS))

# Three packages at once on two cores: most of the time is waiting. Compiled as make test compiles.
test-all: ## all tests at their length: processes, floods, browsers, other programs
	@$(call timed,CGO_ENABLED=0 $(GO) test -trimpath -ldflags '-s -w' -vet=off -count=1 -p 3 -timeout 60m ./...)

test-steady: ## make test N=20 times beside LOOPS=4 busy loops
	@mkdir -p bin
	@$(GO) build -o bin/steady ./cmd/dev/steady
	@bin/steady -n $(or $(N),20) -loops $(or $(LOOPS),4) -- $(TEST) -count=1

test-kafka: ## the tests that need a Kafka again, on an Apache Kafka of their own
	@$(call timed,$(GO) run ./cmd/dev/chaos kafka run -kafka-dir $(KAFKA_DIR) -brokers $(BROKERS) \
		$(GO) run ./cmd/dev/kafkatests -timeout 30m ./...)

chaos: ## kill, pause and cut off processes and brokers from SEED, and compare every number; SHORT=1 takes minutes; SCENARIOS="kill zombie"
	$(GO) run ./cmd/dev/chaos $(if $(SHORT),-short -parallel 3) -seed $(or $(SEED),0) $(SCENARIOS)

fuzz: ## every fuzz target for TIME=10m, one after the other
	@for file in $$(grep -rl --include='*_test.go' '^func Fuzz' .); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$file); do \
			echo "$$target of $$file"; \
			$(GO) test $$(dirname $$file) -run '^$$' -fuzz "^$$target$$" -fuzztime $(or $(TIME),10m) -fuzzminimizetime 1x || exit 1; \
		done; \
	done

conformance: ## syslog vectors of other projects, which are in SAMPLES, and how far they are met
	$(GO) test ./stats/line -run Conformance -count 1 -v -args -samples $(abspath $(SAMPLES))

lint: gosec vuln ## gofmt, go vet, staticcheck, gosec, and known weaknesses where vuln.go.dev answers
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "make lint: gofmt -w these files"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

# Of gosec's rules these are off: G104, unhandled errors, which are of closing what is given up,
# and of writing to clients; G115, conversions of integers, since decoders bound what they read;
# G304, names of files from variables: the user's flags say which files are read; G602, indices
# beyond a slice, which takes no account of what was compared before: fuzzing looks for those.
gosec: ## what gosec finds outside the developers' tools
	$(GO) run $(GOSEC) -quiet -exclude G104,G115,G304,G602 -exclude-dir cmd/dev ./...

VULNDB := https://vuln.go.dev

vuln: ## known weaknesses of the modules that are used, if vuln.go.dev answers
	@if curl -fsm 10 -o /dev/null $(VULNDB)/index/db.json; then $(GO) run $(VULNCHECK) -db $(VULNDB) ./...; \
	else echo "make vuln: $(VULNDB) does not answer, so that known weaknesses were not looked for"; fi

compose-check: ## docker-compose.yml read by its own parser
	docker-compose config --quiet

# In bin/tools; .ci/run puts that into the PATH, where the tests look for them.
deploy-tools: ## helm, kustomize, kubeconform and nfpm, for the tests of what is in deploy
	GOBIN=$(abspath bin/tools) $(GO) install $(HELM)
	GOBIN=$(abspath bin/tools) $(GO) install $(KUSTOMIZE)
	GOBIN=$(abspath bin/tools) $(GO) install $(KUBECONFORM)
	GOBIN=$(abspath bin/tools) $(GO) install $(NFPM)

deploy-check: deploy-tools ## the tests of what is in deploy: Helm, kustomize, systemd, packages
	PATH="$(abspath bin/tools):$$PATH" $(GO) test ./cmd/pulse -count=1 -run 'TestHelm|TestKubernetes|TestPackages|TestUnits|TestDeployment|TestCompose'

generate: ## write what is made from the code: tables in docs and README.md, stats/schema.json
	PULSE_GENERATE=1 $(GO) test -count=1 -run '^TestDocs$$' $$(grep -rl --include='*_test.go' '^func TestDocs(' . | xargs -n 1 dirname | sort -u)

##@ Measure it

bench: figures ## speed of the hot path and of the whole pipeline; COUNT=10 and benchstat compare two trees
	@mkdir -p bin
	$(GO) test -run '^$$' -bench . -benchmem -count $(or $(COUNT),1) ./stats/... ./ingest/... ./processors/... ./cmd/pulse | tee bin/bench.txt
	@command -v benchstat >/dev/null && benchstat bin/bench.txt || $(GO) run $(BENCHSTAT) bin/bench.txt

# Of mawk, mtail, Miller and GoAccess those that are not there have rows that say "not installed".
figures: build ## measure folding, eval and its peers, and keep that in docs/figures.md
	$(GO) run ./cmd/dev/figures -into docs/figures.md "go run ./cmd/dev/hotpath -figures" "go run ./cmd/dev/peers -markdown -lines 400000"

# One minute. A clone without the commit before passes, and says so; BASE that is not there fails. A
# commit that is to be slower states it in its message: "Slower: N %, why".
bench-compare: ## the hot path beside the commit before, by turns: fails if it is 5 % slower; BASE=v1.0 compares with that
	$(GO) run ./cmd/dev/hotpath $(if $(BASE),-base $(BASE))

bench-e2e: ## the whole way on an Apache Kafka of its own: lines/s, CPU and memory by role, latency, recovery; PHASES="latency" LINES=4000000
	$(GO) run ./cmd/dev/bench $(if $(LINES),-lines $(LINES)) -kafka-dir $(KAFKA_DIR) $(PHASES)

bench-web: ## what CLIENTS=10000 of the dashboard cost, and how soon each has a value; FOR=30s
	$(GO) run ./cmd/dev/loadtest -clients $(or $(CLIENTS),10000) -for $(or $(FOR),30s)

# What is not installed of mawk, mtail, Miller and GoAccess is left out, and Kafka Streams without a JDK.
bench-peers: build ## pulse eval beside mawk, mtail, Miller and GoAccess on the same file; the whole way beside Kafka Streams
	$(GO) run ./cmd/dev/peers -pulse $(PULSE)
	@if command -v javac >/dev/null; then $(GO) run ./cmd/dev/bench $(if $(LINES),-lines $(LINES)) -kafka-dir $(KAFKA_DIR) streams; \
	else echo "make bench-peers: there is no javac, so that Kafka Streams was left out"; fi

bench-keys: ## ten million different keys by key, as values and as parts: memory, and totals
	$(GO) test ./stats/oracle -run TestManyKeys -count 1 -v -args -keys 10000000 -process-mib 512

kafka-up: ## Apache Kafka in the background, on KAFKA_PORT, its data in KAFKA_DIR; BROKERS=3: three brokers
	@$(GO) run ./cmd/dev/chaos kafka up -kafka-dir $(KAFKA_DIR) -port $(KAFKA_PORT) -brokers $(BROKERS)

kafka-down: ## end it
	@$(GO) run ./cmd/dev/chaos kafka down -kafka-dir $(KAFKA_DIR) -port $(KAFKA_PORT)

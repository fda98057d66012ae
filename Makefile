# `make` alone lists what there is. Each target is one line to a real command.
.DEFAULT_GOAL := help
.PHONY: help up down clean test lint unit stack test-faults soak roll ca check study reshape import fit logs bench screenshots
ARGS ?=
STUDY ?=
CSV ?=
NAME ?=
TO ?=
SOURCE ?=
MINUTES ?= 60

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

up: ## bring the stack up, from nothing if need be
	@bootstrap/up.sh

down: ## stop it; what was published stays
	@bootstrap/down.sh

clean: ## stop it and remove its volumes and images
	@bootstrap/down.sh --volumes

test: ## lint, unit tests and tests of the running stack; ARGS reaches pytest
	@bootstrap/test.sh all $(ARGS)

lint: ## ruff, mypy, import-linter, hadolint
	@bootstrap/test.sh lint

unit: ## the unit tests, in the services' own images
	@bootstrap/test.sh unit

stack: ## the tests of the running stack; ARGS reaches pytest
	@bootstrap/test.sh stack $(ARGS)

test-faults: ## make faults happen to a running stack, for 40 minutes, and write docs/faults.md
	@bootstrap/test.sh faults $(ARGS)

soak: ## load a stack for MINUTES (60) and see what becomes of the replicas' memory
	@bootstrap/test.sh soak $(MINUTES)

roll: ## replace the replicas one at a time, without an outage
	@bootstrap/roll.sh

ca: ## print the CA certificate that browsers and clients need to trust
	@docker compose run --rm --no-deps --quiet-pull setup ca

check: ## say what is wrong with .env and with the studies
	@bootstrap/environment.sh check && docker compose run --rm --no-deps --quiet-pull model-worker check $(STUDY)

study: ## make a study of a data file: make study CSV=path [NAME=name] [ARGS="--treatment tax"]
	@bootstrap/study.sh "$(CSV)" "$(NAME)" $(ARGS)

reshape: ## periods from columns to rows: make reshape CSV=wide.csv TO=long.csv [ARGS="--value sales"]
	@bootstrap/convert.sh "$(CSV)" "$(TO)" reshape $(ARGS)

import: ## a raw download to a table: make import SOURCE=cdc-tax-burden CSV=raw.csv TO=table.csv
	@bootstrap/convert.sh "$(CSV)" "$(TO)" import $(SOURCE)

fit: ## fit one study now: make fit STUDY=name
	@docker compose run --rm --no-deps --quiet-pull model-worker fit $(STUDY)

logs: ## follow the logs
	@docker compose logs --follow --tail 100

bench: ## run bench/NAME.py where it belongs: make bench ARGS=name
	@bootstrap/bench.sh $(ARGS)

screenshots: ## pictures of the running page into docs/screenshots
	@bootstrap/test.sh screenshots

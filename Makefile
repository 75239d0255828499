# One customer for real: make up deploys it, make test proves it. README.md says more.
.PHONY: up test check down clean status lock kwok mutants
export CLUSTER REGISTRY NODES

up test check down clean status:
	@PYTHONUNBUFFERED=1 exec python3 -m sandbox $@

kwok: ## NODES=10; stop it with: python3 -m sandbox kwok down
	@exec python3 -m sandbox kwok

lock: ## after a change of the dependencies in pyproject.toml
	uv pip compile pyproject.toml --extra dev --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock

mutants: ## do tests fail when the code is wrong? MODULE=bus/plan/build.py SEED=7 N=20 AT_LEAST=95; after make check
	.venv/bin/python -m bench.mutation $(MODULE) --seed $(or $(SEED),1) --number $(or $(N),8) --at-least $(or $(AT_LEAST),0)

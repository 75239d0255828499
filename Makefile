# One customer for real: make up deploys it, make test proves it. README.md says more.
.PHONY: up test check down clean status lock kwok
export CLUSTER REGISTRY NODES

up test check down clean status:
	@PYTHONUNBUFFERED=1 exec python3 -m sandbox $@

kwok: ## NODES=10; stop it with: python3 -m sandbox kwok down
	@exec python3 -m sandbox kwok

lock: ## after a change of the dependencies in pyproject.toml
	uv pip compile pyproject.toml --extra dev --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock

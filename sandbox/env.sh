# . sandbox/env.sh: pulumi, kubectl and helm of the sandbox in this shell.
eval "$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")/.." && python3 -m sandbox env)"

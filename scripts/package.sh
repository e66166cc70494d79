#!/usr/bin/env bash
# npm run package: makes the Debian package of this commit in dist/ and prints its path.
# Usage: package.sh [--arch amd64|arm64] [--version V] [--output FOLDER] [--quick]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib/say.sh
. scripts/lib/node.sh
mkdir -p .cache
install_node_modules >&2
exec node --disable-warning=ExperimentalWarning scripts/package/main.ts "$@"

#!/bin/sh
# `make page`: bundles what the page takes from npm, as the lock says, into services/watch/page/vendor/, with the licences
# of all that is in it. `sh lab/page/bundle.sh DIRECTORY` writes it elsewhere. It needs npm; the page itself does not.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
to=${1:-$here/../../services/watch/page/vendor}
command -v npm >/dev/null || { echo "lab/page/bundle.sh: there is no npm: install Node.js 18 or newer" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/package.json" "$here/package-lock.json" "$here/d3.js" "$work"
cd "$work"
npm ci --ignore-scripts --no-audit --no-fund --loglevel error >/dev/null
node_modules/.bin/esbuild d3.js --bundle --minify --format=esm --target=es2022 --charset=utf8 --legal-comments=none \
    --log-level=warning --metafile=meta.json --outfile=bundle.js
node -e '
const { readFileSync } = require("fs");
const inputs = Object.keys(JSON.parse(readFileSync("meta.json")).inputs);
const names = new Set(inputs.map((each) => /^node_modules\/([^/]+)\//.exec(each)?.[1]).filter(Boolean));
for (const name of [...names].sort()) {
  const { version, license } = JSON.parse(readFileSync(`node_modules/${name}/package.json`));
  const text = readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim();
  console.log(`${name} ${version} (${license})\n\n${text}\n\n${"-".repeat(80)}\n`);
}' >licences.txt
mkdir -p "$to"
cp bundle.js "$to/d3.js"
cp licences.txt "$to/LICENSES.txt"

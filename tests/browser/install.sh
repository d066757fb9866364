#!/bin/sh
# Makes sure of a Chromium for the tests of pages: Debian's, where there is none and we may install it.
# Where we may not, those tests say that they are left out, or fail if CI is set.
set -eu
if [ -n "${NMC_CHROMIUM:-}" ]; then exit 0; fi
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "no chromium: install it, or name one in NMC_CHROMIUM, to test pages in a browser" >&2
    exit 0
fi
echo "installing chromium, to test pages in a browser (once; a minute or two)"
log=$(mktemp)
{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
    >"$log" 2>&1 || { tail -n 5 "$log"; echo "chromium could not be installed" >&2; }
rm -f "$log"

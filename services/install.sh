#!/bin/sh
# Installs one image's locked packages into /opt/venv, and compiles them: the file system is read-only at run time.
# pip itself is in /opt/pip, which no image copies. A CA bundle is used if the build has one.
set -eu
ca=/run/secrets/ca_bundle
if [ -s "$ca" ]; then
    export PIP_CERT="$ca"
fi
/opt/pip/bin/pip --python /opt/venv/bin/python3 install --quiet --no-cache-dir --disable-pip-version-check \
    --root-user-action ignore --only-binary :all: --require-hashes --requirement "/requirements/$1.txt"

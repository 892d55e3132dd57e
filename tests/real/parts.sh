#!/usr/bin/env bash
# Install the real parts that `make real` needs into DIR: gh, act, actionlint, jactionlint, zizmor (DIR/bin) and a small
# set of real workflow files, taken from the source distributions of well-known packages (DIR/corpus).
set -euo pipefail
dir=${1:?usage: parts.sh DIR}
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}

test -x "$dir/venv/bin/python" || "$python" -m venv "$dir/venv"
pip=("$dir/venv/bin/pip" --disable-pip-version-check -q)
"${pip[@]}" install --require-hashes -r "$here/../../requirements-real.lock"

mkdir -p "$dir/bin" "$dir/sdists" "$dir/corpus"
for tool in gh act actionlint jactionlint zizmor; do
  test -x "$dir/venv/bin/$tool" || { echo "parts.sh: $tool did not come with requirements-real.lock" >&2; exit 3; }
  ln -sf ../venv/bin/$tool "$dir/bin/$tool"
done

# The build back ends stand in requirements-real.lock, so that pip reads a source distribution's metadata without fetching more.
"${pip[@]}" download --require-hashes --no-deps --no-build-isolation --no-binary :all: -d "$dir/sdists" -r "$here/sdists.lock"
for archive in "$dir"/sdists/*.tar.gz; do
  name=$(basename "$archive" .tar.gz)
  test -d "$dir/corpus/$name" || { mkdir "$dir/corpus/$name" && tar -xzf "$archive" -C "$dir/corpus/$name" --strip-components=1; }
done

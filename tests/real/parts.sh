#!/usr/bin/env bash
# Install the real parts that `make real` needs into DIR: gh, act, actionlint, jactionlint, zizmor, playwright (DIR/bin) and
# a small set of real workflow files, taken from the source distributions of well-known packages (DIR/corpus). The browser
# comes from the system: where there is none, Debian's chromium is installed.
set -euo pipefail
dir=${1:?usage: parts.sh DIR}
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}

test -x "$dir/venv/bin/python" || "$python" -m venv "$dir/venv"
pip=("$dir/venv/bin/pip" --disable-pip-version-check -q)
"${pip[@]}" install --require-hashes -r "$here/../../requirements-real.lock"

mkdir -p "$dir/bin" "$dir/sdists" "$dir/corpus"
for tool in gh act actionlint jactionlint zizmor playwright; do
  test -x "$dir/venv/bin/$tool" || { echo "parts.sh: $tool did not come with requirements-real.lock" >&2; exit 3; }
  ln -sf ../venv/bin/$tool "$dir/bin/$tool"
done

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if test -z "$browser"; then
  sudo=$(test "$(id -u)" = 0 || echo sudo)
  { $sudo apt-get -qq update && DEBIAN_FRONTEND=noninteractive $sudo apt-get -qq install -y --no-install-recommends chromium; } >&2 ||
    { echo "parts.sh: there is no browser: install chromium, then type: make real" >&2; exit 3; }
  browser=$(command -v chromium)
fi
ln -sf "$(readlink -f "$browser")" "$dir/bin/chromium"

# The build back ends stand in requirements-real.lock, so that pip reads a source distribution's metadata without fetching more.
"${pip[@]}" download --require-hashes --no-deps --no-build-isolation --no-binary :all: -d "$dir/sdists" -r "$here/sdists.lock"
for archive in "$dir"/sdists/*.tar.gz; do
  name=$(basename "$archive" .tar.gz)
  test -d "$dir/corpus/$name" || { mkdir "$dir/corpus/$name" && tar -xzf "$archive" -C "$dir/corpus/$name" --strip-components=1; }
done

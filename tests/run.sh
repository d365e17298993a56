#!/usr/bin/env bash
# Everything this project holds itself to, on a machine that has Rust and Debian's apt: what is missing is installed first.
# Tests themselves need no network. Stops at the first failure.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

install_missing() {
    local packages=()
    command -v qpdf >/dev/null || packages+=(qpdf)
    command -v pdfsig >/dev/null || packages+=(poppler-utils)
    command -v zbarimg >/dev/null || packages+=(zbar-tools)
    command -v openssl >/dev/null || packages+=(openssl)
    command -v chromium >/dev/null || packages+=(chromium)
    command -v g++ >/dev/null || packages+=(g++)
    command -v python3 >/dev/null || packages+=(python3 python3-venv)
    command -v node >/dev/null || packages+=(nodejs)
    command -v npm >/dev/null || packages+=(npm)
    command -v chromedriver >/dev/null || packages+=(chromium-driver)
    if [ ${#packages[@]} -gt 0 ]; then
        local sudo=""
        [ "$(id -u)" = 0 ] || sudo="sudo"
        $sudo apt-get update -qq
        DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq "${packages[@]}"
    fi
    # pyHanko judges from an environment of its own, so that nothing of the system's Python is touched.
    if ! target/judges/bin/python -c 'import pyhanko, aiohttp, aiosmtpd' 2>/dev/null; then
        python3 -m venv target/judges 2>/dev/null || {
            apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv
            python3 -m venv target/judges
        }
        target/judges/bin/pip install --quiet 'pyhanko==0.38.0' aiohttp aiosmtpd
    fi
    # The OpenID Connect provider that citizens of the tests sign in at.
    if ! [ -d target/judges/node/node_modules/oidc-provider ]; then
        mkdir -p target/judges/node
        npm install --prefix target/judges/node --no-audit --no-fund --loglevel=error 'oidc-provider@8.8.1'
    fi
    # What pages are held to WCAG with.
    if ! [ -f target/judges/node/node_modules/axe-core/axe.min.js ]; then
        npm install --prefix target/judges/node --no-audit --no-fund --loglevel=error 'axe-core@4.14.1'
    fi
    if [ ! -x target/schemathesis/bin/schemathesis ]; then
        python3 -m venv target/schemathesis
        target/schemathesis/bin/pip install --quiet 'schemathesis==4.32.5'
    fi
}

# The same flags that cargo-fuzz passes; they work on the stable compiler.
fuzz() {
    local seconds=$1 host
    host=$(rustc -vV | sed -n 's/^host: //p')
    (
        cd fuzz
        export RUSTC_BOOTSTRAP=1
        export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Zsanitizer=address -Cdebug-assertions -Ccodegen-units=1"
        cargo build --release --target "$host"
        mkdir -p artifacts target/corpus
        for source in fuzz_targets/*.rs; do
            local target
            target=$(basename "$source" .rs)
            mkdir -p "target/corpus/$target"
            echo "-- $target, ${seconds} s"
            "./target/$host/release/$target" "target/corpus/$target" "corpus/$target" \
                -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix=artifacts/ -verbosity=0 -print_final_stats=1 \
                2>&1 | grep -E 'stat::number_of_executed_units|ERROR|SUMMARY|artifact' || true
            test -z "$(find artifacts -type f)" || { echo "fuzzing found a fault: see fuzz/artifacts"; exit 1; }
        done
    )
}

say "what is needed"
mkdir -p target
install_missing
export KYSO_JUDGES=require
export KYSO_JUDGES_PYTHON="$PWD/target/judges/bin/python"

say "format"
cargo fmt --all --check

say "lints"
cargo clippy --all-targets --quiet -- -D warnings

say "the pure core and the offline verifier build alone"
cargo clippy --no-default-features --lib --quiet -- -D warnings
cargo clippy --no-default-features --features cli --quiet -- -D warnings

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --quiet

say "tests"
cargo test

say "answers of a running service against /openapi.json"
python3 tests/openapi.py target/debug/kyso "$PWD/target/schemathesis/bin/schemathesis" "${KYSO_OPENAPI_SECONDS:-60}"

say "post-quantum signatures, behind their feature"
cargo test --features ml-dsa --lib --quiet -- custody crypto signing

say "fuzzing"
fuzz "${KYSO_FUZZ_SECONDS:-10}"

say "everything passed"

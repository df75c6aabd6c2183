# How the code is changed, and which tests have to notice: what `.ci/mutants` and `.ci/steps/mutants` share.
# Each sources it after step.sh.

needs mutants schema-suite
export JSON_SCHEMA_TEST_SUITE=$tools/json-schema-test-suite
# The first cases mostly find what the others would.
export PROPERTY_CASES=100 SMALL_WORLDS_UPDATES=300 SECRETS_CASES=100 HISTORY=300
# The same tests for each mutant.
export PROPERTY_SEED=1 PROPTEST_RNG_SEED=1 SECRETS_SEED=1 HISTORY_SEED=1

# A clone is changed. It takes from the build of this one what is not changed.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
git clone --quiet . "$work/clone"

# Tries mutants of a package. What notices them is `--lib`, the package's unit tests, or `--tests`, all its
# tests. The outcomes go into a folder.
try() { # TESTS PACKAGE FOLDER OPTION…
    local status=0 options=()
    mkdir -p "$3"
    # The public test suite of JSON Schema.
    [ "$2" != json-patch-dynamodb ] || options=(--include-ignored)
    # A test that takes longer than all of them has met an endless loop.
    (cd "$work/clone" && cargo mutants --in-place --timeout 300 --package "$2" \
        --output "$3" --no-times --colors never "${@:4}" -- "$1" -- "${options[@]}") || status=$?
    # 2 is for some that are missed, 3 for some that take too long.
    ((status == 0 || status == 2 || status == 3)) || return "$status"
}

# Tries those mutants of a package that the options choose: by its unit tests, which take seconds, and what
# these have missed by all its tests. Both folders of outcomes lie in a folder.
mutants() { # PACKAGE FOLDER OPTION…
    local missed
    try --lib "$1" "$2/unit" "${@:3}"
    mapfile -t missed < <(sed 's/[].[*^$(){}?+|\\]/\\&/g; s/.*/--re=^&$/' "$2/unit/mutants.out/missed.txt")
    ((!${#missed[@]})) || try --tests "$1" "$2/all" "${missed[@]}"
}

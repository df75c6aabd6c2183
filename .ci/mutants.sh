# How the code is changed, and which tests have to notice: what `.ci/mutants` and `.ci/steps/mutants` share.
# Each sources it after step.sh.

needs mutants schema-suite
export JSON_SCHEMA_TEST_SUITE=$tools/json-schema-test-suite
# The first cases mostly find what the others would.
export PROPERTY_CASES=100 SMALL_WORLDS_UPDATES=300 SECRETS_CASES=300 HISTORY=300
# The same tests for each mutant.
export PROPERTY_SEED=1 PROPTEST_RNG_SEED=1 SECRETS_SEED=1 HISTORY_SEED=1

# A clone is changed. It takes from the build of this one what is not changed.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
git clone --quiet . "$work/clone"

# Tries mutants. Their outcomes go into a folder.
try() { # FOLDER OPTION…
    local status=0
    mkdir -p "$1"
    (cd "$work/clone" && cargo mutants --in-place --output "$1" --no-times --colors never \
        "${@:2}") || status=$?
    # 2 is for some that are missed, 3 for some that take too long.
    ((status == 0 || status == 2 || status == 3)) || return "$status"
}

# Tries those mutants of a package that the options choose: by its unit tests, which take seconds, and what
# these have missed by other tests too, until one fails. What all have missed is then in FOLDER/missed.txt.
mutants() { # PACKAGE FOLDER OPTION…
    # Tests that take many times as long as they do have met an endless loop.
    local unit=(--package "$1" --timeout 60 -C=--lib) all=(--package "$1" --timeout 120 --test-tool nextest)
    if [ "$1" = json-patch-dynamodb ]; then
        # To optimise the library takes longer than its unit tests. So does the test that is left out.
        unit+=(-C=--config=profile.dev.package.json-patch-dynamodb.opt-level=0 "${@:3}"
            -- -- --skip the_meter_shows_the_size_of_the_document)
        # With `proof` the unit tests have the feature `aws-sdk`. The test that is left out takes as long as
        # the rest together.
        all+=(--test-package "$1" --test-package proof -C=--tests
            -- --config-file .ci/nextest.toml --run-ignored all -E 'not test(rules_of_elements)')
    else
        unit+=("${@:3}" -- -- --skip store::change::model)
        # Of the tests that are left out, some are of files that are not changed. Others start commands or
        # take long.
        all+=(-C=--test=it -- --config-file .ci/nextest.toml
            -E 'not test(/^(data|docs|layers|local|openapi|template)::|every_short_patch_of/)')
    fi
    try "$2/unit" "${unit[@]}"
    cp "$2/unit/mutants.out/missed.txt" "$2/missed.txt"
    [ -s "$2/missed.txt" ] || return 0
    # `--iterate` leaves out what this file names.
    mkdir -p "$2/all/mutants.out"
    (cd "$work/clone" && cargo mutants --list --package "$1" --colors never) |
        grep --fixed-strings --line-regexp --invert-match --file="$2/missed.txt" \
            >"$2/all/mutants.out/previously_caught.txt"
    try "$2/all" --iterate "${all[@]}"
    cp "$2/all/mutants.out/missed.txt" "$2/missed.txt"
}

# What the steps share. A step sources it at the top of the clone.

tools=${CI_TOOLS:-$HOME/.cache/update-organization-option-ci}
org=3f2504e0-4f89-41d3-9a0c-0305e82c3301
option=orgs/$org/options/6fa459ea-ee8a-4ca4-894e-db77e160355e

# Each step has a folder of its own, and may start commands. Both are gone when the step ends. Where it
# fails, it shows what they have logged.
work=$(mktemp -d)
background=()
finish() {
    local status=$? each
    for each in "${background[@]}"; do
        # The group is what the command has started itself. Just after its start it may have none yet.
        kill -- "-$each" "$each" 2>/dev/null || true
        wait "$each" 2>/dev/null || true
    done
    if ((status)); then
        tail -n 100 "$work"/*.log >&2 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT

# Installs the tools that are missing, by the names that `.ci/install` has for them.
needs() { # TOOL…
    .ci/install "$@"
    local tool
    for tool in bytes deny mutants sam sbom; do
        PATH=$tools/$tool/bin:$PATH
    done
    export PATH SAM_CLI_TELEMETRY=0
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Starts a command that runs beside the others. Its output goes to the log of that name.
start() { # NAME COMMAND…
    setsid "${@:2}" >"$work/$1.log" 2>&1 &
    background+=($!)
}

# Waits until something answers.
await() { # URL
    curl --silent --output /dev/null --retry 60 --retry-delay 1 --retry-connrefused "$1"
}

# Starts the local server. Then `api` is its address, and `dynamodb_port` is the port of its DynamoDB.
# LOCAL names a server that is built already. Without LOCAL the server is built.
server=${LOCAL:-${CARGO_TARGET_DIR:-target}/debug/examples/local}
start_local() { # [OPTION…]
    [ -n "${LOCAL:-}" ] || cargo build --locked --example local
    local port
    port=$(free_port)
    dynamodb_port=$(free_port)
    start "local-$port" "$server" --port "$port" --dynamodb-port "$dynamodb_port" "$@"
    api=http://127.0.0.1:$port
    await "$api"
}

# Builds the function for containers of this machine. Then `bootstrap` is its file.
build_function() {
    sam build --config-env x86_64 --region eu-central-1
    bootstrap=.aws-sam/build/UpdateOrganizationOption/bootstrap
}

# The path of Amazon's runtime interface emulator, which comes with SAM.
emulator() {
    echo "$tools"/sam/lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64
}

# Starts Docker where it does not run. Docker goes on after the step.
start_docker() {
    docker info >/dev/null 2>&1 && return
    setsid dockerd >"$tools/dockerd.log" 2>&1 </dev/null &
    timeout 60 sh -c 'until docker info >/dev/null 2>&1; do sleep 1; done'
}

# The address at which containers reach this machine.
bridge() {
    ip -4 -o addr show docker0 | sed -E 's/.* inet ([0-9.]+).*/\1/'
}

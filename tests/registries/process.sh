# Starting, awaiting and stopping the servers, and running the command. Sourced by run.

die() {
    echo "registries: $*" >&2
    exit 70
}

# start NAME COMMAND…: in the background, its output in $work/NAME.log. The kernel ends it if this shell is killed. The
# environment is emptied, so that REGISTRY_… or OTEL_… variables do not affect it; distribution 3 exports traces unless
# told.
declare -A pids=()
start() {
    local name=$1
    shift
    : >"$work/$name.log" # a waiter may look before the background job has created it
    setpriv --pdeathsig KILL env -i PATH="$PATH" HOME="$work" OTEL_TRACES_EXPORTER=none "$@" >"$work/$name.log" 2>&1 </dev/null &
    pids[$name]=$!
}

# wait_for NAME: sets port once the server has printed its port and answers HTTP there (a TLS server answers plain HTTP
# with a 400).
wait_for() {
    local line tries
    for ((tries = 0; tries < 600; tries++)); do
        port=$(sed -nE 's/.*(listening on 127\.0\.0\.1:|serving on port )([0-9]+).*/\2/p;T;q' "$work/$1.log")
        if [ -n "$port" ] && answers "$port"; then return 0; fi
        kill -0 "${pids[$1]}" 2>/dev/null || break
        sleep 0.05
    done
    tail -n 20 "$work/$1.log" >&2
    die "$1 did not start"
}

# wait_for_socket NAME PATH: until the server has created its unix socket.
wait_for_socket() {
    local tries
    for ((tries = 0; tries < 600; tries++)); do
        if [ -S "$2" ] && grep -q "listening on" "$work/$1.log"; then return 0; fi
        kill -0 "${pids[$1]}" 2>/dev/null || break
        sleep 0.05
    done
    tail -n 20 "$work/$1.log" >&2
    die "$1 did not start"
}

answers() ( # PORT
    # A TLS server may hang up before the request is written; that must not end this shell.
    trap '' PIPE
    line=
    exec 7<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf 'GET /v2/ HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&7
    IFS= read -r -t 5 line <&7 || true
    [[ $line == HTTP/1.* ]]
) 2>/dev/null

# The command runs in the background with this shell's input, so that a signal to this shell reaches it at once. It gets
# the terminal's Ctrl-C like a foreground one: it shares this shell's process group, and SIGINT, which background jobs
# ignore, is reset.
run_command() {
    local status=0
    (trap - INT QUIT; exec "$@") <&0 &
    command_pid=$!
    wait "$command_pid" || status=$?
    command_pid=
    exit "$status"
}

interrupted() { # SIGNAL STATUS
    trap '' INT TERM HUP
    if [ -n "${command_pid:-}" ]; then
        kill -TERM "$command_pid" 2>/dev/null || true
        wait "$command_pid" 2>/dev/null || true
    fi
    exit "$2"
}

stop_everything() {
    local status=$?
    trap '' INT TERM HUP
    if [ ${#pids[@]} -gt 0 ]; then
        # They hold nothing that needs an orderly shutdown, and KILL always works.
        kill -KILL "${pids[@]}" 2>/dev/null || true
        wait "${pids[@]}" 2>/dev/null || true
    fi
    rm -rf "$work"
    exit "$status"
}

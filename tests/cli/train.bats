# Training as a user meets it: from folders of pictures to a model, stopped and resumed, by several ranks.
load common

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    mkdir crops
    for person in 1 2 3 4 5 6; do
        mkdir "crops/$person"
        for photo in 1 2 3 4; do
            "$MAKE_PICTURE" stripes $((24 + person)) $((32 + photo)) "crops/$person/$photo.png"
        done
    done
    "$BIN" models new --arch tiny --output ./blank --seed 2
}

setup() {
    need_models # the detector is opened for crops, too
    cd "$BATS_FILE_TMPDIR"
    finetune() { sl train finetune --aligned crops --model ./blank.json --recipe dissertation --batch 4 --accumulate 2 \
        --held-out 0 --landmarks none "$@"; }
}

@test "folders of pictures become a model; run, log and charts are there; the same command gives the same model" {
    finetune --output ./one --steps 6 --every 3 --run "$BATS_TEST_TMPDIR/one" --json
    expect 0
    json 'd.steps === 6 && d.people === 6 && d.pictures === 24 && d.weights > 1000 && d.frozen >= 0'
    [ "$(wc -l < "$BATS_TEST_TMPDIR/one/log.jsonl")" = 7 ]
    contains "$(head -c 5 "$BATS_TEST_TMPDIR/one/loss.svg")" "<svg"
    finetune --output ./two --steps 6 --every 3 --run "$BATS_TEST_TMPDIR/two"
    expect 0
    cmp one.safetensors two.safetensors
    fails cmp one.safetensors blank.safetensors
    sl models inspect ./one.json --json
    expect 0
    json 'd.problems.length === 0'
}

@test "a model that is there is not overwritten; a finished run is not gone on with" {
    finetune --output ./kept --steps 2 --run "$BATS_TEST_TMPDIR/kept"
    expect 0
    finetune --output ./kept --steps 2 --run "$BATS_TEST_TMPDIR/kept"
    expect 1
    contains "$err" "--replace"
    finetune --output ./kept --replace --steps 3 --run "$BATS_TEST_TMPDIR/kept" --resume
    expect 1
    contains "$err" "steps 2"
}

@test "Ctrl-C writes a checkpoint, and --resume comes to the same weights" {
    finetune --output ./whole --steps 60 --every 20 --run "$BATS_TEST_TMPDIR/whole"
    expect 0
    env --default-signal=INT "$BIN" train finetune --aligned crops --model ./blank.json --recipe dissertation \
        --batch 4 \
        --accumulate 2 --held-out 0 --landmarks none --output ./parts --steps 60 --every 20 \
        --run "$BATS_TEST_TMPDIR/parts" > stdout 2> stderr &
    pid=$!
    for _ in $(seq 600); do
        [ -s "$BATS_TEST_TMPDIR/parts/log.jsonl" ] && [ "$(wc -l < "$BATS_TEST_TMPDIR/parts/log.jsonl")" -gt 3 ] && break
        sleep .02
    done
    kill -INT $pid
    status=0
    wait $pid || status=$?
    if [ "$status" = 0 ]; then skip "the run was over before the signal came"; fi
    [ "$status" = 130 ]
    contains "$(cat stderr)" "--resume goes on"
    finetune --output ./parts --steps 60 --every 20 --run "$BATS_TEST_TMPDIR/parts" --resume
    expect 0
    cmp "$BATS_TEST_TMPDIR/whole/checkpoint.safetensors" "$BATS_TEST_TMPDIR/parts/checkpoint.safetensors"
    cmp whole.safetensors parts.safetensors
}

@test "a limit on file size (as a full disk): the checkpoint before stays, and the run goes on from it" {
    finetune --output ./disk --steps 4 --every 2 --run "$BATS_TEST_TMPDIR/disk"
    expect 0
    rm -r "$BATS_TEST_TMPDIR/disk" disk.*
    status=0
    (ulimit -f 100; trap '' XFSZ; exec "$BIN" train finetune --aligned crops --model ./blank.json \
        --recipe dissertation \
        --batch 4 --accumulate 2 --held-out 0 --landmarks none --output ./disk --steps 4 --every 2 \
        --run "$BATS_TEST_TMPDIR/disk") > stdout 2> stderr || status=$?
    [ "$status" = 1 ]
    contains "$(cat stderr)" "checkpoint.safetensors"
    fails test -e "$BATS_TEST_TMPDIR/disk/checkpoint.safetensors"
    fails test -e disk.json
}

@test "what is wrong is said: data, weights, options, a run that diverges" {
    sl train finetune --output ./x
    expect 2
    contains "$err" "--gallery DIR, --list FILE, or folders"
    finetune --output ./x --learn nothing
    expect 1
    contains "$err" "--list-weights"
    finetune --output ./x --recipe dissertation --rate nan
    expect 2
    sl train finetune --list no/such/list --output ./x
    expect 1
    contains "$err" "no/such/list"
    finetune --output ./x --steps 50 --rate 90 --weight-decay 1 --run "$BATS_TEST_TMPDIR/x"
    expect 1
    contains "$err" "lower rate"
    sl train finetune --list-weights --model ./blank.json
    expect 0
    contains "$out" "layer1.conv.weight [16,3,3,3]"
}

@test "two ranks of MPI learn what one learns, but for rounding" {
    mpi=$(dirname "$BIN")/secondlook-mpi
    command -v mpirun > /dev/null && [ -x "$mpi" ] || skip "no MPI here: apt-get install libopenmpi-dev openmpi-bin"
    finetune --output ./alone --steps 50 --run "$BATS_TEST_TMPDIR/alone" --threads 1
    expect 0
    # MPI's own memory is not ours to free: no search for leaks.
    ASAN_OPTIONS=detect_leaks=0 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --oversubscribe -n 2 \
        "$mpi" train finetune --aligned \
        crops --model ./blank.json --recipe dissertation --batch 4 --accumulate 2 --held-out 0 --landmarks none \
        --threads 1 \
        --output ./ranks --steps 50 --run "$BATS_TEST_TMPDIR/ranks"
    command -v node > /dev/null || skip "node is not here"
    node -e '
        const [a, b] = process.argv.slice(1).map(file => {
            const bytes = require("fs").readFileSync(file), start = 8 + Number(bytes.readBigUInt64LE(0));
            return new Float32Array(new Uint8Array(bytes.subarray(start)).buffer);
        });
        let difference = 0, length = 0;
        a.forEach((x, i) => { difference += (x - b[i]) ** 2; length += x * x; });
        const relative = Math.sqrt(difference / length);
        if (a.length !== b.length || !(relative < 1e-5)) { console.log("they differ by", relative); process.exit(1); }
    ' alone.safetensors ranks.safetensors
    # A rank that fails ends the others, which would wait for it.
    status=0
    ASAN_OPTIONS=detect_leaks=0 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 timeout 60 mpirun \
        --oversubscribe \
        -n 1 "$mpi" train finetune --aligned crops --model ./blank.json --landmarks none --held-out 0 --accumulate 2 \
        --output ./z --run "$BATS_TEST_TMPDIR/z" : \
        -n 1 "$mpi" train finetune --aligned crops --model ./blank.json --landmarks none --accumulate 2 --output ./z \
        --learn nothing > stdout 2> stderr || status=$?
    [ "$status" = 1 ]
    contains "$(cat stderr)" "--list-weights"
    OMPI_COMM_WORLD_SIZE=2 sl train finetune --aligned crops --output ./y
    expect 2
    contains "$err" "secondlook-mpi"
}

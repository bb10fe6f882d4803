# Ctrl-C, kill -9, a second writer, a full disk: what was acknowledged stays.
load common

setup_file() { make_people; }

setup() {
    need_photos
    cd "$BATS_TEST_TMPDIR"
    # Some hundred photos, so that a run can be met in the middle.
    mkdir many
    for crop in "$BATS_FILE_TMPDIR"/people/*/*.png; do
        name=$(basename "$crop" .png)
        mkdir "many/$name"
        for i in $(seq 30); do # what follows a PNG's end makes it another file
            cp "$crop" "many/$name/$i.png"
            echo "$i" >> "many/$name/$i.png"
        done
    done
    enroll_many() { exec "$BIN" enroll --gallery g --aligned --no-quality-gate --threads 1 many > stdout 2> stderr; }
}

# Waits until the enrolment has begun to write faces: the gallery is published, and its log is longer than a header.
wait_for_gallery() {
    for _ in $(seq 1200); do
        [ -e g/gallery.meta ] && [ "$(stat -c %s g/log.1)" -gt 64 ] && return
        sleep .05
    done
    echo "no face was written within a minute"
    return 1
}

@test "Ctrl-C while enrolling: exit code 130, a valid gallery, and a run that continues" {
    # Job control off in tests leaves SIGINT ignored in background jobs: SIGINT is set back by env.
    env --default-signal=INT "$BIN" enroll --gallery g --aligned --no-quality-gate --threads 1 many > stdout 2> stderr &
    pid=$!
    wait_for_gallery
    kill -INT $pid
    status=0
    wait $pid || status=$?
    if [ "$status" = 0 ]; then skip "the enrolment was over before the signal came"; fi
    [ "$status" = 130 ]
    contains "$(cat stderr)" interrupted
    sl gallery verify g
    expect 0
    sl gallery info g --json
    kept=$(json_value d.faces)
    sl enroll --gallery g --aligned --no-quality-gate many --json
    expect 0
    json "d.existing === $kept && d.faces === d.photos"
}

@test "kill -9 while enrolling: the gallery opens, is sound, and the run continues" {
    for pause in 0.2 0.5 0.9; do
        rm -rf g
        (enroll_many) &
        pid=$!
        wait_for_gallery
        sleep $pause
        kill -KILL $pid 2> /dev/null || true
        wait $pid || true
        sl gallery info g --json
        expect 0
        sl gallery verify g
        expect 0
    done
    sl enroll --gallery g --aligned --no-quality-gate many --json
    expect 0
    json 'd.faces === d.photos'
}

@test "a second writer is told so; readers are not disturbed" {
    (enroll_many) &
    pid=$!
    wait_for_gallery
    kill -STOP $pid
    sl enroll --gallery g --aligned many
    code=$status text=$err
    sl gallery info g
    reader=$status
    kill -CONT $pid
    kill -KILL $pid
    wait $pid || true
    [ "$code" = 1 ]
    contains "$text" g
    [ "$reader" = 0 ]
}

@test "a limit on file size while enrolling (as a full disk): what fits is kept, told, and continued" {
    status=0
    (ulimit -f 300; trap '' XFSZ; exec "$BIN" enroll --gallery g --aligned --no-quality-gate --json many) > stdout \
        2> stderr || status=$?
    [ "$status" = 1 ]
    contains "$(cat stderr)" "faces are enrolled and safe"
    json 'd.committed > 0 && d.committed < d.photos && d.error.includes("Make room")'
    kept=$(json_value d.committed)
    sl gallery verify g
    expect 0
    sl gallery info g --json
    json "d.faces === $kept"
    sl enroll --gallery g --aligned --no-quality-gate --json many
    expect 0
    json "d.existing === $kept && d.faces === d.photos && d.committed === d.enrolled"
}

@test "a progress bar with rate and ETA on a terminal, and none elsewhere" {
    command -v script > /dev/null || skip "script is not here"
    script -qec "'$BIN' enroll --gallery bar --aligned --no-quality-gate --threads 1 many" /dev/null < /dev/null \
        > terminal
    contains "$(tr '\r' '\n' < terminal)" "ETA"
    contains "$(tr '\r' '\n' < terminal)" "photos"
    contains "$(tr '\r' '\n' < terminal)" " kept"
    sl enroll --gallery nobar --aligned --no-quality-gate --threads 1 many
    expect 0
    [ -z "$err" ]
}

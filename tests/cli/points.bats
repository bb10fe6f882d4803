# Points that something hides as a user meets them: a network learned from whole photos, named by a detector's manifest.
load common

setup() {
    need_photos
    need_landmarks
    cd "$BATS_FILE_TMPDIR"
    [ -e photos.csv ] || (cd "$PHOTOS" && for photo in *.jpg; do echo "$photo,$photo"; done) > photos.csv
}

@test "train points makes a model, and a detector uses it that names it" {
    sl train points --list photos.csv --root "$PHOTOS" --output ./mine --run run --batch 4 --steps 3 --every 2 \
        --held-out 0 --threads 1
    expect 0
    contains "$out" '"points": "./mine.json"'
    sl models inspect ./mine.json
    expect 0
    contains "$out" points
    cp "$SOURCE/models/retinaface-mnet25.json" named.json
    sed -i 's|"points": "[^"]*"|"points": "mine.json"|' named.json
    ln -sf "$MODELS/retinaface-mnet25.onnx" .
    sl detect --json --detector ./named.json "$PHOTOS/sample1.jpg"
    expect 0
    sed -i 's|"points": "[^"]*"|"points": "lost.json"|' named.json
    sl detect --json --detector ./named.json "$PHOTOS/sample1.jpg"
    expect 1
    contains "$err" "its points"
    sl detect --json --detector ./named.json --points detector "$PHOTOS/sample1.jpg"
    expect 0
}

@test "the same seed gives the same weights, also of a run that was stopped" {
    learn() { sl train points --list photos.csv --root "$PHOTOS" --batch 4 --steps 4 --every 2 --held-out 0 \
        --threads 1 "$@"; }
    learn --output ./whole --run whole.run
    expect 0
    learn --output ./parts --run parts.run --until 2
    expect 0
    learn --output ./parts --run parts.run --resume --replace
    expect 0
    cmp whole.safetensors parts.safetensors
}

@test "what is missing or wrong is told" {
    sl train points --output ./none
    contains "$err" "--list FILE"
    sl train points --list photos.csv --root "$PHOTOS" --output ./none --run none.run --augmentation rain
    expect 1
    contains "$err" 'no augmentation is named "rain"; there are none, mirror'
    sl detect --points guessed "$PHOTOS/sample1.jpg"
    contains "$err" "--points takes one of corrected, detector"
    sl identify --gallery nowhere --detector ./none.json "$PHOTOS/sample1.jpg"
    expect 1
}

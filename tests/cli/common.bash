# What the tests of the command line share. BIN, MAKE_PICTURE, TURN, SOURCE and BUILD come from CMake.

: "${BIN:?run these through ctest, or set BIN to build/secondlook}"
: "${SOURCE:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}"
: "${MAKE_PICTURE:=$(dirname "$BIN")/make_picture}"
: "${TURN:=$(dirname "$BIN")/turn}"
MODELS=${SECONDLOOK_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/secondlook}

# Runs the program; its exit code, stdout and stderr are in $status, $out and $err.
sl() {
    status=0
    "$BIN" "$@" > "$BATS_TEST_TMPDIR/stdout" 2> "$BATS_TEST_TMPDIR/stderr" || status=$?
    out=$(cat "$BATS_TEST_TMPDIR/stdout")
    err=$(cat "$BATS_TEST_TMPDIR/stderr")
}

# expect CODE: the exit code that the last sl must have had.
expect() {
    [ "$status" = "$1" ] && return
    echo "exit code $status instead of $1"
    echo "stdout: $out"
    echo "stderr: $err"
    return 1
}

# fails COMMAND...: in bats a plain "! COMMAND" would not end the test.
fails() {
    if "$@"; then
        echo "did not fail: $*"
        return 1
    fi
}

# contains TEXT PART
contains() {
    case $1 in *"$2"*) return 0 ;; esac
    echo "'$2' is not in: $1"
    return 1
}

# json EXPRESSION...: stdout is one JSON document d for which every EXPRESSION holds.
json() {
    command -v node > /dev/null || skip "node is not here"
    node -e '
        const [file, ...claims] = process.argv.slice(1), d = JSON.parse(require("fs").readFileSync(file, "utf8"));
        for (const claim of claims)
            if (!eval(claim)) { console.log("does not hold: " + claim, JSON.stringify(d, null, 1)); process.exit(1) }
    ' "$BATS_TEST_TMPDIR/stdout" "$@"
}

# json_value EXPRESSION: prints it.
json_value() {
    node -p 'const d = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")); eval(process.argv[2])' \
        "$BATS_TEST_TMPDIR/stdout" "$1"
}

need_models() {
    [ -e "$MODELS/mobilefacenet-192.tflite" ] && [ -e "$MODELS/retinaface-mnet25.onnx" ] ||
        skip "the networks are not here: secondlook models fetch"
}

need_landmarks() {
    [ -e /usr/share/dlib/shape_predictor_68_face_landmarks.dat ] || skip "libdlib-data is not installed"
}

# For setup_file, in which Debian 12's bats takes no skip.
have_photos() {
    [ -e "$MODELS/mobilefacenet-192.tflite" ] && [ -e "$MODELS/retinaface-mnet25.onnx" ] &&
        [ -e "$MODELS/demo-photos/sample6.jpg" ]
}

# PHOTOS: the demo's photos, a third as wide and as high where a file's setup_file says small_photos.
need_photos() {
    need_models
    [ -e "$MODELS/demo-photos/sample6.jpg" ] || skip "the demo's photos are not here: tools/demo-photos"
    PHOTOS=$BATS_FILE_TMPDIR/photos
    [ -d "$PHOTOS" ] || PHOTOS=$MODELS/demo-photos
}

# Detection takes a third of the time on them, and finds the same 22 faces.
small_photos() {
    [ -e "$MODELS/demo-photos/sample6.jpg" ] || return 0
    mkdir "$BATS_FILE_TMPDIR/photos"
    for photo in "$MODELS"/demo-photos/*.jpg; do
        "$MAKE_PICTURE" smaller 3 "$photo" "$BATS_FILE_TMPDIR/photos/${photo##*/}"
    done
}

# release_only WHY: for what the sanitizers cannot see more of than another test shows them.
release_only() { [ -z "${SANITIZED:-}" ] || skip "release build only: $1"; }

picture() { "$MAKE_PICTURE" "$@"; }

# A gallery of the faces of the demo's photos, each a person of its own, made once for a file's tests:
# $BATS_FILE_TMPDIR/people/NAME/NAME.png (aligned crops) and $BATS_FILE_TMPDIR/gallery. Tests that ask nothing of
# landmarks say --landmarks none: reading their 100 MB is two thirds of a start of the program.
make_people() {
    [ -e "$MODELS/demo-photos/sample6.jpg" ] && [ -e "$MODELS/mobilefacenet-192.tflite" ] || return 0
    small_photos
    cd "$BATS_FILE_TMPDIR"
    "$BIN" align --landmarks none --all-faces photos -o crops > crops.txt
    while read -r crop; do
        name=$(basename "$crop" .png)
        mkdir -p "people/$name"
        mv "$crop" "people/$name/"
    done < crops.txt
    "$BIN" enroll --gallery gallery --aligned --keep-crops --no-quality-gate people > /dev/null
}

# A small study, $BATS_FILE_TMPDIR/study, of a gallery of 22 people with two photos each: a crop, and the same coarser.
make_study() {
    [ -e "$MODELS/demo-photos/sample6.jpg" ] && [ -e "$MODELS/mobilefacenet-192.tflite" ] || return 1
    [ -e /usr/share/dlib/shape_predictor_68_face_landmarks.dat ] || return 1
    small_photos
    cd "$BATS_FILE_TMPDIR"
    "$BIN" align --landmarks none --all-faces photos -o crops > crops.txt
    while read -r crop; do
        name=$(basename "$crop" .png)
        mkdir -p "people/$name"
        "$MAKE_PICTURE" smaller 2 "$crop" "people/$name/coarse.png"
        mv "$crop" "people/$name/fine.png"
    done < crops.txt
    "$BIN" enroll --gallery gallery --aligned --keep-crops --no-quality-gate people > /dev/null
    "$BIN" study make --gallery gallery --out study --pairs 3 --same 2 --examples 1 > made 2> making
}

# made_up_galleries: 60 faces of 20 people in ./g; q: 30 faces of ten of them and five others; pairs.txt.
made_up_galleries() {
    command -v node > /dev/null && [ -x "$BUILD/gallery_of_arrays" ] || return 0
    node -e '
        const fs = require("fs");
        let seed = 1;
        const random = () => (seed = seed * 1103515245 + 12345 & 0x7fffffff) / 0x7fffffff - .5;
        const people = Array.from({length: 25}, () => Array.from({length: 16}, random));
        function store(name, faces, from, ending) {
            const e = [], p = [];
            let names = "";
            for (let i = 0; i < faces; i++) {
                const who = from + i % 20;
                names += `P ${who}/${i} x${ending}\tP ${who}\n`;
                e.push(...people[who % 25].map(v => v + .3 * random()));
                for (let k = 0; k < 4 * 6; k++) p.push(people[who % 25][k % 16] + .5 * random());
            }
            fs.writeFileSync(name + ".names", names);
            fs.writeFileSync(name + ".e", Buffer.from(new Float32Array(e).buffer));
            fs.writeFileSync(name + ".p", Buffer.from(new Float32Array(p).buffer));
        }
        store("g", 60, 0, ".jpg");
        store("q", 30, 10, ".png");
        let pairs = "";
        for (let i = 0; i < 30; i++)
            pairs += `P ${i % 20}/${i} x.jpg\tP ${(i + i % 2) % 20}/${20 + (i + i % 2) % 20} x.jpg\t${1 - i % 2}\r\n`;
        fs.writeFileSync("pairs.txt", pairs);
    '
    for name in g q; do
        "$BUILD/gallery_of_arrays" $name $name.names $name.e $name.p 16 2 2 6
    done
}

need_made_up_galleries() {
    command -v node > /dev/null || skip "node is not here"
    [ -x "$BUILD/gallery_of_arrays" ] || skip "gallery_of_arrays was not built: python3 is not here"
}

#!/usr/bin/env bats
# Research data as its authors ship it: small folders in the published layouts are enrolled, whose labels are the
# people, and verified by lists in the published forms.
load common

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    picture noise 192 192 grey.jpg
}

setup() {
    need_models
    cd "$BATS_FILE_TMPDIR"
}

# photo PATH: a picture like no other, by a numbered comment.
photo() {
    mkdir -p "$(dirname "$1")"
    drawn=$((${drawn:-0} + 1))
    { head -c 2 grey.jpg; printf '\377\376\000\012%08d' "$drawn"; tail -c +3 grey.jpg; } > "$1"
}

enrol() { sl enroll --aligned --no-quality-gate --json --gallery "$@"; }

# people GALLERY: the labels, each once, comma-joined.
people() {
    "$BIN" gallery list "$1" --json |
        node -p '[...new Set(JSON.parse(require("fs").readFileSync(0)).faces.map(f => f.label))].join()'
}

# flat FOLDER ENDING...: photos NAME_0001ENDING and so on of six people, without folders.
flat() {
    for who in Abel_Pacheco Adrien_Brody Ai_Sugiyama Al_Gore Alan_Ball Ana_Palacio; do
        for ending in "${@:2}"; do photo "$1/${who}_$ending"; done
    done
}

# halves ONE OTHER: two lines a pair: six of one person (with the fold beside), six of two.
halves() {
    local of=(Abel_Pacheco Adrien_Brody Ai_Sugiyama Al_Gore Alan_Ball Ana_Palacio)
    for i in 0 1 2 3 4 5; do printf '%s_%s %d\n%s_%s %d\n' "${of[i]}" "$1" $((i + 1)) "${of[i]}" "$2" $((i + 1)); done
    for i in 0 1 2 3 4 5; do printf '%s_%s 0\n%s_%s 0\n' "${of[i]}" "$1" "${of[(i + 1) % 6]}" "$2"; done
}

NAMES=Abel_Pacheco,Adrien_Brody,Ai_Sugiyama,Al_Gore,Alan_Ball,Ana_Palacio

verified() {
    expect 0
    json 'd.pairs === 12 && d.same === 6 && d.missing === 0 && d.best_accuracy >= 50'
}

@test "CALFW and CPLFW: photos without folders, two lines a pair" {
    flat "calfw/aligned images" 0001.jpg 0002.jpg
    enrol calfw-gallery --label-pattern '([^/]+)_[0-9]+\.[a-z]+$' "calfw/aligned images"
    expect 0
    [ "$(people calfw-gallery)" = "$NAMES" ]
    halves 0001.jpg 0002.jpg > pairs_CALFW.txt
    sl eval verify --gallery calfw-gallery --pairs pairs_CALFW.txt --json
    verified
    flat cplfw/images 1.jpg 2.jpg
    enrol cplfw-gallery --label-pattern '([^/]+)_[0-9]+\.[a-z]+$' cplfw/images
    halves 1.jpg 2.jpg | awk '{ print $1, ($2 > 0) }' > pairs_CPLFW.txt
    sl eval verify --gallery cplfw-gallery --pairs pairs_CPLFW.txt --json
    verified
}

@test "MLFW: a photo and its mask in the name" {
    flat mlfw/origin 0001_0001.jpg 0002_0000.jpg
    enrol mlfw-gallery --label-pattern '([^/]+)_[0-9]+_[0-9]+\.' mlfw/origin
    expect 0
    [ "$(people mlfw-gallery)" = "$NAMES" ]
    halves 0001_0001.jpg 0002_0000.jpg | paste -d ' ' - - | awk '{ print $1 "," $3 "," ($2 > 0) }' > mlfw.csv
    tr , '\t' < mlfw.csv > pairs.txt # as it ships
    for list in mlfw.csv pairs.txt; do
        sl eval verify --gallery mlfw-gallery --pairs $list --json
        verified
    done
}

@test "TALFW: LFW's own folders and list" {
    for who in Abel_Pacheco Adrien_Brody; do for n in 1 2 3 4; do photo "talfw/$who/${who}_000$n.jpg"; done; done
    enrol talfw-gallery talfw
    expect 0
    [ "$(people talfw-gallery)" = Abel_Pacheco,Adrien_Brody ]
    {
        echo "2 3"
        for fold in 1 2; do
            [ $fold = 1 ] && who=Abel_Pacheco || who=Adrien_Brody
            for n in 2 3 4; do printf '%s\t1\t%d\n' $who $n; done
            for n in 2 3 4; do printf 'Abel_Pacheco\t%d\tAdrien_Brody\t%d\n' $fold $n; done
        done
    } > pairs.txt
    sl eval verify --gallery talfw-gallery --pairs pairs.txt --json
    verified
}

@test "AgeDB: the person's name within the photo's" {
    photo agedb/0_MariaCallas_35_f.jpg
    photo agedb/1_MariaCallas_40_f.jpg
    photo agedb/9335_RobertDeNiro_30_m.jpg
    enrol agedb-gallery --label-pattern '[0-9]+_([^_]+)_[0-9]+_[fm]' agedb
    expect 0
    [ "$(people agedb-gallery)" = MariaCallas,RobertDeNiro ]
}

@test "AgeDB-30: aligned crops by number, the label first" {
    for n in $(seq 24); do photo "val/agedb_30_112x112/$n.jpg"; done
    enrol agedb30-gallery val # one person: its list knows pairs alone
    expect 0
    for n in $(seq 1 2 24); do echo "$((n < 13)) agedb_30_112x112/$n.jpg agedb_30_112x112/$((n + 1)).jpg"; done > val.txt
    sl eval verify --gallery agedb30-gallery --pairs val.txt --json
    verified
}

@test "CFP: pairs by its protocol" {
    for who in 001 002; do for n in 01 02 03 04 05 06; do
        photo "cfpw/Data/Images/$who/frontal/$n.jpg"
        photo "cfpw/Data/Images/$who/profile/$n.jpg"
    done; done
    for kind in F:frontal P:profile; do
        i=0
        for who in 001 002; do for n in 01 02 03 04 05 06; do
            mkdir -p cfpw/Protocol
            echo "$((++i)) ../Data/Images/$who/${kind#*:}/$n.jpg" >> "cfpw/Protocol/Pair_list_${kind%:*}.txt"
        done; done
    done
    for split in FF FP; do for fold in 01 02; do
        mkdir -p cfpw/Protocol/Split/$split/$fold
        first=$((fold == 1 ? 1 : 7))
        for n in 1 2 3; do echo "$first,$((first + n))" >> cfpw/Protocol/Split/$split/$fold/same.txt; done
        for n in 1 2 3; do echo "$n,$((6 + n + 3 * (fold == 2)))" >> cfpw/Protocol/Split/$split/$fold/diff.txt; done
    done; done
    enrol cfpw-gallery cfpw/Data/Images
    expect 0
    for split in FF FP; do
        sl eval verify --gallery cfpw-gallery --pairs cfpw/Protocol/Split/$split --csv $split.csv --json
        verified
    done
    [ "$(grep -c profile FF.csv || true)" = 0 ]
    [ "$(grep -c 'frontal.*profile' FP.csv)" = 12 ]
    sl eval verify --gallery cfpw-gallery --pairs cfpw
    expect 1
    contains "$err" Protocol/Split/FP
}

@test "CFP: the frontal photos are the gallery, the profile ones ask" {
    for who in 001 002; do
        for n in 01 02; do photo "cfp/Data/Images/$who/frontal/$n.jpg"; done
        photo "cfp/Data/Images/$who/profile/01.jpg"
    done
    mkdir -p frontal profile
    for who in 001 002; do
        mkdir -p "frontal/$who" "profile/$who"
        cp -r "cfp/Data/Images/$who/frontal" "frontal/$who/"
        cp -r "cfp/Data/Images/$who/profile" "profile/$who/"
    done
    enrol cfp-gallery frontal
    expect 0
    [ "$(people cfp-gallery)" = 001,002 ]
    enrol cfp-queries profile
    [ "$(people cfp-queries)" = 001,002 ]
    sl eval identify --gallery cfp-gallery --queries cfp-queries --rerank none --json
    expect 0
}

@test "LMK files: landmarks beside crops count, and only those" {
    need_landmarks
    for n in 1 2; do photo "crops/Ann/Ann_000$n.jpg"; photo "crops/Bob/Bob_000$n.jpg"; done
    mkdir -p lmk/Ann
    for n in 1 2; do
        cp "$SOURCE/tests/fuzz/corpus/lmk/face.json" lmk/Ann/Ann_000$n.json # by the id
        cp "$SOURCE/tests/fuzz/corpus/lmk/face_back.json" lmk/Bob_000$n.json # by the file's name
    done
    enrol lmk-gallery --patches f32 --lmk lmk crops
    expect 0
    enrol dlib-gallery --patches f32 crops
    told=""
    for gallery in lmk-gallery dlib-gallery; do
        sl identify --gallery $gallery --aligned --rerank emd --weighting lmk --json crops/Ann/Ann_0001.jpg
        told="$told $(json_value 'd.queries[0].faces[0].candidates[0].stage2')"
    done
    read -r by_file by_model <<< "$told"
    [ "$by_file" != "$by_model" ]
    rm lmk/Ann/Ann_0002.json
    echo '{"chin": []}' > lmk/Ann/Ann_0001.json
    enrol none --lmk lmk crops
    expect 1
    json 'd.enrolled === 2 && d.unreadable === 2'
    contains "$err" 'lmk/Ann/Ann_0001.json: "chin" has 0 points, not 17'
    contains "$err" 'neither lmk/Ann/Ann_0002.json nor lmk/Ann_0002.json is there'
    sl enroll --gallery none --lmk lmk crops
    expect 2
    contains "$err" "--aligned"
}

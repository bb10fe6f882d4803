#!/usr/bin/env bats
# eval verify, eval openset, calibrate and the thresholds made of them; a gallery of made-up faces.
load common

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    made_up_galleries
}

setup() {
    need_made_up_galleries
    cd "$BATS_FILE_TMPDIR"
}

@test "eval verify: three scores, curves, CSV, rates that cannot be told are null" {
    sl eval verify --gallery g --pairs pairs.txt --json --csv pairs.csv --svg charts
    expect 0
    json 'd.pairs === 30 && d.same === 15 && d.missing === 0 && d.accuracy >= 0 && d.accuracy <= 100' \
        'd.tar_at_far["1e-1"] !== null && d.tar_at_far["1e-2"] === null && d.tar_at_far["1e-4"] === null' \
        '["stage1", "stage2", "score"].every(p => d[p].roc.length > 2 && d[p].roc.at(-1).far === 100)' \
        'd.accuracy === d.score.accuracy && d.eer === d.score.eer'
    [ "$(wc -l < pairs.csv)" = 31 ]
    contains "$(sed -n 2p pairs.csv)" '1,"P 0/0 x.jpg","P 0/20 x.jpg",1,0,0,'
    contains "$(head -c 60 charts/roc.svg)" '<svg xmlns='
    contains "$(tail -n 1 charts/det.svg)" '</svg>'
    sl eval verify --gallery g --pairs pairs.txt --rerank none
    expect 0
    contains "$out" "cannot be measured: 15 pairs"
    fails contains "$out" "stage 2"
}

@test "eval verify: lists of two lines a pair and of commas are the same pairs; --alpha -1" {
    sl eval verify --gallery g --pairs pairs.txt --json
    json 'd.best_accuracy >= d.accuracy && d.score.best_accuracy === d.best_accuracy && d.best_threshold > -1'
    best=$(echo "$out" | node -p 'JSON.parse(require("fs").readFileSync(0)).best_accuracy')
    awk -F'\t' '{ print $1 "," $2 "," $3 }' pairs.txt > commas.txt
    awk -F'\t' '{ print $1 "\t" $3; print $2 "\t" $3 }' pairs.txt > lines.txt
    for list in commas.txt lines.txt; do
        sl eval verify --gallery g --pairs $list --json
        expect 0
        json "d.pairs === 30 && d.same === 15 && d.best_accuracy === $best"
    done
    sl eval verify --gallery g --pairs pairs.txt --rerank emd --alpha -1 --json
    expect 0
    echo "$out" > sum.json
    sl eval verify --gallery g --pairs pairs.txt --rerank emd --alpha .5 --json
    [ "$out" = "$(cat sum.json)" ]
}

@test "eval verify: photos that are not there are told, by line on request" {
    sed '3s/2 x.jpg/nobody.jpg/' pairs.txt > missing.txt
    sl eval verify --gallery g --pairs missing.txt --list-missing
    expect 0
    contains "$out" "1 with a photo that is not in the gallery"
    contains "$out" "missing.txt, line 3: P 2/nobody.jpg is not in the gallery"
    sed 's/^P/Q/' pairs.txt > none.txt
    sl eval verify --gallery g --pairs none.txt
    expect 1
    contains "$err" "none.txt, line 1"
    contains "$err" "ids are paths relative to the folder enrolled"
}

@test "eval verify: bad lists name the line" {
    check() {
        sl eval verify --gallery g --pairs bad.txt
        expect 1
        contains "$err" "bad.txt, line $1"
    }
    (cat pairs.txt; echo 'a b c d e f') > bad.txt
    check "31: more than five fields"
    (cat pairs.txt; printf 'P 0/20 x.jpg\tP 0/0 x.jpg\t0\n') > bad.txt
    check "31: contradicts line 1"
    (cat pairs.txt; printf 'a\tb\t2\n') > bad.txt
    check "31: expected"
    (cat pairs.txt; printf 'a\tb\t1\tx\ty\n') > bad.txt
    check "31: \"same\""
    printf '"a b 1\n' > bad.txt
    check "1: a quote"
    sl eval verify --gallery g --pairs nowhere.txt
    expect 1
    contains "$err" nowhere.txt
    sl eval verify --gallery g
    expect 2
    contains "$err" "--pairs FILE is missing"
}

@test "eval openset counts searches and strangers" {
    sl eval openset --gallery g --queries q --json --svg charts
    expect 0
    json 'd.faces === 60 && d.people === 20 && d.nonmated === 30 && d.mated + d.strangers <= 30 && d.strangers > 0' \
        'd.score.at_fpir[2].threshold === null && d.promised === null'
    contains "$(cat charts/openset.svg)" "false positive identification rate"
    sl eval openset --gallery g --people a
    expect 0
    contains "$out" "too few searches to tell"
    sl eval openset --gallery g --people c
    expect 2
}

@test "eval explain: which explanation holds, with curves; what it cannot tell is refused" {
    sl eval explain --gallery g --rerank emd --pairs 12 --orders 2 --json --svg holds
    expect 0
    json 'd.pairs === 12 && d.rerank === "emd" && d.look === null && d.people === "all"' \
        'd.kinds.map(k => k.kind).join() === "weights,flow,shares,random"' \
        'd.kinds.every(k => k.hidden.length === d.cells + 1 && Math.abs(k.hidden[0] - k.shown[d.cells]) < 1e-6)' \
        'd.kinds.every(k => k.deletion.low <= k.deletion.mean && k.deletion.mean <= k.deletion.high)' \
        'd.kinds[3].deletion_gain.mean === 0 && d.kinds[2].deletion_gain.mean > 0'
    contains "$(cat holds/deletion.svg)" "hidden of the query"
    contains "$(cat holds/insertion.svg)" "shown of the query"
    sl eval explain --gallery g --queries q --rerank maxsim --people a --pairs 5
    expect 0
    contains "$out" "5 pairs of one person"
    contains "$out" "gain on chance"
    sl eval explain --gallery g --rerank none
    expect 1
    contains "$err" "nothing can be told by cell"
    sl eval explain --gallery g --rerank emd --svg holds
    expect 1
    contains "$err" "deletion.svg"
}

@test "calibrate keeps thresholds that eval openset holds to its promise" {
    rm -rf c && cp -r g c
    sl calibrate --gallery c --json                 # 60 searches tell nothing: nothing is kept
    expect 1
    contains "$err" "60 searches for people who are not there tell nothing"
    contains "$err" "100 tell a rate of one in ten"
    [ -z "$(ls c | grep calibration)" ]
    sl calibrate --gallery c --queries g --queries q --queries q --json
    expect 0
    json 'd.searches === 120 && d.bins.length === 1 && d.bins[0].searches === 120 && d.pairs === d.bins[0].pairs' \
        'd.bins[0].at_fmr[0].rate === .001 && d.bins[0].at_fmr[3].threshold === null' \
        'd.bins[0].at_fpir[0].threshold !== null && d.bins[0].at_fpir[2].threshold === null'
    [ "$(ls c/calibration-*.rates | wc -l)" = 1 ]
    sl eval openset --gallery c --json
    expect 0
    json 'd.promised.length === 3' \
        'd.score.at_fpir[0].threshold === null || d.promised[0].fpir.mean <= 15'
    sl eval openset --gallery c --alpha .5 --json   # not what was calibrated
    expect 0
    json 'd.promised === null'
    sl eval openset --gallery c --solver exact --rerank none --json   # stage 1 was not calibrated, whatever the solver
    expect 0
    json 'd.promised === null'
    sl gallery verify c
    expect 0
    sl gallery compact c
    expect 0
    [ "$(ls c/calibration-*.rates | wc -l)" = 1 ]
    sl calibrate --gallery c --remove
    expect 0
    sl calibrate --gallery c --remove
    expect 1
    contains "$err" "there is no calibration"
    sl eval openset --gallery c --json
    json 'd.promised === null'
}

@test "a damaged or foreign calibration is refused with the remedy" {
    rm -rf c && cp -r g c
    sl calibrate --gallery c --queries g --queries q --queries q
    expect 0
    file=$(ls c/calibration-*.rates)
    cp "$file" q/
    sl eval openset --gallery q
    expect 1
    contains "$err" "was measured on another gallery: run 'secondlook calibrate'"
    rm q/calibration-*.rates
    printf '{' | dd of="$file" bs=1 seek=200 conv=notrunc 2> /dev/null
    sl eval openset --gallery c
    expect 1
    contains "$err" "measure the rates again"
    sl calibrate --gallery c --queries g --queries q --queries q
    expect 0
    sl eval openset --gallery c
    expect 0
}

@test "rates and thresholds exclude each other" {
    sl identify --gallery g --fpir .01 --threshold .5 a.jpg
    expect 2
    contains "$err" "exclude each other"
    sl identify --gallery g --fpir 0 a.jpg
    expect 2
    sl verify --far .01 --threshold .5 a.jpg b.jpg
    expect 2
    sl verify --gallery g a.jpg b.jpg
    expect 2
    contains "$err" "--gallery is for --far"
}

@test "without a calibration the model's own rates decide, and it is said" {
    need_photos
    make_people
    "$BIN" enroll --gallery maps --patches int8 --aligned --no-quality-gate people > /dev/null
    one=$(ls "$BATS_FILE_TMPDIR"/people/*/*.png | head -n 1)
    sl identify --gallery maps --aligned --rerank emd --encoder none --fpir .01 --json "$one"
    expect 0
    json 'd.rule.promise === "fpir" && d.rule.rate === .01 && d.rule.bins[0].source === "model" && d.rule.bins.length === 5' \
        'd.queries[0].faces[0].threshold > .6 && d.queries[0].faces[0].threshold_on === "score"'
    strict=$(json_value 'd.rule.bins[0].threshold')
    sl identify --gallery maps --aligned --fpir .1 "$one"
    expect 0
    contains "$out" "the model's rates"
    sl identify --gallery maps --aligned --fpir 1e-9 "$one"
    expect 1
    contains "$err" "smaller than what was measured can tell"
    sl verify --rerank emd --far .000001 --aligned "$one" "$one" --json
    expect 0
    json "d.rule.promise === 'far' && d.rule.bins[0].threshold > $strict && d.rule.bins[0].extrapolated === true"
    sl calibrate --gallery maps
    expect 1
    contains "$err" "tell nothing: nothing is kept"
}

#!/usr/bin/env bats
# eval identify: sweeps, tables, JSON, CSV, charts and sheets; a gallery of made-up faces.
load common

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    made_up_galleries
}

setup() {
    need_made_up_galleries
    cd "$BATS_FILE_TMPDIR"
}

@test "one configuration: the documented keys are on top" {
    sl eval identify --gallery g --queries q --json
    expect 0
    json 'd.queries === 20 && d.unmatched === 10 && d.gallery === 60 && d.k === 100 && d.weighting === "apc"' \
        'Math.abs(d.alpha - .7) < 1e-6 && d.same_photo === "exclude" && d.results.length === 1'
    json '["stage1", "stage2", "max", "difference"].every(p => ["p1", "rp", "mapr"].every(m =>
        d[p].interval[m][0] <= d[p][m] && d[p][m] <= d[p].interval[m][1]))'
    json 'd.cmc.stage1.length === 100 && d.cmc.stage2[0] === d.stage2.p1 && d.cmc.stage2[59] === 100' \
        'd.max.p1 === 100 && d.seconds.stage1 >= 0 && d.seconds.stage2 >= 0 && d.won >= 0 && d.lost >= 0' \
        '"cmc" in d.results[0] && d.results[0].stage2.p1 === d.stage2.p1'
}

@test "comma lists make every combination once" {
    sl eval identify --gallery g --queries q --json --rerank none,emd,maxsim --weighting uniform,apc \
        --solver sinkhorn,exact --grid native,1x2 --alpha 0,.7 -k 5,60
    expect 0
    contains "$err" "47 combinations are left out"
    json 'd.results.length === 1 + 32 + 16' \
        'd.results.filter(r => r.rerank === "none").length === 1' \
        'd.results.filter(r => r.rerank === "emd").length === 32 && d.results.filter(r => r.rerank === "maxsim").length === 16' \
        'd.results.filter(r => r.alpha === 0).every(r => r.stage2.p1 === r.stage1.p1 && r.won === 0 && r.lost === 0)' \
        'd.results.every(r => (r.solver === null) === (r.rerank !== "emd"))' \
        '!("stage1" in d)'
}

@test "a sweep gives what each configuration gives alone, on any number of threads" {
    sl eval identify --gallery g --queries q --json --rerank emd,same-cell --alpha .3,1 -k 7,60 --threads 3
    expect 0
    together=$(json_value 'JSON.stringify(d.results.at(-1).stage2) + JSON.stringify(d.results.at(-1).cmc)')
    sl eval identify --gallery g --queries q --json --rerank same-cell --alpha 1 -k 60 --threads 1
    alone=$(json_value 'JSON.stringify(d.stage2) + JSON.stringify(d.cmc)')
    [ "$together" = "$alone" ]
}

@test "what is not possible is left out and named; alone it is an error" {
    sl eval identify --gallery g --queries q --weighting apc,cc,lmk --rerank emd --grid native,3x3
    expect 0
    contains "$err" "left out: emd map cc"
    contains "$err" "left out: emd map lmk"
    contains "$err" "a grid of 3x3 is larger than the model's map"
    sl eval identify --gallery g --queries q --weighting cc
    expect 1
    contains "$err" "weighting cc"
    sl eval identify --gallery g --queries q --weighting lmk
    expect 1
    contains "$err" "without landmarks"
}

@test "the table has a row for each configuration and marks the best" {
    sl eval identify --gallery g --queries q --rerank emd,same-cell --alpha .2,.8
    expect 0
    contains "$out" "20 queries against 60 faces; 10 queries with nobody to be found are left out"
    [ "$(grep -c '^[* ] \(emd\|same-cell\) ' <<< "$out")" = 4 ]
    [ "$(grep -c '^\* ' <<< "$out")" = 1 ]
    [ "$(grep -c '^  stage 1 ' <<< "$out")" = 1 ]
}

@test "--stage1: the whole gallery by a second look" {
    sl eval identify --gallery g --queries q --json --stage1 embedding,cells --rerank none,same-cell --alpha 1 -k 60
    expect 0
    json 'd.results.map(r => r.first + " " + r.rerank).join() === "embedding none,embedding same-cell,same-cell none"' \
        'JSON.stringify(d.results[1].stage2) === JSON.stringify(d.results[2].stage1)' \
        'JSON.stringify(d.results[1].cmc.stage2) === JSON.stringify(d.results[2].cmc.stage1)'
}

@test "--limit, --min-photos, --only, --people" {
    sl eval identify --gallery g --json --limit 7
    json 'd.queries === 7'
    printf 'P 3\r\nP 4/4 x.jpg\n' > only.txt
    sl eval identify --gallery g --json --only only.txt
    expect 0
    json 'd.gallery === 4 && d.queries === 3 && d.unmatched === 1'
    sl eval identify --gallery g --json --only only.txt --min-photos 2
    json 'd.gallery === 3 && d.queries === 3 && d.unmatched === 0'
    sl eval identify --gallery g --json --min-photos 2 --reference-metrics --rerank none
    json 'd.max.rp.toFixed(4) === "66.6667"'
    a=0
    for half in a b all; do
        sl eval identify --gallery g --json --people $half
        n=$(json_value d.queries)
        [ $half = all ] && [ $a = "$n" ] || a=$((a + n))
    done
    [ $a = 60 ]
    printf 'P 3\nP 99\n' > unknown.txt
    sl eval identify --gallery g --only unknown.txt
    expect 1
    contains "$err" "unknown.txt, line 2: 'P 99' is no person and no photo"
    sl eval identify --gallery g --min-photos 9
    expect 1
    contains "$err" "nobody of the gallery is left"
}

@test "--csv: a line for each configuration and query, complete or not at all" {
    sl eval identify --gallery g --queries q --csv lines.csv --alpha .1,.9
    expect 0
    [ "$(wc -l < lines.csv)" = 61 ]
    [ "$(grep -c ',0,,,,,,,,,,' lines.csv)" = 20 ]
    contains "$(sed -n 2p lines.csv)" '"emd map apc native sinkhorn int8 k 100 alpha 0.1","P 10/0 x.png","P 10",3,'
    cp lines.csv before.csv
    sl eval identify --gallery g --queries q --csv lines.csv --weighting lmk
    expect 1
    cmp lines.csv before.csv
    sl eval identify --gallery g --csv none/lines.csv
    expect 1
    contains "$err" "none/lines.csv"
}

@test "--svg: CMC, bars, and curves of what is swept" {
    sl eval identify --gallery g --queries q --svg once --rerank emd
    expect 0
    [ "$(echo once/*)" = "once/cmc.svg once/difference.svg once/p1.svg" ]
    sl eval identify --gallery g --queries q --svg swept --rerank emd,same-cell --alpha 0,.5,1 -k 5,60
    expect 0
    contains "$err" "shows the best 11 of 12"
    [ "$(echo swept/*)" = "swept/alpha.svg swept/cmc.svg swept/difference.svg swept/k.svg swept/p1.svg" ]
    contains "$(head -c 60 swept/alpha.svg)" '<svg xmlns='
    contains "$(tail -n 1 swept/p1.svg)" '</svg>'
}

@test "--sheets: the queries won and lost" {
    sl eval identify --gallery g --queries q --sheets sheets --sheet-count 2 --rerank none,same-cell --weighting apc \
        --alpha 1 --json
    expect 0
    won=$(json_value d.results[1].won)
    lost=$(json_value d.results[1].lost)
    [ "$(find sheets -name 'win-*.png' | wc -l)" = $((won < 2 ? won : 2)) ]
    [ "$(find sheets -name 'loss-*.png' | wc -l)" = $((lost < 2 ? lost : 2)) ]
    [ $((won + lost)) -gt 0 ]
}

@test "usage errors" {
    sl eval identify
    expect 2
    contains "$err" "--gallery DIR is missing"
    sl eval identify --gallery g --alpha .5,2
    expect 2
    contains "$err" "--alpha takes a number from 0 to 1, not '2'"
    sl eval identify --gallery g --rerank emd,
    expect 2
    sl eval identify --gallery g --stage1 face
    expect 2
    contains "$err" "--stage1 takes one of embedding, emd"
    sl eval identify --gallery g --queries nowhere
    expect 1
    contains "$err" "nowhere"
}

@test "bench search answers all queries in both ways alike" {
    sl bench search --gallery g --queries q --rerank emd --top 3 --json
    expect 0
    json 'd.queries === 30 && d.faces === 60 && d.answers_that_differ === 0 && d.queries_per_s > 0 &&
          d.solver_calls_per_query > 0 && d.solver_calls_per_query <= 60 && d.right <= 20'
    sl bench search --gallery g --limit 7 --rerank none --json
    expect 0
    json 'd.queries === 7 && d.right === 7 && d.solver_calls_per_query === 0'
}

@test "queries that find no photo of their own void the honest protocol: said; --same-photo-by finds them" {
    need_made_up_galleries
    # queries made of the gallery's first photos; each tree has a root of its own, as the published lists have
    sed 's|^|lfw/|' g.names > lfw.names
    head -n 30 g.names | sed 's|^|lfw-masked/|; s|\.jpg|.png|' > masked.names
    "$BUILD/gallery_of_arrays" lfw lfw.names g.e g.p 16 2 2 6
    "$BUILD/gallery_of_arrays" masked masked.names q.e q.p 16 2 2 6
    for by in path name 'pattern:/([^/]*) x'; do
        sl eval identify --gallery lfw --queries masked --same-photo-by "$by" --rerank none --json
        expect 0
        json 'd.own_photos_found === 30 && d.own_photos_of === 30'
        fails contains "$err" "own photo"
    done
    sl eval identify --gallery lfw --queries masked --rerank none
    contains "$out" "own photos passed over: of 30 of 30 queries"
    sl eval openset --gallery lfw --queries masked --rerank none --json
    json 'd.own_photos_found === 30 && d.own_photos_of === 30'
    sl eval identify --gallery g --queries q --rerank none --json
    expect 0
    json 'd.own_photos_found === 0 && d.own_photos_of === 30'
    contains "$err" "no query finds its own photo"
    sl eval openset --gallery g --queries q --rerank none --json
    contains "$err" "no query finds its own photo"
    sl eval identify --gallery g --queries q --same-photo include --rerank none
    expect 0
    fails contains "$err" "own photo"
    sl eval identify --gallery g --same-photo-by nonsense
    expect 2
}

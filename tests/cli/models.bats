# secondlook models.
load common

@test "list names the defaults with licence, source and sha256" {
    sl models list
    expect 0
    contains "$out" mobilefacenet-192
    contains "$out" licence
    sl models list --json
    expect 0
    json '["mobilefacenet-192", "retinaface-mnet25", "dlib-68"].every(n => d.models.some(m => m.name === n))' \
        'd.models.every(m => m.licence && m.provenance && m.source && m.kind)' \
        'd.models.find(m => m.name === "mobilefacenet-192").embedding_dim === 192'
}

@test "an empty models folder: nothing is present, and a command says what to do" {
    mkdir "$BATS_TEST_TMPDIR/none"
    sl models list --json --models-dir "$BATS_TEST_TMPDIR/none"
    expect 0
    json 'd.models.filter(m => !["landmarks", "encoder", "points"].includes(m.kind)).every(m => !m.present)'
    picture grey 64 64 "$BATS_TEST_TMPDIR/grey.png"
    sl detect --models-dir "$BATS_TEST_TMPDIR/none" "$BATS_TEST_TMPDIR/grey.png"
    expect 1
    contains "$err" "models fetch"
}

@test "fetching an unknown model fails and names it" {
    sl models fetch no-such-model --models-dir "$BATS_TEST_TMPDIR/none"
    expect 1
    contains "$err" no-such-model
}

@test "a model whose sha256 is wrong is refused" {
    need_models
    cp -rL "$MODELS" "$BATS_TEST_TMPDIR/models" # copies, not links to the models that are used elsewhere
    printf x >> "$BATS_TEST_TMPDIR/models/mobilefacenet-192.tflite"
    picture grey 64 64 "$BATS_TEST_TMPDIR/grey.png"
    sl detect --models-dir "$BATS_TEST_TMPDIR/models" "$BATS_TEST_TMPDIR/grey.png"
    expect 1
    contains "$err" sha256
}

@test "inspect prints tensors, as text and as JSON" {
    need_models
    sl models inspect mobilefacenet-192
    expect 0
    [ -n "$out" ]
    sl models inspect "$MODELS/retinaface-mnet25.onnx" --json
    expect 0
    json 'Array.isArray(d.inputs) && d.inputs.length >= 1 && Array.isArray(d.outputs)'
}

@test "inspect lists the weights of an architecture" {
    sl models inspect arcface-r18
    expect 0
    contains "$out" "layer4.1.prelu.weight"
    sl models inspect facenet-ir1 --json
    expect 0
    json 'd.input.width === 160 && d.input.std[0] === 255 && d.input.corrected.std[0] === 128' \
        'd.tensors.some(t => t.name === "last_linear.weight" && t.shape.join() === "512,1792")' \
        'd.tensors.some(t => t.name === "logits.weight" && t.used === false)'
}

@test "inspect refuses what is no model" {
    picture noise 32 32 "$BATS_TEST_TMPDIR/noise.onnx.png"
    mv "$BATS_TEST_TMPDIR/noise.onnx.png" "$BATS_TEST_TMPDIR/noise.onnx"
    sl models inspect "$BATS_TEST_TMPDIR/noise.onnx"
    expect 1
    contains "$err" noise.onnx
    sl models inspect "$BATS_TEST_TMPDIR/absent.onnx"
    expect 1
    contains "$err" absent.onnx
}

@test "an unknown recogniser is named" {
    picture grey 64 64 "$BATS_TEST_TMPDIR/grey.png"
    sl detect --model no-such-model "$BATS_TEST_TMPDIR/grey.png"
    expect 1
    contains "$err" no-such-model
}

@test "export writes ONNX that is read again; the patch map is an output" {
    need_models
    sl models export mobilefacenet-192 -o "$BATS_TEST_TMPDIR/m.onnx"
    expect 0
    sl models inspect "$BATS_TEST_TMPDIR/m.onnx" --json
    expect 0
    json 'd.outputs.length === 2 && d.outputs.some(o => o.name === d.suggestion.patch_map.name)' \
        'd.suggestion.embedding.shape.join() === "1,192" && d.suggestion.patch_map.shape.join() === "1,512,7,7"' \
        'd.inputs.length === 1 && d.inputs[0].shape.slice(1).join() === "3,112,112" && d.inputs[0].shape[0] === null'
}

@test "export refuses what is no network, and needs a file to write to" {
    sl models export dlib-68 -o "$BATS_TEST_TMPDIR/m.onnx"
    expect 1
    contains "$err" "not a network"
    sl models export mobilefacenet-192
    expect 2
    sl models export no-such-model -o "$BATS_TEST_TMPDIR/m.onnx"
    expect 1
    contains "$err" no-such-model
    [ ! -e "$BATS_TEST_TMPDIR/m.onnx" ]
}

# Checkpoints lie beside the checkout.
need_checkpoints() {
    CHECKPOINTS=$SOURCE/../shared/models
    [ -e "$CHECKPOINTS/mtcnn_onet.pt" ] || skip "../shared/models is not here"
}

@test "import makes a model that works by its name, and says how" {
    need_checkpoints
    need_models
    dir=$BATS_TEST_TMPDIR/models
    sl models import "$CHECKPOINTS/mobilefacenet-casia-112x96.ckpt" --arch mobilefacenet -o casia --models-dir "$dir"
    expect 0
    contains "$out" "secondlook enroll --models-dir $dir --model casia"
    sl models list --models-dir "$dir" --json
    json 'd.models.some(m => m.name === "casia" && m.present && m.patch_grid.join() === "7,6,512")'
    picture noise 96 112 "$BATS_TEST_TMPDIR/ann.png"
    sl enroll --model "$dir/casia.json" --aligned --no-quality-gate --gallery "$BATS_TEST_TMPDIR/g" \
        "$BATS_TEST_TMPDIR/ann.png"
    expect 0
    sl models import "$CHECKPOINTS/mobilefacenet-casia-112x96.ckpt" --arch mobilefacenet -o casia --models-dir "$dir"
    expect 1
    contains "$err" "--replace"
    sl models export casia --models-dir "$dir" -o "$BATS_TEST_TMPDIR/casia.onnx"
    expect 0
    sl models inspect casia --models-dir "$dir" --json
    expect 0
    json 'd.suggestion.embedding.name === "embedding" && d.suggestion.patch_map.name === "patch_map"'
}

@test "import takes MTCNN's three files, or a folder with them" {
    need_checkpoints
    dir=$BATS_TEST_TMPDIR/models
    sl models import "$CHECKPOINTS/mtcnn_onet.pt" "$CHECKPOINTS/mtcnn_pnet.pt" "$CHECKPOINTS/mtcnn_rnet.pt" \
        --arch mtcnn \
        -o three --models-dir "$dir" --json
    expect 0
    json 'd.models.map(m => m.name).join() === "three-pnet,three-rnet,three" && d.model === "three"'
    sl models import "$CHECKPOINTS" --arch mtcnn -o folder --models-dir "$dir"
    expect 0
    contains "$out" "--detector folder"
    [ "$(sha256sum < "$dir/three.safetensors")" = "$(sha256sum < "$dir/folder.safetensors")" ]
}

@test "inspect tells which kind of detector a model is, and unknown kinds are refused with those that there are" {
    need_models
    sl models inspect retinaface-mnet25 --json
    expect 0
    json 'd.detector === "retinaface"'
    sl models inspect mobilefacenet-192 --json
    json '!("detector" in d)'
    manifest() { # KEYS
        cat > "$BATS_TEST_TMPDIR/mine.json" << END
{"name": "mine", "kind": "detector", $1 "licence": "", "provenance": "", "file": "$MODELS/retinaface-mnet25.onnx",
 "format": "onnx"}
END
    }
    picture noise 64 64 "$BATS_TEST_TMPDIR/noise.png"
    manifest '"detector": "haar",'
    sl detect --detector "$BATS_TEST_TMPDIR/mine.json" "$BATS_TEST_TMPDIR/noise.png"
    expect 1
    contains "$err" 'no kind of detector is named "haar"; there are retinaface, mtcnn'
    manifest '"detector": "mtcnn",' # one network without the two before it
    sl detect --detector "$BATS_TEST_TMPDIR/mine.json" "$BATS_TEST_TMPDIR/noise.png"
    expect 1
    contains "$err" "one of mtcnn's 3 networks"
    manifest '' # as before there was the key
    sl detect --detector "$BATS_TEST_TMPDIR/mine.json" "$BATS_TEST_TMPDIR/noise.png"
    expect 3 # noise shows no face
}

@test "import lists what is wrong with a checkpoint and names what it fits" {
    need_checkpoints
    sl models import "$CHECKPOINTS/mtcnn_rnet.pt" --arch arcface-r18 -o wrong --models-dir "$BATS_TEST_TMPDIR/models"
    expect 1
    contains "$err" "layer4.1.conv2.weight [512, 512, 3, 3] is missing"
    contains "$err" "they are those of mtcnn-rnet"
    [ ! -e "$BATS_TEST_TMPDIR/models/wrong.json" ]
    sl models inspect "$CHECKPOINTS/mtcnn_rnet.pt" --json
    expect 0
    json 'd.architecture === "mtcnn-rnet" && d.tensors.some(t => t.name === "dense4.weight" && t.shape.join() === "128,576")'
}

@test "import refuses what is no checkpoint, and wrong calls" {
    printf 'no weights' > "$BATS_TEST_TMPDIR/no.pth"
    sl models import "$BATS_TEST_TMPDIR/no.pth" --arch arcface-r18 -o x --models-dir "$BATS_TEST_TMPDIR"
    expect 1
    contains "$err" "no checkpoint"
    sl models import "$BATS_TEST_TMPDIR/no.pth" -o x
    expect 2
    sl models import --arch arcface-r18 -o x
    expect 2
}

@test "inspect tells what a recogniser's input is, and checks that it tells pictures apart" {
    need_models
    sl models inspect mobilefacenet-192 --json
    expect 0
    json 'd.suggestion.input.width === 112 && d.suggestion.input.layout === "NHWC" && d.normalisation === null' \
        'd.problems.length === 0 && d.self_check.least_cosine < .6'
    sha256=$(sha256sum "$MODELS/mobilefacenet-192.tflite" | cut -d' ' -f1)
    manifest() { # WIDTH MEAN STD
        cat > "$BATS_TEST_TMPDIR/mine.json" << END
{"name": "mine", "kind": "recogniser", "licence": "", "provenance": "", "file": "$MODELS/mobilefacenet-192.tflite",
 "format": "tflite", "sha256": "$sha256", "input": {"width": $1, "height": $1, "colour": "rgb", "mean": [$2], "std": [$3]},
 "alignment": "arcface-112", "embedding": "embeddings", "patch_map": "MobileFaceNet/MobileFaceNet/Conv2d_7/add"}
END
    }
    manifest 160 127.5 128
    picture noise 112 112 "$BATS_TEST_TMPDIR/ann.png"
    sl enroll --model "$BATS_TEST_TMPDIR/mine.json" --aligned --gallery "$BATS_TEST_TMPDIR/g" \
        "$BATS_TEST_TMPDIR/ann.png"
    expect 1
    contains "$err" '"width": 112, "height": 112'
    manifest 112 16447.5 16384 # as if its pixels were normalised twice
    sl models inspect "$BATS_TEST_TMPDIR/mine.json" --json
    expect 0
    json 'd.problems.length === 1 && d.self_check.least_cosine > .6'
}

@test "a gallery is asked with its own model, without --model; what is another one, or not here, is said" {
    need_models
    [ -e "$MODELS/mobilefacenet-128.onnx" ] || skip "mobilefacenet-128 is not here"
    cd "$BATS_TEST_TMPDIR"
    mkdir models
    ln -s "$MODELS"/*.onnx "$MODELS"/*.tflite models
    sed 's/"name": "mobilefacenet-128"/"name": "mine"/' "$SOURCE/models/mobilefacenet-128.json" > models/mine.json
    picture noise 112 112 ann.png
    picture grey 112 112 bob.png
    sl enroll --models-dir models --model mine --aligned --no-quality-gate --gallery g ann.png bob.png
    expect 0
    sl identify --models-dir models --aligned --gallery g --threshold .5 --json ann.png
    expect 0
    json 'd.model === "mine" && d.queries[0].faces[0].candidates[0].label === "ann"'
    sl verify --models-dir models --aligned --gallery g --far 0.01 ann.png ann.png
    expect 0
    picture stripes 112 112 cid.png
    sl enroll --models-dir models --aligned --no-quality-gate --gallery g --json cid.png
    expect 0
    json 'd.model === "mine" && d.enrolled === 1 && d.faces === 3'
    sl enroll --aligned --gallery g cid.png
    expect 1
    contains "$err" "made by model mine, and no model here has that name"
    sl enroll --models-dir models --model mobilefacenet-192 --aligned --gallery g cid.png # who names one means it
    expect 1
    contains "$err" "not by the mobilefacenet-192 that is here"
    sl identify --aligned --gallery g ann.png
    expect 1
    contains "$err" "made by model mine, and no model here has that name"
    contains "$err" "--model"
    sl identify --aligned --gallery g --threshold .5 --model models/mine.json ann.png
    expect 0
    sed -i 's/58.395/58/' models/mine.json
    sl identify --models-dir models --aligned --gallery g ann.png
    expect 1
    contains "$err" "not by the mine that is here"
}

@test "what a manifest says of itself does not reach the terminal as commands" {
    mkdir "$BATS_TEST_TMPDIR/models"
    cat > "$BATS_TEST_TMPDIR/models/evil.json" << 'END'
{"name": "evil", "kind": "detector", "licence": "\u001b]0;owned\u0007free", "provenance": "a\n    sha256      0000\u001b[2J",
 "source": {"text": "b\u001b[31m"}, "file": "c\u001b[1mx.onnx", "format": "onnx"}
END
    sl models list --models-dir "$BATS_TEST_TMPDIR/models"
    expect 0
    contains "$out" free
    fails grep -q $'[\001-\010\013-\037]' "$BATS_TEST_TMPDIR/stdout"
    fails grep -q '^    sha256      0000' "$BATS_TEST_TMPDIR/stdout"
}

# The installed library and program, as another project finds them.
load common

setup() {
    : "${BUILD:?}"
    stage=$BATS_TEST_TMPDIR/stage
    DESTDIR=$stage cmake --install "$BUILD" > /dev/null
    pc=$(dirname "$(find "$stage" -name secondlook.pc)")
    export PKG_CONFIG_PATH=$pc PKG_CONFIG_SYSROOT_DIR=$stage
    lib=$(dirname "$(find "$stage" -name 'libsecondlook.so')")
}

@test "program, library, header, pkg-config file and man page are installed" {
    for name in secondlook libsecondlook.so libsecondlook.a secondlook.h secondlook_draw.h secondlook_eval.h \
        secondlook_serve.h secondlook_study.h secondlook.pc secondlook.1; do
        [ -n "$(find "$stage" -name $name)" ] || { echo "$name is missing"; return 1; }
    done
    program=$(find "$stage" -path '*/bin/secondlook')
    "$program" --version
}

write_user_c() {
    cat > "$BATS_TEST_TMPDIR/user.c" <<'END'
#include <secondlook.h>
#include <stdio.h>

int main(void)
{
    sl_error err;
    sl_model_info *models;
    size_t count;
    if (sl_models_list(NULL, &models, &count, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%s, %zu models\n", sl_version(), count);
    sl_models_free(models, count);
    return 0;
}
END
    cd "$BATS_TEST_TMPDIR"
}

@test "a program builds against the installed library and runs" {
    write_user_c
    # shellcheck disable=SC2046
    cc -Wall -Werror user.c -o user $(pkg-config --cflags --libs secondlook)
    run env LD_LIBRARY_PATH="$lib" ./user
    [ "$status" = 0 ]
    contains "$output" "models"
}

@test "installed elsewhere by --prefix, the static library links by pkg-config --static alone" {
    elsewhere=$BATS_TEST_TMPDIR/elsewhere
    cmake --install "$BUILD" --prefix "$elsewhere" > /dev/null
    unset PKG_CONFIG_SYSROOT_DIR
    PKG_CONFIG_PATH=$(dirname "$(find "$elsewhere" -name secondlook.pc)")
    [ "$(pkg-config --variable=prefix secondlook)" = "$elsewhere" ]
    find "$elsewhere" -name 'libsecondlook.so*' -delete
    write_user_c
    # shellcheck disable=SC2046
    cc -Wall -Werror user.c -o user $(pkg-config --static --cflags --libs secondlook)
    run ./user
    [ "$status" = 0 ]
    contains "$output" "models"
}

@test "the shared library exports nothing but sl_ names" {
    strays=$(nm -D --defined-only --without-symbol-versions "$lib/libsecondlook.so" \
        | awk '$2 != "A" && $3 !~ /^sl_/ {print $3}')
    [ -z "$strays" ] || { echo "$strays"; return 1; }
}

# A gallery of three people, two photos each: embeddings along an axis of their own, maps that say no more.
write_gallery() {
    printf 'a/1\ta\na/2\ta\nb/1\tb\nb/2\tb\nc/1\tc\nc/2\tc\n' > names
    one='\0\0\200\77' none='\0\0\0\0'
    printf "$one$none$none$one$none$none$none$one$none$none$one$none$none$none$one$none$none$one" > embeddings
    for _ in $(seq 12); do printf "$one$none"; done > maps
    "$BUILD/gallery_of_arrays" "$1" names embeddings maps 3 2 1 2
}

@test "each header is enough for a program of its own, in C99 and in C++" {
    cd "$BATS_TEST_TMPDIR"
    write_gallery g
    # shellcheck disable=SC2046
    for header in core draw eval study attack; do
        cc -std=c99 -pedantic -Wall -Wextra -Werror "$SOURCE/tests/link/header_$header.c" -o "$header" \
            $(pkg-config --cflags --libs secondlook) -lm
        LD_LIBRARY_PATH="$lib" "./$header" $([ $header = eval ] && echo g)
        c++ -x c++ -Wall -Wextra -Werror "$SOURCE/tests/link/header_$header.c" -o "$header" \
            $(pkg-config --cflags --libs secondlook) -lm
        LD_LIBRARY_PATH="$lib" "./$header" $([ $header = eval ] && echo g)
    done
}

@test "what may change is not declared unless it is asked for" {
    include=$(dirname "$(find "$stage" -name secondlook.h)")
    echo 'int main(void) { return sl_attribute == 0; }' > "$BATS_TEST_TMPDIR/body"
    for header in secondlook secondlook_eval secondlook_study secondlook_attack; do
        { echo "#include <$header.h>"; cat "$BATS_TEST_TMPDIR/body"; } > "$BATS_TEST_TMPDIR/x.c"
        fails cc -fsyntax-only -I "$include" "$BATS_TEST_TMPDIR/x.c" 2> /dev/null
        cc -DSL_EXPERIMENTAL -fsyntax-only -I "$include" "$BATS_TEST_TMPDIR/x.c"
    done
}

@test "what the shared library exports is what the headers declare" {
    nm -D --defined-only --without-symbol-versions "$lib/libsecondlook.so" | awk '$3 ~ /^sl_/ {print $3}' \
        | sort > "$BATS_TEST_TMPDIR/exported"
    cat "$SOURCE"/include/*.h | tr '\n' ' ' | grep -oE 'SL_API [^;(]*\(' | grep -oE 'sl_\w+ *\($' | tr -d ' (' \
        | sort > "$BATS_TEST_TMPDIR/declared"
    diff "$BATS_TEST_TMPDIR/exported" "$BATS_TEST_TMPDIR/declared"
}

@test "the C programs of the README compile" {
    awk -v dir="$BATS_TEST_TMPDIR" '/^```c$/ { on = 1; n++; next } /^```/ { on = 0 } on { print > dir "/readme" n ".c" }' "$SOURCE/README.md"
    [ -e "$BATS_TEST_TMPDIR/readme1.c" ] || { echo "the README has no C program"; return 1; }
    for program in "$BATS_TEST_TMPDIR"/readme*.c; do
        cc -Wall -Wextra -Werror -fsyntax-only -I "$SOURCE/include" "$program"
    done
}

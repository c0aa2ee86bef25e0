#!/usr/bin/env bash
# Whether two builds of the command say the same, byte for byte: every format of every command over every capture at hand.
#
#   tests/equal-outputs.sh OLD NEW [FILE...]
#
# Flows that time out within the same ten seconds of a capture end in any order: records are compared in order of their text. Rows
# of Parquet files are read with pyarrow (pip install pyarrow), and left out where it is not here.
#
# OLD and NEW are `wiremark` binaries (cargo build --release -p wiremark-probe --features full). Without files: the demo, and all of
# ../shared/traces where it is there. Ends with 0 where all is equal; else names each command line that differs.
set -u
cd "$(dirname "$0")/.."
old=${1:?an old wiremark}
new=${2:?a new wiremark}
shift 2
files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(ls tests/demo.pcap ../shared/traces/*/*.pcap* 2>/dev/null)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
[ -d ../shared/traces ] || echo "no captures at ../shared/traces: only the project's own are compared"

# Parquet files become their rows, sorted.
ROWS='
import pathlib, sys
import pyarrow.parquet
for file in pathlib.Path(sys.argv[1]).glob("*.parquet"):
    table = pyarrow.parquet.read_table(file)
    lines = sorted(repr(row) for row in table.to_pylist())
    file.write_text("\n".join([str(table.schema), *lines]))
'
has_rows=yes
python3 -c 'import pyarrow.parquet' 2>/dev/null || { has_rows=; echo "no pyarrow: Parquet files are not compared"; }

different=0
compared=0
# Output, complaints and exit code of a command line, for each build; OUT stands for a file or folder to write.
same() {
    local build
    for build in old new; do
        mkdir "$scratch/now"
        "${!build}" "${@//OUT/$scratch/now/out}" >"$scratch/now/stdout" 2>"$scratch/now/stderr" </dev/null
        echo $? >"$scratch/now/code"
        case " $* " in *" json "* | *" csv "*) sort -o "$scratch/now/stdout" "$scratch/now/stdout" ;; esac
        [ ! -d "$scratch/now/out" ] || python3 -c "$ROWS" "$scratch/now/out"
        mv "$scratch/now" "$scratch/$build"
    done
    compared=$((compared + 1))
    if ! diff -rq "$scratch/old" "$scratch/new" >/dev/null; then
        different=$((different + 1))
        echo "differs: wiremark $*"
    fi
    rm -rf "$scratch/old" "$scratch/new"
}

for file in "${files[@]}"; do
    for format in table json csv; do same classify --format $format "$file"; done
    same classify --flows "$file"
    same explain "$file"
    same annotate "$file" OUT.pcapng
    for format in story json svg html; do same calls --format $format "$file"; done
    for format in table json html; do same tasks --format $format "$file"; done
    [ -z "$has_rows" ] || same tasks --format parquet -o OUT "$file"
done
same classify --format json "${files[@]}"
same tasks --format table "${files[@]}"
same signatures list
echo "$compared command lines over ${#files[@]} captures, $different differ"
[ $different = 0 ]

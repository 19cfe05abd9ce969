#!/bin/sh
# A small sentence encoder from nothing but texts and a teacher: vocabulary, pre-training, distillation, contrast, evaluation, packaging.
#
#   sh examples/model-in-the-box/make.sh --texts DIR --teacher DIR|ID --output DIR
#
# DIR of texts has documents.{train,dev}.jsonl.gz ("paragraphs": texts of a document in order) and pairs.{train,dev,test}.jsonl.gz
# ("anchor", "positive"). Every step leaves its result in the output folder; run again, the script goes on where it was stopped, in the
# middle of a training run too. README.md says what each step is for.
#
# For a shorter or a longer run: PRETRAIN_STEPS, and passes over the data in DISTILL_EPOCHS and CONTRAST_EPOCHS. STAGES of the pipeline (1).
# For another shape: LAYERS (2), WIDTH (256, a multiple of 64, which is a head's).
set -eu

texts= teacher= output=
while [ $# -gt 0 ]; do
  case "$1" in
    --texts) texts=${2:?--texts: expected a folder} ;;
    --teacher) teacher=${2:?--teacher: expected a folder or a hub id} ;;
    --output) output=${2:?--output: expected a folder} ;;
    *) echo "make.sh: expected --texts, --teacher and --output, got $1" >&2; exit 2 ;;
  esac
  shift 2
done
if [ -z "$texts" ] || [ -z "$teacher" ] || [ -z "$output" ]; then
  echo "make.sh: expected --texts DIR, --teacher DIR|ID and --output DIR" >&2
  exit 2
fi
layers=${LAYERS:-2} width=${WIDTH:-256}
if [ $((width % 64)) -ne 0 ]; then echo "make.sh: WIDTH: expected a multiple of 64, got $width" >&2; exit 2; fi
absolute() { case "$1" in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }
texts=$(absolute "$texts") output=$(absolute "$output")
if [ -e "$teacher" ]; then teacher=$(absolute "$teacher"); fi
for file in documents.train documents.dev pairs.train pairs.dev pairs.test; do
  if [ ! -f "$texts/$file.jsonl.gz" ]; then echo "make.sh: --texts: expected $file.jsonl.gz in $texts" >&2; exit 2; fi
done
cd "$(dirname "$0")/../.."
mkdir -p "$output"

stagecoach() { npm run -s stagecoach -- "$@"; }
step() { printf '\n== %s\n' "$1" >&2; }

# A training run of this name, begun, gone on with, or finished already.
run() {
  name=$1
  shift
  step "$name"
  if [ -d "$output/$name/model" ]; then echo "is there: $output/$name/model" >&2
  elif [ -f "$output/$name/training.json" ]; then stagecoach train --resume "$output/$name" --stages "${STAGES:-1}"
  else stagecoach train "$@" --stages "${STAGES:-1}" --output "$output/$name"
  fi
}

step vocabulary
if [ ! -f "$output/scratch/config.json" ]; then
  rm -rf "$output/scratch"
  stagecoach tokenizer train "$texts/documents.train.jsonl.gz" --vocab-size 8000 --output "$output/scratch"
  cat > "$output/scratch/config.json.part" <<JSON
{
  "model_type": "bert",
  "architectures": ["BertModel"],
  "vocab_size": 8000,
  "hidden_size": $width,
  "num_hidden_layers": $layers,
  "num_attention_heads": $((width / 64)),
  "intermediate_size": $((width * 4)),
  "hidden_act": "gelu",
  "max_position_embeddings": 256,
  "type_vocab_size": 2,
  "layer_norm_eps": 1e-12,
  "initializer_range": 0.02,
  "hidden_dropout_prob": 0,
  "attention_probs_dropout_prob": 0,
  "pad_token_id": 0
}
JSON
  mv "$output/scratch/config.json.part" "$output/scratch/config.json"
fi

run pretrained --task pretraining \
  --data "$texts/documents.train.jsonl.gz" --eval-data "$texts/documents.dev.jsonl.gz" --model "$output/scratch" \
  --max-steps "${PRETRAIN_STEPS:-1200}" --batch-size 64 --learning-rate 0.001 --max-length 128

run distilled --task sentence-embedding \
  --data "$texts/documents.train.jsonl.gz" --eval-data "$texts/documents.dev.jsonl.gz" --model "$output/pretrained/model" \
  --teacher "$teacher" --epochs "${DISTILL_EPOCHS:-6}" --batch-size 128 --learning-rate 0.001

run contrasted \
  --data "$texts/pairs.train.jsonl.gz" --eval-data "$texts/pairs.dev.jsonl.gz" --model "$output/distilled/model" \
  --teacher "$teacher" --teacher-weight 1 --epochs "${CONTRAST_EPOCHS:-6}" --batch-size 256 --learning-rate 0.0005

step evaluation
for name in distilled contrasted; do
  stagecoach evaluate --model "$output/$name/model" --data "$texts/pairs.test.jsonl.gz" --json "$output/$name/retrieval.json"
done

step packaging
rm -rf "$output/model"
stagecoach models export --format safetensors --dtype float16 --model "$output/contrasted/model" --output "$output/model"
stagecoach evaluate --model "$output/model" --data "$texts/pairs.test.jsonl.gz" --json "$output/retrieval.json"

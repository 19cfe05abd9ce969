"""Tiny random encoders of every family with what PyTorch computes for them.

Writes test/fixtures/encoders/<name>/: a Hugging Face folder (config.json, model.safetensors) and golden.safetensors with
input.*, output.last_hidden_state, output.pooler_output (where there is a pooler) and one pooled.<mode> per pooling of sentence-transformers.

Run in the repository's root:  python tools/oracles/encoders.py
Needs torch, transformers, sentence-transformers, safetensors; versions and seed are written to test/fixtures/encoders/versions.json.
"""
import json, os, shutil
import safetensors.torch, sentence_transformers, torch, transformers
from safetensors.torch import save_file
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import (BertConfig, BertForPreTraining, BertModel, DistilBertConfig, DistilBertForMaskedLM, DistilBertModel,
                          MPNetConfig, MPNetForMaskedLM, MPNetModel, RobertaConfig, RobertaForMaskedLM, RobertaModel,
                          XLMRobertaConfig, XLMRobertaModel)

SEED = 20261123
OUT = "test/fixtures/encoders"
torch.set_num_threads(1)
POOLINGS = ["cls", "max", "mean", "lasttoken"]


def perturb(model):
    """Move biases and norms away from 0 and 1, so that a forgotten one shows."""
    generator = torch.Generator().manual_seed(SEED + 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
    return model.eval()


def batch(vocab, pad, segments):
    """Texts of 1, 13, 7 and 2 tokens; the second has the padding token as a real token in its middle."""
    lengths, width = [1, 13, 7, 2], 13
    generator = torch.Generator().manual_seed(SEED + 2)
    ids = torch.randint(5, vocab, (len(lengths), width), generator=generator)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
        ids[row, length:] = pad
    ids[1, 6] = pad
    inputs = dict(input_ids=ids, attention_mask=mask)
    if segments > 1:
        types = torch.zeros_like(ids)
        types[1, 5:13] = 1
        inputs["token_type_ids"] = types
    return inputs


def write(name, model, inputs, encoder, dtype=torch.float32, **save):
    """`encoder` is the model itself or the encoder inside a task model; stored as `dtype`, computed in float32."""
    folder = f"{OUT}/{name}"
    shutil.rmtree(folder, ignore_errors=True)
    model.to(dtype).save_pretrained(folder, **save)
    model.to(torch.float32)
    if os.path.exists(f"{folder}/generation_config.json"):
        os.remove(f"{folder}/generation_config.json")
    with torch.no_grad():
        output = encoder(**inputs)
    golden = {f"input.{key}": value for key, value in inputs.items()}
    golden["output.last_hidden_state"] = output.last_hidden_state
    if getattr(output, "pooler_output", None) is not None:
        golden["output.pooler_output"] = output.pooler_output
    for mode in POOLINGS:
        pooled = Pooling(output.last_hidden_state.shape[-1], mode)(
            dict(token_embeddings=output.last_hidden_state, attention_mask=inputs["attention_mask"]))
        golden[f"pooled.{mode}"] = pooled["sentence_embedding"]
    save_file({key: value.contiguous().clone() for key, value in golden.items()}, f"{folder}/golden.safetensors")


def seeded(build):
    torch.manual_seed(SEED)
    return perturb(build())


def legacy_names(folder):
    """The names that checkpoints converted from TensorFlow have (google-bert/bert-base-uncased): LayerNorm.gamma and .beta."""
    tensors = safetensors.torch.load_file(f"{folder}/model.safetensors")
    renamed = {key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value for key, value in tensors.items()}
    save_file(renamed, f"{folder}/model.safetensors", metadata={"format": "pt"})


sizes = dict(vocab_size=61, hidden_size=24, num_hidden_layers=3, num_attention_heads=4, intermediate_size=40, max_position_embeddings=32,
             hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager")
bert_config = lambda **extra: BertConfig(**{**sizes, **extra})

bert = seeded(lambda: BertModel(bert_config()))
write("bert", bert, batch(61, 0, 2), bert)
write("bert-sharded", bert, batch(61, 0, 2), bert, max_shard_size="20KB")
for dtype in (torch.float16, torch.bfloat16):
    model = seeded(lambda: BertModel(bert_config()))
    write(f"bert-{str(dtype).split('.')[1]}", model, batch(61, 0, 2), model, dtype=dtype)
task = seeded(lambda: BertForPreTraining(bert_config(hidden_act="gelu_new")))
write("bert-pretraining", task, batch(61, 0, 2), task.bert)
legacy_names(f"{OUT}/bert-pretraining")

fairseq = dict(pad_token_id=1, bos_token_id=0, eos_token_id=2)
roberta = seeded(lambda: RobertaForMaskedLM(RobertaConfig(**sizes, **fairseq, type_vocab_size=1, layer_norm_eps=1e-5)))
write("roberta", roberta, batch(61, 1, 1), roberta.roberta)
xlm = seeded(lambda: XLMRobertaModel(XLMRobertaConfig(**sizes, **fairseq, type_vocab_size=1, layer_norm_eps=1e-5)))
write("xlm-roberta", xlm, batch(61, 1, 1), xlm)

distil_sizes = dict(vocab_size=61, dim=24, n_layers=3, n_heads=4, hidden_dim=40, max_position_embeddings=32, dropout=0.0, attention_dropout=0.0,
                    attn_implementation="eager")
distil = seeded(lambda: DistilBertForMaskedLM(DistilBertConfig(**distil_sizes)))
write("distilbert", distil, batch(61, 0, 1), distil.distilbert)
sinusoidal = seeded(lambda: DistilBertModel(DistilBertConfig(**distil_sizes, sinusoidal_pos_embds=True)))
write("distilbert-sinusoidal", sinusoidal, batch(61, 0, 1), sinusoidal)

mpnet = seeded(lambda: MPNetForMaskedLM(MPNetConfig(**sizes, **fairseq)))
write("mpnet", mpnet, batch(61, 1, 1), mpnet.mpnet)

json.dump(dict(program="tools/oracles/encoders.py", seed=SEED, torch=torch.__version__, transformers=transformers.__version__,
               sentence_transformers=sentence_transformers.__version__, safetensors=safetensors.__version__),
          open(f"{OUT}/versions.json", "w"), indent=2)

"""Tiny task models of every family with the losses and gradients that PyTorch computes for them.

Writes test/fixtures/tasks/<name>/: a Hugging Face folder (config.json, model.safetensors) and golden.safetensors with input.*,
output.*, grad.<parameter> of output.loss, class_weights where there are some, and for some a training pass with dropout: dropout.mask.<site>
(0 or 1/(1-p), padded as PyTorch saw it), dropout.loss, and dropout.grad of the word embeddings, to which every site contributes.

Run in the repository's root:  python tools/oracles/task_models.py
Needs torch, transformers, safetensors; versions and seed are written to test/fixtures/tasks/versions.json.
"""
import json, os, shutil
import safetensors, torch, transformers
from safetensors.torch import save_file
from transformers import (BertConfig, BertForQuestionAnswering, BertForSequenceClassification, DistilBertConfig,
                          DistilBertForSequenceClassification, MPNetConfig, MPNetForSequenceClassification, RobertaConfig,
                          RobertaForMaskedLM, RobertaForSequenceClassification)

SEED = 20261127
OUT = "test/fixtures/tasks"
RATES = dict(hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.3)
torch.set_num_threads(1)
LENGTHS, WIDTH, VOCABULARY = [4, 7, 2], 7, 20


def perturb(model):
    """Move biases and norms away from 0 and 1, so that a forgotten one shows."""
    generator = torch.Generator().manual_seed(SEED + 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model.eval()


def batch(pad, segments):
    generator = torch.Generator().manual_seed(SEED + 2)
    ids = torch.randint(5, VOCABULARY, (len(LENGTHS), WIDTH), generator=generator)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        mask[row, :length] = 1
        ids[row, length:] = pad
    inputs = dict(input_ids=ids, attention_mask=mask)
    if segments > 1:
        types = torch.zeros_like(ids)
        types[1, 3:7] = 1
        inputs["token_type_ids"] = types
    return inputs


def mean_over_texts(model, inputs, labels):
    """transformers' own loss of each text alone, without padding: what a loss is that does not see padding."""
    losses = []
    for row, length in enumerate(LENGTHS):
        alone = {key: value[row:row + 1, :length] for key, value in inputs.items()}
        losses.append(model(**alone, **{key: value[row:row + 1] for key, value in labels.items()}).loss)
    return torch.stack(losses).mean()


def recorded_dropout(sites):
    """A replacement of torch's dropout that draws its masks from the seed and keeps them, in the order of the calls."""
    generator, masks = torch.Generator().manual_seed(SEED + 3), []
    def dropout(x, p=0.5, training=True, inplace=False):
        if not training or p == 0:
            return x
        mask = (torch.rand(x.shape, generator=generator) >= p).to(x.dtype) / (1 - p)
        masks.append(mask)
        return x * mask
    return dropout, lambda: dict(zip(sites, masks, strict=True))


def write(name, build, pad, segments, labels, sites=None, class_weights=None, per_text=False):
    torch.manual_seed(SEED)
    model, inputs = perturb(build()), batch(pad, segments)
    folder = f"{OUT}/{name}"
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    if os.path.exists(f"{folder}/generation_config.json"):
        os.remove(f"{folder}/generation_config.json")

    def loss_of():
        if per_text:
            return mean_over_texts(model, inputs, labels)
        output = model(**inputs, **labels)
        if class_weights is None:
            return output.loss
        return torch.nn.functional.cross_entropy(output.logits, labels["labels"], weight=class_weights)

    golden = {f"input.{key}": value for key, value in {**inputs, **labels}.items()}
    with torch.no_grad():
        for key, value in model(**inputs).items():
            golden[f"output.{key}"] = value
    loss = loss_of()
    loss.backward()
    golden["output.loss"] = loss.detach()
    for key, parameter in model.named_parameters():
        golden[f"grad.{key}"] = parameter.grad
    if class_weights is not None:
        golden["class_weights"] = class_weights
    if sites is not None:
        model.zero_grad()
        model.train()
        original = torch.nn.functional.dropout
        torch.nn.functional.dropout, recorded = recorded_dropout(sites)
        loss = loss_of()
        torch.nn.functional.dropout = original
        loss.backward()
        golden["dropout.loss"] = loss.detach()
        golden["dropout.grad"] = model.get_input_embeddings().weight.grad
        for site, mask in recorded().items():
            golden[f"dropout.mask.{site}"] = mask
    save_file({key: value.contiguous().clone() for key, value in golden.items()}, f"{folder}/golden.safetensors")


def sites_of(classifier, attention_output=True):
    """Names of libs/transformer/src/tasks/dropoutSites.ts, in the order in which PyTorch drops."""
    layers = [f"layer.{layer}.{site}" for layer in range(2)
              for site in ["attention_probs", *(["attention_output"] if attention_output else []), "output"]]
    return ["embeddings", *layers, *classifier]


sizes = dict(vocab_size=VOCABULARY, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
             max_position_embeddings=12, attn_implementation="eager", **RATES)
fairseq = dict(pad_token_id=1, bos_token_id=0, eos_token_id=2)
classes = torch.tensor([2, 0, 1])
single = dict(num_labels=3, problem_type="single_label_classification")

write("bert-class-weights", lambda: BertForSequenceClassification(BertConfig(**sizes, **single, classifier_dropout=0.4)), 0, 2,
      dict(labels=classes), sites_of(["classifier"]), class_weights=torch.tensor([0.5, 2.0, 3.5]))
write("bert-question-answering", lambda: BertForQuestionAnswering(BertConfig(**sizes)), 0, 2,
      dict(start_positions=torch.tensor([1, 4, 0]), end_positions=torch.tensor([3, 6, 1])), per_text=True)
write("roberta-classification", lambda: RobertaForSequenceClassification(RobertaConfig(
      **sizes, **fairseq, **single, type_vocab_size=1, layer_norm_eps=1e-5)), 1, 1, dict(labels=classes),
      sites_of(["classifier", "classifier_output"]))
write("distilbert-multi-label", lambda: DistilBertForSequenceClassification(DistilBertConfig(
      vocab_size=VOCABULARY, dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=12, dropout=0.2,
      attention_dropout=0.3, seq_classif_dropout=0.4, attn_implementation="eager", num_labels=3,
      problem_type="multi_label_classification")), 0, 1, dict(labels=torch.tensor([[1., 0, 1], [0, 0, 0], [0.25, 1, 1]])),
      sites_of(["classifier"], attention_output=False))
write("mpnet-regression", lambda: MPNetForSequenceClassification(MPNetConfig(
      **sizes, **fairseq, num_labels=1, problem_type="regression")), 1, 1, dict(labels=torch.tensor([0.3, -1.2, 2.5])))
masked = torch.full((3, WIDTH), -100)
masked[0, 2], masked[1, 1], masked[1, 6], masked[2, 0] = 9, 13, 6, 19
write("roberta-masked-lm", lambda: RobertaForMaskedLM(RobertaConfig(**sizes, **fairseq, type_vocab_size=1, layer_norm_eps=1e-5)),
      1, 1, dict(labels=masked))

json.dump(dict(program="tools/oracles/task_models.py", seed=SEED, torch=torch.__version__, transformers=transformers.__version__,
               safetensors=safetensors.__version__), open(f"{OUT}/versions.json", "w"), indent=2)

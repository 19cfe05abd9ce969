"""PyTorch's losses of what a teacher says, beside labels (Hinton et al. 2015, TinyBERT, DistilBERT), and gradients by them.

Writes test/fixtures/distillation.json, for the model and the batch of test/fixtures/tasks/bert-class-weights (tools/oracles/task_models.py):

- cases: softened logits of classes, with and without class weights; `labels`: the same of several labels per text (multiLabel) and of tokens
  (tags: the encoder and the head of that model, BertForTokenClassification), each loss with its parts, and gradients of the classifier's bias and
  of a bias in the first layer;
- hidden: hidden states of real tokens, one after another as rows: TinyBERT's mean squared error (Jiao et al. 2020, equation 8; with a projection
  where widths differ) and DistilBERT's torch.nn.CosineEmbeddingLoss (Sanh et al. 2019), the sum over states, beside the labels' cross entropy.

Run in the repository's root:  python tools/oracles/distillation.py
Needs torch, transformers, safetensors.
"""
import json
import torch, transformers
from safetensors.torch import load_file
from torch.nn.functional import binary_cross_entropy_with_logits, cosine_embedding_loss, cross_entropy, kl_div, log_softmax, mse_loss, softmax
from transformers import BertForSequenceClassification, BertForTokenClassification

FOLDER, SEED = "test/fixtures/tasks/bert-class-weights", 20261128
torch.set_num_threads(1)
torch.manual_seed(SEED)
golden = load_file(f"{FOLDER}/golden.safetensors")
batch = {key.removeprefix("input."): value for key, value in golden.items() if key.startswith("input.")}
labels = batch.pop("labels")
model = BertForSequenceClassification.from_pretrained(FOLDER, attn_implementation="eager").eval()
tagger = BertForTokenClassification.from_pretrained(FOLDER, attn_implementation="eager").eval()
teacher = torch.randn(len(labels), 3) * 3
BIASES = ["classifier.bias", "bert.encoder.layer.0.attention.output.dense.bias"]


def result(of, loss, parts, names=BIASES, **others):
    of.zero_grad()
    loss.backward()
    named = dict(of.named_parameters())
    return dict(**others, loss=loss.item(), parts={name: part.item() for name, part in parts.items()},
                gradients={name: named[name].grad.tolist() for name in names})


def divergence(logits, given, temperature):
    both = log_softmax(logits / temperature, -1), softmax(given / temperature, -1)
    return kl_div(*both, reduction="batchmean") * temperature ** 2


def case(weights, temperature, alpha):
    logits = model(**batch).logits
    taught, labelled = divergence(logits, teacher, temperature), cross_entropy(logits, labels, weight=weights)
    parts = dict(labels=(1 - alpha) * labelled, teacher=alpha * taught)
    return result(model, parts["labels"] + parts["teacher"], parts, weighted=weights is not None, temperature=temperature, alpha=alpha)


cases = [case(None, 2.0, 0.5), case(golden["class_weights"], 4.0, 0.9), case(None, 1.0, 1.0)]


def multi_label(temperature, alpha):
    several = (torch.rand(len(labels), 3) > 0.5).float()
    logits = model(**batch).logits
    asked = torch.sigmoid(teacher / temperature)
    taught = binary_cross_entropy_with_logits(logits / temperature, asked) * temperature ** 2
    parts = dict(labels=(1 - alpha) * binary_cross_entropy_with_logits(logits, several), teacher=alpha * taught)
    facts = dict(kind="multiLabel", temperature=temperature, alpha=alpha, labels=several.flatten().tolist(), teacherLogits=teacher.tolist())
    return result(model, parts["labels"] + parts["teacher"], parts, **facts)


real = batch["attention_mask"].bool()


def tags(weights, temperature, alpha):
    rows = torch.arange(1, int(real.sum()), 2)
    tagged, given = torch.randint(3, (len(rows),)), torch.randn(len(rows), 3) * 3
    logits = tagger(**batch).logits[real][rows]
    taught, labelled = divergence(logits, given, temperature), cross_entropy(logits, tagged, weight=weights)
    parts = dict(labels=(1 - alpha) * labelled, teacher=alpha * taught)
    facts = dict(kind="tags", weighted=weights is not None, temperature=temperature, alpha=alpha, labels=tagged.tolist(), rows=rows.tolist(),
                 teacherLogits=given.tolist())
    return result(tagger, parts["labels"] + parts["teacher"], parts, **facts)


def hidden(loss, weight, states, size):
    """@param states: pairs of the student's and the teacher's number, 0 the embeddings' output; the teacher's have so many values"""
    given = torch.randn(int(real.sum()), len(states), size)
    outputs = model(**batch, output_hidden_states=True)
    own = [outputs.hidden_states[student][real] for student, _ in states]
    projections = [torch.nn.Parameter(torch.randn(size, own[0].shape[-1]) * 0.3) for _ in states] if size != own[0].shape[-1] else []
    if projections:
        own = [rows @ matrix.T for rows, matrix in zip(own, projections)]
    same = torch.ones(len(given))
    compare = mse_loss if loss == "mse" else lambda rows, theirs: cosine_embedding_loss(rows, theirs, same)
    taught = weight * sum(compare(rows, given[:, at]) for at, rows in enumerate(own))
    parts = dict(labels=cross_entropy(outputs.logits, labels), hidden=taught)
    names = BIASES + ["bert.embeddings.LayerNorm.bias", "bert.encoder.layer.1.output.LayerNorm.weight"]
    facts = dict(hiddenLoss=loss, weight=weight, states=[dict(student=student, teacher=theirs) for student, theirs in states], size=size,
                 teacherStates=given.flatten().tolist(), projections=[matrix.flatten().tolist() for matrix in projections])
    told = result(model, parts["labels"] + parts["hidden"], parts, names, **facts)
    return dict(**told, projectionGradients=[matrix.grad.flatten().tolist() for matrix in projections])


json.dump(dict(program="tools/oracles/distillation.py", seed=SEED, torch=torch.__version__, transformers=transformers.__version__,
               teacherLogits=teacher.tolist(), cases=cases,
               labels=[multi_label(2.0, 0.5), multi_label(1.0, 1.0), tags(golden["class_weights"], 2.0, 0.5), tags(None, 3.0, 0.8)],
               hidden=[hidden("mse", 0.5, [(0, 0), (1, 3), (2, 6)], 5), hidden("mse", 2.0, [(1, 1)], 8), hidden("cosine", 1.0, [(0, 0), (2, 4)], 8)]),
          open("test/fixtures/distillation.json", "w"), indent=2)

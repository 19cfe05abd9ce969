"""Six steps of LAMB as timm computes them, with clipping, a learning rate that changes, and a weight that is 0 at the beginning.

Writes test/fixtures/lamb.json: parameters with their values before and after, and the gradients of each step. Names that end in "bias" or
hold "LayerNorm." do not decay.

Run in the repository's root:  python tools/oracles/lamb.py PATH_OF_timm
timm 1.0.31's optim/lamb.py is loaded without the rest of timm, which needs torchvision (pip install --no-deps timm).
"""
import importlib, json, sys, types
import torch

SEED, STEPS, DECAY, EPSILON, CLIP = 20261128, 6, 0.1, 1e-6, 1.0
RATES = [0.01 * (1 + step) for step in range(STEPS)]
for name, path in [("timm", sys.argv[1]), ("timm.optim", sys.argv[1] + "/optim")]:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
Lamb = importlib.import_module("timm.optim.lamb").Lamb

torch.manual_seed(SEED)
shapes = {"layer.weight": [4, 3], "layer.bias": [4], "LayerNorm.weight": [3], "zero.weight": [2, 2]}
values = {name: torch.randn(shape) * (0 if name.startswith("zero") else 1) for name, shape in shapes.items()}
gradients = [{name: torch.randn(shape) * 2 for name, shape in shapes.items()} for _ in range(STEPS)]
parameters = {name: torch.nn.Parameter(value.clone()) for name, value in values.items()}
decays = lambda name: not (name.endswith("bias") or "LayerNorm." in name)
optimizer = Lamb([dict(params=[p for name, p in parameters.items() if decays(name)], weight_decay=DECAY),
                  dict(params=[p for name, p in parameters.items() if not decays(name)], weight_decay=0.0)],
                 lr=RATES[0], eps=EPSILON, max_grad_norm=CLIP)
for rate, gradient in zip(RATES, gradients):
    for group in optimizer.param_groups: group["lr"] = rate
    for name, parameter in parameters.items(): parameter.grad = gradient[name].clone()
    optimizer.step()

flat = lambda tensors: {name: tensor.detach().flatten().tolist() for name, tensor in tensors.items()}
json.dump(dict(program="tools/oracles/lamb.py", seed=SEED, timm="1.0.31", torch=torch.__version__, weightDecay=DECAY, epsilon=EPSILON,
               maxGradNorm=CLIP, learningRates=RATES, shapes=shapes, before=flat(values), gradients=[flat(each) for each in gradients],
               after=flat(parameters)), open("test/fixtures/lamb.json", "w"))

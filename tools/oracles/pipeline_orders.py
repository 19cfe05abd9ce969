"""The order in which PyTorch's pipeline schedules run their passes, for libs/parallel/src/schedules.

Run:   python tools/oracles/pipeline_orders.py      (writes libs/parallel/fixtures/pipelineOrders.json)
Needs: torch 2.15

ScheduleGPipe and Schedule1F1B execute with a stage that computes nothing and writes down what it is asked to do, so the order is
that of the code that trains (`_step_microbatches`), not that of its printed plan (`_get_pipeline_order`, which for the last 1F1B stage
starts at micro-batch 1). 1F1B refuses fewer micro-batches than stages. Letters: F forward, B backward.
"""
import json
import os
import platform

import torch
from torch.distributed.pipelining import schedules

OUT = os.path.join(os.path.dirname(__file__), "../../libs/parallel/fixtures/pipelineOrders.json")


class RecordingStage:
    """A pipeline stage without a model."""

    has_backward = True
    submod = None

    def __init__(self, stage, num_stages):
        self.stage_index = stage
        self.num_stages = num_stages
        self.is_first = stage == 0
        self.is_last = stage == num_stages - 1
        self.order = []

    def forward_one_chunk(self, index, *_args, **_options):
        self.order.append(f"F{index}")

    def backward_one_chunk(self, index, **_options):
        self.order.append(f"B{index}")

    def __getattr__(self, name):
        if name.startswith("get_"):
            return lambda *_args: []
        return lambda *_args, **_options: None


def order_of(schedule_class, stage, num_stages, num_micro_batches):
    schedule = schedule_class.__new__(schedule_class)
    recording = RecordingStage(stage, num_stages)
    schedule.__dict__.update(
        _stage=recording,
        _num_stages=num_stages,
        _n_microbatches=num_micro_batches,
        _has_backward=True,
        _finalize_gradients=True,
        scale_grads=False,
        _check_inputs=lambda *_args: ([None] * num_micro_batches, [None] * num_micro_batches),
        _initialize_stage=lambda *_args: None,
        _maybe_compute_loss=lambda *_args: None,
        _maybe_get_loss=lambda *_args: None,
        _update_losses=lambda *_args: None,
    )
    schedule._step_microbatches()
    return " ".join(recording.order)


# Nothing is sent: only the order counts. Every function that starts transfers returns something to wait for, by rank.
for name in [name for name in vars(schedules) if "batch_p2p" in name or name == "_wait_and_release_fwd_send"]:
    setattr(schedules, name, lambda *_args, **_options: {})

orders = {}
for name, schedule_class in {"gpipe": schedules.ScheduleGPipe, "1f1b": schedules.Schedule1F1B}.items():
    for num_stages in (1, 2, 3, 4, 6):
        for num_micro_batches in (1, 2, 3, 4, 5, 8, 13):
            if name == "1f1b" and num_micro_batches < num_stages:
                continue
            orders[f"{name} {num_stages} {num_micro_batches}"] = [
                order_of(schedule_class, stage, num_stages, num_micro_batches) for stage in range(num_stages)
            ]

os.makedirs(os.path.dirname(OUT), exist_ok=True)
with open(OUT, "w") as file:
    json.dump({"by": f"tools/oracles/pipeline_orders.py, torch {torch.__version__}, Python {platform.python_version()}", "orders": orders}, file, indent=1)
    file.write("\n")

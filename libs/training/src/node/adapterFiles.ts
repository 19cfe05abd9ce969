/**
 * @file An adapter in peft's layout: `adapter_config.json` and `adapter_model.safetensors`, which `PeftModel.from_pretrained` loads onto
 * the base model. Formats: peft 0.21, LoraConfig and save_pretrained.
 */
import {
  checkpointNameOf,
  isLoraName,
  PEFT_PREFIX,
  taskParameters,
  type LoraOptions,
  type TaskModel,
  type TaskName,
} from "@stagecoach/transformer";

/** Beside a trained model's own files. */
export const ADAPTER_FOLDER = "adapter";

/** peft's TaskType; null where it has none. */
const taskTypes: Readonly<Partial<Record<TaskName, string>>> = {
  "sequence-classification": "SEQ_CLS",
  "token-classification": "TOKEN_CLS",
  "question-answering": "QUESTION_ANS",
  "sentence-embedding": "FEATURE_EXTRACTION",
};

type AdapterConfig = {
  readonly r: number;
  readonly lora_alpha: number;
  readonly target_modules: readonly string[];
  readonly modules_to_save: readonly string[] | null;
};

/** @param base - name of the base model: a hub id, or a folder */
export function adapterConfig({ task }: TaskModel, lora: LoraOptions, base: string): object {
  return {
    peft_type: "LORA",
    task_type: taskTypes[task.name] ?? null,
    base_model_name_or_path: base,
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: lora.dropout ?? 0,
    target_modules: lora.modules,
    modules_to_save: lora.saved.length === 0 ? null : lora.saved,
    bias: "none",
    fan_in_fan_out: false,
    use_rslora: false,
    use_dora: false,
    inference_mode: true,
  };
}

/** @param json - content of a file that adapterConfig has made */
export function readAdapterConfig(json: unknown): LoraOptions {
  const { r: rank, lora_alpha: alpha, target_modules: modules, modules_to_save: saved } = json as AdapterConfig;
  return { rank, alpha, modules, saved: saved ?? [] };
}

/** The weights that an adapter's file has, by the name that graphs use, and their names there. */
export function adapterTensors(model: TaskModel, { saved }: LoraOptions) {
  return taskParameters(model)
    .filter(({ name }) => isLoraName(name) || saved.some((beginning) => name.startsWith(`${beginning}.`)))
    .map(({ name, shape }) => ({ name, shape, stored: PEFT_PREFIX + checkpointNameOf(model, name) }));
}

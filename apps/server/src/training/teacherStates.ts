/**
 * @file A teacher of hidden states: any encoder with the student's tokens, whose layers' outputs are computed in stages and kept in a file.
 *
 * They are much larger than what else a teacher says: tokens times width times states. So they are kept in float16, must not be more than a limit,
 * and are asked of the texts that are trained on alone.
 *
 * Dimensions: D hidden size of the teacher, S its states that are compared.
 */
import { TrainingError } from "@stagecoach/training";
import { diskError, featureBytes, FeatureFile, type DataSets, type ExampleSet } from "@stagecoach/training/node";
import { MAX_FLOAT16, STATES, type HiddenDistillation, type Task } from "@stagecoach/transformer";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Hyperparameters } from "../jobs/hyperparameters.ts";
import { formatBytes } from "../progress/progressBar.ts";
import { evaluationSettings } from "./evaluationSettings.ts";
import { comparedStates } from "./hiddenStates.ts";
import { expectSameTokens } from "./sameTokens.ts";
import type { FoundTeacher, StateTeaching, Student } from "./teacher.ts";
import { hashExample, type AskOptions } from "./teacherAnswers.ts";
import { askInStages, type StagedTeacher } from "./teacherStages.ts";

/** Of states that are kept for a job, where it does not say. */
const LIMIT_GB = 20;
/** Examples of a batch: fewer than for logits, since frames have all states of all tokens. */
const BATCH = 8;
/** Of the encoder nothing is asked but its layers. */
const LAYERS_ALONE: Task = { name: "token-classification", numLabels: 2 };
/** Examples of one text, whatever they are for. */
const TEXTS: Task = { name: "sequence-classification", problemType: "single_label_classification", numLabels: 2 };

const wrong = (message: string) => new TrainingError("training_option", message);

/**
 * @throws TrainingError for a teacher with other tokens, layers that do not fit, and more states than are to be kept
 */
export async function findStateTeacher(
  teacher: FoundTeacher,
  { student, data }: { readonly student: Student; readonly data: DataSets },
  given: Hyperparameters & Pick<HiddenDistillation, "loss">,
): Promise<StateTeaching> {
  const { encoded } = data.train;
  await expectSameTokens(teacher, student, { what: "hidden states", longest: encoded.report.longest });
  const { hiddenSize: size } = teacher.model.config;
  const own = student.model.config;
  if (given.loss === "cosine" && size !== own.hiddenSize)
    throw wrong(
      `distillation hidden: expected a teacher of the student's width ${own.hiddenSize} for cosines, got ${size} (mse has a projection)`,
    );
  const states = comparedStates(given.distillation_layers, own.numLayers, teacher.model.config.numLayers);
  expectRoom(data.train, states.length * size, given.distillation_cache_gb ?? LIMIT_GB);
  let file: FeatureFile | null = null;
  return {
    compared: { loss: given.loss, size, states },
    async ask({ train }, options) {
      file = await askStates(
        teacher,
        { train, states: states.map((each) => each.teacher), fingerprint: teacher.fingerprint },
        options,
      );
    },
    statesOf(of, example) {
      if (file === null || of !== encoded) throw new Error("internal: a teacher's hidden states before it was asked");
      return file.read(example);
    },
    close() {
      file?.close();
      file = null;
    },
  };
}

const tokensOf = ({ encoded, examples }: ExampleSet): number =>
  examples.reduce((sum, example) => sum + encoded.store.lengthOf(example), 0);

/** @param width - values of a token */
function expectRoom(train: ExampleSet, width: number, limitGb: number): void {
  const numTokens = tokensOf(train);
  const bytes = featureBytes(numTokens, { width, dtype: "float16" });
  if (bytes <= limitGb * 1e9) return;
  const got = `${formatBytes(bytes)} for ${numTokens} tokens with ${width} values each`;
  const remedy = "name fewer distillation layers, take fewer or shorter texts, or raise distillation cache gb";
  throw wrong(`distillation hidden: expected at most ${limitGb} GB of hidden states, got ${got} (${remedy})`);
}

type Asked = { readonly train: ExampleSet; readonly states: readonly number[]; readonly fingerprint: string };

/** Once: what it has said before is in the folder, where it appears as a whole. */
async function askStates(teacher: StagedTeacher, asked: Asked, options: AskOptions): Promise<FeatureFile> {
  const { encoded, examples } = asked.train;
  const width = asked.states.length * teacher.model.config.hiddenSize;
  const rowsOf = (example: number) => encoded.store.lengthOf(example);
  const layout = { examples, rowsOf, width, dtype: "float16" } as const;
  const path = join(options.folder, `${digestOf(asked)}.f16`);
  if (!existsSync(path)) {
    const temporary = `${path}.tmp`;
    try {
      await mkdir(options.folder, { recursive: true });
      await expectDisk(options.folder, featureBytes(tokensOf(asked.train), layout));
      const writing = FeatureFile.create(temporary, layout);
      try {
        await write(writing, { teacher, asked }, options);
        writing.sync();
      } finally {
        writing.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw diskError(error, "hidden states of the teacher");
    }
  }
  return FeatureFile.open(path, layout);
}

async function write(
  file: FeatureFile,
  { teacher, asked }: { readonly teacher: StagedTeacher; readonly asked: Asked },
  options: AskOptions,
): Promise<void> {
  const { encoded, examples } = asked.train;
  // Texts of an example that has several are apart, and a masked-LM's are not masked.
  const task = encoded.task.name === "sentence-embedding" ? encoded.task : TEXTS;
  const settings = {
    ...evaluationSettings(LAYERS_ALONE),
    part: "encoder" as const,
    states: asked.states,
    replaceHead: true,
  };
  await askInStages(
    teacher,
    { settings, encoded, task, examples, batchSize: BATCH },
    {
      ...options,
      take(batch, outputs, done) {
        const rows = outputs[STATES]!.data as Float32Array;
        const beyond = rows.find((value) => !(Math.abs(value) <= MAX_FLOAT16));
        if (beyond !== undefined)
          throw wrong(`teacher: expected hidden states that float16 holds (up to ${MAX_FLOAT16}), got ${beyond}`);
        file.write(batch.examples, rows);
        options.onProgress({ done, total: examples.length });
      },
    },
  );
}

/** Before hours are spent. */
async function expectDisk(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bytes <= bavail * bsize) return;
  const message = `hidden states of the teacher: expected ${formatBytes(bytes)} of free disk for them, got ${formatBytes(bavail * bsize)} (name fewer distillation layers, or free some)`;
  throw new TrainingError("disk_full", message);
}

function digestOf({ train: { encoded, examples }, states, fingerprint }: Asked): string {
  const hash = createHash("sha256").update(JSON.stringify({ fingerprint, states }));
  for (const example of examples) hashExample(hash, encoded.store.get(example));
  return hash.digest("hex").slice(0, 16);
}
